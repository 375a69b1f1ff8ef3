"""Results, exceptions and what is invalid become the bytes of an answer: here and nowhere else."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

from msgspec import UNSET, Struct
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc import codec
from twisted_rpc.codec import encode_result
from twisted_rpc.config import Limits
from twisted_rpc.correlation import Bringer, correlation_of
from twisted_rpc.errors import (
    BatchResponseTooBig,
    CallError,
    Cancelled,
    InternalError,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    ResponseTooBig,
    RPCError,
    ServerError,
)
from twisted_rpc.invocation import Hooks
from twisted_rpc.message import Invalid, Message, Watched
from twisted_rpc.rates import Payer, Rates

__all__ = ["Answers", "Counters", "id_of", "note"]


class Sender(Payer, Bringer, Protocol):
    """Who a message comes from."""


class Counters(Struct):
    """What was counted since the start.

    Attributes:
        limits: how often each limit was hit, by its name; those that never were are absent.
    """

    parse_errors: int = 0
    invalid_requests: int = 0
    unexpected_responses: int = 0
    ignored_notifications: int = 0
    failed_logins: int = 0
    limits: dict[str, int] = {}

    def hit(self, limit: str) -> None:
        """Count that a limit refused, dropped or slowed down somebody."""
        self.limits[limit] = self.limits.get(limit, 0) + 1


class Answers:
    """Writes answers.

    Args:
        limits: `max_response`.
        hooks: the endpoint, for `error_for`.
        counters: told what came that could not be answered as it should.
        rates: told of errors that are the caller's own.
        debug: send tracebacks to callers.

    Attributes:
        note: told of every error, with its message unless that was none.
    """

    _log = Logger()

    def __init__(
        self, limits: Limits, hooks: Hooks, counters: Counters, rates: Rates, *, debug: bool
    ) -> None:
        self.counters = counters
        self.note: Callable[[RPCError, Message | None], None] = note
        self._rates = rates
        self._hooks = hooks
        self._debug = debug
        self._max_response = limits.max_response or 1 << 62

    def to_result(self, result: Any, message: Message, caller: Sender) -> bytes | None:
        """The answer to a call that returned; None for a notification."""
        if message.id is UNSET:
            return None
        try:
            return encode_result(result, message.id, self._max_response)
        except BaseException as error:  # an object of the application's says what it is
            return self.to_failure(error, message, caller)

    def to_failure(self, error: BaseException, message: Message, caller: Sender) -> bytes | None:
        """The answer to a call that raised."""
        if isinstance(error, ResponseTooBig):
            self.counters.hit("max_response")
        if message.id is UNSET:
            return self._failed_notification(error, message, caller)
        rpc_error = self._rpc_error(error, message, caller)
        self._rates.fine(caller, rpc_error)
        try:
            answer = codec.encode_error(rpc_error.to_object(), message.id)
        except BaseException as problem:
            rpc_error = self._incident(problem, message, caller)
            answer = codec.error_answer(rpc_error, message.id)
        if len(answer) > self._max_response:
            self.counters.hit("max_response")
            rpc_error = ResponseTooBig(f"longer than {self._max_response} bytes (max_response)")
            answer = codec.error_answer(rpc_error, message.id)
        self.note(rpc_error, message)
        return answer

    def _failed_notification(
        self, error: BaseException, message: Message, caller: Sender
    ) -> bytes | None:
        """Nobody is told, except of what was no valid request (specification, section 5)."""
        if isinstance(error, MethodNotFound):
            self.counters.ignored_notifications += 1
            self._rates.fine(caller, error)
            self.note(error, message)
            return None
        rpc_error = self._rpc_error(error, message, caller)
        self._rates.fine(caller, rpc_error)
        self.note(rpc_error, message)
        if isinstance(rpc_error, InvalidRequest):
            self.counters.invalid_requests += 1
            return codec.error_answer(rpc_error)
        if self._debug:
            name = repr(message.method)
            self._log.debug("notification {name} failed: {error}", name=name, error=rpc_error)
        return None

    def _rpc_error(self, error: BaseException, message: Message, caller: Sender) -> RPCError:
        try:
            rpc_error = self._hooks.error_for(error)
            is_sound = rpc_error is not None and rpc_error.is_sound
        except BaseException as problem:
            return self._incident(problem, message, caller)
        if rpc_error is None and isinstance(error, CancelledError):
            return Cancelled()
        if rpc_error is None and isinstance(error, CallError):
            # Its caller, or another side, did not answer: no fault of ours, and no news.
            self._log.debug("{method}: {error}", method=repr(message.method), error=error)
            return ServerError("a call that it made failed")
        if rpc_error is None or not is_sound:
            return self._incident(error, message, caller)
        return rpc_error

    def _incident(self, error: BaseException, message: Message, caller: Sender) -> InternalError:
        """Log a failure whole under an id, and tell the caller the id."""
        incident = uuid4().hex[:12]
        failure = Failure(error)
        method = repr(message.method)
        correlation = correlation_of(message, caller)
        fields: dict[str, Any] = {} if correlation is None else correlation.fields()
        text = "incident {incident}: {method}"
        self._log.failure(text, failure, incident=incident, method=method, **fields)
        data = {"incident": incident}
        if self._debug:
            data["traceback"] = "".join(traceback.format_exception(error))
        return InternalError(data)

    def to_invalid(self, invalid: Invalid, caller: Sender) -> bytes:
        """The answer to what is no message."""
        if isinstance(invalid.error, ParseError):
            self.counters.parse_errors += 1
        else:
            self.counters.invalid_requests += 1
        self._rates.fine(caller, invalid.error)
        self.note(invalid.error, None)
        if invalid.limit is not None:
            self.counters.hit(invalid.limit)
        if self._debug:
            self._log.debug("refused a message: {error}", error=invalid.error.data)
        return codec.error_answer(invalid.error, invalid.id)

    def fit(self, item: Message | Invalid, answer: bytes, size: int) -> bytes:
        """The answer of an item; from where they no longer fit together, an error instead."""
        return answer if size <= self._max_response else self._too_much(item)

    def join(self, answers: list[bytes | None]) -> bytes | None:
        """The answers that there are, in one array."""
        given = [answer for answer in answers if answer is not None]
        return codec.join_batch(given) if given else None

    def _too_much(self, item: Message | Invalid) -> bytes:
        self.counters.hit("max_response")
        error = BatchResponseTooBig(f"longer than {self._max_response} bytes (max_response)")
        self.note(error, None)  # the call itself has been told of already
        return codec.error_answer(error, id_of(item))


def note(error: RPCError, message: Message | None) -> None:
    """Keep what a message has failed with for who observes it."""
    if isinstance(message, Watched):
        message.failure = error


def id_of(item: Message | Invalid) -> Any:
    """The id an item's answer bears; null where it has none."""
    return None if item.id is UNSET else item.id
