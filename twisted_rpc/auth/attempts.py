"""How often logins from one address may fail."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime

__all__ = ["Attempts"]

_MINUTE = 60.0

_MOST_ADDRESSES = 10_000
"""So many addresses are remembered; beyond that, the one that has not failed for longest is not."""


class Attempts:
    """A budget of failed logins for each address; what is spent comes back in a minute.

    A login is paid for when it begins, or many at once would get by, and has its price
    back when it succeeds.

    Args:
        most: failed logins a minute; None for any number.
        clock: where time comes from.
    """

    def __init__(self, most: int | None, clock: IReactorTime) -> None:
        self._most = most
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, address: str) -> float:
        """Pay for a login.

        Returns:
            0, or the seconds after which there is something to spend again.
        """
        if self._most is None:
            return 0.0
        key, spent = _network(address), self._spent_by(address)
        if spent + 1 > self._most:
            return (spent + 1 - self._most) * _MINUTE / self._most
        self._note(key, spent + 1)
        return 0.0

    def refund(self, address: str) -> None:
        """The login succeeded."""
        if self._most is not None:
            self._note(_network(address), self._spent_by(address) - 1)

    def _spent_by(self, address: str) -> float:
        spent, at = self._spent.get(_network(address), (0.0, 0.0))
        assert self._most is not None
        return max(0.0, spent - (self._clock.seconds() - at) * self._most / _MINUTE)

    def _note(self, key: str, spent: float) -> None:
        if spent <= 0:
            self._spent.pop(key, None)
            return
        self._spent[key] = spent, self._clock.seconds()
        self._spent.move_to_end(key)
        if len(self._spent) > _MOST_ADDRESSES:
            self._spent.popitem(last=False)


def _network(address: str) -> str:
    """What counts as one address: of IPv6 a /64, because one subscriber has all of it."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
