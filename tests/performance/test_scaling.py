"""Where there is more of something, one of it costs the same."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.performance.apart import apart
from tests.performance.scaling import Series

COPYING = """
import sys, msgspec
from twisted_rpc.framing import LineFramer
right, kept = LineFramer.feed, b""
def feed(self, data):
    global kept
    kept = kept + data if b"\\n" not in data else b""
    return right(self, data)
LineFramer.feed = feed
from tests.performance import scaling
scaling.WAYS = {"tcp": scaling.WAYS["tcp"]}
scaling.PIECES = scaling.PIECES[1:]
sys.stdout.write(msgspec.json.encode(scaling.pieces()).decode())
"""


def series(subject: str) -> Series:
    """What was counted for a subject."""
    return apart(Series, "-m", "tests.performance.scaling", subject)


def slopes(counted: dict[int, float]) -> list[float]:
    """What one more costs, between each size and the next: what is the same for all is left out."""
    sizes = sorted(counted)
    return [(counted[more] - counted[less]) / (more - less) for less, more in pairwise(sizes)]


def bends(found: Series, room: float) -> list[str]:
    """Those that do not grow in a straight line."""
    return [
        f"{what}: one more costs {said}"
        for what, counted in found.items()
        if max(said := slopes(counted)) > (1 + room) * min(said)
    ]


def test_a_call_costs_the_same_among_100_000_methods() -> None:
    (counted,) = series("methods").values()
    assert sorted(counted) == [1, 1_000, 100_000]
    assert len(set(counted.values())) == 1, counted


def test_exposing_is_linear() -> None:
    assert not bends(series("exposing"), 0.02)


def test_a_call_and_a_connection_cost_the_same_among_1000_connections() -> None:
    found = series("connections")
    notified = found.pop("notify_all")
    assert found["encode"][1] > 0
    for what, counted in found.items():
        assert sorted(counted) == [1, 100, 1_000]
        assert len(set(counted.values())) == 1, (what, counted)
    assert not bends({"notify_all": notified}, 0.02)


def test_batches_and_reads_cost_the_same_for_each_item() -> None:
    assert not bends(series("items"), 0.02)


def test_a_byte_costs_the_same_at_the_end_of_a_megabyte() -> None:
    found = series("pieces")
    assert len(found) == 54
    for what, counted in found.items():
        assert counted[8] < 1.5 * counted[1], (what, counted)


def test_a_buffer_that_is_copied_with_every_piece_is_found() -> None:
    for what, counted in apart(Series, "-c", COPYING).items():
        if what.endswith("bytes"):
            assert counted[8] > 3 * counted[1], (what, counted)


@pytest.mark.parametrize(("square", "found"), [(0, 0), (0.01, 1)])
def test_what_bends_is_found(square: float, found: int) -> None:
    counted = {size: 100 + 20 * size + square * size**2 for size in (10, 100, 1_000)}
    assert len(bends({"it": counted}, 0.02)) == found
