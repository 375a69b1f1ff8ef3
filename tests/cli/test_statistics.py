"""Percentiles and histograms."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_rpc.cli.statistics import Latencies

seconds = st.floats(min_value=1e-6, max_value=1e4)


def of(values: list[float]) -> Latencies:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    return latencies


@given(st.lists(seconds, min_size=1), st.floats(0, 100))
def test_a_percentile_is_near_the_one_of_its_rank(values: list[float], percent: float) -> None:
    exact = sorted(values)[max(1, ceil(len(values) * percent / 100)) - 1]
    assert of(values).percentile(percent) == pytest.approx(exact, rel=0.006)


@given(st.lists(seconds, min_size=1))
def test_the_ends_are_exact(values: list[float]) -> None:
    summary = of(values).summary()
    assert list(summary) == ["min", "p50", "p90", "p99", "max"]
    assert summary["min"] == round(min(values) * 1000, 3)
    assert summary["max"] == round(max(values) * 1000, 3)
    assert sorted(summary.values()) == list(summary.values())


@given(st.lists(seconds))
def test_the_histogram_counts_each_once_and_leaves_no_gap(values: list[float]) -> None:
    bars = list(of(values).histogram())
    assert sum(bar.calls for bar in bars) == len(values)
    assert [bar.above for bar in bars[1:]] == [bar.up_to for bar in bars[:-1]]
    for bar in bars:
        # At a bound the logarithm may fall on either side.
        inside = [v for v in values if bar.above * 1.000001 < v < bar.up_to * 0.999999]
        near = [v for v in values if bar.above * 0.999999 < v < bar.up_to * 1.000001]
        assert len(inside) <= bar.calls <= len(near)


def test_what_is_shorter_than_a_microsecond_counts_as_one() -> None:
    latencies = of([0.0, -1.0])
    assert latencies.summary()["max"] == 0.001
    assert latencies.bars() == [{"above_ms": 0.001, "up_to_ms": 0.002, "calls": 2}]


def test_without_any_there_is_nothing_to_say() -> None:
    latencies = Latencies()
    assert (latencies.summary(), latencies.bars()) == ({}, [])
    with pytest.raises(ValueError, match="no latencies"):
        latencies.percentile(50)


def test_memory_is_bounded() -> None:
    latencies = of([1.001**n * 1e-6 for n in range(20_000)])
    assert latencies.count == 20_000
    assert len(latencies._buckets) < 2000
