"""What waits while there is no connection, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import ConnectionLost
from twisted_rpc.outgoing import Call

__all__ = ["Offline", "OfflineBuffer", "Parcel"]


class Offline(Struct, frozen=True, kw_only=True):
    """How much a client keeps while it has no connection.

    Attributes:
        size: how many calls, notifications and batches; 0 for none.
        age: how many seconds each may wait.
        when_full: what becomes of one more: it is refused with `ConnectionLost`, or the
            oldest is dropped for it.
    """

    size: int = 1000
    age: float = 30.0
    when_full: Literal["refuse", "drop_oldest"] = "refuse"


class Parcel:
    """Calls and notifications that are sent as one message."""

    __slots__ = ("calls", "expires_at", "notifications")

    def __init__(self, calls: Sequence[Call], notifications: Sequence[bytes]) -> None:
        self.calls = list(calls)
        self.notifications = list(notifications)
        self.expires_at = 0.0

    def fail(self, reason: str) -> None:
        """End its calls; its notifications are dropped."""
        for call in tuple(self.calls):
            call.fail(ConnectionLost(f"{call.method}: {reason}"))


class OfflineBuffer:
    """Keeps parcels in their order until they can be sent, or have waited too long."""

    _log = Logger()

    def __init__(self, bounds: Offline, clock: IReactorTime) -> None:
        self._bounds = bounds
        self._clock = clock
        self._parcels: OrderedDict[int, Parcel] = OrderedDict()
        self._oldest = Deadline(clock, self._expire)

    def __len__(self) -> int:
        return len(self._parcels)

    def keep(self, parcel: Parcel, reason: str) -> None:
        """Keep a parcel; `reason` says why it cannot be sent now.

        Raises:
            ConnectionLost: there is no room for it.
        """
        oldest: Parcel | None = None
        if len(self._parcels) >= self._bounds.size:
            if self._bounds.when_full == "refuse" or not self._parcels:
                raise ConnectionLost(f"{reason}, and {self._bounds.size} messages wait already")
            oldest = self._parcels.popitem(last=False)[1]
        self._hold(parcel)
        if oldest is not None:  # who hears of it may call again: the new one is held by now
            self._drop(oldest, "dropped for a newer one")

    def keep_first(self, call: Call) -> None:
        """Keep a call that was under way when its line was lost, before all others."""
        parcel = Parcel([call], [])
        self._hold(parcel)
        self._parcels.move_to_end(id(parcel), last=False)

    def _hold(self, parcel: Parcel) -> None:
        parcel.expires_at = self._clock.seconds() + self._bounds.age
        self._parcels[id(parcel)] = parcel
        for call in parcel.calls:
            call.forget = lambda call=call: self._forget(parcel, call)  # type: ignore[misc]
            call.clue = lambda: "; it could not be sent: the client was not connected"
        if self._oldest.at is None:
            self._oldest.set(self._bounds.age)

    def take_all(self) -> list[Parcel]:
        """All that waits, in its order."""
        parcels = list(self._parcels.values())
        self._parcels.clear()
        self._oldest.stop()
        return parcels

    def fail(self, reason: str) -> None:
        """End all that waits."""
        for parcel in self.take_all():
            parcel.fail(reason)

    def _forget(self, parcel: Parcel, call: Call) -> None:
        if call in parcel.calls:
            parcel.calls.remove(call)
        if not parcel.calls and not parcel.notifications:
            self._parcels.pop(id(parcel), None)

    def _drop(self, parcel: Parcel, reason: str) -> None:
        if parcel.notifications:
            count = len(parcel.notifications)
            self._log.warn("{count} notification(s) {reason}", count=count, reason=reason)
        parcel.fail(reason)

    def _expire(self) -> None:
        now = self._clock.seconds()
        expired = [parcel for parcel in self._parcels.values() if parcel.expires_at <= now]
        for parcel in expired:
            del self._parcels[id(parcel)]
        if self._parcels:
            next_at = min(parcel.expires_at for parcel in self._parcels.values())
            self._oldest.set(next_at - now)
        for parcel in expired:  # who hears of it may call again, cancel others, or close
            self._drop(parcel, f"no connection within {self._bounds.age:g} seconds")
