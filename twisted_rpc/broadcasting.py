"""Notifications for many: encoded once, framed once, and written together.

Writing is what a notification costs, once for each far side.  So those that are for the
same far sides, in one turn of the reactor's loop, leave in one write to each: at the end
of the turn, or before anything else is sent to anybody, so that all keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Broadcasts"]

_MOST = 64 * 1024
"""So many bytes, and no turn is waited for: limits of what is unread look at each write."""


class Hearer(Protocol):
    """A far side that can be told something."""

    @property
    def is_closed(self) -> bool:
        """Whether its line is down."""

    @property
    def framing(self) -> str:
        """See `Connection.framing`."""

    def framed(self, messages: list[bytes]) -> bytes:
        """See `Connection.framed`."""

    def push(self, frames: bytes, messages: int) -> None:
        """See `Connection.push`."""

    def notify_encoded(self, notification: bytes) -> None:
        """See `Connection.notify_encoded`."""


class Broadcasts:
    """What the far sides of one endpoint are still to be told.

    Args:
        clock: where the end of the turn comes from.

    Its length is how many notifications wait, counted for each far side.

    Attributes:
        waiting: whether there is anything.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.waiting = False
        self._clock = clock
        self._hearers: Sequence[Hearer] = ()
        self._kept: list[bytes] = []
        self._size = 0
        self._sending = False
        self._turn: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._kept) * len(self._hearers)

    def add(self, hearers: Sequence[Hearer], notification: bytes) -> None:
        """Tell these, at the end of this turn at the latest."""
        if self._kept and self._hearers != hearers:
            self.send()
        self._hearers = hearers
        self._kept.append(notification)
        self.waiting = True
        self._size += len(notification)
        if self._size > _MOST and not self._sending:
            self.send()
        elif self._turn is None:
            self._turn = self._clock.callLater(0, self._turn_ended)

    def _turn_ended(self) -> None:
        self._turn = None
        self.send()

    def send(self) -> None:
        """Tell everybody everything."""
        if self._sending or not self._kept:
            return
        hearers, kept = self._hearers, self._kept
        self._hearers, self._kept, self._size = (), [], 0
        self.waiting = False
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._sending = True
        try:
            self._tell(hearers, kept)
        finally:
            self._sending = False

    def _tell(self, hearers: Sequence[Hearer], notifications: list[bytes]) -> None:
        frames: dict[str, bytes] = {}
        for hearer in hearers:
            try:
                _tell(hearer, notifications, frames)
            except BaseException:  # which is nothing to the others
                self._log.failure("a notification could not be sent")


def _tell(hearer: Hearer, notifications: list[bytes], frames: dict[str, bytes]) -> None:
    """Tell one, in frames that were made for another if there are any."""
    if hearer.is_closed:
        return
    framing = hearer.framing
    if not framing:
        for notification in notifications:
            hearer.notify_encoded(notification)
        return
    if framing not in frames:
        frames[framing] = hearer.framed(notifications)
    hearer.push(frames[framing], len(notifications))
