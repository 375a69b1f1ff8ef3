"""One message or batch in, its answer out: decode, look up, bind, call, encode.

The way of a synchronous call creates no Deferred, no timer, no log event and no context
that nobody asked for (`dispatch`).  A call that is more than that goes through
`invocation`; one whose result comes later is waited for in `running`.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from msgspec import UNSET, MsgspecError, Struct
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc import codec
from twisted_rpc.codec import (
    BACKSLASH,
    PLAIN,
    Decoded,
    checked,
    decode,
    decode_plain,
    encode_plain,
    encode_result,
)
from twisted_rpc.config import Limits
from twisted_rpc.context import Context
from twisted_rpc.errors import (
    BatchResponseTooBig,
    BatchTooBig,
    Busy,
    CallError,
    Cancelled,
    InternalError,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    ResponseTooBig,
    RPCError,
    ServerError,
    ShuttingDown,
)
from twisted_rpc.invocation import Hooks, Invoker, Middleware, as_deferred
from twisted_rpc.message import Invalid, Message, Request, Response
from twisted_rpc.namespace import Method, Namespace
from twisted_rpc.running import Answer, Batch, Caller, Running, id_of

__all__ = ["Counters", "Dispatcher"]

_SYNCHRONOUS = frozenset({int, float, str, bool, type(None), list, dict, tuple})
"""Types of results that are certainly not awaitable."""


class Counters(Struct):
    """What was counted since the start."""

    parse_errors: int = 0
    invalid_requests: int = 0
    unexpected_responses: int = 0
    ignored_notifications: int = 0


class Dispatcher:
    """Answers messages from the methods of a namespace.

    Args:
        namespace: the methods.
        limits: sizes and times.
        hooks: the endpoint, for what its subclasses override.
        debug: send tracebacks to callers.
        clock: where time comes from; for `thread=True` methods, the reactor.
    """

    _log = Logger()

    def __init__(
        self,
        namespace: Namespace,
        limits: Limits,
        hooks: Hooks,
        *,
        debug: bool,
        clock: IReactorTime,
    ) -> None:
        self.clock = clock
        self.counters = Counters()
        self.invoker = Invoker(namespace, hooks, clock)
        self.limits = limits
        self._hooks = hooks
        self._debug = debug
        self._draining = False
        self._methods = namespace.methods
        self._direct: Mapping[str, Method] = namespace.direct if self.invoker.plain else {}
        self.max_depth = limits.max_depth or 1 << 31
        self._shallow = 2 * self.max_depth  # so few bytes cannot nest deeper
        self._max_batch = limits.max_batch or math.inf
        self._max_response = limits.max_response or 1 << 62
        self._max_in_flight = limits.max_in_flight or math.inf

    def use(self, middleware: Middleware) -> None:
        """Put a middleware around every call, inside those added before."""
        self.invoker.use(middleware)
        self._direct = {}

    def drain(self) -> None:
        """Refuse new calls from now on with -32012; running ones go on."""
        self._draining = True
        self._direct = {}

    def dispatch(  # noqa: C901, PLR0912 - see its text
        self, data: bytes | Message | Invalid, caller: Caller
    ) -> Answer:
        """Answer one message: the short way here, all others from here.

        It is one long function, and does itself what `decode` and `encode_result` would
        do, because every call there is comes through: each further function on its way
        would cost it a twentieth of its time.

        Args:
            data: one message or batch, whole; or an item of a batch, decoded already.
            caller: who sent it.

        Returns:
            The answer, None when there is none to give, or a Deferred of either, which
            does not fail.
        """
        message: Any = data
        if type(data) is bytes:
            if data.isascii() and BACKSLASH not in data and len(data) <= self._shallow:
                try:
                    message = decode_plain(data)
                except MsgspecError:
                    message = decode(data, self.max_depth)
            else:
                message = decode(data, self.max_depth)
        if (
            type(message) is not Message
            or message.result is not UNSET
            or message.error is not UNSET
        ):
            return self._handle_no_request(message, caller)
        try:
            method = self._direct[message.method]  # type: ignore[index]
        except KeyError:
            return self._handle_other(message, caller)
        if message.id is UNSET or caller.in_flight >= self._max_in_flight:
            return self._handle_other(message, caller)
        binder = method.binder
        try:
            bound = binder.quick(message.params)  # type: ignore[misc,arg-type]
        except Exception:  # whatever is wrong, the other way tells it
            return self._handle_other(message, caller)
        try:
            if type(bound) is tuple:
                result = method.function(*bound)
            else:
                result = method.function(**binder.named(bound))
            kind = type(result)
            if kind in PLAIN or (kind is float and result - result == 0):
                answer = encode_plain(Response("2.0", result, message.id))
                if len(answer) <= self._max_response:
                    return answer
            if kind in _SYNCHRONOUS:
                return encode_result(result, message.id, self._max_response)
        except BaseException as error:
            return self.answer_failure(error, message)
        return self._settle(result, message, caller)

    def _handle_no_request(self, decoded: Decoded, caller: Caller) -> Answer:
        """Answer a response, a batch, or what is no message at all."""
        if isinstance(decoded, Message):
            decoded = checked(decoded)
        if isinstance(decoded, Invalid):
            return self._handle_invalid(decoded)
        if isinstance(decoded, list):
            return self._handle_batch(decoded, caller)
        if not caller.take_response(decoded):
            self.counters.unexpected_responses += 1
        return None

    def _handle_other(self, message: Message, caller: Caller) -> Answer:
        """Answer a notification, or a call that cannot take the short way."""
        if message.method is UNSET:
            return self._handle_no_request(message, caller)
        if caller.in_flight >= self._max_in_flight:
            limit = self.limits.max_in_flight
            return self.answer_failure(Busy(f"{limit} calls in flight (max_in_flight)"), message)
        if self._draining:
            return self.answer_failure(ShuttingDown(), message)
        request = Request("2.0", message.method, message.params, message.id)
        try:
            result = self.invoker.run(request, self._context(message, caller))
        except BaseException as error:
            return self.answer_failure(error, message)
        return self._settle(result, message, caller)

    def _context(self, message: Message, caller: Caller) -> Context:
        timeout = self._timeout_of(message)
        return Context(
            method=str(message.method),
            id=message.id,
            connection=caller.connection,
            identity=caller.identity,
            deadline=None if timeout is None else self.clock.seconds() + timeout,
            headers=caller.headers,
        )

    def _timeout_of(self, message: Message) -> float | None:
        """Seconds a call may take: its method's own limit, or the one that holds for all."""
        method = self._methods.get(str(message.method))
        if method is None or method.timeout is UNSET:
            return self.limits.call_timeout
        return method.timeout

    def _settle(self, result: Any, message: Message, caller: Caller) -> Answer:
        """The answer for what a method returned, waited for where it has to be."""
        waiting = as_deferred(result)
        if waiting is None:
            return self.answer_result(result, message)
        running = Running(self, message, caller)
        waiting.addCallbacks(running.succeeded, running.failed)
        if running.ended:
            return running.answer
        return running.wait(waiting, self._timeout_of(message))

    # -- results and failures become bytes -------------------------------------------------

    def answer_result(self, result: Any, message: Message) -> bytes | None:
        """The answer to a call that returned; None for a notification."""
        if message.id is UNSET:
            return None
        try:
            return encode_result(result, message.id, self._max_response)
        except Exception as error:
            return self.answer_failure(error, message)

    def answer_failure(self, error: BaseException, message: Message) -> bytes | None:
        """The answer to a call that raised: the one place where an exception becomes one."""
        if message.id is UNSET:
            return self._failed_notification(error, message)
        rpc_error = self._rpc_error(error, message)
        try:
            answer = codec.encode_error(rpc_error.to_object(), message.id)
        except Exception as problem:
            answer = codec.error_answer(self._incident(problem, message), message.id)
        if len(answer) > self._max_response:
            too_long = ResponseTooBig(f"longer than {self._max_response} bytes (max_response)")
            return codec.error_answer(too_long, message.id)
        return answer

    def _failed_notification(self, error: BaseException, message: Message) -> bytes | None:
        """Nobody is told, except of what was no valid request (specification, section 5)."""
        if isinstance(error, MethodNotFound):
            self.counters.ignored_notifications += 1
            return None
        rpc_error = self._rpc_error(error, message)
        if isinstance(rpc_error, InvalidRequest):
            self.counters.invalid_requests += 1
            return codec.error_answer(rpc_error)
        self._log.debug(
            "notification {method} failed: {error}", method=repr(message.method), error=rpc_error
        )
        return None

    def _rpc_error(self, error: BaseException, message: Message) -> RPCError:
        try:
            rpc_error = self._hooks.error_for(error)
            is_sound = rpc_error is not None and rpc_error.is_sound
        except Exception as problem:
            return self._incident(problem, message)
        if rpc_error is None and isinstance(error, CancelledError):
            return Cancelled()
        if rpc_error is None and isinstance(error, CallError):
            # Its caller, or another side, did not answer: no fault of ours, and no news.
            self._log.debug("{method}: {error}", method=repr(message.method), error=error)
            return ServerError("a call that it made failed")
        if rpc_error is None or not is_sound:
            return self._incident(error, message)
        return rpc_error

    def _incident(self, error: BaseException, message: Message) -> InternalError:
        """Log a failure whole under an id, and tell the caller the id."""
        incident = uuid4().hex[:12]
        failure = Failure(error)
        method = repr(message.method)
        self._log.failure(
            "incident {incident}: {method}", failure, incident=incident, method=method
        )
        data = {"incident": incident}
        if self._debug:
            data["traceback"] = "".join(traceback.format_exception(error))
        return InternalError(data)

    def _handle_invalid(self, invalid: Invalid) -> bytes:
        if isinstance(invalid.error, ParseError):
            self.counters.parse_errors += 1
        else:
            self.counters.invalid_requests += 1
        self._log.debug("refused a message: {error}", error=invalid.error.data)
        return codec.error_answer(invalid.error, invalid.id)

    # -- batches ---------------------------------------------------------------------------

    def _handle_batch(self, items: list[Message | Invalid], caller: Caller) -> Answer:
        if len(items) > self._max_batch:
            self.counters.invalid_requests += 1
            return codec.error_answer(BatchTooBig(f"{self._max_batch} items at most (max_batch)"))
        return Batch(items, self, caller).run()

    def has_room(self, caller: Caller) -> bool:
        """Whether an item of a batch may start, or has to be refused, now."""
        return caller.in_flight < self._max_in_flight or caller.awaits_answer

    def fit(self, item: Message | Invalid, answer: bytes, size: int) -> bytes:
        """The answer of an item; from where they no longer fit together, an error instead."""
        return answer if size <= self._max_response else self._too_much(item)

    def join(self, answers: list[bytes | None]) -> bytes | None:
        """The answers that there are, in one array."""
        given = [answer for answer in answers if answer is not None]
        return codec.join_batch(given) if given else None

    def _too_much(self, item: Message | Invalid) -> bytes:
        error = BatchResponseTooBig(f"longer than {self._max_response} bytes (max_response)")
        return codec.error_answer(error, id_of(item))
