"""Bodies of HTTP, as a client sends them and takes them."""

from __future__ import annotations

import zlib
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_rpc.errors import CallError, ProtocolError

__all__ = ["AnswerBody", "RequestBody"]

_GZIP = 16 + zlib.MAX_WBITS
"""What tells zlib to expect the header of gzip (RFC 1952)."""


@implementer(IBodyProducer)
class RequestBody:
    """A request's body, which is there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """Write it."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is written already."""

    def resumeProducing(self) -> None:
        """It is written already."""

    def stopProducing(self) -> None:
        """It is written already."""


class AnswerBody(Protocol):
    """Takes the body of an answer up to a limit.

    What is compressed is never decoded further than that: a few kilobytes of gzip may stand
    for gigabytes.

    Args:
        limit: how many bytes it may have, decoded.
        peer: who answers, for messages.
        gzipped: whether it is compressed (RFC 9110, section 8.4.1.3).

    Attributes:
        whole: fires with the body, or fails.  Cancelling it gives up the line.
    """

    def __init__(self, limit: int, peer: str, *, gzipped: bool) -> None:
        self.whole: Deferred[bytes] = Deferred(self._give_up)
        self._limit = limit
        self._peer = peer
        self._gzipped = gzipped
        self._member: Any = None  # of gzip, which has begun and not ended
        self._size = 0
        self._chunks: list[bytes] = []

    def connectionMade(self) -> None:
        """It begins to come, be it wanted or not."""
        if self.whole.called:
            self._give_up()

    def dataReceived(self, data: bytes) -> None:
        """A piece of it came."""
        if self.whole.called:
            return
        try:
            decoded = self._decoded(data)
        except zlib.error as error:
            self.refuse(ProtocolError(f"{self._peer} answered in broken gzip: {error}"))
            return
        self._size += len(decoded)
        self._chunks.append(decoded)
        if self._size > self._limit:
            text = f"the answer of {self._peer} has more than {self._limit} bytes (max_message)"
            self.refuse(ProtocolError(text))

    def _decoded(self, data: bytes) -> bytes:
        """What a piece stands for, but no more than shows that it is too much."""
        if not self._gzipped:
            return data
        decoded = bytearray()
        while data:  # one member may follow another (RFC 1952, section 2.2)
            self._member = self._member or zlib.decompressobj(_GZIP)
            room = self._limit - self._size - len(decoded) + 1
            if room == 0:
                break
            decoded += self._member.decompress(data, room)
            data = self._member.unused_data
            if self._member.eof:
                self._member = None
        return bytes(decoded)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has ended; without a length (HTTP/1.0) nobody can tell whether it is whole."""
        if self.whole.called:
            return
        if not reason.check(ResponseDone, PotentialDataLoss):
            self.whole.errback(reason)
        elif self._member is not None:
            text = f"{self._peer} answered in broken gzip: it is cut off"
            self.whole.errback(ProtocolError(text))
        else:
            self.whole.callback(b"".join(self._chunks))

    def refuse(self, error: CallError) -> None:
        """Take no more of it."""
        self._chunks.clear()
        self.whole.errback(error)
        self._give_up()

    def _give_up(self, _: object = None) -> None:
        transport: Any = self.transport
        if transport is not None:
            getattr(transport, "abortConnection", transport.loseConnection)()
