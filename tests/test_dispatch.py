"""`dispatch`: one JSON text in, its answer out, whatever the method does.

Shows which answer each outcome becomes, and that an unexpected exception reaches the log
and not the caller.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from tests.helpers import ServerTestCase, batch, notification, request, response
from twisted_rpc import Context, Limits, RPCError, Server
from twisted_rpc.errors import InvalidRequest, MethodNotFound


class Nonsense(Exception):
    """What an application raises; its text must stay here."""


class Half(RPCError):
    """An error whose author forgot the base class."""

    def __init__(self) -> None:
        pass


def raiser(error: BaseException) -> Any:
    """A method that raises."""

    def method() -> None:
        raise error

    return method


class Answers(ServerTestCase):
    def test_result_is_answered_with_the_id(self) -> None:
        self.server.expose("ping", lambda: "pong")
        self.assertEqual(
            self.answer_to(request("ping", id="x")),
            {"jsonrpc": "2.0", "result": "pong", "id": "x"},
        )

    def test_parameters_by_name_and_by_position(self) -> None:
        self.server.expose("sub", lambda a, b: a - b)
        self.assertEqual(self.result_of("sub", 5, 3), 2)
        self.assertEqual(self.answer_to(request("sub", {"b": 5, "a": 3}))["result"], -2)

    def test_results_of_other_types_than_the_plain_ones(self) -> None:
        self.server.expose("set", lambda: {1})
        self.server.expose("bytes", lambda: b"\x00")
        self.assertEqual(self.result_of("set"), [1])
        self.assertEqual(self.result_of("bytes"), "AA==")

    def test_context_tells_of_the_call(self) -> None:
        seen: list[Context] = []

        def method(a: int, ctx: Context, b: int = 0) -> int:
            seen.append(ctx)
            return a - b

        self.server.expose("m", method)
        who = Context(identity="ann", headers={"host": "h"}, connection=None)
        self.clock.advance(100)
        self.answer_to(request("m", [5, 2], 9), who)
        self.answer_to(request("m", {"a": 5}, 10), who)
        self.assertEqual(
            [(c.method, c.id, c.identity) for c in seen], [("m", i, "ann") for i in (9, 10)]
        )
        self.assertEqual(seen[0].headers, {"host": "h"})
        self.assertEqual(seen[0].deadline, 130)

    def test_notification_has_no_answer(self) -> None:
        seen: list[int] = []
        self.server.expose("note", seen.append)
        self.assertIsNone(self.answer_to(notification("note", [1])))
        self.assertEqual(seen, [1])

    def test_notification_of_nobodys_is_counted(self) -> None:
        self.assertIsNone(self.answer_to(notification("nobody")))
        self.assertEqual(self.server.counters.ignored_notifications, 1)

    def test_notification_that_fails_has_no_answer(self) -> None:
        self.server.expose("refuse", raiser(RPCError(1, "no")))
        self.server.expose("fail", raiser(Nonsense("secret")))
        self.server.expose("odd", lambda: [object()])
        for method in ("refuse", "fail", "odd"):
            self.assertIsNone(self.answer_to(notification(method)))
        self.assertEqual(len(self.flushLoggedErrors(Nonsense)), 1)

    def test_notification_with_params_of_the_wrong_shape_is_an_invalid_request(self) -> None:
        self.server.expose("note", lambda: None)
        answer = self.answer_to(notification("note", 5))
        self.assertEqual((answer["error"]["code"], answer["id"]), (-32600, None))
        self.assertEqual(self.server.counters.invalid_requests, 1)

    def test_unasked_responses_are_ignored_and_counted(self) -> None:
        self.assertIsNone(self.answer_to(response("hello")))
        self.assertIsNone(self.answer_to(batch(response(1), response(2))))
        self.assertEqual(self.server.counters.unexpected_responses, 3)

    def test_what_is_no_json_and_what_is_no_request_is_counted(self) -> None:
        self.assertEqual(self.answer_to(b"{")["error"]["code"], -32700)
        self.assertEqual(self.answer_to(b"1")["error"]["code"], -32600)
        self.assertEqual(self.answer_to(b"[]")["error"]["code"], -32600)
        counters = self.server.counters
        self.assertEqual((counters.parse_errors, counters.invalid_requests), (1, 2))

    def test_unknown_methods_are_all_alike(self) -> None:
        self.server.expose("calc", {"add": lambda: 1})
        errors = {
            json.dumps(self.error_of(name))
            for name in ("no", "_calc", "calc", "calc._add", "calc.add.__class__", "rpc.x", "", "é")
        }
        self.assertEqual(len(errors), 1)
        self.assertEqual(json.loads(errors.pop()), {"code": -32601, "message": "Method not found"})

    def test_dispatch_takes_no_answer_for_bytes_that_wait(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.server.expose("later", lambda: waiting)
        answer = self.server.dispatch(request("later"))
        self.assertNoResult(answer)
        waiting.callback(3)
        self.assertEqual(self.successResultOf(answer), b'{"jsonrpc":"2.0","result":3,"id":1}')


class ApplicationErrors(ServerTestCase):
    def test_code_message_and_data_arrive(self) -> None:
        self.server.expose("fail", raiser(RPCError(404, "User not found", {"user": 7})))
        self.assertEqual(
            self.error_of("fail"), {"code": 404, "message": "User not found", "data": {"user": 7}}
        )

    def test_data_that_was_not_given_is_left_out_and_null_is_not(self) -> None:
        self.server.expose("without", raiser(RPCError(1, "m")))
        self.server.expose("null", raiser(RPCError(1, "m", None)))
        self.assertEqual(self.error_of("without"), {"code": 1, "message": "m"})
        self.assertEqual(self.error_of("null"), {"code": 1, "message": "m", "data": None})

    def test_cancelled_call_says_so(self) -> None:
        self.server.expose("stop", raiser(CancelledError()))
        self.assertEqual(self.error_of("stop"), {"code": -32800, "message": "Request cancelled"})

    def test_error_longer_than_an_answer_may_be(self) -> None:
        self.server = Server(limits=Limits(max_response=200), reactor=self.clock)
        self.server.expose("fail", raiser(RPCError(1, "x" * 300)))
        self.assertEqual(self.code_of("fail"), -32008)


class UnexpectedFailures(ServerTestCase):
    """-32603 with an incident's id; the rest is for the log."""

    def assert_incident(self, error: Any, kind: type[BaseException]) -> None:
        """Check that the caller learns an id only, and that the log has the failure under it."""
        self.assertEqual(error["code"], -32603)
        self.assertEqual(error["message"], "Internal error")
        self.assertEqual(set(error["data"]), {"incident"})
        self.assertNotIn("secret", json.dumps(error))
        self.assertEqual([type(f.value) for f in self.flushLoggedErrors(kind)], [kind])

    def test_any_exception_is_an_incident(self) -> None:
        for raised in (
            Nonsense("secret"),
            TypeError("secret"),
            RecursionError("secret"),
            MemoryError("secret"),
            AssertionError("secret"),
            StopIteration("secret"),
            KeyboardInterrupt("secret"),
            SystemExit("secret"),
            GeneratorExit("secret"),
        ):
            name = type(raised).__name__
            self.server.expose(name, raiser(raised))
            self.assert_incident(self.error_of(name), type(raised))

    def test_endless_recursion_is_an_incident(self) -> None:
        def deeper() -> Any:
            return deeper()

        self.server.expose("deeper", deeper)
        self.assert_incident(self.error_of("deeper"), RecursionError)
        self.assertEqual(self.code_of("no such"), -32601)

    def test_what_was_tried_before_is_no_part_of_it(self) -> None:
        raised: list[BaseException] = []

        def fail(a: int = 1) -> None:
            raised.append(error := RuntimeError("no"))
            raise error

        self.server.expose("fail", fail)
        for params in ([], [1], {"a": 1}):
            self.answer_to(request("fail", params))
        self.answer_to(request("fail"))
        self.assertEqual([error.__context__ for error in raised], [None] * 4)
        self.flushLoggedErrors(RuntimeError)

    def test_traceback_is_logged_under_the_incident(self) -> None:
        self.server.expose("fail", raiser(Nonsense("secret")))
        with capturedLogs() as events:
            incident = self.error_of("fail")["data"]["incident"]
        logged = [e for e in events if e.get("incident") == incident]
        self.assertEqual(len(logged), 1)
        self.assertIn("secret", logged[0]["log_failure"].getTraceback())
        self.assertEqual(logged[0]["method"], "'fail'")
        self.flushLoggedErrors(Nonsense)

    def test_type_error_inside_a_method_is_no_invalid_params(self) -> None:
        self.server.expose("add", lambda a, b: a + b)
        self.assert_incident(self.error_of("add", 1, "x"), TypeError)
        self.assertEqual(self.code_of("add", 1), -32602)

    def test_result_that_cannot_be_said_in_json(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        for result, kind in (
            (object(), TypeError),
            (float("nan"), ValueError),
            ([float("inf")], ValueError),
            ({1: 2}, TypeError),
            ("\ud800", UnicodeEncodeError),
            (loop, ValueError),
        ):
            with self.subTest(result=type(result)):
                self.server.expose("m", lambda result=result: result)
                self.assert_incident(self.error_of("m"), kind)
                self.server.unexpose("m")

    def test_result_that_answers_to_every_name_is_not_taken_for_a_future(self) -> None:
        class Anything:
            def __getattr__(self, name: str) -> Any:
                return self

            def __call__(self, *args: Any) -> Any:
                return self

        anything = Anything()
        self.server.expose("m", lambda: anything)
        self.assertEqual(self.code_of("m"), -32603)
        self.flushLoggedErrors(TypeError)

    def test_errors_with_nonsense_in_them_are_incidents(self) -> None:
        nonsense: list[tuple[Any, Any, Any]] = [
            ("404", "secret", UNSET),
            (True, "text", UNSET),
            (None, "text", UNSET),
            (1.5, "text", UNSET),
            (1, None, UNSET),
            (1, b"text", UNSET),
            (1, "secret", object()),
            (1, "secret", float("nan")),
            (1, "secret", {1: 2}),
            (1, "\ud800", UNSET),
        ]
        for number, (code, message, data) in enumerate(nonsense):
            with self.subTest(code=code, message=message, data=data):
                self.server.expose(f"m{number}", raiser(RPCError(code, message, data)))
                error = self.error_of(f"m{number}")
                self.assertEqual(error["message"], "Internal error")
                self.assertEqual(set(error["data"]), {"incident"})
        self.assertEqual(len(self.flushLoggedErrors()), len(nonsense))

    def test_error_without_a_code_is_an_incident(self) -> None:
        self.server.expose("m", raiser(Half()))
        self.assertEqual(self.code_of("m"), -32603)
        self.flushLoggedErrors()

    def test_debug_sends_the_traceback(self) -> None:
        self.server = self.make_server(debug=True)
        self.server.expose("fail", raiser(Nonsense("open secret")))
        data = self.error_of("fail")["data"]
        self.assertIn("Nonsense: open secret", data["traceback"])
        self.assertIn("in method", data["traceback"])
        self.flushLoggedErrors(Nonsense)


class ErrorHook(ServerTestCase):
    """`error_for`: which error an exception of the application's is told as."""

    def test_maps_exceptions_of_the_application(self) -> None:
        class Mapping(Server):
            def error_for(self, error: BaseException) -> RPCError | None:
                if isinstance(error, LookupError):
                    return RPCError(404, "not there", str(error))
                return super().error_for(error)

        self.server = self.make_server(Mapping)
        self.server.expose("look", raiser(LookupError("x")))
        self.server.expose("other", raiser(RPCError(5, "five")))
        self.server.expose("fail", raiser(Nonsense()))
        self.assertEqual(self.error_of("look"), {"code": 404, "message": "not there", "data": "x"})
        self.assertEqual(self.code_of("other"), 5)
        self.assertEqual(self.code_of("fail"), -32603)
        self.flushLoggedErrors(Nonsense)

    def test_may_fail_itself(self) -> None:
        class Failing(Server):
            def error_for(self, error: BaseException) -> RPCError | None:
                raise Nonsense("secret")

        self.server = self.make_server(Failing)
        self.server.expose("fail", raiser(LookupError()))
        self.assertEqual(self.code_of("fail"), -32603)
        self.assertEqual(len(self.flushLoggedErrors(Nonsense)), 1)

    def test_may_return_what_is_no_error(self) -> None:
        class Wrong(Server):
            def error_for(self, error: BaseException) -> Any:
                return "404"

        self.server = self.make_server(Wrong)
        self.server.expose("fail", raiser(LookupError()))
        self.assertEqual(self.code_of("fail"), -32603)
        self.assertEqual(len(self.flushLoggedErrors()), 1)


class RaisedByMethods(ServerTestCase):
    """Errors of the table that a method raises itself."""

    def test_are_told_as_they_are(self) -> None:
        self.server.expose("a", raiser(MethodNotFound(message="gone")))
        self.server.expose("b", raiser(InvalidRequest("bad")))
        self.assertEqual(self.error_of("a"), {"code": -32601, "message": "gone"})
        self.assertEqual(self.error_of("b")["data"], "bad")
