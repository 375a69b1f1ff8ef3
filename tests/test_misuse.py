"""Methods and hooks that do what they should not: one call fails, and the daemon lives."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from tests.helpers import MemoryConnection, ServerTestCase, notification, request
from tests.transports.harness import listening_port, reactor, until
from twisted_rpc import (
    CallError,
    Client,
    Connection,
    ConnectionLost,
    Context,
    Limits,
    RemoteError,
    RPCError,
    Server,
    connect,
    method,
)
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.stream import StreamFactory


class Unspeakable(Exception):
    """Says nothing of itself."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Unsound(RPCError):
    """Cannot be asked whether it is sound."""

    @property
    def is_sound(self) -> bool:
        raise SystemExit("is_sound")


class Hostile:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise KeyboardInterrupt(name)


def odd() -> Any:
    """An object whose very type raises when it is asked for an attribute."""

    class HostileType(type):
        def __getattr__(cls, name: str) -> Any:
            raise SystemExit(name)

    class Odd(metaclass=HostileType):
        """What collects tests must not come across it."""

    return Odd()


def bad_awaitable() -> Any:
    """Something that says that it can be awaited, and cannot."""

    class Bad:
        def __await__(self) -> Any:
            return 5

    return Bad()


def cycle() -> list[Any]:
    """A list in itself."""
    made: list[Any] = []
    made.append(made)
    return made


def chained() -> Deferred[Any]:
    """A Deferred that has fired and waits for another that has."""
    return succeed(1).addCallback(lambda _: succeed(2)).addCallback(lambda _: cycle())


def of_itself() -> Deferred[Any]:
    """A Deferred whose result is a Deferred."""
    made: Deferred[Any] = Deferred()
    made.callback(succeed(1))
    return made


RAISED: tuple[BaseException, ...] = (
    SystemExit(3),
    KeyboardInterrupt("secret"),
    GeneratorExit("secret"),
    RecursionError("secret"),
    MemoryError("secret"),
    StopIteration("secret"),
    StopAsyncIteration("secret"),
    asyncio.CancelledError("secret"),
    BaseExceptionGroup("secret", [SystemExit(3), ValueError("secret")]),
    Unspeakable("secret"),
    Unsound(5, "secret"),
    RPCError("5", "secret"),  # type: ignore[arg-type]
    RPCError(5, None),  # type: ignore[arg-type]
    RPCError(5, "\ud800"),
    RPCError(5, "secret", cycle()),
    RPCError(5, "secret", Hostile),
)
"""Each is answered -32603, with an incident's number and nothing else."""

RETURNED: dict[str, Callable[[], Any]] = {
    "cycle": cycle,
    "bool_keys": lambda: {True: 1},
    "surrogate": lambda: "\ud800",
    "nan": lambda: [float("nan")],
    "hostile": lambda: [Hostile()],
    "odd": odd,
    "odd_in_a_list": lambda: [odd()],
    "endless": lambda: (yield),
    "bad_awaitable": bad_awaitable,
    "chained": chained,
    "function": lambda: print,
}
"""The same."""


def returning(make: Callable[[], Any]) -> Callable[[], Any]:
    """A coroutine that returns it."""

    async def later() -> Any:
        await deferLater(reactor, 0)
        return make()

    return later


def raising(error: BaseException) -> dict[str, Callable[[], Any]]:
    """Methods that raise an error in every way there is."""

    def at_once() -> None:
        raise error

    async def later() -> None:
        await deferLater(reactor, 0)
        raise error

    @method(thread=True)
    def in_a_thread() -> None:
        raise error

    return {
        "at_once": at_once,
        "later": later,
        "in_a_thread": in_a_thread,
        "deferred": lambda: fail(error) if isinstance(error, Exception) else at_once(),
    }


class DaemonTestCase(TestCase):
    """A server on real ports, and our client on each transport."""

    timeout = 60
    limits = Limits(call_timeout=20)

    def setUp(self) -> Any:
        return Deferred.fromCoroutine(self.start())

    async def start(self) -> None:
        """Listen, connect."""
        self.server = self.make_server()
        self.server.expose("fine", lambda: "fine")
        self.clients: dict[str, Client] = {}
        for scheme, factory in (
            ("tcp", StreamFactory(self.server)),
            ("http", HTTPFactory(self.server)),
            ("ws", HTTPFactory(self.server)),
        ):
            port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
            self.addCleanup(port.stopListening)
            url = f"{scheme}://127.0.0.1:{listening_port(port)}"
            self.clients[scheme] = await connect(url, reactor=reactor)
            self.addCleanup(self.clients[scheme].close)

    def make_server(self) -> Server:
        """The server of this test."""
        return Server(limits=self.limits, reactor=reactor)

    async def error_of(self, client: Client, name: str) -> RemoteError:
        """The error of a call, after which the next one is answered."""
        error: RemoteError = await self.assertFailure(client.call(name), RemoteError)
        await self.is_fine(client)
        return error

    async def is_fine(self, client: Client) -> None:
        """See that it is served."""
        self.assertEqual(await client.call("fine", retry=True), "fine")

    async def is_incident(self, client: Client, name: str) -> None:
        """See that a call fails, and that nothing is told of why."""
        error = await self.error_of(client, name)
        self.assertEqual((error.code, error.message), (-32603, "Internal error"), name)
        self.assertEqual([*error.data], ["incident"], name)  # type: ignore[misc]


class ResultTests(DaemonTestCase):
    async def test_whatever_is_raised_is_an_incident_of_one_call(self) -> None:
        for error in RAISED:
            name = type(error).__name__
            self.server.expose(name, raising(error))
            for way in ("at_once", "later", "in_a_thread", "deferred"):
                for client in self.clients.values():
                    await self.is_incident(client, f"{name}.{way}")
            self.server.unexpose(name)
            self.flushLoggedErrors()

    async def test_what_cannot_be_said_is_an_incident_of_one_call(self) -> None:
        self.server.expose("odd", dict(RETURNED))
        self.server.expose("later", {name: returning(make) for name, make in RETURNED.items()})
        for name in RETURNED:
            for client in self.clients.values():
                await self.is_incident(client, f"odd.{name}")
                await self.is_incident(client, f"later.{name}")
        self.flushLoggedErrors()

    async def test_a_deferred_of_a_deferred_is_waited_for(self) -> None:
        self.server.expose("of_itself", of_itself)
        for client in self.clients.values():
            self.assertEqual(await client.call("of_itself"), 1)

    async def test_numbers_beyond_those_of_json_fail_or_arrive_whole(self) -> None:
        self.server.expose("huge", lambda: 1 << 200)
        self.server.expose("endless", lambda: 1 << 20_000)
        for client in self.clients.values():
            self.assertEqual(await client.call("huge"), 1 << 200)
            await self.is_incident(client, "endless")
        self.flushLoggedErrors()

    async def test_one_that_cancels_itself_says_so(self) -> None:
        def cancelled() -> Deferred[Any]:
            waiting: Deferred[Any] = Deferred()
            waiting.cancel()
            return waiting

        def raising() -> None:
            raise CancelledError

        self.server.expose("own", {"cancelled": cancelled, "raising": raising})
        for client in self.clients.values():
            for name in ("own.cancelled", "own.raising"):
                self.assertEqual((await self.error_of(client, name)).code, -32800)

    async def test_one_that_fires_its_deferred_twice_finds_out_by_itself(self) -> None:
        refused: list[BaseException] = []

        def twice() -> Deferred[str]:
            waiting: Deferred[str] = Deferred()

            def again() -> None:
                try:
                    waiting.callback("again")
                except Exception as error:
                    refused.append(error)

            reactor.callLater(0, waiting.callback, "once")
            reactor.callLater(0, again)
            return waiting

        self.server.expose("twice", twice)
        for count, client in enumerate(self.clients.values(), start=1):
            self.assertEqual(await client.call("twice"), "once")
            await until(lambda count=count: len(refused) == count, "it is not fired again")  # type: ignore[misc]
            await self.is_fine(client)
        self.assertEqual({type(error).__name__ for error in refused}, {"AlreadyCalledError"})


class TimeTests(DaemonTestCase):
    limits = Limits(call_timeout=0.05)

    async def test_what_never_ends_is_ended(self) -> None:
        def ending() -> Deferred[None]:
            return Deferred()

        async def stubborn() -> None:
            try:
                await Deferred()
            except CancelledError:
                await deferLater(reactor, 0)
                raise SystemExit("after all") from None

        def deaf() -> Deferred[None]:
            return Deferred(broken)

        def broken(_: Deferred[None]) -> None:
            raise KeyboardInterrupt("no way to cancel")

        self.server.expose("never", {"ending": ending, "stubborn": stubborn, "deaf": deaf})
        for client in self.clients.values():
            for name in ("never.ending", "never.stubborn", "never.deaf"):
                error = await self.error_of(client, name)
                expected = (-32002, "no result within 0.05 seconds (call_timeout)")
                self.assertEqual((error.code, error.data), expected)
        await deferLater(reactor, 0)
        self.assertEqual(len(self.flushLoggedErrors(KeyboardInterrupt)), len(self.clients))
        self.flushLoggedErrors(SystemExit)


class ConnectionTests(DaemonTestCase):
    """Methods that do things to the connection they are called over."""

    async def test_one_that_writes_from_a_thread_is_told_how_to(self) -> None:
        told: list[str] = []

        def try_all(connection: Connection) -> None:
            for attempt in (
                lambda: connection.notify("news"),
                lambda: connection.call("ask"),
                lambda: connection.begin_calls([], [b"{}"]),
                lambda: self.server.notify_all("news"),
                connection.close,
                connection.abort,
            ):
                try:
                    attempt()
                except RuntimeError as error:
                    told.append(str(error))

        @method(thread=True)
        def careless(ctx: Context) -> int:
            assert threading.current_thread() is not threading.main_thread()
            try_all(ctx.connection)
            return len(told)

        self.server.expose("careless", careless)
        for client in self.clients.values():
            told.clear()
            self.assertEqual(await client.call("careless"), 6)
            expected = ["notify", "call", "call", "notify", "close", "abort"]
            self.assertEqual([text.split()[0] for text in told], expected)
            self.assertTrue(all("reactor.callFromThread" in text for text in told))
            await self.is_fine(client)

    async def test_one_that_writes_by_way_of_the_reactor_is_heard(self) -> None:
        heard: list[Any] = []

        @method(thread=True)
        def careful(ctx: Context) -> None:
            reactor.callFromThread(ctx.connection.notify, "news", [1])

        self.server.expose("careful", careful)
        for scheme in ("tcp", "ws"):
            heard.clear()
            self.clients[scheme].on("news", heard.append)
            await self.clients[scheme].call("careful")
            await until(lambda: heard, "nothing is heard")

    async def test_one_that_closes_its_connection_is_answered_if_it_is_so_at_once(self) -> None:
        def closing(ctx: Context) -> str:
            ctx.connection.close()
            return "closed"

        async def later(ctx: Context) -> str:
            ctx.connection.close()
            await deferLater(reactor, 0.001)
            return "closed"

        self.server.expose("leave", {"at_once": closing, "later": later})
        for scheme, client in self.clients.items():
            for name in ("leave.at_once", "leave.later"):
                outcome = await client.call(name).addErrback(lambda failure: failure.value)
                # Nothing may follow a close frame (RFC 6455, section 5.5.1).
                if scheme == "http" or (scheme, name) == ("tcp", "leave.at_once"):
                    self.assertEqual(outcome, "closed", (scheme, name))
                else:
                    self.assertIsInstance(outcome, ConnectionLost, (scheme, name))
                await self.is_fine(client)

    async def test_one_whose_connection_is_gone_answers_nobody(self) -> None:
        waiting: list[Deferred[Any]] = []

        def wait(ctx: Context) -> Deferred[Any]:
            waiting.append(Deferred())
            ctx.connection.abort()
            return waiting[-1]

        self.server.expose("wait", wait)
        for client in self.clients.values():
            await self.assertFailure(client.call("wait"), CallError)
            waiting[-1].callback("late")
            await self.is_fine(client)
        self.assertEqual(self.server.counters.limits, {})

    async def test_one_that_takes_itself_back_is_answered_once(self) -> None:
        def once() -> str:
            self.server.unexpose("once")
            return "done"

        for client in self.clients.values():
            self.server.expose("once", once)
            self.assertEqual(await client.call("once"), "done")
            self.assertEqual((await self.error_of(client, "once")).code, -32601)

    async def test_one_that_cancels_its_own_call_says_so(self) -> None:
        def suicidal(ctx: Context) -> Deferred[Any]:
            def cancel() -> None:
                for running in tuple(ctx.connection.running.values()):
                    running.cancel()

            reactor.callLater(0, cancel)
            return Deferred()

        self.server.expose("suicidal", suicidal)
        for client in self.clients.values():
            self.assertEqual((await self.error_of(client, "suicidal")).code, -32800)


class Sabotaged(Server):
    """Every hook fails that is named.

    Attributes:
        fails: their names.
    """

    fails: frozenset[str] = frozenset()

    def _fail(self, name: str) -> None:
        if name in self.fails:
            raise SystemExit(name)

    def connection_opened(self, connection: Connection) -> None:
        self._fail("connection_opened")

    def connection_closed(self, connection: Connection) -> None:
        self._fail("connection_closed")

    def authorize(self, identity: Any, method: str, params: Any) -> Any:
        self._fail("authorize")
        return True

    def error_for(self, error: BaseException) -> RPCError | None:
        self._fail("error_for")
        return super().error_for(error)

    def trace(self, direction: str, message: bytes, connection: Connection) -> None:
        self._fail("trace")

    async def handle_call(self, request: Any, context: Context) -> Any:
        self._fail("handle_call")
        return await super().handle_call(request, context)

    def handle_notification(self, request: Any, context: Context) -> Any:
        self._fail("handle_notification")
        return super().handle_notification(request, context)


class HookTests(DaemonTestCase):
    """Hooks of a subclass that fail, over every transport."""

    def make_server(self) -> Server:
        self.sabotaged = Sabotaged(limits=self.limits, reactor=reactor)
        self.sabotaged.fallback(self.complain)
        return self.sabotaged

    def complain(self, ctx: Context) -> None:
        raise ValueError("no")

    async def test_a_call_hook_that_fails_is_an_incident(self) -> None:
        for name in ("authorize", "handle_call"):
            for client in self.clients.values():
                self.sabotaged.fails = frozenset({name})
                failed: Any = await self.assertFailure(client.call("fine"), RemoteError)
                self.assertEqual((failed.code, [*failed.data]), (-32603, ["incident"]))
                self.sabotaged.fails = frozenset()
                await self.is_fine(client)
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 6)

    async def test_who_cannot_say_what_an_error_is_says_nothing(self) -> None:
        self.sabotaged.fails = frozenset({"error_for"})
        for client in self.clients.values():
            await self.is_incident(client, "unknown")
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 3)

    async def test_watching_hooks_that_fail_change_nothing(self) -> None:
        self.sabotaged.fails = frozenset({"trace", "handle_notification"})
        for client in self.clients.values():
            client.notify("fine")
            await self.is_fine(client)
        self.assertGreater(len(self.flushLoggedErrors(SystemExit)), 3)

    async def test_a_line_that_could_not_be_opened_is_closed_and_others_are_not(self) -> None:
        await self.is_fine(self.clients["http"])
        for scheme in ("tcp", "ws", "http"):
            self.sabotaged.fails = frozenset({"connection_opened"})
            client = connect(f"{self.clients[scheme].peer}", reconnect=False, reactor=reactor)
            outcome = await self.first_call(client)
            self.assertIsInstance(outcome, CallError, scheme)
            self.sabotaged.fails = frozenset()
            await client.close()
            for other in self.clients.values():
                await self.is_fine(other)
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 3)

    async def first_call(self, client: Client) -> Any:
        """What a first call ends in."""
        try:
            return await client.call("fine")
        except CallError as error:
            return error

    async def test_an_end_that_fails_is_an_end(self) -> None:
        for client in self.clients.values():
            await self.is_fine(client)
        self.sabotaged.fails = frozenset({"connection_closed"})
        for connection in tuple(self.server.connections.values()):
            closed = connection.closed()
            connection.abort()
            await closed
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 3)
        self.sabotaged.fails = frozenset()


class ListenerTests(ServerTestCase):
    """Listeners and middleware."""

    def test_listeners_that_fail_stop_nobody(self) -> None:
        heard: list[int] = []

        async def later(value: int) -> None:
            raise GeneratorExit

        def at_once(value: int) -> None:
            raise KeyboardInterrupt

        connection = MemoryConnection(self.server).open()
        for listener in (at_once, later, lambda value: odd(), heard.append):
            self.server.on("news", listener)
            connection.on("news", listener)
        connection.receive([notification("news", [1]), request("fine")])
        self.assertEqual(heard, [1, 1])
        self.assertEqual(connection.take_sent()[0]["error"]["code"], -32601)
        self.assertEqual(len(self.flushLoggedErrors()), 6)

    def test_middleware_that_fails_is_an_incident(self) -> None:
        self.server.expose("fine", lambda: "fine")
        failing = True

        def broken(call_next: Any, request: Any, context: Any) -> Any:
            if failing:
                raise SystemExit("broken")
            return call_next(request, context)

        self.server.use(broken)
        self.assertEqual(self.code_of("fine"), -32603)
        failing = False
        self.assertEqual(self.result_of("fine"), "fine")
        self.flushLoggedErrors(SystemExit)

    def test_middleware_may_return_what_is_no_awaitable(self) -> None:
        self.server.use(lambda call_next, request, context: 5)  # type: ignore[arg-type,return-value]
        self.assertEqual(self.result_of("anything"), 5)


class DrainTests(ServerTestCase):
    def test_a_call_that_cannot_be_cancelled_holds_up_no_end(self) -> None:
        def broken(_: Deferred[None]) -> None:
            raise SystemExit("no way to cancel")

        self.server.expose("deaf", lambda: Deferred(broken))
        connections = [MemoryConnection(self.server).open() for _ in range(2)]
        for connection in connections:
            connection.receive([request("deaf")])
        drained = self.server.drain()
        self.clock.advance(5)
        self.successResultOf(drained)
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 4)
        self.assertTrue(all(connection.is_closed for connection in connections))

    def test_a_cancellation_that_fails_ends_the_call(self) -> None:
        def broken(_: Deferred[None]) -> None:
            raise SystemExit("no way to cancel")

        self.server.expose("deaf", lambda: Deferred(broken))
        connection = MemoryConnection(self.server).open()
        connection.receive([request("deaf", id="d"), notification("$/cancelRequest", {"id": "d"})])
        (answer,) = connection.take_sent()
        self.assertEqual((answer["id"], answer["error"]["code"]), ("d", -32603))
        self.flushLoggedErrors(SystemExit)


class DebugTests(ServerTestCase):
    def test_tracebacks_of_the_unspeakable_can_be_sent(self) -> None:
        server = Server(reactor=Clock(), debug=True)

        def unspeakable() -> None:
            raise Unspeakable("secret")

        server.expose("unspeakable", unspeakable)
        answer = self.successResultOf(server.dispatch(request("unspeakable")))
        data = json.loads(answer or b"")["error"]["data"]
        self.assertIn("Unspeakable", data["traceback"])
        self.flushLoggedErrors()
