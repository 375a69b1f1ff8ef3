"""Meters: how many calls there were, how long they took, and what came and went.

A call that takes the short way only notes its name, and is counted together with those of
the same read.  Their answers leave together, so they have taken equally long, from the
bytes that were read to those that were written, and the clock is looked at twice for all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any

from msgspec import UNSET, Struct

from twisted_rpc.answers import Answers, note
from twisted_rpc.batches import Batches, Items, Outcome
from twisted_rpc.codec import PLAIN, Decoded, encode_result
from twisted_rpc.dispatch import SYNCHRONOUS, Dispatcher
from twisted_rpc.errors import RPCError
from twisted_rpc.message import Invalid, Message, Response
from twisted_rpc.running import Answer, Caller, Running

__all__ = ["UNKNOWN", "Histogram", "LagHistogram", "Meter", "Metered", "Meters", "Traffic"]

UNKNOWN = "(unknown)"
"""What all names are counted under that no method has."""

_LONGEST = 64
"""Bits of the longest time that is told apart: far more than anything runs."""


class Histogram:
    """Times, counted by how many bits their nanoseconds have: by powers of two.

    Attributes:
        buckets: how many there were of each length.
        total: their sum, in nanoseconds.
    """

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (_LONGEST + 1)
        self.total = 0

    def add(self, nanoseconds: int, times: int = 1) -> None:
        """Count a time."""
        self.buckets[nanoseconds.bit_length()] += times
        self.total += nanoseconds * times


class Meter(Histogram):
    """The calls and notifications of one method, and how long they took.

    Attributes:
        errors: how many of them failed.
    """

    __slots__ = ("errors",)

    def __init__(self) -> None:
        super().__init__()
        self.errors = 0


class LagHistogram(Histogram):
    """How late the reactor was.

    Attributes:
        latest: the last time, in nanoseconds.
    """

    __slots__ = ("latest",)

    def __init__(self) -> None:
        super().__init__()
        self.latest = 0

    def add(self, nanoseconds: int, times: int = 1) -> None:
        """See `Histogram.add`."""
        super().add(nanoseconds, times)
        self.latest = nanoseconds


class _Methods(dict[str, Meter]):
    """Meters by the names of methods, each made when it is asked for."""

    def __missing__(self, method: str) -> Meter:
        self[method] = meter = Meter()
        return meter


class Traffic(Struct):
    """What has come and gone over one kind of transport.

    Attributes:
        received, sent: bytes, with their framing; without what TLS adds.
        connections: how many were opened.
    """

    received: int = 0
    sent: int = 0
    connections: int = 0


class Meters:
    """All that is counted while a server is measured.

    Args:
        knows: whether a method of this name exists; others have no meter of their own.

    Attributes:
        methods: by their names, those that were called.
        codes: errors by their codes.
        notifications, batches: how many came.
        traffic: by transport.
        lag: how late the reactor was.
        together: the methods of calls that have ended since the last read.
        began: when the read began that is worked on, in nanoseconds; 0 outside of one.
        later: how many results were waited for.
    """

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self.methods = _Methods()
        self.codes: dict[int, int] = {}
        self.notifications = 0
        self.batches = 0
        self.traffic: dict[str, Traffic] = {}
        self.lag = LagHistogram()
        self.together: list[str] = []
        self.began = 0
        self.later = 0
        self._knows = knows

    def meter_of(self, message: Message) -> Meter:
        """The meter of the method that a message names, or the one of all unknown names."""
        name = str(message.method)
        return self.methods[name if self._knows(name) else UNKNOWN]

    def traffic_of(self, transport: str) -> Traffic:
        """What is counted for a transport."""
        return self.traffic.setdefault(transport, Traffic())

    def failed(self, error: RPCError, message: Message | None) -> None:
        """A call failed; or something that was no message was refused."""
        code = int(error.code)
        self.codes[code] = self.codes.get(code, 0) + 1
        if message is not None:
            self.meter_of(message).errors += 1

    def reading(self, receive: Callable[[bytes], None], transport: str) -> Callable[[bytes], None]:
        """What receives bytes, and measures that.

        Every read comes through here, so one call in it is counted in place.  Calls that were
        run outside of one, such as those that had to wait for room, count as no time.

        Args:
            receive: what they are for.
            transport: what they come over.
        """
        traffic = self.traffic_of(transport)
        together, methods, clock = self.together, self.methods, perf_counter_ns

        def measured(data: bytes) -> None:
            if together:
                self.settle()
            if not self.began:  # or they were counted by a protocol that has handed them on
                traffic.received += len(data)
            self.began = began = clock()
            receive(data)
            self.began = 0
            if together:
                elapsed = clock() - began
                if len(together) == 1:
                    meter = methods[together.pop()]
                    meter.buckets[elapsed.bit_length()] += 1
                    meter.total += elapsed
                else:
                    self.settle(elapsed)

        return measured

    def settle(self, elapsed: int = 0) -> None:
        """Count the calls that have ended together; most often, all are of one method."""
        together = self.together
        times = len(together)
        if times and together.count(together[0]) == times:
            self.methods[together[0]].add(elapsed, times)
        else:
            for method in together:
                self.methods[method].add(elapsed)
        together.clear()

    def opened(self, transport: str) -> None:
        """A connection was opened."""
        self.traffic_of(transport).connections += 1


class Metered(Dispatcher):
    """A dispatcher in all, whose calls are counted.

    Args:
        dispatcher: the one it is, and shares everything with.
        meters: what counts them.
    """

    def __init__(self, dispatcher: Dispatcher, meters: Meters) -> None:
        vars(self).update(vars(dispatcher))
        self._meters = meters
        self._together = meters.together
        self._answers.note = self._note_failure
        self._runs = partial(_MeteredRunning, meters)
        has_room = dispatcher.batches.has_room
        self.batches = _MeteredBatches(meters, self.limits, self._answers, has_room, self.run)
        self._answer_batch = self.batches.answer

    def run(self, message: Decoded, caller: Caller) -> Outcome:  # noqa: C901 - as its model is
        """See `Dispatcher.run`: all of it once more, as a further function costs a twentieth."""
        if (
            type(message) is not Message
            or message.result is not UNSET
            or message.error is not UNSET
        ):
            return self._handle_no_request(message, caller)
        if caller.errors:
            caller.errors = 0
        try:
            short = caller.direct[message.method]  # type: ignore[index]
        except KeyError:
            short = None
        if short is None or message.id is UNSET or caller.in_flight >= self._max_in_flight:
            return self.handle_other(message, caller)
        function, bind, named = short
        try:
            bound = bind(message.params)  # type: ignore[arg-type]
        except Exception:
            bound = None
        if bound is None:
            return self.handle_other(message, caller)
        try:
            result = function(*bound) if type(bound) is tuple else function(**named(bound))
            kind = type(result)
            if (kind is float and result - result == 0) or kind in PLAIN:
                self._together.append(message.method)  # type: ignore[arg-type]
                return Response("2.0", result, message.id)
            if kind in SYNCHRONOUS:
                answer = encode_result(result, message.id, self._max_response)
                self._together.append(message.method)  # type: ignore[arg-type]
                return answer
        except BaseException as error:
            self._together.append(message.method)  # type: ignore[arg-type]
            return self._answers.to_failure(error, message, caller)
        later = self._meters.later
        outcome = self._settle(result, message, caller)
        if later == self._meters.later:  # an object of a kind that few methods return
            self._together.append(message.method)  # type: ignore[arg-type]
        return outcome

    def handle_other(self, message: Message, caller: Caller) -> Answer:
        """See `Dispatcher.handle_other`; a result that comes later is counted when it does."""
        meters = self._meters
        began, later = perf_counter_ns(), meters.later
        outcome = super().handle_other(message, caller)
        if message.id is UNSET:
            meters.notifications += 1
        if later == meters.later and message.method is not UNSET:
            meters.meter_of(message).add(perf_counter_ns() - began)
        return outcome

    def _note_failure(self, error: RPCError, message: Message | None) -> None:
        note(error, message)
        self._meters.failed(error, message)


class _MeteredBatches(Batches):
    """Batches that are counted."""

    def __init__(self, meters: Meters, *rest: Any) -> None:
        super().__init__(*rest)
        self._meters = meters

    def answer(self, items: list[Message | Invalid], caller: Caller) -> Answer:
        """See `Batches.answer`."""
        self._meters.batches += 1
        return super().answer(items, caller)

    def answer_each(self, items: list[Message | Invalid], source: Items, caller: Caller) -> Answer:
        """See `Batches.answer_each`."""
        self._meters.batches += 1
        return super().answer_each(items, source, caller)


class _MeteredRunning(Running):
    """A call whose result is waited for, and counted when it is there."""

    def __init__(
        self, meters: Meters, answers: Answers, message: Message, *rest: Any, **options: Any
    ) -> None:
        super().__init__(answers, message, *rest, **options)
        meters.later += 1
        self._meter = meters.meter_of(message)
        self._began = meters.began or perf_counter_ns()

    def _end(self, answer: bytes | None) -> None:
        self._meter.add(perf_counter_ns() - self._began)
        super()._end(answer)
