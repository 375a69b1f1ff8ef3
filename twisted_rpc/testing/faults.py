"""Lines that lose, delay, split, repeat and make up what goes over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_rpc.transports.memory import Line, Way

__all__ = ["FaultyLine", "FaultyWay"]


class FaultyWay(Way):
    """One direction of a line; it carries everything as it is until it is told otherwise.

    A piece is what was written in one go: usually one message, or several.
    """

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self._dropped = 0
        self._repeated = 0
        self._seconds = 0.0
        self._size: int | None = None
        self._due = 0.0
        self._held = False
        self._under_way: set[IDelayedCall] = set()

    def drop(self, pieces: int = 1) -> None:
        """Lose the next pieces; the ends do not hear of it."""
        self._dropped += pieces

    def duplicate(self, pieces: int = 1) -> None:
        """Deliver each of the next pieces twice."""
        self._repeated += pieces

    def delay(self, seconds: float) -> None:
        """From now on, let everything take so many seconds, in the same order; 0 ends it."""
        self._seconds = seconds

    def split(self, size: int | None) -> None:
        """From now on, deliver pieces of so many bytes at most, as TCP may; None ends it."""
        if size is not None and size < 1:
            raise ValueError(f"a piece has one byte or more, not {size}")
        self._size = size

    def insert(self, data: bytes) -> None:
        """Deliver bytes that nobody has sent, after those under way."""
        self._carry(data)

    def hold(self) -> None:
        """Deliver nothing until `release`, as if the receiver did not read."""
        self._held = True

    def release(self) -> None:
        """Deliver what was held."""
        self._held = False
        self._wake()

    def put(self, data: bytes) -> None:
        """See `Way.put`."""
        if self._dropped:
            self._dropped -= 1
            return
        times = 1
        if self._repeated:
            self._repeated -= 1
            times = 2
        for _ in range(times):
            self._carry(data)

    def end(self) -> None:
        """See `Way.end`."""
        self._later(super().end)

    def _carry(self, data: bytes) -> None:
        size = self._size or len(data) or 1
        for start in range(0, len(data), size):
            self._later(super().put, data[start : start + size])

    def stop(self) -> None:
        """See `Way.stop`."""
        super().stop()
        while self._under_way:
            self._under_way.pop().cancel()

    def _wake(self) -> None:
        if not self._held:
            super()._wake()

    def _later(self, function: Callable[..., Any], *args: Any) -> None:
        """Do something after the delay; what began earlier never comes later."""
        now = self.clock.seconds()
        self._due = max(self._due, now + self._seconds)
        if self._due <= now:
            function(*args)
            return

        def do() -> None:
            self._under_way.discard(call)
            function(*args)

        call = self.clock.callLater(self._due - now, do)
        self._under_way.add(call)


class FaultyLine(Line):
    """A line whose two ways can be told to fail; `break_off()` breaks it.

    Attributes:
        to_listener: what the client sends, or who opened the line.
        to_caller: what the server sends.
    """

    way: ClassVar[type[Way]] = FaultyWay
    to_listener: FaultyWay
    to_caller: FaultyWay
