"""How many calls of one connection run at once, and when it is not read from."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.helpers import MemoryConnection, ServerTestCase, batch, notification, request, response
from twisted_rpc import CallTimeout, Context, Limits


class Reading(ServerTestCase):
    limits = Limits(max_in_flight=2)

    def setUp(self) -> None:
        super().setUp()
        self.started: list[int] = []
        self.waiting: dict[int, Deferred[int]] = {}
        self.server.expose("wait", self.wait)
        self.server.expose("echo", lambda a: a)
        self.connection = MemoryConnection(self.server).open()

    def wait(self, number: int) -> Deferred[int]:
        self.started.append(number)
        self.waiting[number] = Deferred()
        return self.waiting[number]

    def send(self, *numbers: int) -> None:
        """Let calls arrive together whose numbers are their ids."""
        self.connection.receive([request("wait", [n], n) for n in numbers])

    def end(self, number: int) -> None:
        """Let a call end."""
        self.waiting[number].callback(number)

    def test_stops_at_the_limit_and_goes_on_below_it(self) -> None:
        self.send(1)
        self.assertTrue(self.connection.reading)
        self.send(2)
        self.assertFalse(self.connection.reading)
        self.end(1)
        self.assertTrue(self.connection.reading)
        self.assertEqual([m["id"] for m in self.connection.sent], [1])

    def test_what_was_read_already_waits_in_its_order(self) -> None:
        self.send(*range(6))
        self.assertEqual(self.started, [0, 1])
        for number in range(6):
            self.end(number)
            self.assertEqual(self.started, list(range(min(number + 3, 6))))
        self.assertEqual([m["id"] for m in self.connection.sent], list(range(6)))
        self.assertTrue(self.connection.reading)
        self.assertEqual(self.connection.in_flight, 0)

    def test_is_not_read_while_anything_waits(self) -> None:
        self.send(1, 2, 3)
        self.end(1)
        self.assertFalse(self.connection.reading)
        self.end(2)
        self.assertTrue(self.connection.reading)

    def test_calls_that_are_answered_at_once_never_count(self) -> None:
        self.connection.receive([request("echo", [n], n) for n in range(50)])
        self.assertEqual(len(self.connection.sent), 50)
        self.assertTrue(self.connection.reading)

    def test_notifications_that_take_their_time_count(self) -> None:
        self.connection.receive([notification("wait", [n]) for n in (1, 2, 3)])
        self.assertEqual(self.started, [1, 2])
        self.end(1)
        self.assertEqual(self.started, [1, 2, 3])
        self.assertEqual(self.connection.sent, [])

    def test_batch_waits_for_room_and_then_fills_it(self) -> None:
        self.send(1, 2)
        self.connection.receive([batch(*[request("wait", [n], n) for n in (3, 4, 5)])])
        self.assertEqual(self.started, [1, 2])
        self.end(1)
        self.assertEqual(self.started, [1, 2, 3])
        for number in (3, 4, 5, 2):
            self.end(number)
        self.assertEqual([a["id"] for a in self.connection.sent[1]], [3, 4, 5])
        self.assertTrue(self.connection.reading)

    def test_call_that_times_out_makes_room(self) -> None:
        self.send(1, 2, 3)
        self.clock.advance(30)
        self.assertEqual(self.started, [1, 2, 3])

    def test_far_side_that_does_not_read_is_not_read_from(self) -> None:
        self.connection.congested(True)
        self.assertFalse(self.connection.reading)
        self.connection.congested(False)
        self.assertTrue(self.connection.reading)

    def test_both_reasons_have_to_be_gone(self) -> None:
        self.send(1, 2)
        self.connection.congested(True)
        self.end(1)
        self.assertFalse(self.connection.reading)
        self.connection.congested(False)
        self.assertTrue(self.connection.reading)

    def test_messages_that_arrive_during_a_call_are_handled_after_it(self) -> None:
        order: list[str] = []

        def reenter() -> None:
            self.connection.receive([request("second")])
            order.append("first ended")

        self.server.expose("first", reenter)
        self.server.expose("second", lambda: order.append("second"))
        self.connection.receive([request("first")])
        self.assertEqual(order, ["first ended", "second"])

    def test_drain_at_the_limit_answers_what_runs_and_refuses_what_waits(self) -> None:
        self.send(1, 2, 3)
        self.server.drain()
        self.end(1)
        self.end(2)
        outcomes = {m["id"]: m.get("result", m.get("error")) for m in self.connection.sent}
        self.assertEqual((outcomes[1], outcomes[2], outcomes[3]["code"]), (1, 2, -32012))
        self.assertTrue(self.connection.is_closed)


class CallingBackAtTheLimit(ServerTestCase):
    """Every call in flight waits for an answer of the far side."""

    limits = Limits(max_in_flight=2)

    def setUp(self) -> None:
        super().setUp()

        async def ask(ctx: Context) -> Any:
            try:
                answer = await ctx.connection.call("question", timeout=20)
            except CallTimeout:
                answer = None
            await self.released
            return answer

        self.released: Deferred[None] = Deferred()
        self.server.expose("ask", ask)
        self.server.expose("echo", lambda a: a)
        self.connection = MemoryConnection(self.server).open()
        self.connection.receive([request("ask", id=n) for n in (11, 12)])
        self.questions = [m["id"] for m in self.connection.take_sent()]

    def test_answers_are_read(self) -> None:
        self.assertTrue(self.connection.reading)
        self.connection.receive([response("yes", self.questions[0])])
        self.assertTrue(self.connection.reading)

    def test_further_calls_are_refused_and_further_notifications_dropped(self) -> None:
        self.connection.receive([request("echo", [1], 13), notification("echo", [1])])
        [refused] = self.connection.take_sent()
        self.assertEqual((refused["id"], refused["error"]["code"]), (13, -32009))
        self.assertEqual(
            refused["error"]["data"], "2 calls of one connection are running (max_in_flight)"
        )

    def test_a_call_may_still_ask_its_caller_while_the_server_drains(self) -> None:
        for question in self.questions:
            self.connection.receive([response("yes", question)])
        self.assertFalse(self.connection.reading)
        self.server.drain()
        again = self.connection.call("again")
        self.assertTrue(self.connection.reading)
        self.connection.receive([response("still here", self.connection.take_sent()[0]["id"])])
        self.assertEqual(self.successResultOf(again), "still here")
        self.released.callback(None)
        self.assertEqual([m["id"] for m in self.connection.sent], [11, 12])
        self.assertTrue(self.connection.is_closed)

    def test_the_limit_holds_again_when_all_answers_are_there(self) -> None:
        for question in self.questions:
            self.connection.receive([response("yes", question)])
        self.assertFalse(self.connection.reading)
        self.connection.receive([request("echo", [1], 14)])
        self.assertEqual(self.connection.sent, [])
        self.released.callback(None)
        self.assertEqual([m["id"] for m in self.connection.sent], [11, 14, 12])
        self.assertTrue(self.connection.reading)

    def test_the_limit_holds_again_when_nobody_waits_any_more(self) -> None:
        self.clock.advance(20)
        self.assertFalse(self.connection.awaits_answer)
        cancelled = {m["method"] for m in self.connection.take_sent()}
        self.assertEqual(cancelled, {"$/cancelRequest"})
        self.connection.receive([request("echo", [1], 14)])
        self.assertEqual(self.connection.sent, [])
        self.assertFalse(self.connection.reading)
        self.released.callback(None)
        self.assertEqual(len(self.connection.sent), 3)
