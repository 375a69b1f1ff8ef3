"""Medians of ratios, on numbers that are known."""

from __future__ import annotations

import pytest

from benchmarks.ratios import Ratio, best_of, median_of, ratio_of, shown


def test_ratios_are_taken_within_a_round() -> None:
    # The machine is half as fast in the second round, for both.
    assert ratio_of([200, 100, 300], [100, 50, 100]) == Ratio(2, 2, 3)


def test_a_round_without_one_of_the_two_does_not_count() -> None:
    assert ratio_of([None, 30, 20], [1, None, 5]) == Ratio(4, 4, 4)
    assert ratio_of([None, 30], [1, None]) is None
    assert ratio_of([], []) is None


def test_the_best_may_be_another_one_in_each_round() -> None:
    assert best_of([[1, 5, None], [4, None, None]]) == [4, 5, None]
    assert best_of([]) == []


def test_the_median_is_of_what_there_is() -> None:
    assert median_of([3, None, 1, 2]) == 2
    assert median_of([1, 2]) == 1.5
    assert median_of([None]) is None


@pytest.mark.parametrize(
    ("value", "text"), [(1234567.8, "1,234,568"), (100, "100"), (99.994, "99.99"), (0.5, "0.50")]
)
def test_values_have_no_more_digits_than_they_are_worth(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_ratio_shows_its_spread() -> None:
    assert str(Ratio(1.234, 0.5, 10)) == "1.23 (0.50, 10.00)"
