"""A WebSocket and the line below it, as on both of its ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from autobahn.twisted.websocket import WebSocketAdapterProtocol
from autobahn.websocket.protocol import WebSocketProtocol as Autobahn
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.auth.portal import Login
from twisted_rpc.config import Limits
from twisted_rpc.connection import Connection
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.interfaces import ILine
from twisted_rpc.message import Invalid
from twisted_rpc.transports.wire import Wire

__all__ = ["POLICY_VIOLATION", "WebSocketConnection", "WebSocketLine", "options_for"]

GOING_AWAY = 1001
POLICY_VIOLATION = 1008


def options_for(limits: Limits) -> dict[str, Any]:
    """Autobahn's protocol options that say what our limits do."""
    return {
        # With the closing handshake a peer learns what it did wrong; `Wire` sees to its end.
        "failByDrop": False,
        "closeHandshakeTimeout": 0,
        "maxMessagePayloadSize": limits.max_message or 0,
        "maxFramePayloadSize": limits.max_message or 0,
        "openHandshakeTimeout": limits.handshake_timeout or 0,
        "autoPingInterval": limits.ping_interval or 0,
        "autoPingTimeout": limits.ping_timeout or 0,
    }


class WebSocketConnection(Connection):
    """A connection over a WebSocket."""

    transport: ClassVar[str] = "websocket"

    __slots__ = ("_close_code", "_protocol")

    def __init__(
        self,
        protocol: WebSocketLine,
        owner: Endpoint,
        peer: str,
        headers: Mapping[str, str],
        login: Login | None,
    ) -> None:
        super().__init__(owner, peer, headers, login)
        self._protocol = protocol
        self._close_code = 1000

    def drain(self) -> None:
        """See `ILine.drain`."""
        self._close_code = GOING_AWAY
        super().drain()

    def _last_error(self, invalid: Invalid) -> Invalid | None:
        self._close_code = POLICY_VIOLATION
        return super()._last_error(invalid)

    def close(self) -> None:
        """See `Connection.close`."""
        self.check_thread("close")
        self._broadcasts.send()
        self._protocol.close(self._close_code)

    def abort(self) -> None:
        """See `Connection.abort`."""
        self.check_thread("abort")
        self._broadcasts.send()
        self._protocol.abort()

    def _write(self, messages: list[bytes]) -> None:
        self._protocol.send_text(messages)

    def _limit_messages(self, size: int | None, name: str) -> None:
        """See `Connection._limit_messages`."""
        self._protocol.limit_messages(size)

    def _accepts_unasked(self, size: int) -> bool:
        return self._protocol.wire.accepts_unasked(size)

    @property
    def framing(self) -> str:
        """See `Connection.framing`."""
        return "" if self._tracing else self._protocol.framing

    def framed(self, messages: list[bytes]) -> bytes:
        """See `Connection.framed`."""
        return self._protocol.framed(messages)

    def push(self, frames: bytes, messages: int) -> None:
        """See `Connection.push`."""
        if self._protocol.wire.accepts_unasked(len(frames)):
            self._protocol.send_frames(frames, messages)

    def _set_reading(self, reading: bool) -> None:
        self._protocol.set_reading(reading)


@implementer(ILine)
class WebSocketLine(WebSocketAdapterProtocol, Autobahn):  # type: ignore[misc]  # as Autobahn's own
    """Mixed into Autobahn's protocol of either end: writes, closes and pings by our rules.

    Attributes:
        endpoint: what the line belongs to.
        connection: what it carries, once the handshake is done.
        framing: see `Connection.framing`; a client masks each frame with a key of its own.
    """

    framing: ClassVar[str] = ""

    transport: Any
    endpoint: Endpoint
    connection: WebSocketConnection | None = None
    _reading = True

    def connectionMade(self) -> None:
        """The line is ours."""
        super().connectionMade()
        endpoint = self.endpoint
        self.wire = Wire(self.transport, endpoint, self.congested, "websocket")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The line is down."""
        super().connectionLost(reason)
        self.wire.lost()
        self.endpoint.release(self)
        if self.connection is not None:
            self.connection.lost()

    def send_text(self, messages: list[bytes]) -> None:
        """Send messages, each as one frame."""
        raise NotImplementedError

    def framed(self, messages: list[bytes]) -> bytes:
        """See `Connection.framed`."""
        raise NotImplementedError

    def send_frames(self, frames: bytes, messages: int) -> None:
        """Send so many messages, framed already."""
        raise NotImplementedError

    def limit_messages(self, size: int | None) -> None:
        """Close, with 1009, on messages that are longer."""
        self.maxMessagePayloadSize = self.maxFramePayloadSize = size or 0

    def set_reading(self, reading: bool) -> None:
        """Go on or stop reading."""
        self._reading = reading
        self.wire.set_reading(reading)

    @property
    def _excuses_silence(self) -> bool:
        """Whether a pong may be late: it is we who do not read."""
        return not self._reading

    def onAutoPingTimeout(self) -> None:
        """No pong came: drop the line, unless there is a reason; then ask again later."""
        if not self._excuses_silence:
            self.endpoint.counters.hit("ping_timeout")
            super().onAutoPingTimeout()
            return
        self.autoPingTimeoutCall = None
        self.autoPingPending = None
        if self.factory.autoPingInterval:
            timer = self.factory._batched_timer
            self.autoPingPendingCall = timer.call_later(
                self.factory.autoPingInterval, self._sendAutoPing
            )

    def onOpenHandshakeTimeout(self) -> None:
        """Autobahn's, which looks whether the handshake is done meanwhile."""
        if self.state == self.STATE_CONNECTING:
            self.endpoint.counters.hit("handshake_timeout")
        super().onOpenHandshakeTimeout()

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        """Autobahn's; the far side is told our word for the limit."""
        self.endpoint.counters.hit("max_message")
        reason = f"a message may have {limit} bytes (max_message)"
        super()._max_message_size_exceeded(size, limit, reason)

    def congested(self, congested: bool) -> None:
        """The far side has stopped, or begun again, to read."""
        if self.connection is not None:
            self.connection.congested(congested)

    def drain(self) -> None:
        """See `ILine.drain`."""
        if self.connection is not None:
            self.connection.drain()
        else:
            self.wire.close()

    def close(self, code: int) -> None:
        """Begin the closing handshake (RFC 6455, section 7)."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, isReply=False)

    def sendCloseFrame(self, *args: Any, **options: Any) -> None:
        """Autobahn's; its own deadline does not look whether answers are still on their way."""
        super().sendCloseFrame(*args, **options)
        self.wire.await_end()

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> Any:
        """The far side says nothing more, and takes nothing any more (RFC 6455, section 5.5.1)."""
        outcome = super().onCloseFrame(code, reasonRaw)
        if self.connection is not None:
            self.connection.lost()
        return outcome

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
