"""Calls and notifications of ours to the far side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_rpc import codec
from twisted_rpc.errors import (
    CallError,
    CallTimeout,
    ConnectionLost,
    RemoteError,
    RPCError,
)
from twisted_rpc.message import Message, Request
from twisted_rpc.pending import Pending

__all__ = ["OutgoingCalls", "encoded_notification"]


class _Call:
    """A call that has not been answered."""

    __slots__ = ("method", "result", "timer")

    def __init__(self, method: str, result: Deferred[Any]) -> None:
        self.method = method
        self.result = result
        self.timer: IDelayedCall | None = None

    def stop(self) -> Deferred[Any]:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        return self.result


class OutgoingCalls:
    """The calls of ours that one far side has not answered.

    Each ends once: in a result, an error, a timeout, a lost line, or a cancellation.

    Args:
        clock: where time comes from.
        peer: who is called, for messages.
    """

    def __init__(self, clock: IReactorTime, peer: str) -> None:
        self._clock = clock
        self._peer = peer
        self._pending: Pending[_Call] = Pending()

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, method: str, params: Any, timeout: float | None) -> tuple[bytes, Deferred[Any]]:
        """What to send for a call, and what will fire with its outcome.

        Raises:
            TypeError, ValueError: the parameters cannot be sent.
        """
        call = _Call(method, Deferred(lambda _: self._forget(request_id)))
        request_id = self._pending.add(call)
        try:
            request = codec.encode(Request("2.0", method, _sendable(params), request_id))
        except Exception:
            self._pending.take(request_id)
            raise
        if timeout is not None:
            call.timer = self._clock.callLater(timeout, self._expire, request_id, timeout)
        return request, call.result

    def answered(self, message: Message) -> bool:
        """Take an answer; say whether anybody waited for it."""
        call = self._pending.take(message.id)
        if call is None:
            return False
        outcome = _outcome(message)
        result = call.stop()
        if isinstance(outcome, CallError):
            result.errback(outcome)
        else:
            result.callback(outcome)
        return True

    def lost(self) -> None:
        """Nothing will be answered any more."""
        for call in self._pending.take_all():
            error = ConnectionLost(f"{call.method}: the connection to {self._peer} was lost")
            call.stop().errback(error)

    def _forget(self, request_id: int) -> None:
        call = self._pending.take(request_id)
        if call is not None:
            call.stop()

    def _expire(self, request_id: int, timeout: float) -> None:
        call = self._pending.take(request_id)
        if call is not None:
            call.timer = None
            text = f"{call.method}: no answer from {self._peer} within {timeout:g} seconds"
            call.result.errback(CallTimeout(text))


def encoded_notification(method: str, params: Any) -> bytes:
    """A notification of ours, ready to be sent.

    Raises:
        TypeError, ValueError: the parameters cannot be sent.
    """
    return codec.encode(Request("2.0", method, _sendable(params)))


def _sendable(params: Any) -> Any:
    """Parameters as the specification wants them (section 4.2).

    Raises:
        TypeError: they are neither a list, a tuple, a mapping nor None.
    """
    if params is None:
        return UNSET
    if isinstance(params, list | tuple | Mapping):
        return params
    raise TypeError(f"params must be a list, a tuple or a mapping, not {type(params).__name__}")


def _outcome(message: Message) -> Any:
    """What a response says.

    An error of null beside a result, which JSON-RPC 1.0 and our ancestor send, is no error.
    """
    try:
        if message.error is not UNSET:
            error = codec.decode_value(message.error)
            if error is not None:
                return _remote_error(error)
        return None if message.result is UNSET else codec.decode_value(message.result)
    except RPCError as error:
        return CallError(f"the answer cannot be read: {error.data}")


def _remote_error(error: Any) -> RemoteError:
    if not isinstance(error, dict):
        return RemoteError(-32000, str(error))
    code, message = error.get("code"), error.get("message")
    number = code if isinstance(code, int) and not isinstance(code, bool) else -32000
    text = message if isinstance(message, str) else "the answer names no reason"
    return RemoteError(number, text, error.get("data", UNSET))
