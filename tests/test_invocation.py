"""Every kind of method, and what may be put around a call: hooks, middleware, fallbacks.

Listeners of notifications as well.
"""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from msgspec import UNSET, structs
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, inlineCallbacks, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.helpers import MemoryConnection, ServerTestCase, notification, request
from twisted_rpc import Context, MethodNotFound, Params, Request, RPCError, Server, method
from twisted_rpc.invocation import CallNext


class Awkward:
    """Awaitable, and nothing else."""

    def __init__(self, inner: Deferred[Any]) -> None:
        self._inner = inner

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


class KindsOfMethods(ServerTestCase):
    def later(self) -> Deferred[int]:
        """A Deferred that fires after a second."""
        waiting: Deferred[int] = Deferred()
        self.clock.callLater(1, waiting.callback, 42)
        return waiting

    def assert_comes_later(self, function: Callable[[], Any]) -> None:
        """Check that a method's result is waited for."""
        self.server.expose("m", function)
        answer = self.server.dispatch(request("m"))
        self.assertNoResult(answer)
        self.clock.advance(1)
        self.assertEqual(json.loads(self.successResultOf(answer) or b"")["result"], 42)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deferred(self) -> None:
        self.assert_comes_later(self.later)

    def test_coroutine(self) -> None:
        async def coroutine() -> int:
            return await self.later()

        self.assert_comes_later(coroutine)

    def test_inline_callbacks(self) -> None:
        @inlineCallbacks
        def generator() -> Generator[Deferred[int], int, int]:
            return (yield self.later())

        self.assert_comes_later(generator)

    def test_awaitable_of_any_kind(self) -> None:
        self.assert_comes_later(lambda: Awkward(self.later()))

    def test_awaitable_of_an_awaitable(self) -> None:
        async def inner() -> int:
            return await self.later()

        async def outer() -> Awaitable[int]:
            return inner()

        self.assert_comes_later(outer)

    def test_partial_and_callable_object(self) -> None:
        class Adder:
            def __call__(self, a: int, b: int) -> int:
                return a + b

        self.server.expose("partial", functools.partial(pow, 2))
        self.server.expose("object", Adder())
        self.assertEqual(self.result_of("partial", 5), 32)
        self.assertEqual(self.result_of("object", 2, 3), 5)

    def test_deferred_that_has_fired_is_answered_at_once(self) -> None:
        self.server.expose("fine", lambda: succeed(1))
        self.server.expose("bad", lambda: fail(RPCError(7, "seven")))
        self.assertEqual(self.result_of("fine"), 1)
        self.assertEqual(self.code_of("bad"), 7)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asyncio_future(self) -> None:
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        future = loop.create_future()
        self.server.expose("m", lambda: future)
        answer = self.server.dispatch(request("m"))
        self.assertNoResult(answer)
        loop.call_soon(future.set_result, 42)
        loop.run_until_complete(future)
        self.assertIn(b"42", self.successResultOf(answer) or b"")

    def test_asynchronous_failures_of_every_kind(self) -> None:
        for error in (
            ValueError("secret"),
            SystemExit("secret"),
            KeyboardInterrupt("secret"),
            RecursionError("secret"),
        ):

            async def failing(error: BaseException) -> None:
                await self.later()
                raise error

            self.server.expose("m", functools.partial(failing, error))
            answer = self.server.dispatch(request("m"))
            self.clock.advance(1)
            raw = self.successResultOf(answer) or b""
            self.assertEqual(json.loads(raw)["error"]["code"], -32603)
            self.assertNotIn(b"secret", raw)
            self.assertEqual(len(self.flushLoggedErrors(type(error))), 1)
            self.server.unexpose("m")


class Threads(TestCase):
    """These need a reactor that has threads."""

    def setUp(self) -> None:
        """Make a server on the real reactor."""
        self.server = Server()

    async def ask(self, name: str, *params: Any) -> Any:
        raw = await self.server.dispatch(request(name, list(params)))
        return json.loads(raw or b"")

    async def test_run_outside_the_reactors_thread(self) -> None:
        @method(thread=True)
        def where(ctx: Context, a: int) -> list[Any]:
            return [threading.current_thread() is threading.main_thread(), ctx.method, a]

        self.server.expose("where", where)
        self.assertEqual((await self.ask("where", 5))["result"], [False, "where", 5])

    async def test_do_not_hold_up_others(self) -> None:
        release = threading.Event()
        self.server.expose("wait", method(thread=True)(lambda: release.wait(10)))
        self.server.expose("now", lambda: 1)
        waiting = self.ask("wait")
        running = Deferred.fromCoroutine(waiting)
        self.assertEqual((await self.ask("now"))["result"], 1)
        self.assertNoResult(running)
        release.set()
        self.assertIs((await running)["result"], True)

    async def test_may_raise_anything(self) -> None:
        def exit_process() -> None:
            raise SystemExit("secret")

        def refuse() -> None:
            raise RPCError(3, "three")

        self.server.expose("exit", method(thread=True)(exit_process))
        self.server.expose("refuse", method(thread=True)(refuse))
        self.assertEqual((await self.ask("exit"))["error"]["code"], -32603)
        self.assertEqual((await self.ask("refuse"))["error"], {"code": 3, "message": "three"})
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)

    async def test_time_out_while_the_thread_goes_on(self) -> None:
        release = threading.Event()
        ended: Deferred[None] = Deferred()

        @method(thread=True, timeout=0.01)
        def slow() -> str:
            release.wait(10)
            reactor.callFromThread(ended.callback, None)  # type: ignore[attr-defined]
            return "too late"

        self.server.expose("slow", slow)
        self.assertEqual((await self.ask("slow"))["error"]["code"], -32002)
        release.set()
        await ended


class Fallbacks(ServerTestCase):
    def fallback(self, name: str, *, later: bool = False) -> None:
        """Add a fallback that knows one name."""

        def sync(ctx: Context, params: Params) -> str:
            if ctx.method != name:
                raise MethodNotFound
            return f"{name} by fallback"

        async def coroutine(ctx: Context, params: Params) -> str:
            return sync(ctx, params)

        self.server.fallback(coroutine if later else sync)

    def test_are_tried_in_order_whichever_kind_they_are(self) -> None:
        self.fallback("a")
        self.fallback("b", later=True)
        self.fallback("c")
        self.fallback("d", later=True)
        for name in "abcd":
            self.assertEqual(self.result_of(name), f"{name} by fallback")
        self.assertEqual(self.code_of("e"), -32601)

    def test_end_at_the_first_that_answers(self) -> None:
        self.server.fallback(lambda: 1)
        self.server.fallback(lambda: 2)
        self.assertEqual(self.result_of("any"), 1)

    def test_end_at_the_first_that_fails_otherwise(self) -> None:
        async def refuse() -> None:
            raise RPCError(9, "nine")

        self.fallback("a", later=True)
        self.server.fallback(refuse)
        self.fallback("b")
        self.assertEqual(self.code_of("b"), 9)

    def test_are_not_asked_for_what_is_exposed(self) -> None:
        self.server.fallback(lambda: "fallback")
        self.server.expose("m", lambda: "method")
        self.assertEqual(self.result_of("m"), "method")

    def test_are_not_asked_for_reserved_names(self) -> None:
        self.server.fallback(lambda: "fallback")
        for name in ("rpc.discover", "rpc", "_private", "a._b"):
            self.assertEqual(self.code_of(name), -32601)

    def test_are_asked_for_notifications(self) -> None:
        seen: list[str] = []
        self.server.fallback(lambda ctx: seen.append(ctx.method))
        self.server.namespace.fallbacks.clear()

        def note(ctx: Context) -> None:
            seen.append(ctx.method)

        self.server.fallback(note)
        self.assertIsNone(self.answer_to(notification("any")))
        self.assertEqual(seen, ["any"])

    def test_wait_for_one_that_takes_its_time(self) -> None:
        waiting: Deferred[str] = Deferred()
        self.fallback("a", later=True)
        self.server.fallback(lambda: waiting)
        answer = self.server.dispatch(request("b"))
        self.assertNoResult(answer)
        waiting.callback("slow")
        self.assertIn(b"slow", self.successResultOf(answer) or b"")


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

        invoker = self.server.dispatcher.invoker
        self.patch(invoker, "run", never)
        self.assertTrue(invoker.plain)
        self.assertEqual(self.result_of("echo", "a"), "a")
        self.add("a")
        self.assertFalse(invoker.plain)


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


class ClockOnly(ServerTestCase):
    def test_thread_methods_need_a_reactor_with_threads(self) -> None:
        assert isinstance(self.clock, Clock)
        self.server.expose("m", method(thread=True)(lambda: 1))
        self.assertEqual(self.code_of("m"), -32603)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
