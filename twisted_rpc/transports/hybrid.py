"""One port for everybody: streams in any framing, HTTP, WebSocket, by their first bytes."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolNegotiationFactory,
)
from zope.interface import implementer

from twisted_rpc.deadline import Deadline
from twisted_rpc.detection import looks_like_http
from twisted_rpc.transports.base import RPCFactory, RPCProtocol
from twisted_rpc.transports.http import HTTPFactory, HTTPProtocol
from twisted_rpc.transports.stream import StreamFactory, StreamProtocol

__all__ = ["HybridFactory", "HybridProtocol"]

_MAY_BE_HTTP = re.compile(rb"[A-Z]{1,20}(?: )?")


@implementer(IProtocolNegotiationFactory)
class HybridFactory(RPCFactory):
    """Serves streams and HTTP on one port.

    Args:
        http: how HTTP is served; streams are told apart by `AutoFramer`.
    """

    def __init__(self, http: HTTPFactory) -> None:
        super().__init__(http.endpoint, http.namespaces)
        self.http = http
        self.streams = StreamFactory(http.endpoint, "auto", http.namespaces)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A protocol for one line."""
        protocol = HybridProtocol()
        protocol.factory = self
        return protocol

    def acceptableProtocols(self) -> list[bytes]:
        """See `HTTPFactory.acceptableProtocols`; streams ask for none."""
        return self.http.acceptableProtocols()


@implementer(IHalfCloseableProtocol)
class HybridProtocol(RPCProtocol):
    """Listens to the first bytes, then leaves the line to who understands them."""

    factory: HybridFactory

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        self._first = b""
        self._silent = Deadline(self.endpoint.clock, self._silent_for_too_long)
        self._silent.set(self.first_timeout)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if not self._first:
            self._silent.set(self.endpoint.limits.request_timeout)
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
        self.wire.close()

    def end(self) -> None:
        """See `RPCProtocol.end`."""
        self._silent.stop()
