"""A connection's calls to the far side, and its end."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET
from twisted.internet.defer import CancelledError, Deferred

from tests.helpers import MemoryConnection, ServerTestCase, connected, pump, request, response
from twisted_rpc import (
    CallError,
    CallTimeout,
    Connection,
    ConnectionLost,
    Context,
    Limits,
    NotFullDuplex,
    RemoteError,
    Server,
)


class ConnectionTestCase(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.connection = MemoryConnection(self.server).open()

    def answer(self, message: dict[str, Any], id: int = 1) -> None:
        """Let an answer come from the far side."""
        raw = json.dumps({"jsonrpc": "2.0", "id": id, **message}).encode()
        self.connection.receive([raw])


class Calling(ConnectionTestCase):
    def test_sends_a_request_and_takes_the_result(self) -> None:
        called = self.connection.call("calc.add", [1, 2])
        self.assertEqual(
            self.connection.sent,
            [{"jsonrpc": "2.0", "method": "calc.add", "params": [1, 2], "id": 1}],
        )
        self.assertNoResult(called)
        self.answer({"result": 3})
        self.assertEqual(self.successResultOf(called), 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_parameters_by_position_by_name_or_none(self) -> None:
        for params in ((1, 2), [1], {"a": 1}, [], {}):
            self.connection.call("m", params)
        self.connection.call("m")
        sent = [m.get("params", "absent") for m in self.connection.sent]
        self.assertEqual(sent, [[1, 2], [1], {"a": 1}, [], {}, "absent"])

    def test_parameters_that_cannot_be_sent_raise_and_leave_nothing_behind(self) -> None:
        for params in (5, "text", [object()], [float("nan")], {1: 2}):
            with self.subTest(params=params):
                self.assertRaises((TypeError, ValueError), self.connection.call, "m", params)
                self.assertRaises((TypeError, ValueError), self.connection.notify, "m", params)
        self.assertEqual(self.connection.sent, [])
        self.assertFalse(self.connection.awaits_answer)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_answers_find_their_calls_in_any_order(self) -> None:
        first, second = self.connection.call("a"), self.connection.call("b")
        self.answer({"result": "b"}, 2)
        self.answer({"result": "a"}, 1)
        self.assertEqual(self.successResultOf(first), "a")
        self.assertEqual(self.successResultOf(second), "b")

    def test_remote_error_has_code_message_and_data(self) -> None:
        called = self.connection.call("m")
        self.answer({"error": {"code": 404, "message": "no user", "data": [7]}})
        error = self.failureResultOf(called, RemoteError).value
        self.assertEqual((error.code, error.message, error.data), (404, "no user", [7]))
        self.assertEqual(str(error), "no user (404)")

    def test_errors_of_lax_peers_are_errors_all_the_same(self) -> None:
        nameless = "the answer names no reason"
        for error, code, message in (
            ("text", -32000, "text"),
            ([1], -32000, "[1]"),
            ({}, -32000, nameless),
            ({"code": "7", "message": 8}, -32000, nameless),
            ({"code": True, "message": "m"}, -32000, "m"),
        ):
            with self.subTest(error=error):
                called = self.connection.call("m")
                self.answer({"error": error}, self.connection.sent[-1]["id"])
                failure: RemoteError = self.failureResultOf(called, RemoteError).value
                self.assertEqual((failure.code, failure.message), (code, message))
                self.assertIs(failure.data, UNSET)

    def test_null_error_beside_a_result_is_no_error(self) -> None:
        called = self.connection.call("m")
        self.answer({"result": 5, "error": None})
        self.assertEqual(self.successResultOf(called), 5)

    def test_null_error_alone_is_a_result_of_null(self) -> None:
        called = self.connection.call("m")
        self.answer({"error": None})
        self.assertIsNone(self.successResultOf(called))

    def test_answer_that_cannot_be_read_fails_the_call(self) -> None:
        called = self.connection.call("m")
        self.connection.receive([b'{"jsonrpc":"2.0","id":1,"result":1e999}'])
        error = self.failureResultOf(called, CallError).value
        self.assertIn("cannot be read", str(error))

    def test_answers_nobody_waits_for_are_ignored_and_counted(self) -> None:
        called = self.connection.call("m")
        for id in (2, "1", None, 1.0, -1):
            self.connection.receive([response("x", id)])
        self.assertNoResult(called)
        self.answer({"result": "first"})
        self.answer({"result": "second"})
        self.assertEqual(self.successResultOf(called), "first")
        self.assertEqual(self.server.counters.unexpected_responses, 6)
        self.assertEqual(len(self.connection.sent), 1)

    def test_proxy_calls_by_position_or_by_name(self) -> None:
        self.connection.proxy.calc.add(1, 2)
        self.connection.proxy.user.find(name="ann")
        self.connection.proxy.ping()
        sent = [(m["method"], m.get("params")) for m in self.connection.sent]
        expected = [("calc.add", [1, 2]), ("user.find", {"name": "ann"}), ("ping", None)]
        self.assertEqual(sent, expected)


class Timeouts(ConnectionTestCase):
    limits = Limits(call_timeout=5)

    def test_call_timeout_holds_unless_another_is_given(self) -> None:
        usual = self.connection.call("usual")
        short = self.connection.call("short", timeout=0.5)
        ever = self.connection.call("ever", timeout=None)
        self.clock.advance(0.5)
        error = self.failureResultOf(short, CallTimeout).value
        self.assertEqual(str(error), "short: no answer from memory within 0.5 seconds")
        self.assertIsInstance(error, TimeoutError)
        self.assertNoResult(usual)
        self.clock.advance(4.5)
        self.failureResultOf(usual, CallTimeout)
        self.clock.advance(1e6)
        self.assertNoResult(ever)
        self.assertTrue(self.connection.awaits_answer)

    def test_answer_that_comes_too_late_is_ignored(self) -> None:
        called = self.connection.call("m")
        self.clock.advance(5)
        self.failureResultOf(called, CallTimeout)
        self.answer({"result": 1})
        self.assertEqual(self.server.counters.unexpected_responses, 1)
        self.assertFalse(self.connection.awaits_answer)

    def test_cancelling_forgets_the_call(self) -> None:
        called = self.connection.call("m")
        called.cancel()
        self.failureResultOf(called, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.connection.awaits_answer)
        self.answer({"result": 1})
        self.assertEqual(self.server.counters.unexpected_responses, 1)

    def test_call_without_time_limit_may_be_cancelled(self) -> None:
        called = self.connection.call("m", timeout=None)
        called.cancel()
        self.failureResultOf(called, CancelledError)


class Ending(ConnectionTestCase):
    def test_calls_in_flight_fail_when_the_line_drops(self) -> None:
        calls = [self.connection.call(name) for name in "ab"]
        self.connection.lost()
        for called, name in zip(calls, "ab", strict=True):
            error = self.failureResultOf(called, ConnectionLost).value
            self.assertEqual(str(error), f"{name}: the connection to memory was lost")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_can_be_sent_afterwards(self) -> None:
        self.connection.close()
        self.failureResultOf(self.connection.call("m"), ConnectionLost)
        self.assertRaises(ConnectionLost, self.connection.notify, "m")
        self.assertEqual(self.connection.sent, [])

    def test_call_made_because_another_failed_fails_as_well(self) -> None:
        again: list[Deferred[Any]] = []
        called = self.connection.call("m")
        called.addErrback(lambda _: again.append(self.connection.call("again")))
        self.connection.lost()
        self.failureResultOf(again[0], ConnectionLost)

    def test_closed_fires_once_it_has_ended(self) -> None:
        watchers = [self.connection.closed(), self.connection.closed()]
        for watcher in watchers:
            self.assertNoResult(watcher)
        self.connection.lost()
        self.connection.lost()
        for watcher in watchers:
            self.assertIsNone(self.successResultOf(watcher))
        self.assertIsNone(self.successResultOf(self.connection.closed()))

    def test_method_that_runs_on_is_not_answered(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.server.expose("wait", lambda: waiting)
        self.connection.receive([request("wait"), request("wait", id=2)])
        self.connection.lost()
        waiting.callback(1)
        self.assertEqual(self.connection.sent, [])
        self.assertEqual(self.connection.in_flight, 0)

    def test_what_waits_behind_the_limit_is_not_run(self) -> None:
        server = Server(limits=Limits(max_in_flight=1), reactor=self.clock)
        waiting: Deferred[int] = Deferred()
        ran: list[int] = []
        server.expose("wait", lambda: waiting)
        server.expose("run", ran.append)
        connection = MemoryConnection(server).open()
        connection.receive([request("wait"), request("run", [1])])
        connection.lost()
        waiting.callback(1)
        self.assertEqual(ran, [])

    def test_end_of_input_answers_everything_then_closes(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.server.expose("wait", lambda: waiting)
        self.server.expose("now", lambda: 0)
        self.connection.receive([request("wait"), request("now", id=2)])
        self.connection.end_input()
        self.assertFalse(self.connection.is_closed)
        waiting.callback(1)
        self.assertEqual([m["id"] for m in self.connection.sent], [2, 1])
        self.assertTrue(self.connection.is_closed)

    def test_end_of_input_with_nothing_to_answer_closes_at_once(self) -> None:
        self.connection.end_input()
        self.assertTrue(self.connection.is_closed)

    def test_a_transport_says_how_to_close(self) -> None:
        bare = Connection(self.server, "nowhere")
        for action in (bare.close, bare.abort, bare.end_input):
            self.assertRaises(NotImplementedError, action)


class OneWay(ServerTestCase):
    """A connection that only answers, as HTTP's does."""

    def test_cannot_be_called_or_notified(self) -> None:
        self.server.expose("ping", lambda: "pong")
        connection = MemoryConnection(self.server, full_duplex=False).open()
        self.failureResultOf(connection.call("m"), NotFullDuplex)
        self.assertRaises(NotFullDuplex, connection.notify, "m")
        connection.receive([request("ping")])
        self.assertEqual([m["result"] for m in connection.sent], ["pong"])


class BothWays(ServerTestCase):
    """Two endpoints on one line."""

    def setUp(self) -> None:
        super().setUp()
        self.far = self.make_server()
        self.near_end, self.far_end = connected(self.server, self.far)

    def pump(self) -> None:
        """Move everything that was written."""
        pump(self.near_end, self.far_end)

    def test_each_calls_the_other(self) -> None:
        self.server.expose("name", lambda: "near")
        self.far.expose("name", lambda: "far")
        calls = self.near_end.call("name"), self.far_end.call("name")
        self.pump()
        self.assertEqual([self.successResultOf(c) for c in calls], ["far", "near"])

    def test_method_calls_its_caller_back(self) -> None:
        async def greet(ctx: Context) -> str:
            return f"hello {await ctx.connection.proxy.name()}"

        self.server.expose("name", lambda: "ann")
        self.far.expose("greet", greet)
        called = self.near_end.call("greet")
        self.pump()
        self.assertEqual(self.successResultOf(called), "hello ann")

    def test_notifications_arrive_in_order(self) -> None:
        seen: list[int] = []
        self.far.on("count", seen.append)
        for number in range(5):
            self.near_end.notify("count", [number])
        self.pump()
        self.assertEqual(seen, list(range(5)))

    def test_closing_one_end_fails_the_calls_of_both(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.far.expose("wait", lambda: waiting)
        calls = self.near_end.call("wait"), self.far_end.call("wait")
        self.pump()
        self.near_end.close()
        self.pump()
        self.failureResultOf(calls[0], ConnectionLost)
        error = self.failureResultOf(calls[1]).value
        self.assertIsInstance(error, RemoteError | ConnectionLost)
        self.assertTrue(self.far_end.is_closed)

    def nest(self, limits: Limits, depth: int) -> Any:
        """Let two peers call each other back so many times; what came of it."""
        ends = [Server(limits=limits, reactor=self.clock) for _ in range(2)]

        async def descend(ctx: Context, depth: int) -> Any:
            if depth == 0:
                return "bottom"
            try:
                return await ctx.connection.call("descend", [depth - 1])
            except RemoteError as error:
                return error.code

        for end in ends:
            end.expose("descend", descend)
        near, far = connected(ends[0], ends[1])
        called = near.call("descend", [depth])
        pump(near, far)
        return self.successResultOf(called)

    def test_fifty_nested_callbacks_reach_the_bottom_where_the_limit_allows(self) -> None:
        self.assertEqual(self.nest(Limits(max_in_flight=26), 50), "bottom")

    def test_fifty_nested_callbacks_end_at_once_where_it_does_not(self) -> None:
        self.assertEqual(self.nest(Limits(), 50), -32009)
