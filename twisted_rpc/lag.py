"""How late the reactor is with what it was asked to do."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

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
        self._due = 0
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def startService(self) -> None:
        """Look from now on."""
        super().startService()
        self._due = perf_counter_ns() + int(_INTERVAL * 1e9)
        self._loop.start(_INTERVAL, now=False)

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        now = perf_counter_ns()
        self._histogram.add(max(0, now - self._due))
        self._due = now + int(_INTERVAL * 1e9)
