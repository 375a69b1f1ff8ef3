"""TCP, Unix sockets, TLS, standard input and output: a stream of framed messages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc import codec
from twisted_rpc.connection import Connection
from twisted_rpc.deadline import Deadline
from twisted_rpc.detection import FRAMINGS, looks_like_http
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import Busy, ParseError, RequestTimeout, RequestTooBig, RPCError
from twisted_rpc.framing import Framer
from twisted_rpc.transports.base import RPCFactory, RPCProtocol
from twisted_rpc.transports.wire import Wire

__all__ = ["StreamConnection", "StreamFactory", "StreamProtocol", "refused"]

_BLANK = b" \t\r\n"
_LONGEST_OPENING = 24
"""By so many bytes it is certain whether a stream begins like an HTTP request."""


def refused(framer: Framer, refusal: str) -> bytes:
    """What a line is told that is one too many."""
    return framer.frame(codec.error_answer(Busy(refusal)))


class StreamConnection(Connection):
    """A connection over a stream of framed messages."""

    transport: ClassVar[str] = "tcp"

    __slots__ = ("_arrival", "_is_closing", "_speaks_json", "_unreadable", "_wire", "framer")

    def __init__(self, owner: Endpoint, peer: str, framer: Framer, wire: Wire) -> None:
        super().__init__(owner, peer)
        self.framer = framer
        self._wire = wire
        self._unreadable: RPCError | None = None
        self._is_closing = False
        self._speaks_json = not owner.answers_rubbish  # a client breaks off by itself
        self._arrival = Deadline(owner.clock, self._arrival_expired)

    def bytes_received(self, data: bytes) -> None:
        """Cut what arrived into messages and handle them."""
        self._wire.traffic.received += len(data)
        if self._unreadable is not None or self._is_closing:
            return  # it was answered for the last time
        framer = self.framer
        messages = framer.feed(data)
        if framer.found is not None:
            self.framer = framer = framer.found
        if messages:
            if not (self._speaks_json or self._begins_well(messages[0])):
                return
            self.receive(messages)
            if self._is_closing:
                return
        if framer.failed is not None:
            self._stop_reading_for(framer.failed)
        elif framer.partial:
            if messages or self._arrival.at is None:
                self._arrival.set(self._limits.request_timeout)
        elif self._arrival.at is not None:
            self._arrival.clear()

    def input_ended(self) -> None:
        """The far side has closed its half: what it left without an end is its last message."""
        self._arrival.clear()
        if self._is_closing:
            self._wire.close()
        if self._is_closing or self._unreadable is not None:
            return
        rest = self.framer.finish()
        if rest:
            self.receive(rest)
        if self.framer.failed is not None:
            self.refuse(self.framer.failed)
        self.end_input()

    def close(self) -> None:
        """See `Connection.close`."""
        self.check_thread("close")
        self._broadcasts.send()
        if self._is_closing:
            return
        self._is_closing = True
        if self._unreadable is not None:
            self.refuse(self._unreadable)
            self._wire.close_unread()
        else:
            self._wire.close()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self.check_thread("abort")
        self._broadcasts.send()
        self._wire.abort()

    def lost(self) -> None:
        """See `Connection.lost`."""
        self._arrival.stop()
        super().lost()

    def _begins_well(self, message: bytes) -> bool:
        """Whether the first message may be one; if not, nothing of this stream is run.

        Browsers can be made to send bytes of a page's choice here behind a beginning that
        is theirs: a request of HTTP, a handshake of TLS.
        """
        self._speaks_json = message.lstrip(_BLANK)[:1] in (b"{", b"[")
        if not self._speaks_json:
            self._stop_reading_for(ParseError("a stream has to begin with an object or an array"))
        return self._speaks_json

    def _stop_reading_for(self, error: RPCError) -> None:
        """Answer what can still be answered, then this error, then close."""
        if not self._owner.answers_rubbish:
            self.break_off(str(error.data))
        elif self._unreadable is None:
            self._unreadable = error
            if isinstance(error, RequestTooBig):
                self._owner.counters.hit("max_message")
            self._arrival.clear()
            self.end_input()

    def _arrival_expired(self) -> None:
        seconds = self._limits.request_timeout
        text = f"the message was not complete after {seconds:g} seconds (request_timeout)"
        self._owner.counters.hit("request_timeout")
        self._stop_reading_for(RequestTimeout(text))

    def _clue(self) -> str:
        """See `Connection._clue`; node-jsonrpc2 ends its messages with nothing."""
        if not self.framer.partial:
            return super()._clue()
        return f"; half a message has come: is the framing {self.framer.name!r} right?"

    def _limit_messages(self, size: int | None, name: str) -> None:
        """See `Connection._limit_messages`."""
        self.framer.set_limit(size or 1 << 62, name)

    def _accepts_unasked(self, size: int) -> bool:
        return self._wire.accepts_unasked(size)

    @property
    def framing(self) -> str:
        """See `Connection.framing`."""
        return "" if self._tracing else self.framer.name

    def framed(self, messages: list[bytes]) -> bytes:
        """See `Connection.framed`."""
        return self.framer.frame_all(messages)

    def push(self, frames: bytes, messages: int) -> None:
        """See `Connection.push`."""
        if self._wire.accepts_unasked(len(frames)):
            self._wire.write(frames)

    def _write(self, messages: list[bytes]) -> None:
        self._wire.write(self.framer.frame_all(messages))

    def _set_reading(self, reading: bool) -> None:
        # The time a message takes to arrive does not run while we are not listening.
        if not reading:
            self._arrival.clear()
        elif self.framer.partial:
            self._arrival.set(self._limits.request_timeout)
        self._wire.set_reading(reading)


@implementer(IHalfCloseableProtocol)
class StreamProtocol(RPCProtocol):
    """Carries a `StreamConnection`.

    Args:
        framing: a name in `FRAMINGS`.
        admitted: see `RPCProtocol`.
    """

    def __init__(self, framing: str, *, admitted: bool = False) -> None:
        super().__init__(admitted=admitted)
        self._framing = framing
        self._opening: bytes | None = b""

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        limit = self.endpoint.limits.max_message or 1 << 62
        framer = FRAMINGS[self._framing](limit)
        self.connection = StreamConnection(self.endpoint, self.peer, framer, self.wire)
        self.introduce(self.connection)
        self.connection.line = self
        self.connection.opened()

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._opening is not None and self._begins_like_http(data):
            self._log.info("{peer} speaks HTTP on a stream port: closed", peer=self.peer)
            self.wire.abort()
            return
        self.connection.bytes_received(data)
        if self._opening is None:  # nothing is left to be done here
            self.dataReceived = self.connection.bytes_received  # type: ignore[method-assign]

    def _begins_like_http(self, data: bytes) -> bool:
        """Whether this is a web page's request to a port that is not for it."""
        assert self._opening is not None
        self._opening += data[:_LONGEST_OPENING]
        if looks_like_http(self._opening):
            return True
        if len(self._opening) >= _LONGEST_OPENING:
            self._opening = None
        return False

    def congested(self, congested: bool) -> None:
        """See `RPCProtocol.congested`."""
        if self.begun:
            self.connection.congested(congested)

    def too_many(self, refusal: str) -> None:
        """See `RPCProtocol.too_many`."""
        self.wire.write(refused(FRAMINGS[self._framing](0), refusal))

    def drain(self) -> None:
        """See `ILine.drain`."""
        if self.begun:
            self.connection.drain()
        else:
            self.wire.abort()

    def readConnectionLost(self) -> None:
        """The far side has closed its half and still reads."""
        self.connection.input_ended()

    def writeConnectionLost(self) -> None:
        """Our half is closed: by us, or because nobody reads our standard output any more."""
        if not self.wire.is_closing:
            self.transport.connectionLost(Failure(ConnectionLost()))

    def end(self) -> None:
        """See `RPCProtocol.end`."""
        self.connection.lost()


class StreamFactory(RPCFactory):
    """Serves one framing on every line.

    Args:
        endpoint: what the lines belong to.
        framing: a name in `FRAMINGS`.
        namespaces: see `RPCFactory`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        framing: str = "line",
        namespaces: Collection[str] | None = None,
    ) -> None:
        super().__init__(endpoint, namespaces)
        self.framing = framing

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A protocol for one line."""
        protocol = StreamProtocol(self.framing)
        protocol.factory = self
        return protocol
