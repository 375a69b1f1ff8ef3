"""What may be put around a call: middleware, authorization, the hooks of a subclass.

Listeners of notifications as well.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET, structs
from twisted.internet.defer import Deferred, maybeDeferred

from tests.helpers import MemoryConnection, ServerTestCase, notification, request
from twisted_rpc import Context, Request, RPCError, Server
from twisted_rpc.invocation import CallNext


class Middlewares(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log: list[str] = []
        self.server.expose("echo", self.echo)

    def echo(self, text: str) -> str:
        self.log.append("echo")
        return text

    def add(self, name: str) -> None:
        """Install a middleware that notes when it is entered and left."""

        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            self.log.append(f"{name} in")
            try:
                return await call_next(request, context)
            finally:
                self.log.append(f"{name} out")

        self.server.use(middleware)

    def test_the_first_is_the_outermost(self) -> None:
        self.add("a")
        self.add("b")
        self.assertEqual(self.result_of("echo", "x"), "x")
        self.assertEqual(self.log, ["a in", "b in", "echo", "b out", "a out"])

    def test_is_told_of_the_call(self) -> None:
        seen: list[Any] = []

        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            seen.append((request.method, request.id, request.is_notification, context.identity))
            return await call_next(request, context)

        self.server.use(middleware)
        self.answer_to(request("echo", ["x"], "id"), Context(identity="ann"))
        self.answer_to(notification("echo", ["x"]))
        self.assertEqual(seen, [("echo", "id", False, "ann"), ("echo", UNSET, True, None)])

    def test_may_change_parameters_and_result(self) -> None:
        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            result = await call_next(structs.replace(request, params={"text": "b"}), context)
            return result * 2

        self.server.use(middleware)
        self.assertEqual(self.result_of("echo", "a"), "bb")

    def test_may_take_parameters_away(self) -> None:
        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            return await call_next(structs.replace(request, params=UNSET), context)

        self.server.use(middleware)
        self.assertEqual(self.error_of("echo", "a")["data"], "missing: text")

    def test_may_answer_itself(self) -> None:
        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            return "cached"

        self.server.use(middleware)
        self.assertEqual(self.result_of("echo", "a"), "cached")
        self.assertEqual(self.log, [])

    def test_may_raise(self) -> None:
        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            raise RPCError(-32005, "slow down")

        self.server.use(middleware)
        self.assertEqual(self.error_of("echo", "a"), {"code": -32005, "message": "slow down"})
        self.assertEqual(self.log, [])

    def test_sees_what_the_method_raises(self) -> None:
        def refuse() -> None:
            raise LookupError("x")

        async def middleware(call_next: CallNext, request: Request, context: Context) -> Any:
            try:
                return await call_next(request, context)
            except LookupError:
                return "default"

        self.server.expose("refuse", refuse)
        self.server.use(middleware)
        self.assertEqual(self.result_of("refuse"), "default")

    def test_is_around_methods_that_take_their_time(self) -> None:
        waiting: Deferred[str] = Deferred()
        self.server.expose("later", lambda: waiting)
        self.add("a")
        answer = self.server.dispatch(request("later"))
        self.assertEqual(self.log, ["a in"])
        waiting.callback("x")
        self.assertIn(b'"x"', self.successResultOf(answer) or b"")
        self.assertEqual(self.log, ["a in", "a out"])

    def test_is_around_unknown_methods(self) -> None:
        self.add("a")
        self.assertEqual(self.code_of("no"), -32601)
        self.assertEqual(self.log, ["a in", "a out"])

    def test_none_installed_leaves_the_short_way(self) -> None:
        def never(*args: Any) -> None:
            raise AssertionError("went the long way")

        self.patch(self.server.dispatcher.invoker, "run", never)
        self.assertEqual(self.result_of("echo", "a"), "a")
        self.add("a")
        self.assertEqual(self.code_of("echo", "a"), -32603)
        self.assertEqual(len(self.flushLoggedErrors(AssertionError)), 1)


class Gatekeeper(Server):
    """Knows who may call what."""

    def authorize(self, identity: Any, method: str, params: Any) -> Any:
        return identity == "ann" or (method == "open" and params != ["closed"])


class SlowGatekeeper(Gatekeeper):
    """The same, after a second."""

    def authorize(self, identity: Any, method: str, params: Any) -> Any:
        async def decide() -> bool:
            waiting: Deferred[None] = Deferred()
            self.clock.callLater(1, waiting.callback, None)
            await waiting
            return bool(super(SlowGatekeeper, self).authorize(identity, method, params))

        return decide()


class Authorization(ServerTestCase):
    def answer_in_time(self, message: bytes, identity: Any) -> Any:
        answer = self.server.dispatch(message, Context(identity=identity))
        self.clock.advance(1)
        raw = self.successResultOf(answer)
        return None if raw is None else json.loads(raw)

    def check(self, kind: type[Server]) -> None:
        """Check who may call what."""

        async def coroutine() -> str:
            return "done"

        self.server = self.make_server(kind)
        self.server.expose("open", lambda *a: "open")
        self.server.expose("shut", lambda: "shut")
        self.server.expose("async", coroutine)
        ask = self.answer_in_time
        self.assertEqual(ask(request("open"), None)["result"], "open")
        self.assertEqual(ask(request("shut"), "ann")["result"], "shut")
        self.assertEqual(ask(request("async"), "ann")["result"], "done")
        denied = ask(request("shut"), None)["error"]
        unknown = ask(request("no such"), "ann")["error"]
        self.assertEqual(denied, unknown)
        self.assertEqual(ask(request("open", ["closed"]), None)["error"]["code"], -32601)
        self.assertEqual(ask(request("open", 5), None)["error"]["code"], -32600)

    def test_at_once(self) -> None:
        self.check(Gatekeeper)

    def test_later(self) -> None:
        self.check(SlowGatekeeper)

    def test_names_are_told_to_who_may_know_them(self) -> None:
        class Telling(Gatekeeper):
            def authorize(self, identity: Any, method: str, params: Any) -> Any:
                return method == "rpc.methods" or super().authorize(identity, method, params)

        class TellingSlowly(SlowGatekeeper):
            def authorize(self, identity: Any, method: str, params: Any) -> Any:
                if method == "rpc.methods":
                    return True
                return super().authorize(identity, method, params)

        for kind in (Telling, TellingSlowly):
            self.server = self.make_server(kind)
            for name in ("shut", "open"):
                self.server.expose(name, lambda: None)
            for identity, names in (("ann", ["open", "shut"]), (None, ["open"])):
                answer = self.server.dispatch(request("rpc.methods"), Context(identity=identity))
                self.clock.pump([1] * 3)
                raw = self.successResultOf(answer)
                assert raw is not None
                self.assertEqual(json.loads(raw)["result"], names)
        self.server = self.make_server(Gatekeeper)
        self.assertEqual(self.code_of("rpc.methods"), -32601)

    def test_holds_for_fallbacks_and_notifications(self) -> None:
        self.server = self.make_server(Gatekeeper)
        ran: list[str] = []
        self.server.expose("note", lambda: ran.append("note"))
        self.server.fallback(lambda: ran.append("fallback"))
        self.assertEqual(self.code_of("other"), -32601)
        self.assertIsNone(self.answer_to(notification("note")))
        self.assertEqual(ran, [])
        self.assertIsNone(self.answer_to(notification("note"), Context(identity="ann")))
        self.assertEqual(ran, ["note"])

    def test_allows_everything_unless_overridden(self) -> None:
        class Asking(Server):
            def authorize(self, identity: Any, method: str, params: Any) -> Any:
                return super().authorize(identity, method, params)

        self.server = self.make_server(Asking)
        self.server.expose("m", lambda: 1)
        self.assertEqual(self.result_of("m"), 1)

    def test_that_fails_is_an_incident(self) -> None:
        class Broken(Server):
            def authorize(self, identity: Any, method: str, params: Any) -> Any:
                raise ValueError("secret")

        self.server = self.make_server(Broken)
        self.server.expose("m", lambda: 1)
        self.assertEqual(self.code_of("m"), -32603)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class Hooks(ServerTestCase):
    def test_handle_call_is_around_every_call(self) -> None:
        seen: list[str] = []

        class Counting(Server):
            def handle_call(self, request: Request, context: Context) -> Any:
                seen.append(f"{request.method} {request.id}")
                return super().handle_call(request, context)

        self.server = self.make_server(Counting)
        self.server.expose("m", lambda: 1)
        self.assertEqual(self.result_of("m"), 1)
        self.assertEqual(self.code_of("no"), -32601)
        self.assertIsNone(self.answer_to(notification("m")))
        self.assertEqual(seen, ["m 1", "no 1"])

    def test_handle_call_may_be_a_coroutine(self) -> None:
        class Waiting(Server):
            async def handle_call(self, request: Request, context: Context) -> Any:
                return await maybeDeferred(super().handle_call, request, context)

        class Passing(Server):
            async def handle_call(self, request: Request, context: Context) -> Any:
                return super().handle_call(request, context)

        async def coroutine() -> int:
            return 2

        for kind in (Waiting, Passing):
            self.server = self.make_server(kind)
            self.server.expose("sync", lambda: 1)
            self.server.expose("async", coroutine)
            self.assertEqual(self.result_of("sync"), 1)
            self.assertEqual(self.result_of("async"), 2)

    def test_handle_notification_is_told_of_notifications_only(self) -> None:
        seen: list[str] = []

        class Noting(Server):
            def handle_notification(self, request: Request, context: Context) -> Any:
                seen.append(request.method)

        self.server = self.make_server(Noting)
        self.server.expose("m", lambda: 1)
        self.assertIsNone(self.answer_to(notification("m")))
        self.assertEqual(self.result_of("m"), 1)
        self.assertEqual(seen, ["m"])

    def test_handle_notification_may_go_on_to_what_it_overrides(self) -> None:
        seen: list[Any] = []

        class Counting(Server):
            async def handle_notification(self, request: Request, context: Context) -> Any:
                await super().handle_notification(request, context)
                seen.append("after")

        self.server = self.make_server(Counting)
        self.server.expose("note", seen.append)
        self.server.on("note", seen.append)
        self.assertIsNone(self.answer_to(notification("note", [1])))
        self.assertEqual(seen, [1, 1, "after"])


class Listening(ServerTestCase):
    def test_every_listener_and_the_method_are_told(self) -> None:
        seen: list[Any] = []
        self.server.expose("note", lambda a: seen.append(("method", a)))
        self.server.on("note", lambda a: seen.append(("one", a)))
        self.server.on("note", lambda a: seen.append(("two", a)))
        self.server.on("other", lambda a: seen.append(("never", a)))
        self.assertIsNone(self.answer_to(notification("note", [5])))
        self.assertEqual(seen, [("one", 5), ("two", 5), ("method", 5)])

    def test_listeners_alone_will_do(self) -> None:
        seen: list[int] = []
        self.server.on("note", seen.append)
        self.server.fallback(lambda: seen.append(-1))
        self.assertIsNone(self.answer_to(notification("note", [5])))
        self.assertEqual(seen, [5])
        self.assertEqual(self.server.counters.ignored_notifications, 0)

    def test_are_not_told_of_calls(self) -> None:
        self.server.on("note", lambda: self.fail("told of a call"))
        self.server.fallback(lambda: "fallback")
        self.assertEqual(self.result_of("note"), "fallback")

    def test_may_end(self) -> None:
        seen: list[int] = []
        end = self.server.on("note", seen.append)
        self.answer_to(notification("note", [1]))
        end()
        end()
        self.answer_to(notification("note", [2]))
        self.assertEqual(seen, [1])

    def test_one_that_fails_stops_no_other(self) -> None:
        seen: list[str] = []

        def refuse() -> None:
            raise SystemExit

        async def fail_later() -> None:
            raise ValueError

        async def succeed_later() -> None:
            seen.append("async")

        self.server.on("note", refuse)
        self.server.on("note", fail_later)
        self.server.on("note", succeed_later)
        self.server.on("note", lambda: seen.append("last"))
        self.server.expose("note", lambda: seen.append("method"))
        self.assertIsNone(self.answer_to(notification("note")))
        self.assertEqual(seen, ["async", "last", "method"])
        failures = self.flushLoggedErrors()
        self.assertEqual([f.type for f in failures], [SystemExit, ValueError])

    def test_of_one_connection_are_told_of_its_notifications_only(self) -> None:
        seen: list[str] = []
        ann, bob = MemoryConnection(self.server).open(), MemoryConnection(self.server).open()
        ann.on("note", lambda: seen.append("ann"))
        self.server.on("note", lambda: seen.append("all"))
        bob.receive([notification("note")])
        ann.receive([notification("note")])
        self.assertEqual(seen, ["all", "all", "ann"])
