"""A small proxy of the web: it forwards requests for http, and tunnels by CONNECT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.client.harness import reactor

__all__ = ["WebProxy"]


class WebProxy(Factory):
    """The only one who knows the way.

    Args:
        ways: from HOST:PORT, as it is asked for, to a port of loopback.
        authorization: what `Proxy-Authorization` has to say.

    Attributes:
        asked: the first line of each request.
    """

    noisy = False

    def __init__(self, ways: Mapping[str, int], authorization: str | None = None) -> None:
        self.ways = ways
        self.authorization = authorization
        self.asked: list[str] = []
        self.lines: set[_Near] = set()

    def buildProtocol(self, addr: Any) -> _Near:
        return _Near(self)


class _Far(Protocol):
    """The line to the server: what comes is passed back."""

    transport: Any

    def __init__(self, near: _Near) -> None:
        self._near = near

    def dataReceived(self, data: bytes) -> None:
        self._near.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._near.transport.loseConnection()


class _Near(Protocol):
    """The line of a client: one request, and then whatever it says."""

    transport: Any

    def __init__(self, proxy: WebProxy) -> None:
        self._proxy = proxy
        self._head = b""
        self._far: _Far | None = None
        self._asked = False

    def connectionMade(self) -> None:
        self._proxy.lines.add(self)

    def dataReceived(self, data: bytes) -> None:
        if self._far is not None:
            self._far.transport.write(data)
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end and not self._asked:
            self._asked = True
            self._go(head.decode("latin-1"), rest)

    def _go(self, head: str, rest: bytes) -> None:
        first, _, fields = head.partition("\r\n")
        self._proxy.asked.append(first)
        wanted = self._proxy.authorization
        if wanted is not None and f"Proxy-Authorization: {wanted}" not in fields.split("\r\n"):
            self._refuse("407 Proxy Authentication Required")
            return
        tunnel = re.fullmatch(r"CONNECT (\S+) HTTP/1.1", first)
        forward = re.fullmatch(r"(\w+) http://([^/\s]+)(\S*) HTTP/1.1", first)
        if tunnel is not None:
            self._connect(tunnel[1], b"HTTP/1.1 200 Here you are\r\nX: y\r\n\r\n", b"")
        elif forward is not None:
            # One request a line, for the next may be for somebody else.
            said = f"{forward[1]} {forward[3]} HTTP/1.1\r\n{fields}\r\nConnection: close\r\n\r\n"
            self._connect(forward[2], b"", said.encode("latin-1") + rest)
        else:
            self._refuse("400 Bad Request")

    def _connect(self, place: str, back: bytes, forth: bytes) -> None:
        if place not in self._proxy.ways:
            self._refuse("502 Bad Gateway")
            return
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._proxy.ways[place])
        connecting: Any = connectProtocol(endpoint, _Far(self))
        connecting.addCallback(self._connected, back, forth)

    def _connected(self, far: _Far, back: bytes, forth: bytes) -> None:
        self._far = far
        self.transport.write(back)
        far.transport.write(forth)

    def _refuse(self, status: str) -> None:
        self.transport.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._proxy.lines.discard(self)
        if self._far is not None:
            self._far.transport.loseConnection()
