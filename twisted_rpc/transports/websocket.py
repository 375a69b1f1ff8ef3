"""WebSocket: each text or binary message is one JSON-RPC message or batch.

Autobahn does the handshake, control frames, fragments and the closing handshake.  A
whole, unfragmented, uncompressed text frame needs none of that and takes a short way
here; every rule of RFC 6455 that applies to it still holds, and whatever the short way
does not know goes to Autobahn in its order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket import USES_NVX
from autobahn.websocket.xormasker import create_xor_masker  # type: ignore[attr-defined]
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from twisted_rpc.auth.portal import Login
from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import RequestTimeout
from twisted_rpc.transports.base import address_name
from twisted_rpc.transports.web import Reply, last_words
from twisted_rpc.transports.websocket_line import (
    POLICY_VIOLATION,
    WebSocketConnection,
    WebSocketLine,
    options_for,
)

__all__ = ["WebSocketFactory", "WebSocketProtocol"]

_WHOLE_TEXT = 0x81
"""FIN set, reserved bits clear, opcode text (RFC 6455, section 5.2)."""

_MASKED = 0x80
_LONGEST_WAIT = 4096
"""How much of an incomplete frame the short way keeps; a longer one goes to Autobahn."""

_LONG = 4096 if USES_NVX else 1 << 62
"""From so many bytes on Autobahn's masker in C is faster, calling it included, than arithmetic."""

_SHORT_HEADERS = tuple(bytes((_WHOLE_TEXT, size)) for size in range(126))


def text_frame(message: bytes) -> bytes:
    """A message as one unmasked text frame, as servers send them."""
    size = len(message)
    if size < 126:
        return _SHORT_HEADERS[size] + message
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + message
    return b"\x81\x7f" + size.to_bytes(8, "big") + message


def unmask(mask: bytes, payload: bytes) -> bytes:
    """Undo the masking of a client's frame (RFC 6455, section 5.3)."""
    size = len(payload)
    if size >= _LONG:
        return bytes(create_xor_masker(mask, size).process(payload))
    key = (mask * (size // 4 + 1))[:size]
    plain = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    return plain.to_bytes(size, "little")


class WebSocketFactory(WebSocketServerFactory):
    """Autobahn's factory with our limits.

    Args:
        endpoint: what the lines belong to.
        namespaces, urls: see `RPCFactory`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        namespaces: Collection[str] | None = None,
        urls: Sequence[str] = (),
    ) -> None:
        super().__init__(server="", reactor=endpoint.clock)
        self.endpoint = endpoint
        self.namespaces = namespaces
        self.urls = urls
        self.setProtocolOptions(
            webStatus=False,
            versions=[13],  # drafts before it had the page's origin in another field
            # Host and Origin are checked before a request gets here.
            allowedOrigins=["*"],
            allowNullOrigin=True,
            **options_for(endpoint.limits),
            echoCloseCodeReason=True,
            perMessageCompressionAccept=lambda offers: None,
        )
        self._configured = _configured(self)

    def take_over(self, headers: Mapping[str, str], login: Login | None) -> WebSocketProtocol:
        """A protocol for a line that HTTP had before; arguments as of `WebSocketProtocol`."""
        protocol: WebSocketProtocol = self._configured(self, headers, login)
        return protocol


def _configured(factory: WebSocketFactory) -> Any:
    """The protocol with a factory's options as attributes of its class.

    Autobahn copies them to each instance otherwise, and formats them for a log: half of the
    time that a handshake takes.
    """
    options: dict[str, Any] = {"CONFIG_ATTRS": ()}
    for name in WebSocketProtocol.CONFIG_ATTRS:
        option = getattr(factory, name)
        options[name] = staticmethod(option) if callable(option) else option
    return type("WebSocketProtocol", (WebSocketProtocol,), options)


class WebSocketProtocol(WebSocketLine, WebSocketServerProtocol):  # type: ignore[misc]
    """Carries a `WebSocketConnection`, on a line that HTTP had before.

    Args:
        headers: those of the handshake.
        login: whose it is, if that is known already.
    """

    transport: Any
    framing: ClassVar[str] = "websocket"

    def __init__(
        self, factory: WebSocketFactory, headers: Mapping[str, str], login: Login | None
    ) -> None:
        super().__init__()
        self.factory = factory
        self.endpoint = factory.endpoint
        self._headers = headers
        self._login = login
        self._waiting = b""
        self._progressed = False
        self._limit = self.endpoint.limits.max_message or 1 << 62
        self._arrival = Deadline(self.endpoint.clock, self._arrival_expired)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `WebSocketLine`."""
        self._arrival.stop()
        super().connectionLost(reason)
        if self.connection is None and self._login is not None:
            self._login.end()

    def onOpen(self) -> None:
        """The handshake is done."""
        address, peer = address_name(self.transport.getPeer())
        self.connection = connection = WebSocketConnection(
            self, self.endpoint, peer, self._headers, self._login
        )
        connection.line = self
        connection.address = address
        connection.namespaces = self.factory.namespaces
        connection.urls = self.factory.urls
        connection.opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message came the long way; behind a close of ours nothing could be answered."""
        if self.connection is not None and self.state == self.STATE_OPEN:
            self._progressed = True
            self.connection.receive([payload])

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Autobahn's, without its reasons: they repeat what the client sent."""
        fields = [(name.encode(), value.encode()) for name, value in responseHeaders or ()]
        text = "this is no WebSocket handshake (RFC 6455, section 4.2.1)"
        self.sendData(last_words(Reply.text(code, text, *fields)))

    # -- the short way -------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes came: whole text frames are read here, everything else by Autobahn."""
        self.wire.traffic.received += len(data)
        if self.state == self.STATE_CLOSED:
            return  # Autobahn would keep it
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
        connection = self.connection
        if connection is not None and self._between_frames:
            messages: list[bytes] = []
            at = self._read_whole_frames(data, messages)
            if messages:
                self._progressed = True
                self._account(at, len(messages))
                connection.receive(messages)
                if at == len(data) and self._arrival.at is None:
                    return  # nothing is left, and nothing was waited for
            data = data[at:]
            if self._is_beginning_of_frame(data):
                self._waiting = data
                data = b""
        if data:
            self._dataReceived(data)
        self._watch_arrival()

    @property
    def _between_frames(self) -> bool:
        return (
            self.state == self.STATE_OPEN
            and self.current_frame is None
            and not self.data
            and not self.inside_message
        )

    def _read_whole_frames(self, data: bytes, messages: list[bytes]) -> int:
        """Read frames until one is incomplete, or not of the simple kind; say where it begins."""
        at, end = 0, len(data)
        while end - at > 6 and data[at] == _WHOLE_TEXT:
            size = data[at + 1] - _MASKED
            if 0 <= size < 126:
                body = at + 6
            elif size == 126 and end - at > 8:
                size = int.from_bytes(data[at + 2 : at + 4], "big")
                body = at + 8
                if size < 126:
                    break  # not the shortest encoding of the length
            else:
                break
            stop = body + size
            if stop > end or size > self._limit:
                break
            message = unmask(data[body - 4 : body], data[body:stop])
            if not message.isascii() and not _is_utf8(message):
                break
            messages.append(message)
            at = stop
        return at

    def _is_beginning_of_frame(self, data: bytes) -> bool:
        """Whether this can wait here until the rest of its frame has come."""
        if not data or len(data) > _LONGEST_WAIT or data[0] != _WHOLE_TEXT:
            return False
        if len(data) < 2 or not data[1] & _MASKED:
            return len(data) < 2
        size = data[1] & 0x7F
        if size == 126 and len(data) >= 4:
            size = int.from_bytes(data[2:4], "big")
            return 126 <= size <= min(_LONGEST_WAIT, self._limit) and len(data) < size + 8
        return size <= min(126, self._limit) and len(data) < size + 6

    def _account(self, octets: int, messages: int) -> None:
        """What Autobahn keeps count of, and the ping that any traffic answers."""
        stats = self.trafficStats
        stats.incomingOctetsWireLevel += octets
        stats.incomingWebSocketFrames += messages
        stats.incomingWebSocketMessages += messages
        if self.autoPingTimeoutCall:
            self._cancelAutoPingTimeoutCall()

    def _watch_arrival(self) -> None:
        """A message has to be complete in time, be it in one frame or in many."""
        progressed, self._progressed = self._progressed, False
        if not self._reading:
            return
        if self._waiting or not (self._between_frames or self.state != self.STATE_OPEN):
            if progressed or self._arrival.at is None:
                self._arrival.set(self.endpoint.limits.request_timeout)
        elif self._arrival.at is not None:
            self._arrival.clear()

    def _arrival_expired(self) -> None:
        seconds = self.endpoint.limits.request_timeout
        text = f"the message was not complete after {seconds:g} seconds (request_timeout)"
        self.endpoint.counters.hit("request_timeout")
        if self.connection is not None:
            self.connection.refuse(RequestTimeout(text))
        self.close(POLICY_VIOLATION)

    # -- the end -------------------------------------------------------------------------------

    def _fail_connection(self, *args: Any, **options: Any) -> None:
        """Autobahn's, when a rule is broken; nothing is read after that (section 7.1.7)."""
        super()._fail_connection(*args, **options)
        self.state = self.STATE_CLOSED
        self.wire.close_unread()

    def _closeConnection(self, abort: bool = False) -> None:
        """After the closing handshake our half first, or the reply may be lost (section 7.1.1)."""
        if self.wasClean:
            self.wire.close_unread()
        else:
            super()._closeConnection(abort)

    # -- what goes out -------------------------------------------------------------------------

    def send_text(self, messages: list[bytes]) -> None:
        """Send messages, each as one frame, in one write."""
        self.send_frames(self.framed(messages), len(messages))

    def framed(self, messages: list[bytes]) -> bytes:
        """See `Connection.framed`."""
        return b"".join([text_frame(message) for message in messages])

    def send_frames(self, frames: bytes, messages: int) -> None:
        """See `WebSocketLine.send_frames`."""
        if self.state == self.STATE_OPEN:
            stats = self.trafficStats
            stats.outgoingOctetsWireLevel += len(frames)
            stats.outgoingWebSocketFrames += messages
            stats.outgoingWebSocketMessages += messages
            self.wire.write(frames)

    def limit_messages(self, size: int | None) -> None:
        """See `WebSocketLine.limit_messages`."""
        super().limit_messages(size)
        self._limit = size or 1 << 62

    def set_reading(self, reading: bool) -> None:
        """Go on or stop reading; what has to come in time waits for us meanwhile."""
        super().set_reading(reading)
        if reading:
            self._watch_arrival()
        else:
            self._arrival.clear()


def _is_utf8(message: bytes) -> bool:
    try:
        message.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
