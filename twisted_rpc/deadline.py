"""A deadline that is cheap to move."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Deadline"]


class Deadline:
    """Calls a function once a time is up, unless it was set anew or cleared before.

    Setting and clearing only note a time; the one delayed call behind it looks, when it
    fires, whether there is still something to wait for.  So a deadline may be moved with
    every message.

    Args:
        clock: where time comes from.
        expired: what to call.

    Attributes:
        at: when it will expire if nothing happens, on that clock; None if it will not.
    """

    __slots__ = ("_clock", "_expired", "_looks_at", "_timer", "at")

    def __init__(self, clock: IReactorTime, expired: Callable[[], None]) -> None:
        self._clock = clock
        self._expired = expired
        self.at: float | None = None
        self._timer: IDelayedCall | None = None
        self._looks_at = 0.0

    def set(self, seconds: float | None) -> None:
        """Expire in that many seconds; never, if None."""
        if seconds is None:
            self.at = None
            return
        self.at = at = self._clock.seconds() + seconds
        if self._timer is None:
            self._look_in(seconds, at)
        elif self._looks_at > at:
            self._timer.cancel()
            self._look_in(seconds, at)

    def _look_in(self, seconds: float, at: float) -> None:
        self._looks_at = at
        self._timer = self._clock.callLater(seconds, self._fire)

    def clear(self) -> None:
        """Do not expire."""
        self.at = None

    def stop(self) -> None:
        """Do not expire, and leave no delayed call behind."""
        self.at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        at = self.at
        if at is None:
            return
        left = at - self._clock.seconds()
        if left > 0:
            self._look_in(left, at)
        else:
            self.at = None
            self._expired()
