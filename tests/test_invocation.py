"""Every kind of method there is, and the fallbacks for methods there are not."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.helpers import ServerTestCase, notification, request
from twisted_rpc import Context, MethodNotFound, Params, RPCError, Server, method
from twisted_rpc.correlation import CURRENT


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

    async def test_belong_to_their_call(self) -> None:
        @method(thread=True)
        def see() -> str:
            current = CURRENT.get()
            return "" if current is None else current.request_id

        self.server.expose("see", see)
        headers = {"x-request-id": "a-1"}
        raw = await self.server.dispatch(request("see"), Context(headers=headers))
        self.assertEqual(json.loads(raw or b"")["result"], "a-1")

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
        for name in ("rpc.describe", "rpc", "_private", "a._b"):
            self.assertEqual(self.code_of(name), -32601)

    def test_are_not_asked_for_the_names_of_methods(self) -> None:
        self.server.fallback(lambda: "fallback")
        self.assertEqual(self.result_of("rpc.methods"), [])
        self.server.expose("b", {"y": lambda: 1, "x": lambda: 1})
        self.server.expose("a", lambda: 1)
        self.assertEqual(self.result_of("rpc.methods"), ["a", "b.x", "b.y"])
        self.assertEqual(self.code_of("rpc.methods", 1), -32602)
        self.assertNotIn("rpc.methods", self.server.methods)

    def test_are_asked_for_notifications(self) -> None:
        seen: list[str] = []

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


class ClockOnly(ServerTestCase):
    def test_thread_methods_need_a_reactor_with_threads(self) -> None:
        assert isinstance(self.clock, Clock)
        self.server.expose("m", method(thread=True)(lambda: 1))
        self.assertEqual(self.code_of("m"), -32603)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
