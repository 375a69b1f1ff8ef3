"""The client's end of a WebSocket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.connection import Connection
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import AuthenticationFailed, ConnectError
from twisted_rpc.interfaces import ILine
from twisted_rpc.transports.base import address_name
from twisted_rpc.transports.websocket import WebSocketConnection
from twisted_rpc.transports.wire import Wire

__all__ = ["websocket_connector"]


class _ClientFactory(WebSocketClientFactory):
    noisy = False

    def __init__(self, owner: Endpoint, url: str, headers: Mapping[str, str]) -> None:
        super().__init__(url=url, headers=dict(headers), reactor=owner.clock)
        self.endpoint = owner
        limits = owner.limits
        self.setProtocolOptions(
            failByDrop=False,
            maxMessagePayloadSize=limits.max_message or 0,
            maxFramePayloadSize=limits.max_message or 0,
            openHandshakeTimeout=limits.handshake_timeout or 0,
            autoPingInterval=limits.ping_interval or 0,
            autoPingTimeout=limits.ping_timeout or 0,
        )

    def buildProtocol(self, addr: Any) -> Any:
        protocol = _ClientProtocol(self.url)
        protocol.factory = self
        return protocol


@implementer(ILine)
class _ClientProtocol(WebSocketClientProtocol):
    """Carries a `WebSocketConnection`; all of its frames are Autobahn's work."""

    transport: Any
    factory: _ClientFactory

    def __init__(self, url: str) -> None:
        super().__init__()
        self.ready: Deferred[Connection] = Deferred()
        self._url = url
        self._connection: WebSocketConnection | None = None
        self._refusal = ""

    def connectionMade(self) -> None:
        super().connectionMade()
        endpoint = self.factory.endpoint
        address, self.peer_name = address_name(self.transport.getPeer())
        endpoint.admit(self, address)
        self.wire = Wire(self.transport, endpoint.limits, endpoint.clock, self.congested)

    def onOpen(self) -> None:
        self._connection = WebSocketConnection(
            self, self.factory.endpoint, self.peer_name, NO_HEADERS, None
        )
        self._connection.opened()
        self.ready.callback(self._connection)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._connection is not None:
            self._connection.receive([payload])

    def failHandshake(self, reason: str) -> None:
        """Autobahn's own word for a handshake that was refused."""
        self._refusal = reason
        super().failHandshake(reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        if self.closeHandshakeTimeoutCall is not None:  # Autobahn leaves it to run out
            self.closeHandshakeTimeoutCall.cancel()
            self.closeHandshakeTimeoutCall = None
        self.wire.stop()
        self.factory.endpoint.release(self)
        if self._connection is not None:
            self._connection.lost()
        if not self.ready.called:
            self.ready.errback(self._refused() if self._refusal else reason)

    def _refused(self) -> ConnectError:
        if re.search(r"\b40[13]\b", self._refusal):
            return AuthenticationFailed(f"{self._url}: {self._refusal}: check user and password")
        return ConnectError(f"{self._url}: {self._refusal}")

    # -- what its connection uses --------------------------------------------------------------

    def send_text(self, messages: list[bytes]) -> None:
        """Send messages, each as one frame."""
        for message in messages:
            self.sendMessage(message, isBinary=False)

    def set_reading(self, reading: bool) -> None:
        """Go on or stop reading."""
        self.wire.set_reading(reading)

    def congested(self, congested: bool) -> None:
        """The far side has stopped, or begun again, to read."""
        if self._connection is not None:
            self._connection.congested(congested)

    def onAutoPingTimeout(self) -> None:
        """No pong came: drop the line, unless the far side may be busy with calls of ours."""
        if self._connection is None or not self._connection.awaits_answer:
            super().onAutoPingTimeout()

    def close(self, code: int) -> None:
        """Begin the closing handshake (RFC 6455, section 7)."""
        if self.state == self.STATE_OPEN:
            self.sendClose(code)

    def drain(self) -> None:
        """See `ILine.drain`."""
        if self._connection is not None:
            self._connection.drain()
        else:
            self.wire.abort()

    def abort(self) -> None:
        """See `ILine.abort`."""
        self.wire.abort()

    def unregisterProducer(self) -> None:
        """Autobahn asks for this before it closes; `Wire.close` does it."""

    def _closeConnection(self, abort: bool = False) -> None:
        if abort:
            self.wire.abort()
        else:
            self.wire.close()


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
        protocol.abort()
        return failure

    return protocol.ready.addErrback(cancelled)
