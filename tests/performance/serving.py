"""A server, its clients and the reactor between them, in one process and in one thread.

Clients are blocking sockets.  One sends, the reactor is turned until it has nothing more to
do, then the client reads: nothing depends on who is faster.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, succeed

import twisted_rpc.transports.websocket  # noqa: F401 - now, and not while something is counted
from tests.transports.certificate import self_signed
from tests.transports.harness import PATIENCE, listening_port
from tests.transports.websocket_client import frame, handshake
from twisted_rpc import Context, Limits, Server, method
from twisted_rpc.config import WebTable
from twisted_rpc.framing import HeaderFramer, NetstringFramer
from twisted_rpc.listener import Listener
from twisted_rpc.transports.listening import Place, factory_for

__all__ = ["TRANSPORTS", "Client", "Methods", "Served", "framed", "work"]

reactor: Any = installed

TRANSPORTS = ("tcp", "netstring", "header", "tls", "http", "websocket")
"""Ways to reach a server that have budgets: `tcp` and `tls` carry lines."""

_HEAD = (
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
_ENOUGH = Limits(
    max_message=8 << 20,
    max_batch=None,
    max_connections=None,
    max_connections_per_address=None,
)


class Methods:
    """What is called: as little as a method can do, in each of the ways of being one."""

    @method
    def add(self, a: int, b: int) -> int:
        return a + b

    @method
    def add_in_context(self, a: int, b: int, ctx: Context) -> int:
        return a + b

    @method
    async def add_as_coroutine(self, a: int, b: int) -> int:
        return a + await succeed(b)

    @method
    def add_later(self, a: int, b: int) -> Deferred[int]:
        later: Deferred[int] = Deferred()
        reactor.callLater(0, later.callback, a + b)
        return later

    @method
    def size(self, text: str) -> int:
        return len(text)


class Served:
    """A server that listens on loopback, in one way.

    Args:
        transport: one of `TRANSPORTS`, or another framing.

    Attributes:
        server: exposes `Methods` as `calc`.
    """

    def __init__(self, transport: str) -> None:
        self.server = Server(limits=_ENOUGH)
        self.server.expose("calc", Methods())
        self._transport = transport
        # The directory is gone with the process.
        self._directory = tempfile.TemporaryDirectory()
        listener = self._listener()
        place = Place(self.server, listener, insecure_public=False, reactor=reactor)
        ports: list[Any] = []
        factory = factory_for(self.server, listener, WebTable(), None)
        place.listen(factory).addCallback(ports.append)
        self._port = listening_port(ports[0])

    def _listener(self) -> Listener:
        kind, endpoint = self._transport, "tcp:0"
        if kind in ("http", "websocket"):
            return Listener(transport=kind, endpoint=endpoint)  # type: ignore[arg-type]
        if kind == "tls":
            path = Path(self._directory.name) / "localhost.pem"
            path.write_bytes(self_signed("localhost"))
            path.chmod(0o600)
            return Listener(transport="tcp", endpoint=endpoint, certificate=str(path))
        framing: Any = "line" if kind == "tcp" else kind
        return Listener(transport="tcp", endpoint=endpoint, framing=framing)

    def connect(self) -> Client:
        """One more client, ready to send."""
        line = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        work()
        if self._transport == "tls":
            line = _encrypted(line)
        client = Client(line)
        if self._transport == "websocket":
            client.send(handshake())
            client.receive(b"\r\n\r\n", 1)
        return client


class Client:
    """A raw client."""

    def __init__(self, line: socket.socket) -> None:
        self.socket = line

    def send(self, data: bytes) -> None:
        """Send bytes and let the server work."""
        self.socket.sendall(data)
        work()

    def receive(self, token: bytes, times: int) -> bytes:
        """Read until something has come so many times.

        Raises:
            AssertionError: it did not.
        """
        received = b""
        while received.count(token) < times:
            try:
                data = self.socket.recv(1 << 20)
            except TimeoutError:
                data = b""
            if not data:
                raise AssertionError(f"not {times} times {token!r} in {received[:500]!r}")
            received += data
        return received


def work() -> None:
    """Let the reactor work until there is nothing left to do for it.

    The first turn waits for what was sent.
    """
    reactor.iterate(PATIENCE)
    settle()


def settle() -> None:
    """Let the reactor work until it would wait."""
    while reactor.getWriters() or reactor.timeout() == 0:
        reactor.iterate(0)


def framed(transport: str, messages: list[bytes]) -> bytes:
    """The bytes that carry these messages to a server."""
    if transport == "http":
        return b"".join([_HEAD % len(message) + message for message in messages])
    if transport == "websocket":
        return b"".join([frame(message) for message in messages])
    if transport == "netstring":
        return NetstringFramer(0).frame_all(messages)
    if transport == "header":
        return HeaderFramer(0).frame_all(messages)
    return b"".join([message + b"\n" for message in messages])


def _encrypted(line: socket.socket) -> ssl.SSLSocket:
    """The line after its handshake, in which both sides are this process."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    line.setblocking(False)
    encrypted = context.wrap_socket(line, do_handshake_on_connect=False)
    while True:
        try:
            encrypted.do_handshake()
        except ssl.SSLWantReadError:
            work()
        else:
            break
    work()
    encrypted.settimeout(PATIENCE)
    return encrypted
