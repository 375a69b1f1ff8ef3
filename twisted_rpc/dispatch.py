"""One message or batch in, its answer out: decode, look up, bind, call, encode.

The way of a synchronous call creates no Deferred, no timer, no log event and no context
that nobody asked for.  A call that is more than that goes the way of `long_way`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, MsgspecError
from twisted.internet.interfaces import IReactorTime

from twisted_rpc import codec
from twisted_rpc.access import Access, Views
from twisted_rpc.admission import Admission
from twisted_rpc.answers import Answers, Counters
from twisted_rpc.batches import Batches, Outcome
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
from twisted_rpc.counting import Metering
from twisted_rpc.errors import RateLimited
from twisted_rpc.invocation import Hooks, Invoker, Middleware
from twisted_rpc.long_way import LongWay
from twisted_rpc.message import Invalid, Message, Response
from twisted_rpc.metering import Meters
from twisted_rpc.namespace import Namespace
from twisted_rpc.observing import Observation, Observer
from twisted_rpc.rates import Rates
from twisted_rpc.running import Answer, Caller, Dispatch

__all__ = ["Dispatcher", "Outcome"]

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

    Attributes:
        handle_other: answers a notification, or a call that cannot take the short way.
        way: what messages are given to: `dispatch`, unless somebody observes.
        way_changed: told when that is something else.
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
        self._admission = Admission(limits, self.rates, counters, self._choose_way)
        self._long_way = LongWay(
            self.invoker,
            self._answers,
            methods=namespace.methods,
            limits=limits,
            counters=counters,
            admission=self._admission,
            clock=clock,
            no_request=self._handle_no_request,
        )
        self._settle: Callable[[Any, Message, Caller], Answer] = self._long_way.settle
        self.handle_other: Callable[[Message, Caller], Answer] = self._long_way.handle
        self.batches = Batches(limits, self._answers, self._admission.has_room, self.run)
        self._answer_batch = self.batches.answer
        self.observation = Observation(self)
        self.way: Dispatch = self.dispatch
        self.way_changed: Callable[[], None] = _nobody_follows
        self.invoker.check_rate = self._admission.check_rate_of
        self.views = Views(namespace, access)
        self._choose_way()
        self.max_depth = limits.max_depth or 1 << 31
        self._shallow = 2 * self.max_depth  # so few bytes cannot nest deeper
        self._max_response = limits.max_response or 1 << 62
        self._max_in_flight = self._admission.max_in_flight

    def use(self, middleware: Middleware) -> None:
        """Put a middleware around every call, inside those added before."""
        self.invoker.use(middleware)
        self._choose_way()

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Tell an observer of every call that has ended; call what is returned to end it.

        Until then every call takes the long way.  What an observer raises is logged once.
        """
        remove = self.observation.add(observer)
        self._choose_way()

        def end() -> None:
            if remove():
                self._choose_way()

        return end

    def measure(self, meters: Meters) -> None:
        """Count calls from now on."""
        metering = Metering(meters, self._answers)
        self._long_way.runs = metering.running
        self.handle_other = metering.timed(self._long_way.handle)
        self._settle = metering.settled(self._long_way.settle)
        self.views.measure(meters.of_method)

    @property
    def in_flight(self) -> int:
        """How many calls run whose result is waited for."""
        return self._admission.load.running

    def drain(self) -> None:
        """Refuse new calls from now on with -32012; running ones go on."""
        self._admission.drain()

    def _choose_way(self) -> None:
        """Let calls take the short way where nobody has to be asked, or told."""
        observed = self.observation.has_observers
        self.views.is_short = self.invoker.plain and not (self._admission.asks or observed)
        way = self.observation.dispatch if observed else self.dispatch
        if way != self.way:
            self.way = way
            self.way_changed()

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

    def run(self, message: Decoded, caller: Caller) -> Outcome:  # noqa: C901
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
            return self.handle_other(message, caller)
        function, bind, named, meter = short
        try:
            bound = bind(message.params)  # type: ignore[arg-type]
        except Exception:  # whatever is wrong, the other way tells it
            bound = None
        if bound is None:
            return self.handle_other(message, caller)
        if meter is not None:
            left = meter.left
            if left:
                meter.left = left - 1
            else:
                function = meter.timing(function)
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
            return self._answer_batch(decoded, caller)
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
            self._admission.check_rates(caller)
        except RateLimited as error:
            self._answers.note(error, None)
            return codec.error_answer(error, invalid.id)
        return self._answers.to_invalid(answered, caller)


def _nobody_follows() -> None:
    """Whoever gives messages to `way` puts something else here."""
