"""Servers on loopback ports, and clients that send and collect raw bytes.

Sockets use the reactor; deadlines go by a `Clock` that the test turns.  Clients live in
the same reactor, so nothing blocks, and wait for what they expect with `until`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
)
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IListeningPort,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.helpers import request
from twisted_rpc import Connection, Context, Limits, Server

__all__ = ["Line", "TransportTestCase", "listening_port", "turn", "until"]

reactor: Any = installed_reactor

PATIENCE = 10.0
"""Seconds after which what was waited for is not going to come."""


AT_ONCE = Limits(auth_delay=None, max_auth_attempts=None)
"""Failed logins are told at once, however many there are."""


async def turn(turns: int = 1) -> None:
    """Let the reactor go round."""
    for _ in range(turns):
        await deferLater(reactor, 0)


async def until(condition: Callable[[], object], what: str = "nothing came of it") -> None:
    """Wait until a condition holds."""
    end = reactor.seconds() + PATIENCE
    while not condition():
        if reactor.seconds() > end:
            raise AssertionError(what)
        await deferLater(reactor, 0.001)


@implementer(IHalfCloseableProtocol)
class Line(Protocol):
    """A raw client.

    Attributes:
        received: what came and was not taken yet.
        ended: whether the far side has closed its half, or all.
        lost: whether the line is down.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.ended = False
        self.lost = False

    def connectionMade(self) -> None:
        # Or the kernel would put pieces together again that a test sends apart.
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def readConnectionLost(self) -> None:
        self.ended = True

    def writeConnectionLost(self) -> None:
        """Our half is closed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = self.lost = True

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    async def send_bytewise(self, data: bytes) -> None:
        """Send bytes one by one, and let the far side read each by itself."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
            await turn(2)

    def half_close(self) -> None:
        """Send no more."""
        self.transport.loseWriteConnection()

    def abort(self) -> None:
        """Close now."""
        self.transport.abortConnection()

    def stop_reading(self) -> None:
        """Leave what comes in the socket."""
        self.transport.pauseProducing()

    def read_on(self) -> None:
        """Read again."""
        self.transport.resumeProducing()

    async def take(self, size: int) -> bytes:
        """So many of the bytes that come."""
        await until(lambda: len(self.received) >= size or self.ended, self._state())
        if len(self.received) < size:
            raise AssertionError(self._state())
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    async def take_through(self, end: bytes) -> bytes:
        """What comes up to and with these bytes."""
        await until(lambda: end in self.received or self.ended, self._state())
        if end not in self.received:
            raise AssertionError(f"no {end!r}: {self._state()}")
        return await self.take(self.received.index(end) + len(end))

    async def line(self) -> Any:
        """The next line, decoded."""
        return json.loads(await self.take_through(b"\n"))

    async def rest(self) -> bytes:
        """All that comes until the far side closes its half."""
        await until(lambda: self.ended, "the far side has not closed")
        rest, self.received = self.received, b""
        return rest

    async def reset(self) -> None:
        """See that the far side does not even listen any more: what comes is answered so."""

        def is_reset() -> bool:
            self.send(b"\n")
            return self.lost

        await until(is_reset, "the far side still takes bytes")

    def _state(self) -> str:
        return f"ended={self.ended} received={self.received[:500]!r}"


class Methods:
    """What the server of a test exposes.

    Attributes:
        ran: the method calls in the order in which they began.
        waiting: calls of `wait` that the test lets end.
    """

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.waiting: list[Deferred[Any]] = []

    def echo(self, value: Any = None) -> Any:
        self.ran.append("echo")
        return value

    def wait(self, context: Context) -> Deferred[Any]:
        self.ran.append("wait")
        waiting: Deferred[Any] = Deferred()
        self.waiting.append(waiting)
        return waiting

    def blob(self, size: int) -> str:
        self.ran.append("blob")
        return "x" * size

    def whoami(self, context: Context) -> list[Any]:
        connection = context.connection
        assert isinstance(connection, Connection)
        return [context.identity, connection.transport, connection.full_duplex]

    def header(self, name: str, context: Context) -> str | None:
        return context.headers.get(name)

    async def ask(self, context: Context, times: int = 1) -> list[Any]:
        """Call the client back."""
        connection = context.connection
        assert isinstance(connection, Connection)
        return [await connection.call("client.ask", [number]) for number in range(times)]


class TransportTestCase(TestCase):
    """Tests against one server on loopback.

    Attributes:
        limits: of the server.
        clock: the server's time.
        methods: what it exposes.
    """

    timeout = 60
    limits: ClassVar[Limits] = Limits()

    def setUp(self) -> None:
        self.clock = Clock()
        self.lines: list[Line] = []
        self.ports: list[IListeningPort] = []
        self.server = self.make_server()

    def make_server(self) -> Server:
        """The server of this test, with its methods."""
        self.methods = Methods()
        server = Server(limits=self.limits, reactor=self.clock)
        for name in ("echo", "wait", "blob", "whoami", "header", "ask"):
            server.expose(name, getattr(self.methods, name))
        return server

    def tearDown(self) -> Any:
        """Leave nothing open, and see that the server counted every line out."""
        return Deferred.fromCoroutine(self._leave_nothing())

    async def _leave_nothing(self) -> None:
        for line in self.lines:
            if not line.lost:
                line.abort()
        for waiting in self.methods.waiting:
            if not waiting.called:
                waiting.callback(None)
        for port in self.ports:
            await maybeDeferred(port.stopListening)
        await until(lambda: all(line.lost for line in self.lines), "a client is left")
        await until(lambda: not self.server.lines, f"lines are left: {self.server.lines}")
        self.assertEqual(dict(self.server.connections), {})
        self.assertEqual((self.server.lines.strangers, self.server.lines.sources), (0, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [], "a timer is left")

    async def listen(
        self, factory: IProtocolFactory, endpoint: IStreamServerEndpoint | None = None
    ) -> IListeningPort:
        """Serve, on a free port of 127.0.0.1 unless said otherwise."""
        endpoint = endpoint or TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port: IListeningPort = await endpoint.listen(factory)
        self.ports.append(port)
        return port

    async def connect(
        self, port: IListeningPort | None = None, endpoint: IStreamClientEndpoint | None = None
    ) -> Line:
        """A raw client, of the first port unless said otherwise."""
        number = listening_port(port or self.ports[0]) if endpoint is None else 0
        endpoint = endpoint or TCP4ClientEndpoint(reactor, "127.0.0.1", number)
        line: Line = await connectProtocol(endpoint, Line())
        self.lines.append(line)
        return line

    def served(self) -> Any:
        """The server's protocol on the only line there is."""
        (line,) = self.server.lines
        return line

    async def gone(self) -> None:
        """Wait until the server has closed every line, though no client closed its own."""
        await until(lambda: not self.server.lines, "the server keeps a line")

    async def answers(self, line: Line, value: Any = "still here") -> None:
        """See that a line-framed client is served."""
        line.send(request("echo", [value], 77) + b"\n")
        self.assertEqual(await line.line(), {"jsonrpc": "2.0", "result": value, "id": 77})

    async def advance(self, seconds: float) -> None:
        """Let the server's time pass, and what comes of it happen."""
        self.clock.advance(seconds)
        await turn(3)

    async def waiting(self, count: int = 1) -> None:
        """Wait until so many calls of `wait` run."""
        await until(lambda: len(self.methods.waiting) >= count, "the calls have not arrived")


def listening_port(port: IListeningPort) -> int:
    """Its number."""
    number: int = port.getHost().port  # type: ignore[attr-defined]
    return number
