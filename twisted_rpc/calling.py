"""Calls and notifications of ours to one far side, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_rpc import codec
from twisted_rpc.batching import BatchCalls
from twisted_rpc.correlation import Correlated
from twisted_rpc.errors import (
    CallError,
    ConnectionLost,
    NotFullDuplex,
    ProtocolError,
    TooManyCalls,
)
from twisted_rpc.flow import Flow
from twisted_rpc.interfaces import IConnectionOwner
from twisted_rpc.message import Invalid, Message
from twisted_rpc.outgoing import Call, OutgoingCalls, checked_seconds, encoded_notification
from twisted_rpc.proxy import Proxy

__all__ = ["Calling"]

_LONGEST_SAID = 200
"""So many bytes of an error without an id are told when it was the last word on the line."""


class Calling(Flow):
    """A flow of messages that goes the other way as well: we call, the far side answers.

    Args:
        owner: the endpoint it belongs to.
        peer: where the far side is.
    """

    transport: ClassVar[str]
    full_duplex: ClassVar[bool] = True

    __slots__ = ("_limits", "_outgoing", "_owner", "_said", "_thread", "peer")

    def __init__(self, owner: IConnectionOwner, peer: str) -> None:
        super().__init__(owner.limits.max_in_flight, owner.counters)
        self.peer = peer
        self._owner = owner
        self._limits = owner.limits
        self._thread = get_ident()
        self._outgoing: OutgoingCalls | None = None
        self._said: str | None = None

    @property
    def _calls(self) -> OutgoingCalls:
        """Our calls; most far sides are never called."""
        if self._outgoing is None:
            ids = self._owner.new_ids()
            self._outgoing = OutgoingCalls(self.peer, self._cancel_there, ids, self._late)
        return self._outgoing

    # -- what applications use ---------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float | None | UnsetType = UNSET,
        trace: Correlated | None = None,
    ) -> Deferred[Any]:
        """Call a method of the far side.

        Args:
            method: its full name.
            params: a list or tuple, or a mapping, or None for none.
            timeout: seconds; None waits for ever; `call_timeout` of the limits unless given.
            trace: the `Context` of the call it is made for, or a `Correlation`; that of the
                method or coroutine it is made in unless given, if its caller sent one.

        Returns:
            A Deferred of the result.  It fails with `RemoteError`, `CallTimeout`,
            `ConnectionLost`, `ProtocolError`, `NotFullDuplex` or `TooManyCalls`.  Cancelling
            it forgets the call, and asks the far side to cancel it (`$/cancelRequest`).

        Raises:
            TypeError, ValueError: the parameters cannot be sent, or the timeout or the request
                id is none.
            RuntimeError: this is not the reactor's thread.
        """
        call = Call(method, params, self.peer, trace)
        seconds = checked_seconds(self.call_timeout if timeout is UNSET else timeout)
        self.check_thread("call")
        self.call_made(call)
        self.begin_calls([call])
        if not call.result.called:
            call.expire_in(seconds, self.clock)
        return call.result

    def batch(self) -> BatchCalls:
        """Calls and notifications that are sent as one message; see `BatchCalls`."""
        return BatchCalls(self)

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification.

        Raises:
            NotFullDuplex: this transport only answers.
            ConnectionLost: the connection is closed.
            TypeError, ValueError: the parameters cannot be sent.
            RuntimeError: this is not the reactor's thread.
        """
        self.notify_encoded(encoded_notification(method, params))

    def notify_encoded(self, notification: bytes) -> None:
        """Send a notification that is encoded already; see `notify`."""
        self.check_thread("notify")
        if not self.full_duplex:
            raise NotFullDuplex(f"{self.peer} cannot be notified over {self.transport}")
        if self.is_closed:
            raise ConnectionLost(f"the connection to {self.peer} is closed")
        if self._accepts_unasked(len(notification)):
            self.send([notification])

    def check_thread(self, what: str) -> None:
        """See that nobody writes from a thread: bytes would be lost, or mixed with others.

        Raises:
            RuntimeError: this is not the reactor's thread.
        """
        if get_ident() != self._thread:
            raise RuntimeError(
                f"{what} is for the reactor's thread: use reactor.callFromThread, or "
                "threads.blockingCallFromThread for its result"
            )

    @property
    def proxy(self) -> Proxy:
        """The far side's methods as attributes: `proxy.calc.add(1, 2)`."""
        return Proxy(self.call)

    @property
    def outgoing(self) -> int:
        """How many calls of ours it has yet to answer."""
        return 0 if self._outgoing is None else len(self._outgoing)

    # -- what a client and a batch use -------------------------------------------------------

    def call_made(self, call: Call) -> None:
        """Tell who wants to know of a call before it is sent."""
        self._owner.call_made(call)

    @property
    def call_timeout(self) -> float | None:
        """Seconds a call may take unless it says otherwise."""
        timeout: float | None = self._limits.call_timeout
        return timeout

    @property
    def clock(self) -> IReactorTime:
        """Where time comes from."""
        clock: IReactorTime = self._owner.clock
        return clock

    def begin_calls(self, calls: Sequence[Call], notifications: Sequence[bytes] = ()) -> None:
        """Send calls, and notifications that are encoded already.

        A single one is sent as it is, more than one as a batch.

        Raises:
            NotFullDuplex, ConnectionLost: notifications alone cannot be sent; calls fail.
        """
        self.check_thread("call")
        error: CallError | None = None
        if not self.full_duplex:
            error = NotFullDuplex(f"{self.peer} cannot be called over {self.transport}")
        elif self.is_closed:
            error = ConnectionLost(f"the connection to {self.peer} is closed")
        else:
            error = self._too_many(len(calls))
        if error is not None:
            if notifications and not calls:
                raise error
            for call in calls:
                call.fail(type(error)(f"{call.method}: {error}"))
            return
        begin = self._calls.begin
        messages = [*[begin(call) for call in calls], *notifications]
        if len(messages) == 1:
            self.transmit(messages[0], calls)
        elif messages:
            self._calls.join(calls)
            self.transmit(codec.join_batch(messages), calls)

    def _too_many(self, more: int) -> CallError | None:
        """Why no more calls are sent to a far side that does not answer."""
        most = self._limits.max_outgoing
        if most is None or not more or len(self._calls) + more <= most:
            return None
        self._counters.hit("max_outgoing")
        return TooManyCalls(f"{most} calls at most wait for {self.peer} (max_outgoing)")

    def transmit(self, message: bytes, calls: Sequence[Call]) -> None:
        """Send a message whose answer ends these calls."""
        if self._accepts_unasked(len(message)):
            self.send([message])
        self._work()

    def _late(self) -> str:
        """A call was not answered in time: count it, and say what is known of why."""
        self._counters.hit("call_timeout")
        return self._clue()

    def _clue(self) -> str:
        """What is known of why a call was not answered; see `Call`."""
        return self._last_words

    @property
    def _last_words(self) -> str:
        return f"; it said: {self._said}" if self._said else ""

    def _cancel_there(self, request_id: int | str) -> None:
        if not self.is_closed:
            self.send([encoded_notification("$/cancelRequest", {"id": request_id})])

    # -- calls of ours -----------------------------------------------------------------------

    @property
    def awaits_answer(self) -> bool:  # type: ignore[override]
        """See `Caller`."""
        return self._outgoing is not None and len(self._outgoing) > 0

    def take_response(self, message: Message) -> bool:
        """See `Caller.take_response`."""
        self._said = None
        if message.id is None and message.error is not UNSET:
            self._said = bytes(message.error)[:_LONGEST_SAID].decode("utf-8", "replace")
            if self._calls.refused(message):  # a batch, as one that is too big
                return True
        return self._calls.answered(message)

    def take_invalid(self, invalid: Invalid) -> Invalid | None:
        """See `Caller.take_invalid`; a client cannot go on with a server that talks rubbish."""
        if self._owner.answers_rubbish:
            self.errors += 1
            most = self._limits.max_errors
            return invalid if most is None or self.errors < most else self._last_error(invalid)
        if invalid.meant is None:
            self.break_off(str(invalid.error.data))
        else:  # an answer, or a notification, which has none
            self._owner.dispatcher.run(invalid.meant, self)
        return None

    def _last_error(self, invalid: Invalid) -> Invalid | None:
        """What is answered to the last of so many errors in a row; then the line ends."""
        if self._ending:
            return None
        self._counters.hit("max_errors")
        self._backlog.clear()
        self.finish()
        text = f"{self.errors} in a row that are no messages (max_errors): {invalid.error.data}"
        return Invalid(type(invalid.error)(text), invalid.id)  # type: ignore[call-arg,arg-type]

    def break_off(self, why: str) -> None:
        """Give up a far side that does not speak JSON-RPC: its answers would find nobody."""
        text = f"{self.peer} does not speak JSON-RPC: {why}"
        self._end(lambda: self._calls.fail(lambda method: ProtocolError(f"{method}: {text}")))
        self.abort()

    def _calls_lost(self) -> None:
        """See `Flow._calls_lost`; the line is down, or the far side has closed its half."""
        if self._outgoing is not None:
            self._outgoing.lost(f"the connection to {self.peer} was lost{self._last_words}")

    # -- what a connection sees to -----------------------------------------------------------

    def abort(self) -> None:
        """Close now."""
        raise NotImplementedError

    def _accepts_unasked(self, size: int) -> bool:
        """Whether a message may be sent that is no answer; see `Wire.accepts_unasked`."""
        return True

    def _end(self, end_calls: Callable[[], None]) -> None:
        """It is closed; end the calls, then all else."""
        raise NotImplementedError
