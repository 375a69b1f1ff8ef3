"""Calls that take their time, their time limits, and batches.

A call ends once, at its limit at the latest, and what its method does later changes
nothing.  The items of a batch run side by side and answer in order.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.helpers import (
    MemoryConnection,
    ServerTestCase,
    batch,
    notification,
    request,
    response,
)
from twisted_rpc import CallTimeout, Context, Limits, Request, RPCError, Server, method
from twisted_rpc.running import Caller


class TimeLimits(ServerTestCase):
    limits = Limits(call_timeout=5)

    def setUp(self) -> None:
        super().setUp()
        self.waiting: Deferred[str] = Deferred(self.note_cancel)
        self.cancelled = 0

    def note_cancel(self, _: object) -> None:
        self.cancelled += 1

    def start(self, **options: Any) -> Deferred[bytes | None]:
        """Call a method that waits."""
        self.server.expose("wait", method(**options)(lambda: self.waiting))
        return self.server.dispatch(request("wait"))

    def assert_timed_out(
        self, answer: Deferred[bytes | None], seconds: float, limit: str = "call_timeout"
    ) -> None:
        """Check that it is answered exactly then."""
        self.clock.advance(seconds - 0.1)
        self.assertNoResult(answer)
        self.clock.advance(0.1)
        error = json.loads(self.successResultOf(answer) or b"")["error"]
        data = f"no result within {seconds:g} seconds ({limit})"
        self.assertEqual(error, {"code": -32002, "message": "Timeout", "data": data})
        self.assertIn("call_timeout", self.server.counters.limits)

    def test_call_timeout_holds_for_all(self) -> None:
        self.assert_timed_out(self.start(), 5)
        self.assertEqual(self.cancelled, 1)

    def test_a_methods_own_timeout_holds_instead(self) -> None:
        self.assert_timed_out(self.start(timeout=0.5), 0.5, "timeout of the method")
        self.server.unexpose("wait")
        self.waiting = Deferred()
        self.assert_timed_out(self.start(timeout=60), 60, "timeout of the method")

    def test_a_method_may_take_for_ever(self) -> None:
        answer = self.start(timeout=None)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.waiting.callback("at last")
        self.assertIn(b"at last", self.successResultOf(answer) or b"")

    def test_limit_may_be_switched_off(self) -> None:
        self.server = Server(limits=Limits(call_timeout=None), reactor=self.clock)
        self.start()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deadline_tells_a_method_how_long_it_has(self) -> None:
        deadlines: list[float | None] = []
        for name, options in (("a", {}), ("b", {"timeout": 2.0}), ("c", {"timeout": None})):

            def note(ctx: Context) -> None:
                deadlines.append(ctx.deadline)

            self.server.expose(name, method(**options)(note))
            self.answer_to(request(name))
        self.assertEqual(deadlines, [5, 2, None])

    def test_call_that_ends_leaves_no_timer(self) -> None:
        answer = self.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.waiting.callback("x")
        self.successResultOf(answer)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_results_that_come_too_late_are_ignored(self) -> None:
        connection = MemoryConnection(self.server).open()
        self.waiting = Deferred()
        self.server.expose("wait", lambda: self.waiting)
        connection.receive([request("wait")])
        self.clock.advance(5)
        self.assertEqual(connection.take_sent()[0]["error"]["code"], -32002)
        self.waiting.callback("late")
        self.assertEqual(connection.sent, [])
        self.assertEqual(connection.in_flight, 0)

    def test_coroutine_is_told_and_may_clean_up(self) -> None:
        log: list[str] = []

        async def tidy() -> str:
            try:
                return await self.waiting
            except CancelledError:
                log.append("cancelled")
                await self.cleaned
                log.append("cleaned")
                return "late"

        self.cleaned: Deferred[None] = Deferred()
        self.server.expose("tidy", tidy)
        answer = self.server.dispatch(request("tidy"))
        self.assert_timed_out(answer, 5)
        self.cleaned.callback(None)
        self.assertEqual(log, ["cancelled", "cleaned"])

    def test_failure_after_the_time_limit_is_ignored(self) -> None:
        async def stubborn() -> str:
            try:
                return await self.waiting
            except CancelledError:
                raise RPCError(1, "late") from None

        self.server.expose("stubborn", stubborn)
        answer = self.server.dispatch(request("stubborn"))
        self.assert_timed_out(answer, 5)

    def test_limit_holds_for_what_is_returned_in_turn(self) -> None:
        async def inner() -> str:
            return await self.waiting

        async def outer() -> Any:
            return inner()

        self.server.expose("outer", outer)
        self.assert_timed_out(self.server.dispatch(request("outer")), 5)
        self.assertEqual(self.cancelled, 1)

    def test_limit_holds_for_fallbacks_notifications_and_middleware(self) -> None:
        async def middleware(call_next: Any, request: Request, context: Context) -> Any:
            return await call_next(request, context)

        self.server.use(middleware)
        self.server.fallback(lambda: self.waiting)
        answer = self.server.dispatch(notification("note"))
        self.clock.advance(5)
        self.assertIsNone(self.successResultOf(answer))
        self.assertEqual(self.cancelled, 1)

    def test_cancelled_by_the_application(self) -> None:
        answer = self.start()
        self.waiting.cancel()
        error = json.loads(self.successResultOf(answer) or b"")["error"]
        self.assertEqual(error["code"], -32800)


class Batches(ServerTestCase):
    limits = Limits(max_in_flight=3)

    def setUp(self) -> None:
        super().setUp()
        self.started: list[int] = []
        self.waiting: dict[int, Deferred[str]] = {}
        self.server.expose("wait", self.wait)
        self.server.expose("echo", lambda a: a)

    def wait(self, number: int) -> Deferred[str]:
        self.started.append(number)
        self.waiting[number] = Deferred()
        return self.waiting[number]

    def end(self, number: int) -> None:
        """Let one call end."""
        self.waiting[number].callback(f"{number} done")

    def waits(self, *numbers: int) -> bytes:
        """A batch of calls that wait, their numbers being their ids."""
        return batch(*[request("wait", [n], n) for n in numbers])

    def test_mixed_items_answer_in_their_places(self) -> None:
        answers = self.answer_to(
            batch(
                request("echo", ["a"], 1),
                b"5",
                notification("echo", ["b"]),
                request("no such", id=2),
                response("unasked"),
                request("echo", ["c"], None),
                b'{"method": "echo"}',
                request("echo", ["d"], 1),
            )
        )
        self.assertEqual([a["id"] for a in answers], [1, None, 2, None, None, 1])
        self.assertEqual([a.get("result") for a in answers], ["a", None, None, "c", None, "d"])
        codes = [a["error"]["code"] for a in answers if "error" in a]
        self.assertEqual(codes, [-32600, -32601, -32600])

    def test_notifications_alone_have_no_answer(self) -> None:
        self.assertIsNone(self.answer_to(batch(notification("echo", [1]), notification("no"))))

    def test_answers_are_in_the_order_of_the_requests(self) -> None:
        answer = self.server.dispatch(self.waits(1, 2, 3))
        for number in (3, 1, 2):
            self.assertNoResult(answer)
            self.end(number)
        answers = json.loads(self.successResultOf(answer) or b"")
        self.assertEqual([a["result"] for a in answers], ["1 done", "2 done", "3 done"])

    def test_no_more_run_at_a_time_than_may_be_in_flight(self) -> None:
        answer = self.server.dispatch(self.waits(1, 2, 3, 4, 5))
        self.assertEqual(self.started, [1, 2, 3])
        self.end(2)
        self.assertEqual(self.started, [1, 2, 3, 4])
        self.end(4)
        self.assertEqual(self.started, [1, 2, 3, 4, 5])
        for number in (1, 3, 5):
            self.end(number)
        self.assertEqual(len(json.loads(self.successResultOf(answer) or b"")), 5)

    def test_item_that_ends_another_in_the_midst_of_starting(self) -> None:
        self.server.expose("end", self.end)
        answers = self.answer_to(batch(request("wait", [1], 1), request("end", [1], 2)))
        self.assertEqual([a["id"] for a in answers], [1, 2])

    def test_item_that_ends_another_after_the_first_ones(self) -> None:
        self.server.expose("end", self.end)
        raw = batch(
            *[request("wait", [n], n) for n in (1, 2, 3)],
            request("end", [2], 4),
            request("echo", [0], 5),
        )
        answer = self.server.dispatch(raw)
        self.end(1)
        self.assertNoResult(answer)
        self.end(3)
        answers = json.loads(self.successResultOf(answer) or b"")
        self.assertEqual([a["id"] for a in answers], [1, 2, 3, 4, 5])

    def test_each_item_has_its_own_time_limit(self) -> None:
        answer = self.server.dispatch(self.waits(1, 2))
        self.end(1)
        self.clock.advance(30)
        answers = json.loads(self.successResultOf(answer) or b"")
        self.assertEqual(answers[0]["result"], "1 done")
        self.assertEqual(answers[1]["error"]["code"], -32002)

    def test_answer_to_our_call_may_come_in_a_batch(self) -> None:
        connection = MemoryConnection(self.server).open()
        called = connection.call("name")
        connection.receive([batch(response("ann", 1), request("echo", ["x"], 7))])
        self.assertEqual(self.successResultOf(called), "ann")
        self.assertEqual([a["id"] for a in connection.sent[-1]], [7])

    def test_item_behind_the_answer_we_waited_for_is_refused_if_there_is_no_room(self) -> None:
        connection = MemoryConnection(self.server).open()
        connection.receive([self.waits(1, 2, 3)])
        called = connection.call("name")
        connection.take_sent()
        connection.receive([batch(response("ann", 1), request("echo", ["x"], 7))])
        self.assertEqual(self.successResultOf(called), "ann")
        [[refused]] = connection.take_sent()
        self.assertEqual((refused["id"], refused["error"]["code"]), (7, -32009))

    def test_a_full_caller_is_refused_while_it_owes_us_an_answer(self) -> None:
        caller = Caller()
        caller.in_flight, caller.awaits_answer = 3, True
        answer = self.server.dispatcher.dispatch(self.waits(1, 2), caller)
        assert isinstance(answer, bytes)
        self.assertEqual([a["error"]["code"] for a in json.loads(answer)], [-32009, -32009])
        self.assertEqual(self.started, [])

    def test_our_call_in_a_batch_may_time_out(self) -> None:
        connection = MemoryConnection(self.server).open()

        async def ask_back(ctx: Context) -> Any:
            return await ctx.connection.call("name", timeout=1)

        self.server.expose("ask", ask_back)
        connection.receive([batch(*[request("ask", id=i) for i in range(5)])])
        self.assertEqual([m["method"] for m in connection.take_sent()], ["name"] * 3)
        self.clock.advance(1)
        *cancelled, answers = connection.take_sent()
        self.assertEqual([m["method"] for m in cancelled], ["$/cancelRequest"] * 3)
        codes = [a["error"]["code"] for a in answers]
        self.assertEqual(codes, [-32000, -32000, -32000, -32009, -32009])
        self.assertEqual(self.flushLoggedErrors(CallTimeout), [])
