"""Calls of ours to the far side: what is sent, and what each may end in."""

from __future__ import annotations

from msgspec import UNSET
from twisted.internet.defer import CancelledError

from tests.helpers import ConnectionTestCase, response
from twisted_rpc import CallError, CallTimeout, Limits, RemoteError


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
        self.assertEqual(str(error), "m: no user (404) from memory")

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
