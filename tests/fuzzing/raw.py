"""Raw bytes on one transport: whole and in pieces the same answers, and no line is stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock

from tests.fuzzing.inputs import Input
from tests.fuzzing.transcripts import Unsound, transcript
from tests.players import TRANSPORTS, WebSocketClient
from tests.transports.harness import Line, turn
from twisted_rpc import Limits, Server

__all__ = ["Raw"]

LIMITS = Limits(max_message=4000)
_PONG = b"the answer to a good call"
_PING = b'{"jsonrpc":"2.0","method":"echo","params":["%b"],"id":0}' % _PONG
_QUIET = 4
"""Turns of the reactor without a byte, after which nothing more is coming by itself."""
_LONG = (31.0, 3.0, 3.0, 125.0, 3.0, 3.0, 25.0)
"""Seconds that pass for a line on which a good call is not answered, until it has to be closed."""


class Raw:
    """A server on one transport, whose time stands still until it is moved.

    Args:
        carrier: the transport's name.
        serve: makes a server.
    """

    def __init__(self, carrier: str, serve: Callable[..., Server]) -> None:
        self._carrier = carrier
        self._clock = Clock()
        self._server = serve(LIMITS, self._clock)
        self._port: IListeningPort

    async def open(self) -> None:
        """Listen."""
        make = TRANSPORTS[self._carrier].factory
        assert make is not None
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._port = await endpoint.listen(make(self._server))

    async def close(self) -> None:
        """Leave nothing open."""
        stopped: Any = self._port.stopListening()
        await stopped
        for line in list(self._server.lines):
            line.abort()
        await turn(3)

    async def fault_of(self, tried: Input) -> str | None:
        """Send bytes whole, then in their pieces; what is wrong with what comes back."""
        try:
            whole = await self._answers((tried.data,))
            pieces = whole if len(tried.pieces) == 1 else await self._answers(tried.pieces)
        except Unsound as fault:
            return f"over {self._carrier}: {fault}"
        if whole != pieces:
            return f"over {self._carrier}: {whole!r} for the whole, {pieces!r} for its pieces"
        return None

    async def _answers(self, pieces: tuple[bytes, ...]) -> list[Any]:
        line = await self._connect()
        for piece in pieces:
            line.send(piece)
            await turn(2)
        await self._settle(line)
        line.send(self._frame(_PING))
        await self._settle(line)
        if _PONG in line.received:
            line.half_close()
            await self._settle(line)
        for seconds in _LONG:
            if not line.lost:
                self._clock.advance(seconds)
                await self._settle(line)
        await self._look_for_remains(line)
        return transcript(self._carrier, line.received, b"".join(pieces) + _PONG)

    async def _connect(self) -> _Reader:
        address: Any = self._port.getHost()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", address.port)
        line: _Reader = await connectProtocol(endpoint, _Reader())
        if self._carrier == "websocket":
            client = WebSocketClient()
            client.makeConnection(line.transport)
            while b"\r\n\r\n" not in line.received:
                await turn()
            line.received = line.received.partition(b"\r\n\r\n")[2]
        return line

    def _frame(self, message: bytes) -> bytes:
        make = TRANSPORTS[self._carrier].client
        assert make is not None
        frame = make().frame(message)
        # What is left of a line before it is not to spoil it.
        return b"\n" + frame if self._carrier in ("line", "hybrid_line", "stream") else frame

    async def _settle(self, line: _Reader) -> None:
        quiet = 0
        while quiet < _QUIET and not line.lost:
            before = len(line.received)
            await turn()
            quiet = quiet + 1 if len(line.received) == before else 0

    async def _look_for_remains(self, line: _Reader) -> None:
        stuck = not line.lost
        line.abort()
        await turn(3)
        if stuck:
            raise Unsound(f"no answer to a good call, nor an end of the line: {line.received!r}")
        if self._server.lines or self._server.connections:
            raise Unsound(f"{[*self._server.lines, *self._server.connections]} is left")
        if self._clock.getDelayedCalls():
            raise Unsound(f"{self._clock.getDelayedCalls()} is left")


class _Reader(Line):
    """Closes its half when the server has closed its own, as most clients do."""

    def readConnectionLost(self) -> None:
        super().readConnectionLost()
        self.transport.loseConnection()
