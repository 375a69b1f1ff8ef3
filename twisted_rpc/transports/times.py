"""How long a line may be silent between requests, and a request may take to arrive."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from twisted_rpc.config import Limits
from twisted_rpc.deadline import Deadline

__all__ = ["RequestTimes"]


class RequestTimes:
    """The deadlines of one line of HTTP.

    Args:
        limits: `idle_timeout` and `request_timeout`.
        clock: where time comes from.
        idle_expired: called when no request has begun in time.
        arrival_expired: called when a request is not complete in time.
    """

    __slots__ = ("_arrival", "_idle", "_limits")

    def __init__(
        self,
        limits: Limits,
        clock: IReactorTime,
        idle_expired: Callable[[], None],
        arrival_expired: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._idle = Deadline(clock, idle_expired)
        self._arrival = Deadline(clock, arrival_expired)

    def begin(self, seconds: float | None) -> None:
        """Wait so long for the first request."""
        self._idle.set(seconds)

    def idle(self) -> None:
        """Wait for a request to begin."""
        self._arrival.at = None
        self._idle.set(self._limits.idle_timeout)

    def arrive(self, *, progressed: bool) -> None:
        """Wait for the rest of a request.

        Args:
            progressed: whether another has come whole since the last time.
        """
        if progressed or self._arrival.at is None:
            self._arrival.set(self._limits.request_timeout)

    def work(self) -> None:
        """A request is worked on: its sender is not waited for."""
        self._idle.clear()
        self._arrival.clear()

    def stop(self) -> None:
        """The line is down, or another's."""
        self._idle.stop()
        self._arrival.stop()
