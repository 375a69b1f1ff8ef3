"""What is compared are servers that differ in what they count alone."""

from __future__ import annotations

import pytest

from benchmarks import metering
from benchmarks.metering import LOADS, PAIRS, TRANSPORTS, Finding, Side


def test_every_load_of_every_transport_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    metering.main(["--turns", "1"])
    lines = capsys.readouterr().out.splitlines()
    expected = [f"{transport}, {load}" for transport in TRANSPORTS for load in LOADS]
    assert [line.partition(":")[0] for line in lines] == expected


def test_each_call_is_counted_where_calls_are() -> None:
    findings = list(metering.measure(2))
    turn = {"1 call": 100, "16 calls": 112, "a batch of 100": 100}
    assert [each.counted for each in findings] == [2 * PAIRS * turn[each.load] for each in findings]
    assert all(each.plain > 0 and each.ratio > 0 for each in findings)
    side = Side("TCP", measured=False)
    side.turn("1 call")
    assert side.counted == 0
    side.close()


def test_a_finding_says_what_is_added() -> None:
    assert str(Finding("TCP", "1 call", 9500, 1.021, 7)) == "TCP, 1 call: 9.50 us, +2.1 %"
