"""Calls and notifications of ours to the far side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Raw, UnsetType
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_rpc import codec
from twisted_rpc.correlation import Correlated, correlated, handed_on
from twisted_rpc.errors import (
    CallError,
    CallTimeout,
    ConnectionLost,
    ErrorCode,
    ProtocolError,
    RemoteError,
    RPCError,
)
from twisted_rpc.message import Message, Request
from twisted_rpc.pending import Pending

__all__ = ["Call", "OutgoingCalls", "checked_seconds", "encoded_notification"]


_GOES = ErrorCode.SHUTTING_DOWN


class Call:
    """One call of ours, from when it is made until it ends, which it does once.

    Args:
        method: its full name.
        params: a list or tuple, or a mapping, or None for none.
        peer: who is called, for messages.
        trace: see `handed_on`.

    Raises:
        TypeError, ValueError: the parameters cannot be sent.

    Attributes:
        correlation: the request and the trace it belongs to, if any.
        result: fires with the result, or fails with a `CallError`.  Cancelling it ends
            the call.
        forget: told by whoever holds the call how to let go of it when it ends before its
            answer is there.
        clue: says, for a timeout, what is known of why no answer came.
        ended: told when it has ended and `result` has fired.
        retries: sent again when its line is lost; who does that, if anybody.
    """

    __slots__ = (
        "_params",
        "_timer",
        "clue",
        "correlation",
        "ended",
        "forget",
        "method",
        "peer",
        "result",
        "retries",
    )

    def __init__(
        self, method: str, params: Any, peer: str, trace: Correlated | None = None
    ) -> None:
        self.method = method
        self.correlation = handed_on(trace)
        self._params = _encoded(params)
        self.peer = peer
        self.result: Deferred[Any] = Deferred(self._cancelled)
        self.forget: Callable[[], None] = _nothing
        self.clue: Callable[[], str] = str
        self.ended: Callable[[], None] = _nothing
        self.retries: Callable[[Call], None] | None = None
        self._timer: IDelayedCall | None = None

    def expire_in(self, seconds: float | None, clock: IReactorTime) -> None:
        """End it with `CallTimeout` in that many seconds; never, if None."""
        if seconds is not None:
            self._timer = clock.callLater(seconds, self._expire, seconds)

    def request(self, request_id: int | str) -> bytes:
        """What to send for it."""
        request = Request("2.0", self.method, self._params, request_id)
        if self.correlation is not None:
            request = correlated(request, self.correlation)
        return codec.encode_plain(request)

    def answered(self, message: Message) -> None:
        """Its answer is there."""
        outcome = _outcome(message, self)
        if isinstance(outcome, RemoteError) and outcome.code == _GOES and self.retries:
            self.forget = _nothing
            self.retries(self)  # the server is going, and will be back
        elif isinstance(outcome, CallError):
            self.fail(outcome)
        elif not self.result.called:
            self._stop()
            self.result.callback(outcome)
            self.ended()

    def fail(self, error: CallError) -> None:
        """It ends in an error, unless it has ended already."""
        if not self.result.called:
            self._stop()
            self.result.errback(error)
            self.ended()

    def _expire(self, seconds: float) -> None:
        self._timer = None
        self.forget()
        text = f"{self.method}: no answer from {self.peer} within {seconds:g} seconds"
        self.fail(CallTimeout(text + self.clue()))

    def _cancelled(self, result: Deferred[Any]) -> None:
        self.forget()
        self._stop()
        result.errback(CancelledError())
        self.ended()

    def _stop(self) -> None:
        self.forget = _nothing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _nothing() -> None:
    """Nobody holds the call."""


_NO_BATCH: frozenset[Call] = frozenset()


class OutgoingCalls:
    """The calls of ours that one far side has not answered.

    Each ends once: in a result, an error, a timeout, a lost line, or a cancellation.

    Args:
        peer: who is called, for messages.
        forgotten: told the id of a call whose answer nobody wants any more.
        ids: where ids come from; integers from 1 unless given.
        clue: see `Call`.
    """

    __slots__ = ("_batch", "_clue", "_forgotten", "_peer", "_pending")

    def __init__(
        self,
        peer: str,
        forgotten: Callable[[int | str], None],
        ids: Iterator[int | str] | None = None,
        clue: Callable[[], str] = str,
    ) -> None:
        self._peer = peer
        self._clue = clue
        self._forgotten = forgotten
        self._pending: Pending[Call] = Pending(ids)
        self._batch = _NO_BATCH

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, call: Call) -> bytes:
        """Wait for the answer to a call; return what to send for it."""
        request_id = self._pending.add(call)
        call.forget = lambda: self._forget(request_id)
        call.clue = self._clue
        return call.request(request_id)

    def take_back(self, call: Call) -> bool:
        """Wait no longer for the answer to a call; say whether anybody did."""
        return self._pending.remove(call)

    def answered(self, message: Message) -> bool:
        """Take an answer; say whether anybody waited for it."""
        call = self._pending.take(message.id)
        if call is None:
            return False
        call.answered(message)
        return True

    def join(self, calls: Sequence[Call]) -> None:
        """These calls are sent as a batch."""
        self._batch = frozenset(calls)

    def refused(self, message: Message) -> bool:
        """Take an error without an id; say whether it was the answer to a batch.

        It can be nothing else (specification, section 6) while nothing but the calls of
        one batch wait for an answer.
        """
        if not self._pending or not all(call in self._batch for call in self._pending):
            return False
        for call in self._pending.take_all():
            call.answered(message)
        return True

    def lost(self, reason: str) -> None:
        """Nothing will be answered any more."""
        for call in self._pending.take_all():
            if call.retries is not None:
                call.forget = _nothing
                call.retries(call)
            else:
                call.fail(ConnectionLost(f"{call.method}: {reason}"))

    def fail(self, error: Callable[[str], CallError]) -> None:
        """End every call in an error made for its method."""
        for call in self._pending.take_all():
            call.fail(error(call.method))

    def _forget(self, request_id: int | str) -> None:
        if self._pending.take(request_id) is not None:
            self._forgotten(request_id)


def encoded_notification(method: str, params: Any) -> bytes:
    """A notification of ours, ready to be sent.

    Raises:
        TypeError, ValueError: the parameters cannot be sent.
    """
    return codec.encode_plain(Request("2.0", method, _encoded(params)))


def checked_seconds(timeout: float | None) -> float | None:
    """A time limit of a call, before anything has been sent for it.

    Raises:
        TypeError, ValueError: it is no number of seconds.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is a number of seconds or None, not {timeout!r}")
    if not 0 <= timeout < math.inf:
        raise ValueError(f"timeout is a number of seconds or None, not {timeout!r}")
    return timeout


def _encoded(params: Any) -> Raw | UnsetType:
    """Parameters as the specification wants them (section 4.2).

    Raises:
        TypeError: they are neither a list, a tuple, a mapping nor None.
        TypeError, ValueError: they cannot be said in JSON.
    """
    if params is None:
        return UNSET
    if isinstance(params, list | tuple | Mapping):
        return Raw(codec.encode(params))
    raise TypeError(f"params must be a list, a tuple or a mapping, not {type(params).__name__}")


def _outcome(message: Message, call: Call) -> Any:
    """What a response says.

    An error of null beside a result, which JSON-RPC 1.0 and our ancestor send, is no error.
    """
    try:
        if message.error is not UNSET:
            error = codec.decode_value(message.error)
            if error is not None:
                return _remote_error(error, call)
        return None if message.result is UNSET else codec.decode_value(message.result)
    except RPCError as error:
        text = f"{call.method}: the answer from {call.peer} cannot be read: {error.data}"
        return ProtocolError(text)


def _remote_error(error: Any, call: Call) -> RemoteError:
    code: Any = None
    text: Any = str(error)
    data: Any = UNSET
    if isinstance(error, dict):
        code, text, data = error.get("code"), error.get("message"), error.get("data", UNSET)
    if not isinstance(code, int) or isinstance(code, bool):
        code = -32000
    if not isinstance(text, str):
        text = "the answer names no reason"
    return RemoteError(code, text, data, method=call.method, peer=call.peer)
