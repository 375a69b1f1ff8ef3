"""How often logins may fail: each pays when it begins, and has it back unless it fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from twisted_rpc.rates import Buckets

__all__ = ["Budget"]

_MINUTE = 60.0


class Budget:
    """A budget of failed logins for each key.

    While logins that are under way have taken all of it, the next ones wait for their
    outcome: many that succeed at once are no guesses.

    Args:
        most: failed logins a minute.
        clock: where time comes from.
    """

    def __init__(self, most: float, clock: IReactorTime) -> None:
        self._buckets = Buckets(most / _MINUTE, most, clock)
        self._under_way: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[Deferred[float]]] = {}

    def enter(self, key: Hashable) -> Deferred[float]:
        """Pay for a login.

        Returns:
            A Deferred of 0 once it may begin, or of the seconds after which there is
            something to spend again.
        """
        wait = self._buckets.wait(key)
        if not wait:
            self._begin(key)
            return succeed(0.0)
        if key not in self._under_way:
            return succeed(wait)
        waiting = self._waiting.setdefault(key, deque())
        turn: Deferred[float] = Deferred(waiting.remove)
        waiting.append(turn)
        return turn

    def leave(self, key: Hashable, *, failed: bool) -> None:
        """A login that had begun is over."""
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]
        if not failed:
            self._buckets.take(key, -1)
        waiting = self._waiting.get(key)
        while waiting and (not self._buckets.wait(key) or key not in self._under_way):
            wait = self._buckets.wait(key)
            turn = waiting.popleft()
            if not wait:
                self._begin(key)
            turn.callback(wait)
        if not waiting:
            self._waiting.pop(key, None)

    def _begin(self, key: Hashable) -> None:
        self._buckets.take(key)
        self._under_way[key] = self._under_way.get(key, 0) + 1
