"""The client's end of a WebSocket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_rpc.connection import Connection
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import AuthenticationFailed, ConnectError
from twisted_rpc.transports.base import address_name, hand_over
from twisted_rpc.transports.keep_alive import keep_alive
from twisted_rpc.transports.websocket_line import (
    WebSocketConnection,
    WebSocketLine,
    options_for,
)

__all__ = ["websocket_connector"]

_UNAUTHORIZED = re.compile(r"HTTP/1\.1\s+40[13]\b")
"""A status line, whose reason may name other codes."""

_EXCERPT = 200
"""So much of what is no handshake is told."""


class _ClientFactory(WebSocketClientFactory):
    noisy = False

    def __init__(self, owner: Endpoint, url: str, headers: Mapping[str, str]) -> None:
        super().__init__(url=url, headers=dict(headers), reactor=owner.clock)
        self.endpoint = owner
        self.setProtocolOptions(**options_for(owner.limits))

    def buildProtocol(self, addr: Any) -> Any:
        protocol = _ClientProtocol(self.url)
        protocol.factory = self
        return protocol


class _ClientProtocol(WebSocketLine, WebSocketClientProtocol):  # type: ignore[misc]
    """Carries a `WebSocketConnection`; all of its frames are Autobahn's work."""

    transport: Any
    factory: _ClientFactory
    http_status_line = ""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.ready: Deferred[Connection] = Deferred()
        self._url = url
        self._refusal = ""

    def connectionMade(self) -> None:
        self.endpoint = self.factory.endpoint
        peer = self.transport.getPeer()
        address, self.peer_name = address_name(peer)
        refusal = self.endpoint.admit(self, address)
        if refusal is not None:
            self.ready.errback(ConnectError(f"{self._url}: {refusal}"))
            hand_over(self.transport, Protocol())
            self.transport.abortConnection()
            return
        if isinstance(peer, IPv4Address | IPv6Address):
            keep_alive(self.transport, self.endpoint.limits)
        super().connectionMade()

    def onOpen(self) -> None:
        self.connection = WebSocketConnection(self, self.endpoint, self.peer_name, NO_HEADERS, None)
        self.connection.opened()
        self.ready.callback(self.connection)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.connection is not None:
            self.connection.receive([payload])

    def _fail_connection(self, *args: Any, **options: Any) -> None:
        """Autobahn's word for what RFC 6455 does not allow, or is too long: it is no answer."""
        super()._fail_connection(*args, **options)
        if self.connection is not None:
            self.connection.break_off(options.get("reason") or str(args[-1]))

    def failHandshake(self, reason: str) -> None:
        """Autobahn's own word for a handshake that was refused."""
        self._refusal = reason
        super().failHandshake(reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        said = bytes(self.data or b"")
        super().connectionLost(reason)
        if not self.ready.called:
            is_closed = self._refusal or reason.check(ConnectionDone, ConnectionLost)
            self.ready.errback(self._refused(said) if is_closed else reason)

    def _refused(self, said: bytes) -> ConnectError:
        if _UNAUTHORIZED.match(self.http_status_line):
            return AuthenticationFailed(
                f"{self._url}: {self._refusal}: check user, password or token"
            )
        if self._refusal:
            return ConnectError(f"{self._url}: {self._refusal}")
        excerpt = " ".join(said[:_EXCERPT].decode("utf-8", "replace").split())
        told = f"; it said: {excerpt}" if excerpt else ""
        return ConnectError(f"{self._url}: closed before the WebSocket handshake was over{told}")

    # -- what its connection uses --------------------------------------------------------------

    def send_text(self, messages: list[bytes]) -> None:
        """Send messages, each as one frame."""
        for message in messages:
            self.sendMessage(message, isBinary=False)

    @property
    def _excuses_silence(self) -> bool:
        """See `WebSocketLine`; a server that is busy with calls of ours may not read either."""
        busy = self.connection is not None and self.connection.awaits_answer
        return busy or super()._excuses_silence


def websocket_connector(
    endpoint: IStreamClientEndpoint, url: str, headers: Mapping[str, str]
) -> Callable[[Endpoint], Deferred[Connection]]:
    """A function that connects an `Endpoint` of ours by WebSocket.

    Args:
        endpoint: where to connect to; TLS included, if any.
        url: what the handshake asks for.
        headers: what it says besides.
    """

    def connect(owner: Endpoint) -> Deferred[Connection]:
        connecting: Deferred[Any] = endpoint.connect(_ClientFactory(owner, url, headers))
        return connecting.addCallback(_ready)

    return connect


def _ready(protocol: _ClientProtocol) -> Deferred[Connection]:
    def cancelled(failure: Failure) -> Failure:
        protocol.transport.abortConnection()
        return failure

    return protocol.ready.addErrback(cancelled)
