"""Latencies: percentiles and a histogram, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Bar", "Latencies"]

_PER_OCTAVE = 64
"""So many buckets from a latency to its double: each is 1.1 % wide."""

_SHORTEST = 1e-6


class Bar(NamedTuple):
    """One bar of a histogram: how many calls took seconds within these bounds."""

    above: float
    up_to: float
    calls: int


class Latencies:
    """Counts latencies in buckets of equal ratio, however many there are.

    Least and greatest are exact; a percentile is off by half a bucket, which is 0.6 %, at
    most.  What is shorter than a microsecond counts as one.

    Attributes:
        count: how many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._least = math.inf
        self._greatest = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        seconds = max(seconds, _SHORTEST)
        self.count += 1
        self._least = min(self._least, seconds)
        self._greatest = max(self._greatest, seconds)
        self._buckets[int(math.log2(seconds / _SHORTEST) * _PER_OCTAVE)] += 1

    def percentile(self, percent: float) -> float:
        """Seconds that so many percent of the latencies do not exceed (nearest rank).

        Raises:
            ValueError: there is none yet.
        """
        if self.count == 0:
            raise ValueError("there are no latencies")
        rank = max(1, math.ceil(self.count * percent / 100))
        if rank == self.count:
            return self._greatest
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                break
        middle = _SHORTEST * 2 ** ((bucket + 0.5) / _PER_OCTAVE)
        return min(max(middle, self._least), self._greatest)

    def summary(self) -> dict[str, float]:
        """Minimum, percentiles and maximum in milliseconds; empty if there are none."""
        if self.count == 0:
            return {}
        percentiles = {f"p{percent}": self.percentile(percent) for percent in (50, 90, 99)}
        seconds = {"min": self._least, **percentiles, "max": self._greatest}
        return {name: milliseconds(value) for name, value in seconds.items()}

    def histogram(self) -> Iterator[Bar]:
        """Bars from the shortest to the longest latency, each twice as wide as the one before."""
        octaves: Counter[int] = Counter()
        for bucket, count in self._buckets.items():
            octaves[bucket // _PER_OCTAVE] += count
        if octaves:
            for octave in range(min(octaves), max(octaves) + 1):
                above = _SHORTEST * 2**octave
                yield Bar(above, 2 * above, octaves[octave])

    def bars(self) -> list[dict[str, Any]]:
        """The histogram with its bounds in milliseconds."""
        return [
            {
                "above_ms": milliseconds(bar.above),
                "up_to_ms": milliseconds(bar.up_to),
                "calls": bar.calls,
            }
            for bar in self.histogram()
        ]


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)
