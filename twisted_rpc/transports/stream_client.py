"""The client's end of a stream: TCP, TLS, Unix sockets, a child process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from twisted_rpc.connection import Connection
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.transports.base import RPCFactory
from twisted_rpc.transports.stream import StreamProtocol

__all__ = ["stream_connector"]


class _StreamClientProtocol(StreamProtocol):
    """Tells when the line is ready, which behind TLS is after the handshake."""

    def __init__(self, framing: str) -> None:
        super().__init__(framing)
        self.ready: Deferred[Connection] = Deferred()

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        super().begin()
        self.ready.callback(self.connection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `RPCProtocol.connectionLost`."""
        super().connectionLost(reason)
        if not self.ready.called:
            self.ready.errback(reason)


class _StreamClientFactory(RPCFactory):
    def __init__(self, endpoint: Endpoint, framing: str) -> None:
        super().__init__(endpoint)
        self._framing = framing

    def buildProtocol(self, addr: IAddress | None) -> Any:
        protocol = _StreamClientProtocol(self._framing)
        protocol.factory = self
        return protocol


def stream_connector(
    endpoint: IStreamClientEndpoint, framing: str = "line"
) -> Callable[[Endpoint], Deferred[Connection]]:
    """A function that connects an `Endpoint` of ours by a Twisted client endpoint.

    Args:
        endpoint: where to connect to.
        framing: how messages are told apart; with "auto", ours are lines until the far
            side has sent something else.
    """

    def connect(owner: Endpoint) -> Deferred[Connection]:
        connecting: Deferred[Any] = endpoint.connect(_StreamClientFactory(owner, framing))
        return connecting.addCallback(_ready)

    return connect


def _ready(protocol: _StreamClientProtocol) -> Deferred[Connection]:
    def cancelled(failure: Failure) -> Failure:
        if not protocol.begun:
            protocol.abort()
        return failure

    return protocol.ready.addErrback(cancelled)
