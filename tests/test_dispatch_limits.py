"""Limits on batches, answers and calls in flight, and the refusals of a server that drains."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred

from tests.helpers import ServerTestCase, batch, notification, request, response
from twisted_rpc import Limits, Server
from twisted_rpc.running import Caller


class AnswerLimits(ServerTestCase):
    limits = Limits(max_response=200, max_batch=4)

    def test_result_too_long(self) -> None:
        self.server.expose("long", lambda: "x" * 300)
        self.assertEqual(self.code_of("long"), -32008)

    def test_result_too_long_that_came_later(self) -> None:
        waiting: Deferred[str] = Deferred()
        self.server.expose("long", lambda: waiting)
        answer = self.server.dispatch(request("long"))
        waiting.callback("x" * 300)
        self.assertIn(b"-32008", self.successResultOf(answer) or b"")

    def test_batch_with_too_many_items_is_answered_once_and_not_run(self) -> None:
        ran: list[int] = []
        self.server.expose("run", ran.append)
        answer = self.answer_to(batch(*[request("run", [1])] * 5))
        self.assertEqual((answer["error"]["code"], answer["id"]), (-32010, None))
        self.assertEqual(ran, [])

    def test_batch_with_as_many_items_as_it_may_have_is_run(self) -> None:
        self.server.expose("run", lambda: 1)
        self.assertEqual(len(self.answer_to(batch(*[request("run")] * 4))), 4)

    def test_items_that_no_longer_fit_are_errors_in_their_place(self) -> None:
        self.server.expose("some", lambda: "x" * 60)
        answers = self.answer_to(batch(*[request("some", id=i) for i in range(4)]))
        self.assertEqual([a["id"] for a in answers], [0, 1, 2, 3])
        codes = [a.get("error", {}).get("code") for a in answers]
        self.assertEqual(codes, [None, None, -32011, -32011])

    def test_items_without_a_valid_id_do_not_fit_either(self) -> None:
        answers = self.answer_to(batch(b"1", b"2", b"3"))
        self.assertEqual([a["id"] for a in answers], [None] * 3)
        self.assertEqual([a["error"]["code"] for a in answers], [-32600, -32011, -32011])

    def test_limits_may_be_switched_off(self) -> None:
        off = Limits(
            max_response=None, max_batch=None, max_depth=None, max_in_flight=None, call_timeout=None
        )
        self.server = Server(limits=off, reactor=self.clock)
        waiting: Deferred[int] = Deferred()
        self.server.expose("later", lambda ctx: ctx.deadline)
        self.server.expose("long", lambda: "x" * 1000)
        self.server.expose("wait", lambda: waiting)
        answer = self.server.dispatch(batch(*[request("wait")] * 200))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        waiting.callback(1)
        self.assertEqual(len(json.loads(self.successResultOf(answer) or b"")), 200)
        self.assertEqual(len(self.result_of("long")), 1000)


class Boundless(ServerTestCase):
    limits = Limits(max_depth=None)

    def test_what_is_too_deep_for_the_decoder_is_a_parse_error(self) -> None:
        deep = b"[" * 3000 + b"]" * 3000
        for message in (deep, b'{"jsonrpc":"2.0","method":"m","params":%b,"id":1}' % deep):
            self.assertEqual(self.answer_to(message)["error"]["code"], -32700)


class Busy(ServerTestCase):
    """A caller with `max_in_flight` calls running."""

    limits = Limits(max_in_flight=2)

    def setUp(self) -> None:
        super().setUp()
        self.ran: list[int] = []
        self.server.expose("run", self.ran.append)
        self.caller = Caller()
        self.caller.in_flight = 2

    def test_further_calls_are_refused_and_not_run(self) -> None:
        answer = self.server.dispatcher.dispatch(request("run", [1]), self.caller)
        assert isinstance(answer, bytes)
        self.assertEqual(json.loads(answer)["error"]["code"], -32009)
        self.assertEqual(self.ran, [])

    def test_notifications_are_dropped(self) -> None:
        self.assertIsNone(self.server.dispatcher.dispatch(notification("run", [1]), self.caller))
        self.assertEqual(self.ran, [])

    def test_responses_are_taken(self) -> None:
        self.assertIsNone(self.server.dispatcher.dispatch(response(1), self.caller))
        self.assertEqual(self.server.counters.unexpected_responses, 1)


class Draining(ServerTestCase):
    def test_new_calls_are_refused_and_running_ones_end(self) -> None:
        waiting: Deferred[str] = Deferred()
        ran: list[int] = []
        self.server.expose("later", lambda: waiting)
        self.server.expose("run", ran.append)
        running = self.server.dispatch(request("later"))
        self.server.dispatcher.drain()
        self.assertEqual(self.error_of("run", 1), {"code": -32012, "message": "Shutting down"})
        self.assertIsNone(self.answer_to(notification("run", [1])))
        answers = self.answer_to(batch(request("run", [1]), request("no", id=2)))
        self.assertEqual([a["error"]["code"] for a in answers], [-32012, -32012])
        self.assertEqual(ran, [])
        waiting.callback("done")
        self.assertIn(b"done", self.successResultOf(running) or b"")
