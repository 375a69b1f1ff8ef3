"""One message or batch in, its answer out: decode, look up, bind, call, encode.

The way of a synchronous call creates no Deferred, no timer, no log event and no context
that nobody asked for (`dispatch`).  A call that is more than that goes through
`invocation`; one whose result comes later is waited for in `running`.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import UNSET, MsgspecError
from twisted.internet.interfaces import IReactorTime

from twisted_rpc import codec
from twisted_rpc.access import Access, Views
from twisted_rpc.answers import Answers, Counters
from twisted_rpc.codec import (
    BACKSLASH,
    PLAIN,
    Decoded,
    checked,
    decode,
    decode_cancelled,
    decode_plain,
    encode_plain,
    encode_result,
)
from twisted_rpc.config import Limits
from twisted_rpc.context import Context
from twisted_rpc.errors import (
    BatchTooBig,
    Busy,
    RateLimited,
    ShuttingDown,
)
from twisted_rpc.invocation import Hooks, Invoker, Middleware, as_deferred
from twisted_rpc.message import Invalid, Message, Request, Response
from twisted_rpc.namespace import Method, Namespace
from twisted_rpc.rates import Rates
from twisted_rpc.running import Answer, Batch, Caller, Load, Running

__all__ = ["CANCEL", "Dispatcher", "Outcome"]

CANCEL = frozenset({"$/cancelRequest", "rpc.cancel"})
"""Notifications that cancel a call: the Language Server Protocol's, and its name among ours."""

Outcome = Response | Answer
"""What running a message comes to: see `Dispatcher.run`."""

_SYNCHRONOUS = frozenset({int, float, str, bool, type(None), list, dict, tuple})
"""Types of results that are certainly not awaitable."""


class Dispatcher:
    """Answers messages from the methods of a namespace.

    Args:
        namespace: the methods.
        limits: sizes and times.
        hooks: the endpoint, for what its subclasses override.
        access: who may call what.
        counters: told what happens.
        debug: send tracebacks to callers.
        clock: where time comes from; for `thread=True` methods, the reactor.
    """

    def __init__(
        self,
        namespace: Namespace,
        limits: Limits,
        hooks: Hooks,
        access: Access,
        counters: Counters,
        *,
        debug: bool,
        clock: IReactorTime,
    ) -> None:
        self.clock = clock
        self.invoker = Invoker(namespace, hooks, clock)
        self.limits = limits
        self.counters = counters
        self.rates = Rates(limits, clock)
        self._answers = Answers(limits, hooks, counters, self.rates, debug=debug)
        self._draining = False
        self._methods = namespace.methods
        self.invoker.check_rate = self._check_rate_of
        self._load = Load(limits.max_calls, self._choose_way)
        self.views = Views(namespace, access)
        self._choose_way()
        self.max_depth = limits.max_depth or 1 << 31
        self._shallow = 2 * self.max_depth  # so few bytes cannot nest deeper
        self._max_batch = limits.max_batch or math.inf
        self._max_response = limits.max_response or 1 << 62
        self._max_in_flight = limits.max_in_flight or math.inf

    def use(self, middleware: Middleware) -> None:
        """Put a middleware around every call, inside those added before."""
        self.invoker.use(middleware)
        self._choose_way()

    def drain(self) -> None:
        """Refuse new calls from now on with -32012; running ones go on."""
        self._draining = True
        self._choose_way()

    def _choose_way(self) -> None:
        """Let calls take the short way where nothing has to be asked before they run."""
        asked = self._draining or self._load.is_full or self.rates.hold_for_all
        self.views.is_short = self.invoker.plain and not asked

    def dispatch(self, data: bytes, caller: Caller) -> Answer:
        """Answer one message or batch.

        Every call there is comes through here and `run`, so they do themselves what
        `decode` and `encode_result` would do: each further function on its way would cost
        it a twentieth of its time.

        Args:
            data: one message or batch, whole.
            caller: who sent it.

        Returns:
            The answer, None when there is none to give, or a Deferred of either, which
            does not fail.
        """
        if data.isascii() and BACKSLASH not in data and len(data) <= self._shallow:
            try:
                message: Any = decode_plain(data)
            except (MsgspecError, RecursionError):
                message = decode(data, self.max_depth)
        else:
            message = decode(data, self.max_depth)
        outcome = self.run(message, caller)
        if not isinstance(outcome, Response):
            return outcome
        try:
            answer = encode_plain(outcome)
        except Exception:  # such as text that is not Unicode; the other way tells it
            return self._answers.to_result(outcome.result, message, caller)
        if len(answer) <= self._max_response:
            return answer
        return self._answers.to_result(outcome.result, message, caller)

    def run(self, message: Decoded, caller: Caller) -> Outcome:
        """Run one message, or an item of a batch: the short way here, all others from here.

        Args:
            message: as it was decoded.
            caller: who sent it.

        Returns:
            A `Response` that only has to be encoded, with a result that nothing can
            change any more; or else what `dispatch` returns.
        """
        if (
            type(message) is not Message
            or message.result is not UNSET
            or message.error is not UNSET
        ):
            return self._handle_no_request(message, caller)
        if caller.errors:
            caller.errors = 0
        try:  # nothing else happens in these handlers: it would see their exception as its own
            short = caller.direct[message.method]  # type: ignore[index]
        except KeyError:
            short = None
        if short is None or message.id is UNSET or caller.in_flight >= self._max_in_flight:
            return self._handle_other(message, caller)
        function, bind, named = short
        try:
            bound = bind(message.params)  # type: ignore[arg-type]
        except Exception:  # whatever is wrong, the other way tells it
            bound = None
        if bound is None:
            return self._handle_other(message, caller)
        try:
            result = function(*bound) if type(bound) is tuple else function(**named(bound))
            kind = type(result)
            if (kind is float and result - result == 0) or kind in PLAIN:
                return Response("2.0", result, message.id)
            if kind in _SYNCHRONOUS:
                return encode_result(result, message.id, self._max_response)
        except BaseException as error:
            return self._answers.to_failure(error, message, caller)
        return self._settle(result, message, caller)

    def _handle_no_request(self, decoded: Decoded, caller: Caller) -> Answer:
        """Answer a response, a batch, or what is no message at all."""
        if isinstance(decoded, Message):
            decoded = checked(decoded)
        if isinstance(decoded, Invalid):
            return self.refuse(decoded, caller)
        if isinstance(decoded, list):
            return self._handle_batch(decoded, caller)
        caller.errors = 0
        if not caller.take_response(decoded):
            self.counters.unexpected_responses += 1
        return None

    def refuse(self, invalid: Invalid, caller: Caller) -> bytes | None:
        """Answer what is no message, unless its sender is not to be answered."""
        answered = caller.take_invalid(invalid)
        if answered is None:
            return None
        try:
            self._check_rates(caller)
        except RateLimited as error:
            return codec.error_answer(error, invalid.id)
        return self._answers.to_invalid(answered, caller)

    def _handle_other(self, message: Message, caller: Caller) -> Answer:
        """Answer a notification, or a call that cannot take the short way."""
        if message.method is UNSET:
            return self._handle_no_request(message, caller)
        if message.method in CANCEL and message.id is UNSET and message.method not in self._methods:
            self._cancel(message, caller)
            return None
        request = Request("2.0", message.method, message.params, message.id)
        try:
            self._check_room(caller)
            self._check_rates(caller)
            result = self.invoker.run(request, self._context(message, caller))
        except BaseException as error:
            return self._answers.to_failure(error, message, caller)
        return self._settle(result, message, caller)

    def _check_room(self, caller: Caller) -> None:
        """See that one more call may run."""
        if caller.in_flight >= self._max_in_flight:
            raise self._busy("calls of one connection", "max_in_flight")
        if self._load.is_full:
            raise self._busy("calls of all callers together", "max_calls")
        if self._draining:
            raise ShuttingDown()

    def _busy(self, what: str, limit: str) -> Busy:
        self.counters.hit(limit)
        return Busy(f"{getattr(self.limits, limit)} {what} are running ({limit})")

    def _check_rate_of(self, method: Method, context: Context) -> None:
        """See that the caller may call a method as often as that, once it may call it at all."""
        caller = context.connection
        if caller is None:
            caller = Caller()
            caller.identity = context.identity
        self._check_rates(caller, method)

    def _check_rates(self, caller: Caller, method: Method | None = None) -> None:
        """See that the caller may call as often as that."""
        try:
            self.rates.check(caller, method)
        except RateLimited as error:
            self.counters.hit(error.data["limit"])
            caller.delay = error.data["retry_after"]
            raise

    def _cancel(self, message: Message, caller: Caller) -> None:
        """Cancel a call of the same caller; its answer is -32800 unless it ends otherwise."""
        try:
            request_id = decode_cancelled(b"" if message.params is UNSET else message.params)
        except MsgspecError:
            self.counters.ignored_notifications += 1
            return
        running = caller.running.get(request_id)
        if running is not None:
            running.cancel()

    def _context(self, message: Message, caller: Caller) -> Context:
        timeout, _ = self._timeout_of(message)
        return Context(
            method=str(message.method),
            id=message.id,
            connection=caller.connection,
            identity=caller.identity,
            deadline=None if timeout is None else self.clock.seconds() + timeout,
            headers=caller.headers,
            view=caller.view,
        )

    def _timeout_of(self, message: Message) -> tuple[float | None, str]:
        """Seconds a call may take, and which limit says so: its method's, or that for all."""
        method = self._methods.get(str(message.method))
        if method is None or method.timeout is UNSET:
            return self.limits.call_timeout, "call_timeout"
        return method.timeout, "timeout of the method"

    def _settle(self, result: Any, message: Message, caller: Caller) -> Answer:
        """The answer for what a method returned, waited for where it has to be."""
        try:
            waiting = as_deferred(result)
        except BaseException as error:  # its type answers questions by code of its own
            return self._answers.to_failure(error, message, caller)
        if waiting is None:
            return self._answers.to_result(result, message, caller)
        running = Running(self._answers, message, caller, self._load, clock=self.clock)
        waiting.addCallbacks(running.succeeded, running.failed)
        if running.ended:
            return running.answer
        return running.wait(waiting, *self._timeout_of(message))

    # -- batches ---------------------------------------------------------------------------

    def _handle_batch(self, items: list[Message | Invalid], caller: Caller) -> Answer:
        """Run the items as long as each ends at once, as most do; `Batch` sees to all others."""
        if len(items) > self._max_batch:
            self.counters.invalid_requests += 1
            self.counters.hit("max_batch")
            return codec.error_answer(BatchTooBig(f"{self._max_batch} items at most (max_batch)"))
        responses: list[Response] = []
        last: list[Answer] = []
        for item in items:
            if type(item) is not Message or item.method is UNSET:
                break
            outcome = self.run(item, caller)
            if not isinstance(outcome, Response):
                last.append(outcome)
                break
            responses.append(outcome)
        else:
            answer = self._encode_together(responses)
            if answer is not None:
                return answer
        begun = [
            self._answers.to_result(response.result, item, caller)  # type: ignore[arg-type]
            for response, item in zip(responses, items, strict=False)
        ]
        return Batch(items, self, self._answers, caller).run([*begun, *last])

    def _encode_together(self, responses: list[Response]) -> bytes | None:
        """The answer to a batch; None if one of them cannot be said, or they do not fit."""
        try:
            answer = encode_plain(responses)
        except Exception:
            return None
        return answer if len(answer) <= self._max_response else None

    def start(self, item: Message | Invalid, caller: Caller) -> Answer:
        """See `Items`."""
        outcome = self.run(item, caller)
        if isinstance(outcome, Response):
            return self._answers.to_result(outcome.result, item, caller)  # type: ignore[arg-type]
        return outcome

    def has_room(self, caller: Caller) -> bool:
        """Whether an item of a batch may start, or has to be refused, now."""
        if caller.in_flight < self._max_in_flight or caller.awaits_answer:
            return True
        self.counters.hit("max_in_flight")
        return False
