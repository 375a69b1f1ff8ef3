"""Requests that are not RPC's, answered by a `twisted.web` site on the same line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport, ITransport
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from zope.interface import directlyProvides, implementer

from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.wire import Wire

__all__ = ["SiteBridge"]


@implementer(ITransport)
class _Transport:
    """Our side, as `twisted.web` sees it: writes pass through, closing is ours to do."""

    disconnecting = False

    def __init__(self, transport: Any, wire: Wire) -> None:
        self._transport = transport
        self._wire = wire
        if ISSLTransport.providedBy(transport):
            directlyProvides(self, ISSLTransport)

    def write(self, data: bytes) -> None:
        self._wire.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self._wire.write(b"".join(data))

    def loseConnection(self) -> None:
        """Asked for by the channel, which tells `answered` as well."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """It is set already."""

    def abortConnection(self) -> None:
        self._wire.abort()

    def getPeer(self) -> Any:
        return self._transport.getPeer()

    def getHost(self) -> Any:
        return self._transport.getHost()


class SiteBridge:
    """Hands whole requests of one line to a site, one after the other.

    Args:
        site: made by `site_for`.
        transport, wire: the line.
        done: told when a request is answered, and whether the line stays open.

    Attributes:
        is_busy: whether a request is being answered.
    """

    def __init__(self, site: Any, transport: Any, wire: Wire, done: Callable[[bool], None]) -> None:
        self.is_busy = False
        self._done = done
        self._channel = site.buildProtocol(transport.getPeer())
        self._channel.answered = self._answered
        self._channel.makeConnection(_Transport(transport, wire))

    @staticmethod
    def site_for(resource: IResource) -> Any:
        """A site for a resource."""
        from twisted_rpc.transports.channel import site_for

        return site_for(resource)

    def forward(self, exchange: Exchange) -> None:
        """Let the site answer a request."""
        self.is_busy = True
        self._channel.identity = exchange.identity
        self._channel.dataReceived(exchange.whole())

    def _answered(self, keep_alive: bool) -> None:
        self.is_busy = False
        self._done(keep_alive)

    def congested(self, congested: bool) -> None:
        """Slow the site down, or let it go on."""
        if congested:
            self._channel.pauseProducing()
        else:
            self._channel.resumeProducing()

    def lost(self) -> None:
        """The line is down."""
        self._channel.stopProducing()
        self._channel.connectionLost(Failure(ConnectionDone()))
