"""Plain clients for every transport, and the ports they speak to.

The clients know nothing of the package: they frame what they are given and hand out what
comes back, so a mistake on both sides cannot hide.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from msgspec import Struct
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue, succeed
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
)
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_rpc import Server
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["TRANSPORTS", "Closed", "Reply", "Session", "Transport"]


class Reply(NamedTuple):
    """An answer; without a body if the transport says that there is none to give."""

    body: bytes | None
    status: int | None = None
    headers: dict[str, str] | None = None


class Closed(NamedTuple):
    """The line has closed, on a WebSocket with a code."""

    code: int | None = None


class Client(Protocol):
    """One connection from the far side."""

    transport: Any

    def __init__(self) -> None:
        self.events: DeferredQueue[Reply | Closed] = DeferredQueue()
        self.ready: Deferred[None] = succeed(None)
        self.lost: Deferred[None] = Deferred()
        self.code: int | None = None
        self.buffer = b""

    def frame(self, message: bytes) -> bytes:
        """The bytes that carry a message."""
        raise NotImplementedError

    def take(self) -> Reply | None:
        """Take one whole answer off the buffer, if it is there."""
        raise NotImplementedError

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        while (reply := self.take()) is not None:
            self.events.put(reply)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.buffer:
            self.events.put(Reply(self.buffer))  # a piece of an answer: nobody expects it
        self.events.put(Closed(self.code))
        self.lost.callback(None)

    def take_bytes(self, start: int, end: int) -> Reply | None:
        """The body from `start` to `end`, once it has come; what follows it remains."""
        if len(self.buffer) < end:
            return None
        body, self.buffer = self.buffer[start:end], self.buffer[end:]
        return Reply(body)


class LineClient(Client):
    """A line each way."""

    def frame(self, message: bytes) -> bytes:
        return message + b"\n"

    def take(self) -> Reply | None:
        body, newline, rest = self.buffer.partition(b"\n")
        if not newline:
            return None
        self.buffer = rest
        return Reply(body)


class StreamClient(Client):
    """Values with nothing between them; what does not end by itself ends with its line."""

    def frame(self, message: bytes) -> bytes:
        return message if message[:1] in (b"{", b"[") else message + b"\n"

    def take(self) -> Reply | None:
        text = self.buffer.decode().lstrip()
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            self.buffer = text.encode()
            return None
        self.buffer = text[end:].lstrip().encode()
        return Reply(text[:end].encode())


class HeaderClient(Client):
    """A Content-Length header, as in the Language Server Protocol."""

    def frame(self, message: bytes) -> bytes:
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)

    def take(self) -> Reply | None:
        head = re.match(rb"Content-Length: (\d+)\r\n\r\n", self.buffer)
        return self.take_bytes(head.end(), head.end() + int(head[1])) if head else None


class NetstringClient(Client):
    """`LENGTH:MESSAGE,`."""

    def frame(self, message: bytes) -> bytes:
        return b"%d:%b," % (len(message), message)

    def take(self) -> Reply | None:
        head = re.match(rb"(\d+):", self.buffer)
        end = head.end() + int(head[1]) if head else 0
        if head is None or self.buffer[end : end + 1] != b",":
            return None
        reply = self.take_bytes(head.end(), end)
        self.buffer = self.buffer[1:]
        return reply


class HTTPClient(Client):
    """A POST for each message, all on one connection, pipelined when sent together."""

    def frame(self, message: bytes) -> bytes:
        head = "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (head.encode(), len(message), message)

    def take(self) -> Reply | None:
        head, end, _ = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}
        start = len(head) + 4
        reply = self.take_bytes(start, start + int(headers.get("content-length", "0")))
        if reply is None:
            return None
        return Reply(reply.body or None, int(first.split(" ")[1]), headers)


class WebSocketClient(Client):
    """Text frames, masked with a key of zeros, which leaves them legible."""

    opcode: ClassVar[int] = 1
    piece: ClassVar[int] = 1 << 30

    def __init__(self) -> None:
        super().__init__()
        self.ready = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(
            b"GET /rpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def frame(self, message: bytes) -> bytes:
        pieces = [message[i : i + self.piece] for i in range(0, len(message), self.piece)] or [b""]
        frames = []
        for index, piece in enumerate(pieces):
            first = (self.opcode if index == 0 else 0) | (0x80 if index == len(pieces) - 1 else 0)
            frames.append(_masked(first, piece))
        return b"".join(frames)

    def dataReceived(self, data: bytes) -> None:
        if self.ready.called:
            super().dataReceived(data)
            return
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if end:
            assert head.startswith(b"HTTP/1.1 101 "), head
            self.buffer = b""
            self.ready.callback(None)
            super().dataReceived(rest)

    def take(self) -> Reply | None:
        if len(self.buffer) < 2:
            return None
        kind, size, start = self.buffer[0], self.buffer[1], 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(self.buffer[2:start], "big")
        reply = self.take_bytes(start, start + size)
        if kind == 0x88 and reply is not None:
            self._closed(reply.body or b"")
            return None
        assert kind == 0x81, f"neither text nor close: {kind:x}"
        return reply

    def _closed(self, payload: bytes) -> None:
        self.code = int.from_bytes(payload[:2], "big")
        self.transport.write(_masked(0x88, payload[:2]))


class WebSocketBinaryClient(WebSocketClient):
    """Binary messages in fragments."""

    opcode = 2
    piece = 7


def _masked(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return bytes([first]) + length + bytes(4) + payload


class Transport(Struct, frozen=True):
    """How a conversation is carried.

    Attributes:
        name: its own.
        kinds: all the names a conversation may select it by.
        client: the far side; None for `Server.dispatch` itself.
        factory: what serves it on a port.
    """

    name: str
    kinds: frozenset[str]
    client: Callable[[], Client] | None = None
    factory: Callable[[Server], IProtocolFactory] | None = None


def _transports() -> list[Transport]:
    found = [Transport("memory", frozenset({"memory"}))]
    streams = {
        "line": LineClient,
        "stream": StreamClient,
        "header": HeaderClient,
        "netstring": NetstringClient,
    }
    for framing, stream in streams.items():
        found += _with_hybrid(framing, {"tcp"}, stream, _stream_factory(framing))
    found += _with_hybrid("http", set(), HTTPClient, HTTPFactory)
    found += _with_hybrid("websocket", {"text"}, WebSocketClient, _websocket_factory)
    binary = frozenset({"websocket", "binary", "websocket_binary"})
    found.append(Transport("websocket_binary", binary, WebSocketBinaryClient, _websocket_factory))
    return found


def _with_hybrid(
    name: str, kinds: set[str], client: Callable[[], Client], factory: Callable[[Server], Any]
) -> list[Transport]:
    kinds = kinds | {name}
    hybrid = frozenset(kinds | {"hybrid", f"hybrid_{name}"})
    return [
        Transport(name, frozenset(kinds), client, factory),
        Transport(f"hybrid_{name}", hybrid, client, lambda s: HybridFactory(HTTPFactory(s))),
    ]


def _stream_factory(framing: str) -> Callable[[Server], StreamFactory]:
    return lambda server: StreamFactory(server, framing)


def _websocket_factory(server: Server) -> HTTPFactory:
    return HTTPFactory(server, posts=False)


TRANSPORTS = {transport.name: transport for transport in _transports()}
"""Every transport by its name."""


class Session:
    """A server on one transport, and one client of it at a time.

    Args:
        server: what answers; it is drained in the end.
        transport: how it is reached.
    """

    def __init__(self, server: Server, transport: Transport) -> None:
        self.transport = transport
        self._server = server
        self._port: IListeningPort | None = None
        self._client: Client | None = None
        self._dispatched: deque[Deferred[bytes | None]] = deque()

    async def open(self) -> None:
        """Listen, and connect."""
        if self.transport.factory is not None:
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
            self._port = await endpoint.listen(self.transport.factory(self._server))
            await self.connect()

    async def connect(self) -> None:
        """Begin a new line."""
        if self._port is not None:
            assert self.transport.client is not None
            address: Any = self._port.getHost()
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", address.port)
            self._client = await connectProtocol(endpoint, self.transport.client())
            await self._client.ready

    def send(self, messages: list[bytes]) -> None:
        """Send messages, all in one write."""
        if self._client is None:
            self._dispatched.extend(map(self._server.dispatch, messages))
        else:
            self._client.transport.write(b"".join(map(self._client.frame, messages)))

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are no frame."""
        assert self._client is not None, "there are no bytes in memory"
        self._client.transport.write(data)

    def end(self) -> None:
        """Close our half of the line."""
        assert self._client is not None, "there are no lines in memory"
        self._client.transport.loseWriteConnection()

    async def receive(self) -> Reply | Closed:
        """The next thing to come."""
        if self._client is None:
            return Reply(await self._dispatched.popleft())
        return await self._client.events.get()

    async def close(self) -> None:
        """Leave nothing open."""
        if self._client is not None:
            self._client.transport.abortConnection()
            await self._client.lost
        if self._port is not None:
            stopped: Any = self._port.stopListening()
            await stopped
        await self._server.drain()
