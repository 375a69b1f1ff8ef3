"""One far side: messages in, answers out, and calls of ours the other way.

A transport feeds whole messages to `receive` and implements how messages leave.  All
else is the same on every transport: how many calls run at once, when reading stops,
which answer belongs to which call, what happens when the line drops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_rpc import codec
from twisted_rpc.auth import Gate
from twisted_rpc.batching import BatchCalls
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import (
    ConnectionLost,
    NotFullDuplex,
    ProtocolError,
    RPCError,
    Unauthorized,
)
from twisted_rpc.flow import Dispatch, Flow
from twisted_rpc.interfaces import IConnectionOwner, IRPCConnection
from twisted_rpc.message import Invalid, Message
from twisted_rpc.namespace import Listeners
from twisted_rpc.outgoing import Call, OutgoingCalls, encoded_notification
from twisted_rpc.proxy import Proxy
from twisted_rpc.running import Answer, Caller

__all__ = ["Connection"]

_numbers = count(1)

_LONGEST_SAID = 200
"""So many bytes of an error without an id are told when it was the last word on the line."""


@implementer(IRPCConnection)
class Connection(Flow):
    """See `IRPCConnection`; a transport subclasses it.

    Args:
        owner: the endpoint it belongs to.
        peer: where the far side is, such as `127.0.0.1:5000`.
        headers: what it came with.
        identity: who it is, if that is known already.
    """

    transport: ClassVar[str]
    full_duplex: ClassVar[bool] = True

    def __init__(
        self,
        owner: IConnectionOwner,
        peer: str,
        headers: Mapping[str, str] = NO_HEADERS,
        identity: Any = None,
    ) -> None:
        super().__init__(owner.limits.max_in_flight)
        self.id = str(next(_numbers))
        self.peer = peer
        self.headers = headers
        self.identity = identity
        self.listeners = Listeners()
        self._owner = owner
        self._limits = owner.limits
        self._tracing: bool = owner.tracing
        self._calls = OutgoingCalls(peer, self._cancel_there, owner.new_ids(), self._clue)
        self._said: str | None = None
        self._gate: Gate | None = None
        self._watchers: list[Deferred[None]] = []
        self._handshake = Deadline(owner.clock, self._handshake_expired)
        self._answer_by(owner.dispatcher.dispatch)

    @property
    def connection(self) -> Connection:
        """Itself: what a `Context` holds."""
        return self

    @property
    def is_admitted(self) -> bool:
        """Whether it has proved who it is, or nobody asks."""
        return self._gate is None

    # -- what applications use ---------------------------------------------------------------

    def call(
        self, method: str, params: Any = None, *, timeout: float | None | UnsetType = UNSET
    ) -> Deferred[Any]:
        """Call a method of the far side.

        Args:
            method: its full name.
            params: a list or tuple, or a mapping, or None for none.
            timeout: seconds; None waits for ever; `call_timeout` of the limits unless given.

        Returns:
            A Deferred of the result.  It fails with `RemoteError`, `CallTimeout`,
            `ConnectionLost`, `ProtocolError` or `NotFullDuplex`.  Cancelling it forgets the
            call, and asks the far side to cancel it (`$/cancelRequest`).

        Raises:
            TypeError, ValueError: the parameters cannot be sent.
        """
        call = Call(method, params, self.peer)
        self.begin_calls([call])
        if not call.result.called:
            seconds = self.call_timeout if timeout is UNSET else timeout
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
        """
        self.notify_encoded(encoded_notification(method, params))

    def notify_encoded(self, notification: bytes) -> None:
        """Send a notification that is encoded already; see `notify`."""
        if not self.full_duplex:
            raise NotFullDuplex(f"{self.peer} cannot be notified over {self.transport}")
        if self.is_closed:
            raise ConnectionLost(f"the connection to {self.peer} is closed")
        if self._accepts_unasked(len(notification)):
            self.send([notification])

    @property
    def proxy(self) -> Proxy:
        """The far side's methods as attributes: `proxy.calc.add(1, 2)`."""
        return Proxy(self.call)

    def on(self, method: str, listener: Callable[..., Any]) -> Callable[[], None]:
        """Be told of a notification from this far side; call what is returned to end it.

        Raises:
            NotFullDuplex: nothing but answers comes over this transport.
        """
        self.check_hears(method)
        return self.listeners.on(method, listener)

    def check_hears(self, what: str) -> None:
        """Raise `NotFullDuplex` if the far side can neither call nor notify us."""

    def closed(self) -> Deferred[None]:
        """A Deferred that fires when the connection has ended; at once if it has."""
        watcher: Deferred[None] = Deferred(self._watchers.remove)
        if self.is_closed:
            watcher.callback(None)
        else:
            self._watchers.append(watcher)
        return watcher

    def abort(self) -> None:
        """Close now."""
        raise NotImplementedError

    # -- what a client and a batch use -------------------------------------------------------

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
            TypeError, ValueError: parameters cannot be sent; nothing has been sent then.
        """
        if not self.full_duplex:
            for call in calls:
                text = f"{call.method}: {self.peer} cannot be called over {self.transport}"
                call.fail(NotFullDuplex(text))
            return
        if self.is_closed:
            for call in calls:
                text = f"{call.method}: the connection to {self.peer} is closed"
                call.fail(ConnectionLost(text))
            return
        messages = [*[self._calls.begin(call) for call in calls], *notifications]
        if messages:
            self.transmit(messages[0] if len(messages) == 1 else codec.join_batch(messages), calls)

    def transmit(self, message: bytes, calls: Sequence[Call]) -> None:
        """Send a message whose answer ends these calls."""
        if self._accepts_unasked(len(message)):
            self.send([message])
        self._work()

    def _clue(self) -> str:
        """What is known of why a call was not answered; see `Call`."""
        return ""

    def _cancel_there(self, request_id: int | str) -> None:
        if not self.is_closed:
            self.send([encoded_notification("$/cancelRequest", {"id": request_id})])

    # -- what transports use -----------------------------------------------------------------

    def opened(self) -> None:
        """The line is ready."""
        if self._owner.requires_authentication and self.identity is None:
            gate = Gate(self._owner.authenticate, self._owner.dispatcher, self._admit)
            self._gate = gate
            self._answer_by(self._dispatch_at_gate)
            self._handshake.set(self._limits.handshake_timeout)
        self._owner.opened(self)

    def lost(self) -> None:
        """The line is down."""
        said = f"; it said: {self._said}" if self._said else ""
        self._end(lambda: self._calls.lost(f"the connection to {self.peer} was lost{said}"))

    def _end(self, end_calls: Callable[[], None]) -> None:
        if self.is_closed:
            return
        self.is_closed = True  # before a call ends: who then calls again waits for a new line
        self._backlog.clear()
        self._handshake.stop()
        self._owner.closed(self)
        end_calls()
        while self._watchers:  # one may cancel another
            self._watchers.pop(0).callback(None)

    def send(self, messages: list[bytes]) -> None:
        """Write messages, framed, in one piece."""
        if self.is_closed:
            return
        if self._tracing:
            for message in messages:
                self._owner.trace("-->", message, self)
        self._write(messages)

    def refuse(self, error: RPCError) -> None:
        """Answer what cannot be read any further."""
        self.send([codec.error_answer(error)])

    def _write(self, messages: list[bytes]) -> None:
        """Frame and write."""
        raise NotImplementedError

    def _accepts_unasked(self, size: int) -> bool:
        """Whether a message may be sent that is no answer; see `Wire.accepts_unasked`."""
        return True

    def _answer_by(self, dispatch: Dispatch) -> None:
        """Have messages answered like this, shown to `trace` before if it wants to see them."""

        def traced(message: bytes, caller: Caller) -> Answer:
            self._owner.trace("<--", message, self)
            return dispatch(message, caller)

        self._dispatch = traced if self._tracing else dispatch

    # -- calls of ours -----------------------------------------------------------------------

    @property
    def awaits_answer(self) -> bool:  # type: ignore[override]
        """See `Caller`."""
        return len(self._calls) > 0

    def take_response(self, message: Message) -> bool:
        """See `Caller.take_response`."""
        self._said = None
        if message.id is None and message.error is not UNSET:
            self._said = bytes(message.error)[:_LONGEST_SAID].decode("utf-8", "replace")
        return self._calls.answered(message)

    def take_invalid(self, invalid: Invalid) -> bool:
        """See `Caller.take_invalid`; a client cannot go on with a server that talks rubbish."""
        if self._owner.answers_rubbish:
            return False
        if invalid.meant is None:
            self.break_off(str(invalid.error.data))
        else:  # an answer, or a notification, which has none
            self._owner.dispatcher.dispatch(invalid.meant, self)
        return True

    def break_off(self, why: str) -> None:
        """Give up a far side that does not speak JSON-RPC: its answers would find nobody."""
        text = f"{self.peer} does not speak JSON-RPC: {why}"
        self._end(lambda: self._calls.fail(lambda method: ProtocolError(f"{method}: {text}")))
        self.abort()

    # -- authentication ----------------------------------------------------------------------

    def _dispatch_at_gate(self, message: bytes, caller: Caller) -> Answer:
        """Answer before it is known who calls; what follows an `auth` waits for its outcome."""
        assert self._gate is not None
        answer = self._gate.dispatch(message, caller)
        self._held = isinstance(answer, Deferred)
        return answer

    def _admit(self, identity: Any) -> None:
        self.identity = identity
        self._gate = None
        self._answer_by(self._owner.dispatcher.dispatch)
        self._handshake.clear()

    def _handshake_expired(self) -> None:
        seconds = self._limits.handshake_timeout
        self.refuse(Unauthorized(f"not within {seconds:g} seconds (handshake_timeout)"))
        self.close()
