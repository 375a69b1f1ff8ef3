"""Medians of ratios: two servers are compared within a round, and the rounds with each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from msgspec import Struct

__all__ = ["Ratio", "Values", "best_of", "median_of", "ratio_of", "shown"]

Values = Sequence[float | None]
"""One for each round; None where there is none."""


class Ratio(Struct, frozen=True):
    """Over all rounds: their median, the least and the greatest."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}, {self.greatest:.2f})"


def median_of(values: Values) -> float | None:
    """The median of what there is."""
    found = [value for value in values if value is not None]
    return median(found) if found else None


def ratio_of(some: Values, others: Values) -> Ratio | None:
    """The ratios of two in the rounds in which there are both."""
    found = [
        one / other for one, other in zip(some, others, strict=False) if one is not None and other
    ]
    return Ratio(median(found), min(found), max(found)) if found else None


def best_of(several: Iterable[Values]) -> list[float | None]:
    """The greatest of several in each round."""
    rounds = zip(*several, strict=True)
    return [
        max((value for value in values if value is not None), default=None) for values in rounds
    ]


def shown(value: float) -> str:
    """A value as people read it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
