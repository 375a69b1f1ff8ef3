"""How often somebody may call: token buckets.

A bucket holds `burst` tokens when it is full, and gains `rate` of them a second; a call
takes one.  What is kept of it is the time when it will be full again, and nothing once that
time has come.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from twisted_rpc.config import Limits
from twisted_rpc.errors import ErrorCode, RateLimited, RPCError
from twisted_rpc.namespace import Method

__all__ = ["Buckets", "Payer", "Rates"]

MOST_KEYS = 10_000
"""How many buckets of one rate are told apart."""

_SWEEP = 1.0
"""Seconds between two looks for buckets that are full again: each takes the time of all."""

_OTHERS = object()
"""The key of all those that are no longer told apart."""

_MISTAKES = frozenset(
    {
        ErrorCode.PARSE_ERROR,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.METHOD_NOT_FOUND,
        ErrorCode.INVALID_PARAMS,
        ErrorCode.UNAUTHORIZED,
    }
)
"""Errors that are of the caller's making."""


class Buckets:
    """The buckets of one rate, by whom they belong to.

    No more than `MOST_KEYS` are kept, and none that is not full is forgotten: who has used up
    what it may cannot make itself forgotten by coming from many places.  While so many are
    not full, all others share one.

    Args:
        rate: tokens a second.
        burst: tokens of a full bucket; None for what comes in one second.
        clock: where time comes from.
    """

    def __init__(self, rate: float, burst: float | None, clock: IReactorTime) -> None:
        self._seconds_each = 1 / rate
        self._depth = max(1.0, rate if burst is None else burst) / rate
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}
        self._swept_at = -_SWEEP

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: Hashable) -> float:
        """Seconds until there is a token; 0 if there is one."""
        now = self._clock.seconds()
        full_at = self._full_at.get(self._told_apart(key, now), now)
        wait = full_at + self._seconds_each - self._depth - now
        return wait if wait > 1e-9 else 0.0  # sums of fractions are not exact

    def take(self, key: Hashable, tokens: float = 1) -> None:
        """Take tokens; below none there is no more debt than those make."""
        now = self._clock.seconds()
        key = self._told_apart(key, now)
        taken = tokens * self._seconds_each
        full_at = max(self._full_at.get(key, now), now) + taken
        self._full_at[key] = min(full_at, now + self._depth + taken)

    def _told_apart(self, key: Hashable, now: float) -> Hashable:
        if key in self._full_at or len(self._full_at) < MOST_KEYS:
            return key
        if now - self._swept_at >= _SWEEP:
            self._swept_at = now
            self._full_at = {each: at for each, at in self._full_at.items() if at > now}
        return key if len(self._full_at) < MOST_KEYS else _OTHERS


class Payer(Protocol):
    """Who calls."""

    @property
    def identity(self) -> Any:
        """Who it has proved to be; None if nobody asked."""

    @property
    def source(self) -> str:
        """What its address is counted by."""


class Rates:
    """The rates of one endpoint.

    Args:
        limits: `calls_per_second`, `calls_per_second_per_address`, `calls_burst`,
            `error_cost`.
        clock: where time comes from.

    Attributes:
        hold_for_all: whether there is one that holds for every method.
    """

    def __init__(self, limits: Limits, clock: IReactorTime) -> None:
        self._clock = clock
        self._error_cost = limits.error_cost or 0
        self._of_callers = self._buckets(limits.calls_per_second, limits.calls_burst)
        self._of_sources = self._buckets(limits.calls_per_second_per_address, limits.calls_burst)
        self._of_methods: dict[str, tuple[Method, Buckets]] = {}
        self.hold_for_all = self._of_callers is not None or self._of_sources is not None

    def _buckets(self, rate: float | None, burst: float | None) -> Buckets | None:
        return None if rate is None else Buckets(rate, burst, self._clock)

    def check(self, payer: Payer, method: Method | None = None) -> None:
        """Take a token for one call of each rate that holds for all; or of a method's own.

        Args:
            payer: who calls.
            method: what is called, where its own rate is asked for.

        Raises:
            RateLimited: one of them has none; its `data` says which, and for how long.
        """
        if method is None or method.rate is None:
            buckets = self._for_all(payer)
        else:
            buckets = [("rate", self._of_method(method), _name(payer))]
        for limit, rate, key in buckets:
            wait = rate.wait(key)
            if wait:
                raise RateLimited({"limit": limit, "retry_after": round(wait, 3)})
        for _, rate, key in buckets:
            rate.take(key)

    def fine(self, payer: Payer, error: RPCError) -> None:
        """Take more tokens for an error, if it is of the caller's making."""
        if self._error_cost and error.code in _MISTAKES:
            for _, rate, key in self._for_all(payer):
                rate.take(key, self._error_cost)

    def _for_all(self, payer: Payer) -> list[tuple[str, Buckets, Hashable]]:
        buckets: list[tuple[str, Buckets, Hashable]] = []
        if self._of_callers is not None:
            buckets.append(("calls_per_second", self._of_callers, _name(payer)))
        if self._of_sources is not None:
            buckets.append(("calls_per_second_per_address", self._of_sources, payer.source))
        return buckets

    def _of_method(self, method: Method) -> Buckets:
        known = self._of_methods.get(method.name)
        if known is None or known[0] is not method:  # exposed anew
            assert method.rate is not None
            known = method, Buckets(method.rate, method.burst, self._clock)
            self._of_methods[method.name] = known
        return known[1]


def _name(payer: Payer) -> Hashable:
    """What a caller's bucket is kept by: nobody's identity is anybody's address."""
    return payer.source if payer.identity is None else (str(payer.identity),)
