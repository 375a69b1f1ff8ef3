"""Whether a far side takes what waits for it, and how long it has time for that."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint

__all__ = ["LINGER", "SETTLING", "SLOWEST", "Patience"]

LINGER = 2.0
"""Seconds we go on reading from a far side that was answered for the last time."""

SLOWEST = 64 * 1024
"""Bytes a far side has to take in `unread_timeout` seconds while answers wait for it."""

SETTLING = 1 / 16
"""The part of `unread_timeout` in which only the kernels' buffers are filled."""


class Patience:
    """Aborts a line whose far side takes less than `SLOWEST` bytes in `unread_timeout` seconds.

    Args:
        owner: whose limits, time and counters hold.
        holds: how many bytes wait for the far side.
        abort: ends the line.

    Attributes:
        queued: bytes that have had to wait, in all.
        is_lingering: whether nothing more is written, and the far side is to close.
    """

    _log = Logger()

    __slots__ = (
        *("_abort", "_all_out", "_clock", "_counters", "_deadline", "_given_up", "_holds"),
        *("_limits", "_overdue", "_taken", "_waited", "is_lingering", "queued"),
    )

    def __init__(
        self, owner: Endpoint, holds: Callable[[], int], abort: Callable[[], None]
    ) -> None:
        self.queued = 0
        self.is_lingering = False
        self._limits = owner.limits
        self._counters = owner.counters
        self._clock = owner.clock
        self._holds = holds
        self._abort = abort
        self._taken = 0
        self._overdue: float | None = None
        self._given_up = False
        self._waited = 0.0
        self._all_out = False
        self._deadline = Deadline(owner.clock, self._expired)

    def note_no_more(self) -> None:
        """Take nothing for read that has only been handed on since this was noted."""
        self._taken = min(self._taken, self.queued - self._holds())

    def watch(self, part: float = 1) -> None:
        """Look after that part of `unread_timeout` what was taken, and at its end."""
        self.is_lingering = False
        self._taken = self.queued - self._holds()
        limit = self._limits.unread_timeout
        self._overdue = None if limit is None else self._clock.seconds() + limit
        self._deadline.set(None if limit is None else limit * part)

    def clear(self) -> None:
        """Everything is out."""
        if not self.is_lingering:
            self._deadline.clear()

    def stop(self) -> None:
        """The line is down, or another's."""
        self._deadline.stop()

    def await_end(self) -> None:
        """Abort if the far side has not closed `LINGER` seconds after everything was out.

        Until then it has to take it as fast as ever.
        """
        self.is_lingering = True
        self._waited = 0.0
        self._all_out = self._holds() == 0
        self._taken = self.queued - self._holds()
        self._deadline.set(LINGER)

    def give_up(self, limit: str, reason: str) -> None:
        """Drop the far side: it has hit a limit."""
        if not self._given_up:
            self._given_up = True
            self._counters.hit(limit)
            self._log.info(
                "dropping a far side that does not read: {reason} ({limit})",
                reason=reason,
                limit=limit,
            )
            self._abort()

    def _expired(self) -> None:
        if self.is_lingering:
            self._linger()
        elif self._has_settled():
            return
        elif self._takes_enough():
            self.watch()
        else:
            seconds = self._limits.unread_timeout
            self.give_up("unread_timeout", f"too little read in {seconds:g} seconds")

    def _has_settled(self) -> bool:
        """Whether time is left, and counts from what the buffers have taken at the beginning.

        Who never reads would seem to have read that, and have twice the time.
        """
        left = 0.0 if self._overdue is None else self._overdue - self._clock.seconds()
        if left <= 0:
            return False
        self._taken = self.queued - self._holds()
        self._deadline.set(left)
        return True

    def _takes_enough(self) -> bool:
        """Whether the far side has taken what it has to since this was noted for the last time."""
        return self.queued - self._holds() - self._taken >= SLOWEST

    def _linger(self) -> None:
        limit = self._limits.unread_timeout
        self._waited += LINGER
        waited_long = limit is not None and self._waited >= limit
        if self._all_out:
            self._abort()
        elif self._holds() == 0 or (waited_long and self._takes_enough()):
            self.await_end()
        elif waited_long:
            self.give_up("unread_timeout", f"too little read in {limit:g} seconds")
        else:
            self._deadline.set(LINGER)
