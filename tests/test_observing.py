"""Calls that have ended, as observers are told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET
from twisted.internet.defer import Deferred

from tests.helpers import (
    ConnectionTestCase,
    MemoryConnection,
    batch,
    notification,
    request,
    response,
)
from twisted_rpc import Context, Limits, method
from twisted_rpc.errors import InternalError
from twisted_rpc.observing import Ended


class Observed(ConnectionTestCase):
    """A connection to a server that is observed.

    Attributes:
        told: of what the observer was told.
        waiting: what `wait` returns.
    """

    limits = Limits(max_batch=4, max_in_flight=2, max_response=300, max_errors=None)

    def setUp(self) -> None:
        """Observe a server after a connection was made."""
        super().setUp()
        self.waiting: Deferred[Any] = Deferred()
        self.server.expose("add", lambda a, b: a + b)
        self.server.expose("wait", lambda: self.waiting)
        self.server.expose("fail", self.fails)
        self.told: list[Ended] = []
        self.end = self.observe(self.told.append)

    def observe(self, observer: Callable[[Ended], object]) -> Callable[[], None]:
        """Have an observer told."""
        return self.server.dispatcher.observe(observer)

    def fails(self) -> None:
        """A method with a mistake in it."""
        raise ZeroDivisionError

    def ended(self, message: bytes) -> Ended:
        """What one message comes to."""
        self.told.clear()
        self.connection.receive([message])
        (ended,) = self.told
        return ended

    # -- what is told ------------------------------------------------------------------------

    def test_a_call(self) -> None:
        message = request("add", [1, 2], id="a")
        ended = self.ended(message)
        self.assertEqual((ended.method, ended.id, ended.code), ("add", "a", None))
        self.assertEqual((ended.message_size, ended.answer_size), (len(message), 37))
        self.assertIs(ended.caller, self.connection)
        self.assertIs(ended.connection, self.connection)
        self.assertEqual((ended.peer, ended.transport), ("memory", "memory"))
        self.assertEqual((ended.identity, ended.incident), (None, None))
        self.assertFalse(ended.is_notification)
        self.assertGreaterEqual(ended.seconds, 0)
        assert ended.context is not None
        self.assertEqual(ended.context.method, "add")
        self.assertEqual(self.connection.take_sent()[0]["result"], 3)

    def test_a_call_without_a_connection(self) -> None:
        answer = self.server.dispatch(request("add", [1, 2]), Context(identity="alice"))
        self.successResultOf(answer)
        (ended,) = self.told
        self.assertEqual((ended.connection, ended.peer, ended.transport), (None, "", ""))
        self.assertEqual(ended.identity, "alice")

    def test_a_call_whose_result_comes_later(self) -> None:
        self.connection.receive([request("wait")])
        self.assertEqual(self.told, [])
        self.waiting.callback("done")
        self.assertEqual([each.code for each in self.told], [None])
        self.assertGreater(self.told[0].answer_size, 0)

    def test_who_called_is_kept_while_the_connection_becomes_another(self) -> None:
        self.connection.be("alice")
        self.connection.receive([request("wait")])
        self.connection.be("bob")
        self.waiting.callback(1)
        self.assertEqual(self.told[0].identity, "alice")

    def test_a_notification(self) -> None:
        ended = self.ended(notification("add", [1, 2]))
        self.assertEqual((ended.id, ended.code, ended.answer_size), (UNSET, None, 0))
        self.assertTrue(ended.is_notification)

    def test_a_notification_that_fails(self) -> None:
        self.assertEqual(self.ended(notification("nobody")).code, -32601)
        self.assertEqual(self.ended(notification("add", ["a"])).code, -32602)
        ended = self.ended(notification("fail"))
        self.assertEqual(ended.code, -32603)
        self.assertIsNotNone(ended.incident)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_an_incident(self) -> None:
        ended = self.ended(request("fail"))
        (answer,) = self.connection.take_sent()
        self.assertEqual(ended.incident, answer["error"]["data"]["incident"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_an_error_of_the_applications_has_no_incident(self) -> None:
        def fail() -> None:
            raise InternalError("out of paper")

        self.server.expose("print", fail)
        ended = self.ended(request("print"))
        self.assertEqual((ended.code, ended.incident), (-32603, None))

    def test_an_error_that_cannot_be_said(self) -> None:
        def fail() -> None:
            raise InternalError(float("nan"))

        self.server.expose("print", fail)
        ended = self.ended(request("print"))
        self.assertIsNotNone(ended.incident)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_refusals(self) -> None:
        refused = {
            -32601: request("nobody"),
            -32602: request("add", ["a"]),
            -32600: b'{"jsonrpc":"2.0","id":1}',
            -32700: b"{",
        }
        for code, raw in refused.items():
            ended = self.ended(raw)
            self.assertEqual((ended.code, ended.message_size), (code, len(raw)))
            self.assertGreater(ended.answer_size, 0)

    def test_what_is_no_message_has_no_method(self) -> None:
        ended = self.ended(b'{"jsonrpc":"2.0","id":"seven","method":1}')
        self.assertEqual((ended.method, ended.id, ended.context), (None, "seven", None))

    def test_limits(self) -> None:
        self.server.expose("long", lambda: "x" * 300)
        self.assertEqual(self.ended(request("long")).code, -32008)
        ended = self.ended(batch(*[request("add", [1, 2])] * 5))
        self.assertEqual((ended.method, ended.code), (None, -32010))

    def test_an_error_that_is_too_long(self) -> None:
        def fail() -> None:
            raise InternalError("x" * 400)

        self.server.expose("print", fail)
        self.assertEqual(self.ended(request("print")).code, -32008)

    def test_refused_for_want_of_room(self) -> None:
        answers = self.server.dispatch(batch(*[request("wait", id=id) for id in range(3)]))
        self.assertEqual(self.told, [])
        self.waiting.callback(1)
        self.successResultOf(answers)
        self.assertEqual([each.code for each in self.told], [None] * 3)
        self.server.dispatcher.drain()
        self.assertEqual(self.ended(request("add", [1, 2])).code, -32012)

    def test_timeout(self) -> None:
        self.connection.receive([request("wait")])
        self.clock.advance(self.limits.call_timeout or 0)
        self.assertEqual([each.code for each in self.told], [-32002])

    def test_cancelled(self) -> None:
        self.connection.receive([request("wait", id=1)])
        self.connection.receive([notification("$/cancelRequest", {"id": 1})])
        self.assertEqual([each.code for each in self.told], [-32800, None])
        self.assertEqual(self.told[1].method, "$/cancelRequest")

    def test_each_item_of_a_batch(self) -> None:
        items = [request("add", [1, 2], id="long id"), notification("nobody"), b"1"]
        self.connection.receive([batch(*items)])
        told = [(each.method, each.code, each.message_size) for each in self.told]
        codes = ("add", None), ("nobody", -32601), (None, -32600)
        sizes = [len(item) for item in items]
        self.assertEqual(told, [(*code, size) for code, size in zip(codes, sizes, strict=True)])
        self.assertEqual(len(self.connection.take_sent()[0]), 2)

    def test_answers_to_calls_of_ours_are_no_calls(self) -> None:
        result = self.connection.call("there")
        self.connection.receive([response(7)])
        self.assertEqual(self.successResultOf(result), 7)
        self.connection.receive([batch(response(8))])
        self.assertEqual(self.told, [])

    def test_a_call_resets_the_count_of_rubbish(self) -> None:
        self.ended(b"{")
        self.assertEqual(self.connection.errors, 1)
        self.ended(request("add", [1, 2]))
        self.assertEqual(self.connection.errors, 0)

    # -- who is told -------------------------------------------------------------------------

    def test_nobody_is_told_after_its_end(self) -> None:
        others: list[Ended] = []
        end = self.observe(others.append)
        self.connection.receive([request("add", [1, 2])])
        self.end()
        self.connection.receive([request("add", [1, 2])])
        end()
        self.end()
        self.connection.receive([request("add", [1, 2])])
        self.assertEqual((len(self.told), len(others)), (1, 2))

    def test_short_way_is_closed_meanwhile(self) -> None:
        self.assertFalse(self.server.dispatcher.views.is_short)
        self.end()
        self.assertTrue(self.server.dispatcher.views.is_short)
        self.assertEqual(self.server.dispatcher.way, self.server.dispatcher.dispatch)

    def test_one_that_fails_is_logged_once_and_hurts_nobody(self) -> None:
        def fail(ended: Ended) -> None:
            raise ZeroDivisionError

        self.observe(fail)
        others: list[Ended] = []
        self.observe(others.append)
        for _ in range(2):
            self.connection.receive([request("add", [1, 2])])
        self.assertEqual((len(self.told), len(others)), (2, 2))
        self.assertEqual(len(self.connection.take_sent()), 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_one_that_fails_badly_leaves_no_call_without_an_answer(self) -> None:
        class Bad:
            def __call__(self, ended: Ended) -> None:
                raise GeneratorExit

            def __repr__(self) -> str:
                raise ZeroDivisionError

        self.observe(Bad())
        self.connection.receive([request("wait", id=1), request("add", [1, 2], id=2)])
        self.waiting.callback(3)
        answers = [answer["result"] for answer in self.connection.take_sent()]
        self.assertEqual(sorted(answers), [3, 3])
        self.assertEqual(len(self.flushLoggedErrors(GeneratorExit)), 1)


class AtTheGate(ConnectionTestCase):
    """A connection that was made before anybody observed, and logs in after."""

    def setUp(self) -> None:
        """Ask callers who they are."""
        super().setUp()
        self.server.enable_auth("alice", "secret")
        self.connection = MemoryConnection(self.server).open()

    def test_calls_are_told_of_once_somebody_is_let_in(self) -> None:
        told: list[Ended] = []
        self.server.dispatcher.observe(told.append)

        class Names:
            @method
            def mine(self, ctx: Context) -> str:
                return str(ctx.identity)

        self.server.expose("names", Names())
        self.connection.receive([request("auth", ["alice", "secret"])])
        self.connection.receive([request("names.mine")])
        self.assertEqual([each["result"] for each in self.connection.take_sent()], [True, "alice"])
        self.assertEqual([str(each.identity) for each in told], ["alice"])
