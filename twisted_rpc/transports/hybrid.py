"""One port for everybody: streams in any framing, HTTP, WebSocket, by their first bytes."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolNegotiationFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.deadline import Deadline
from twisted_rpc.detection import FRAMINGS, looks_like_http
from twisted_rpc.transports.base import RPCFactory, RPCProtocol
from twisted_rpc.transports.http import HTTPFactory, HTTPProtocol
from twisted_rpc.transports.patience import LINGER
from twisted_rpc.transports.stream import StreamFactory, StreamProtocol, refused

__all__ = ["HybridFactory", "HybridProtocol"]

_MAY_BE_HTTP = re.compile(rb"[A-Z]{1,20}(?: )?")

_MOST_REFUSED = 100
"""How many lines that are one too many may be heard at a time, to be told so."""

_FIRST_BYTES = 4096
"""So much of what they say decides what they are told."""


@implementer(IProtocolNegotiationFactory)
class HybridFactory(RPCFactory):
    """Serves streams and HTTP on one port.

    Args:
        http: how HTTP is served; streams are told apart by `AutoFramer`.

    Attributes:
        refused: how many lines are heard that are not let in.
    """

    def __init__(self, http: HTTPFactory) -> None:
        super().__init__(http.endpoint, http.namespaces)
        self.http = http
        self.streams = StreamFactory(http.endpoint, "auto", http.namespaces)
        self.urls = self.streams.urls = http.urls  # one port, and one list
        self.refused = 0

    def startFactory(self) -> None:
        """See `HTTPFactory.startFactory`."""
        self.http.startFactory()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A protocol for one line."""
        protocol = HybridProtocol()
        protocol.factory = self
        return protocol

    def acceptableProtocols(self) -> list[bytes]:
        """See `HTTPFactory.acceptableProtocols`; streams ask for none."""
        return self.http.acceptableProtocols()


class _OneTooMany(Protocol):
    """Hears what a far side speaks that is not let in, for `LINGER` at most, and tells it so."""

    def __init__(self, refused: HybridProtocol, refusal: str) -> None:
        self._factory = refused.factory
        self._wire = refused.wire
        self._refusal = refusal
        self._first = b""
        self._silent = Deadline(refused.endpoint.clock, self._wire.close)

    def connectionMade(self) -> None:
        self._factory.refused += 1
        self._silent.set(LINGER)

    def dataReceived(self, data: bytes) -> None:
        if self._wire.is_closing:
            return
        self._first += data[:_FIRST_BYTES]
        if looks_like_http(self._first):
            self._wire.write(self._factory.http.refused(self._refusal))
        elif _MAY_BE_HTTP.fullmatch(self._first) is None:
            framer = FRAMINGS["auto"](_FIRST_BYTES)
            framer.feed(self._first[:_FIRST_BYTES])
            self._wire.write(refused(framer, self._refusal))
        else:
            return
        self._wire.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._factory.refused -= 1
        self._silent.stop()
        self._wire.stop()


@implementer(IHalfCloseableProtocol)
class HybridProtocol(RPCProtocol):
    """Listens to the first bytes, then leaves the line to who understands them."""

    name: ClassVar[str] = ""
    factory: HybridFactory

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        self._first = b""
        self._silent = Deadline(self.endpoint.clock, self._silent_for_too_long)
        self._silent.set(self.first_timeout)
        self._silence = self.first_limit

    def refuse(self, refusal: str) -> Protocol:
        """See `RPCProtocol.refuse`; before it has said anything, nobody knows in which words."""
        if ISSLTransport.providedBy(self.transport) or self.factory.refused >= _MOST_REFUSED:
            return super().refuse(refusal)
        return _OneTooMany(self, refusal)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if not self._first:
            self._silent.set(self.endpoint.limits.request_timeout)
            self._silence = "request_timeout"
        self._first += data
        if looks_like_http(self._first):
            self._leave(HTTPProtocol(admitted=True))
        elif _MAY_BE_HTTP.fullmatch(self._first) is None:
            self._leave_to_stream()

    def _leave_to_stream(self) -> StreamProtocol:
        stream = StreamProtocol("auto", admitted=True)
        self._leave(stream)
        return stream

    def _leave(self, successor: HTTPProtocol | StreamProtocol) -> None:
        is_http = isinstance(successor, HTTPProtocol)
        successor.factory = self.factory.http if is_http else self.factory.streams
        self._silent.stop()
        self.leave_to(successor)
        if self._first:
            successor.dataReceived(self._first)

    def readConnectionLost(self) -> None:
        """The far side has closed its half before it was clear what it speaks."""
        self._leave_to_stream().readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Our half is closed."""

    def _silent_for_too_long(self) -> None:
        self.endpoint.counters.hit(self._silence)
        self.wire.close()

    def end(self) -> None:
        """See `RPCProtocol.end`."""
        self._silent.stop()
