"""Meters: how many calls there were, how long they took, and what came and went.

Looking at the clock twice costs as much as a tenth of a small call.  So while a method is
called in quick succession, one call of ever more is timed, and stands for those before it;
they are counted all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any

from twisted_rpc.errors import RPCError
from twisted_rpc.message import Message

__all__ = ["EVERY", "UNKNOWN", "Histogram", "LagHistogram", "Meter", "Meters", "Traffic"]

UNKNOWN = "(unknown)"
"""What all names are counted under that no method has."""

EVERY = 1024
"""One of so many calls of a method is timed, at least, however fast they come."""

_QUICK = 10_000_000
"""Nanoseconds: timed calls of a method that are not as far apart come in quick succession."""

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
        left: how many calls are still to come by the short way that are not timed.
        started: when the latest began that may be waited for, in nanoseconds.
    """

    __slots__ = ("_apart", "_began", "_latest", "_untimed", "errors", "left", "started")

    def __init__(self) -> None:
        super().__init__()
        self.errors = 0
        self.left = 0
        self.started = 0
        self._untimed = 0  # what `left` was when counting down began
        self._apart = 0
        self._began = -_QUICK
        self._latest = 0

    def timing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose call is timed; so many after it are not."""
        return partial(self._timed, function)

    def _timed(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        began = self._begin()
        try:
            return function(*args, **kwargs)
        finally:
            self._latest = perf_counter_ns() - began
            self.add(self._latest)

    def _begin(self) -> int:
        self.settle()
        now = perf_counter_ns()
        is_quick = now - self._began < _QUICK
        self._apart = min(2 * self._apart + 1, EVERY - 1) if is_quick else 0
        self.left = self._untimed = self._apart
        self._began = now
        return now

    def settle(self) -> None:
        """Count the calls that were not timed: they took as long as the last that was.

        The next one is timed.
        """
        times = self._untimed - self.left
        self.left = self._untimed = 0
        if times:
            self.add(self._latest, times)

    def start(self) -> int:
        """A call begins that may be waited for; return when, in nanoseconds."""
        self.started = perf_counter_ns()
        return self.started

    def take_back(self) -> None:
        """A call has not ended that was begun by the short way: it is counted when it has."""
        if self.left < self._untimed:
            self.left += 1
        else:  # it was the timed one
            self.add(self._latest, -1)


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


class Traffic:
    """What has come and gone over one kind of transport.

    Attributes:
        received, sent: bytes, with their framing; without what TLS adds.
        connections: how many were opened.
    """

    __slots__ = ("connections", "received", "sent")

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self.connections = 0


class Meters:
    """All that is counted while a server is measured.

    Args:
        knows: whether a method of this name exists; others have no meter of their own.

    Attributes:
        methods: by their names, those that were called.
        codes: errors by their codes.
        notifications: how many came.
        lag: how late the reactor was.
        waited: the message whose result was waited for last, as long as it is asked for that.
    """

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self.methods = _Methods()
        self.codes: dict[int, int] = {}
        self.notifications = 0
        self.lag = LagHistogram()
        self.waited: Message | None = None
        self._knows = knows

    def of_method(self, name: str) -> Meter:
        """The meter of a method, or the one of all unknown names."""
        return self.methods[name if self._knows(name) else UNKNOWN]

    def meter_of(self, message: Message) -> Meter:
        """The meter of the method that a message names."""
        name = str(message.method)
        return self.methods.get(name) or self.of_method(name)

    def has_waited(self, message: Message) -> bool:
        """Whether the result of a message that was just run is waited for, or was; asked once.

        Its method may have run others, or let them begin: those came before.
        """
        waited, self.waited = self.waited, None
        return waited is message

    def failed(self, error: RPCError, message: Message | None) -> None:
        """A call failed; or something that was no message was refused."""
        code = int(error.code)
        self.codes[code] = self.codes.get(code, 0) + 1
        if message is not None:
            self.meter_of(message).errors += 1

    def settle(self) -> None:
        """See `Meter.settle`; before they are read."""
        for meter in self.methods.values():
            meter.settle()
