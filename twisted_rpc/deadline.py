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
    """

    __slots__ = ("_at", "_clock", "_expired", "_timer")

    def __init__(self, clock: IReactorTime, expired: Callable[[], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._at: float | None = None
        self._timer: IDelayedCall | None = None

    @property
    def is_set(self) -> bool:
        """Whether it will expire if nothing happens."""
        return self._at is not None

    def set(self, seconds: float | None) -> None:
        """Expire in that many seconds; never, if None."""
        if seconds is None:
            self._at = None
            return
        self._at = self._clock.seconds() + seconds
        if self._timer is not None and self._timer.getTime() > self._at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._fire)

    def clear(self) -> None:
        """Do not expire."""
        self._at = None

    def stop(self) -> None:
        """Do not expire, and leave no delayed call behind."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        if self._at is None:
            return
        left = self._at - self._clock.seconds()
        if left > 0:
            self._timer = self._clock.callLater(left, self._fire)
        else:
            self._at = None
            self._expired()
