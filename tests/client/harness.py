"""A server on every transport, and clients of it that leave nothing behind."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.transports.harness import listening_port, until
from twisted_rpc import Client, Context, Limits, RPCError, Server, connect, listen, method

__all__ = ["URLS", "ClientTestCase", "Things", "quick", "until"]

reactor: Any = installed_reactor

URLS = {
    "tcp": "tcp://127.0.0.1:{port}",
    "websocket": "ws://127.0.0.1:{port}/rpc",
    "http": "http://127.0.0.1:{port}/rpc",
}
"""How the one hybrid port is reached."""


def quick(failures: int) -> float:
    """No time to wait between attempts."""
    return 0.01


class Things:
    """What the server of a test exposes.

    Attributes:
        waiting: calls of `wait` that the test lets end.
        cancelled: how many of them were cancelled.
        heard: what was notified.
    """

    def __init__(self) -> None:
        self.waiting: list[Deferred[Any]] = []
        self.cancelled = 0
        self.heard: list[Any] = []

    @method
    def echo(self, value: Any = None) -> Any:
        return value

    @method
    def add(self, a: float, b: float) -> float:
        return a + b

    @method
    def wait(self) -> Deferred[Any]:
        def cancelled(_: Deferred[Any]) -> None:
            self.cancelled += 1

        waiting: Deferred[Any] = Deferred(cancelled)
        self.waiting.append(waiting)
        return waiting

    @method
    def fail(self) -> None:
        raise RPCError(1000, "no", {"why": "because"})

    @method
    def note(self, value: Any) -> None:
        self.heard.append(value)

    @method
    async def ask(self, ctx: Context, value: Any) -> Any:
        assert ctx.connection is not None
        return await ctx.connection.call("double", [value])

    @method
    def whoami(self, ctx: Context) -> Any:
        return ctx.identity


class ClientTestCase(TestCase):
    """A server that can be stopped and started again on the same port."""

    timeout = 60

    def setUp(self) -> None:
        self.things = Things()
        self.clients: list[Client] = []
        self.port: IListeningPort | None = None
        self.number = 0
        self.server = self.make_server()

    def make_server(self) -> Server:
        """A server that exposes the things of this test."""
        server = Server(
            limits=Limits(
                max_in_flight=None,
                max_calls=None,
                max_connections_per_address=None,
                drain_timeout=0.01,
            )
        )
        server.expose("things", self.things)
        return server

    async def serve(self) -> None:
        """Listen: on any port the first time, on the same one after that."""
        self.port = await listen(self.server, f"tcp:{self.number}")
        self.number = listening_port(self.port)

    async def stop(self) -> None:
        """Stop like a process that is killed: every line is reset."""
        if self.port is not None:
            port, self.port = self.port, None
            await maybeDeferred(port.stopListening)
        for line in list(self.server.lines):
            line.abort()
        await until(lambda: not self.server.lines)

    def client(self, to: Any, **options: Any) -> Client:
        """A client that the test closes at its end."""
        options.setdefault("backoff", quick)
        client = connect(to, **options)
        self.clients.append(client)
        return client

    async def open(self, transport: str, **options: Any) -> Client:
        """A connected client, of a server that is started if need be."""
        if self.port is None:
            await self.serve()
        return await self.client(URLS[transport].format(port=self.number), **options)

    def tearDown(self) -> Any:
        """Leave nothing open."""
        return Deferred.fromCoroutine(self._leave_nothing())

    async def _leave_nothing(self) -> None:
        for client in self.clients:
            await client.close()
        for waiting in self.things.waiting:
            if not waiting.called:
                waiting.callback(None)
        await self.stop()
        await until(lambda: not any(client.lines for client in self.clients))
        await deferLater(reactor, 0)
