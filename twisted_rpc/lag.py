"""How late the reactor is with what it was asked to do."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

from twisted.application.service import Service

from twisted_rpc.metering import LagHistogram

__all__ = ["Lag"]

_INTERVAL = 1.0
"""Seconds between two looks."""


class Lag(Service):
    """Asks the reactor for its attention again and again, and notes how late that comes.

    It starts and stops with a daemon.

    Args:
        histogram: where it is noted.
        reactor: whose lag that is.
    """

    def __init__(self, histogram: LagHistogram, *, reactor: Any) -> None:
        self._histogram = histogram
        self._reactor = reactor
        self._due = 0
        self._timer: Any = None

    def startService(self) -> None:
        """Look from now on."""
        super().startService()
        self._look_later()

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        # From now on and not on a fixed beat, on which a reactor that is always equally late
        # would be on time.
        self._due = perf_counter_ns() + int(_INTERVAL * 1e9)
        self._timer = self._reactor.callLater(_INTERVAL, self._look)

    def _look(self) -> None:
        self._histogram.add(max(0, perf_counter_ns() - self._due))
        self._look_later()
