"""One far side: messages in, answers out, and calls of ours the other way.

A transport feeds whole messages to `receive` and implements how messages leave.  All
else is the same on every transport: how many calls run at once, when reading stops,
which answer belongs to which call, what happens when the line drops.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from twisted_rpc import codec
from twisted_rpc.auth import Gate
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import (
    ConnectionLost,
    NotFullDuplex,
    RPCError,
    Unauthorized,
)
from twisted_rpc.interfaces import IConnectionOwner, IRPCConnection
from twisted_rpc.message import Message
from twisted_rpc.namespace import Listeners
from twisted_rpc.outgoing import OutgoingCalls, encoded_notification
from twisted_rpc.proxy import Proxy
from twisted_rpc.running import Answer, Caller

__all__ = ["Connection"]

Dispatch = Callable[[bytes, Caller], Answer]

_numbers = count(1)

_LARGE = 4096
"""An answer of so many bytes is not kept until those of the same read are ready."""


@implementer(IRPCConnection)
class Connection(Caller):
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
        self.id = str(next(_numbers))
        self.peer = peer
        self.headers = headers
        self.identity = identity
        self.listeners = Listeners()
        self.is_closed = False
        self.in_flight = 0
        self._owner = owner
        self._limits = owner.limits
        self._max_in_flight = owner.limits.max_in_flight or 1 << 31
        self._tracing: bool = owner.tracing
        self._backlog: deque[bytes] = deque()
        self._calls = OutgoingCalls(owner.clock, peer)
        self._working = False
        self._held = False
        self._ending = False
        self._input_ended = False
        self._congested = False
        self._reading = True
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
            `ConnectionLost` or `NotFullDuplex`.  Cancelling it forgets the call.

        Raises:
            TypeError, ValueError: the parameters cannot be sent.
        """
        if self.is_closed:
            return fail(ConnectionLost(f"{method}: the connection to {self.peer} is closed"))
        if not self.full_duplex:
            text = f"{method}: {self.peer} cannot be called over {self.transport}"
            return fail(NotFullDuplex(text))
        seconds = self._limits.call_timeout if timeout is UNSET else timeout
        request, result = self._calls.begin(method, params, seconds)
        if self._accepts_unasked(len(request)):
            self.send([request])
        self._work()
        return result

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
        """Be told of a notification from this far side; call what is returned to end it."""
        return self.listeners.on(method, listener)

    def closed(self) -> Deferred[None]:
        """A Deferred that fires when the connection has ended; at once if it has."""
        watcher: Deferred[None] = Deferred(self._watchers.remove)
        if self.is_closed:
            watcher.callback(None)
        else:
            self._watchers.append(watcher)
        return watcher

    def close(self) -> None:
        """Close once everything written is out."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close now."""
        raise NotImplementedError

    # -- what transports use -----------------------------------------------------------------

    def opened(self) -> None:
        """The line is ready."""
        if self._owner.requires_authentication and self.identity is None:
            gate = Gate(self._owner.authenticate, self._owner.dispatcher, self._admit)
            self._gate = gate
            self._answer_by(self._dispatch_at_gate)
            self._handshake.set(self._limits.handshake_timeout)
        self._owner.opened(self)

    def receive(self, messages: list[bytes]) -> None:
        """Handle messages that arrived together; answers that are ready leave in one write."""
        self._backlog.extend(messages)
        self._work()

    def end_input(self) -> None:
        """Nothing more will come: answer what did, then close."""
        self._input_ended = True
        self.drain()

    def drain(self) -> None:
        """Close when everything is answered; see `ILine.drain`.

        Until then the far side is read, for its answers to calls of ours.
        """
        self._ending = True
        self._work()

    def congested(self, congested: bool) -> None:
        """The far side does not read what we write, or reads again."""
        self._congested = congested
        self._work()

    def lost(self) -> None:
        """The line is down."""
        if self.is_closed:
            return
        self.is_closed = True
        self._backlog.clear()
        self._handshake.stop()
        self._owner.closed(self)
        self._calls.lost()
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

    def _set_reading(self, reading: bool) -> None:
        """Go on or stop reading from the transport."""
        raise NotImplementedError

    def _accepts_unasked(self, size: int) -> bool:
        """Whether a message may be sent that is no answer; see `Wire.accepts_unasked`."""
        return True

    # -- the flow of messages ----------------------------------------------------------------

    def _work(self) -> None:
        """Handle what was read, as far as the calls in flight allow."""
        if self._working:
            return
        self._working = True
        try:
            answers = self._handle_backlog()
        finally:
            self._working = False
        if answers:
            self.send(answers)
        # Where nothing runs and nothing waits, there is nothing to decide.
        if self.in_flight or self._backlog or self._ending or self._congested or not self._reading:
            self._consider_reading()

    def _handle_backlog(self) -> list[bytes]:
        """Handle messages in their order; the answers that are ready."""
        answers: list[bytes] = []
        backlog, take, keep = self._backlog, self._backlog.popleft, answers.append
        may_go_on = self._may_go_on
        while backlog and may_go_on:
            answer = self._dispatch(take(), self)
            if type(answer) is bytes:
                keep(answer)
                if len(answer) < _LARGE:
                    continue
                self.send(answers.copy())
                answers.clear()
            elif isinstance(answer, Deferred):
                answer.addCallback(self._answer_later)
            may_go_on = self._may_go_on
        return answers

    @property
    def _may_go_on(self) -> bool:
        return not (self._held or self._congested or self._is_full)

    @property
    def _is_full(self) -> bool:
        # While we wait for an answer of the far side ourselves, it has to be read, or two
        # ends that call each other back would wait for ever.
        return self.in_flight >= self._max_in_flight and not self.awaits_answer

    def _answer_by(self, dispatch: Dispatch) -> None:
        """Have messages answered like this, shown to `trace` before if it wants to see them."""

        def traced(message: bytes, caller: Caller) -> Answer:
            self._owner.trace("<--", message, self)
            return dispatch(message, caller)

        self._dispatch: Dispatch = traced if self._tracing else dispatch

    def _consider_reading(self) -> None:
        """Close when everything is answered; go on or stop reading otherwise."""
        if self.is_closed:
            return
        if self._ending and not (self._backlog or self.in_flight or self._held):
            self.close()
        elif not self._input_ended:
            self._follow_reading()

    def _follow_reading(self) -> None:
        reading = not (self._is_full or self._backlog or self._congested or self._held)
        if reading is not self._reading:
            self._reading = reading
            self._set_reading(reading)

    def _answer_later(self, answer: bytes | None) -> None:
        if answer is not None:
            self.send([answer])
        if self._held:
            self._held = False
            self._work()

    def call_ended(self) -> None:
        """See `Caller.call_ended`."""
        self._work()

    # -- calls of ours -----------------------------------------------------------------------

    @property
    def awaits_answer(self) -> bool:  # type: ignore[override]
        """See `Caller`."""
        return len(self._calls) > 0

    def take_response(self, message: Message) -> bool:
        """See `Caller.take_response`."""
        return self._calls.answered(message)

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
