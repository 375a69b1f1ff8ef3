"""Lines of the log that others can cause: not more of them than a log can bear."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

__all__ = ["Sparing"]

_MINUTE = 60.0


class Sparing:
    """Lets so many lines of one kind a minute into the log, and counts the others.

    Args:
        clock: where time comes from.
        most: lines a minute.
    """

    def __init__(self, clock: IReactorTime, most: int = 10) -> None:
        self._clock = clock
        self._most = most
        self._since = 0.0
        self._logged = 0
        self._kept_back = 0

    def more(self) -> str | None:
        """What to add to a line that may be logged now; None if it may not."""
        now = self._clock.seconds()
        if self._logged == 0 or now - self._since >= _MINUTE:
            self._since, self._logged = now, 0
        if self._logged >= self._most:
            self._kept_back += 1
            return None
        self._logged += 1
        kept_back, self._kept_back = self._kept_back, 0
        return f" ({kept_back} more were not logged)" if kept_back else ""
