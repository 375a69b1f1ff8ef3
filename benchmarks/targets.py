"""What is wanted, beside what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from benchmarks.ratios import Ratio, Values, best_of, median_of, ratio_of
from benchmarks.rounds import Result

__all__ = ["AT_LEAST", "AT_MOST", "Verdict", "verdicts"]

BEST = "the best peer"
BEST_IN_PYTHON = "the best peer in Python"
PYTHON = 3.0
"""Times the best peer in Python, in every row of a rate."""

AT_LEAST: Sequence[tuple[str, float, str]] = (
    ("TCP, 1 outstanding", 1.0, "jayson"),
    ("TCP, 1 outstanding", 0.7, "uvloop, unchecked"),
    ("TCP, 16 outstanding", 2.0, "jayson"),
    ("HTTP, 1 outstanding", 1.3, "json-rpc-2.0"),
    ("HTTP, 1 outstanding", 1.0, "anvil"),
    ("WebSocket, 1 outstanding", 1.0, "rpc-websockets"),
    ("WebSocket, 16 outstanding", 2.0, "rpc-websockets"),
    *((f"{name}, batches of 100", 1.3, BEST) for name in ("TCP", "HTTP", "WebSocket")),
    *(
        (f"{name}, TLS, {depth} outstanding", 0.6, "twisted_rpc")
        for name in ("TCP", "HTTP", "WebSocket")
        for depth in (1, 16)
    ),
    ("WebSocket, notifications to 1,000", 3.0, "rpc-websockets"),
)
"""Row, how many times as fast, and as who."""

AT_MOST: Sequence[tuple[str, float]] = (
    ("TCP, memory of an idle connection", 4.0),
    ("HTTP, memory of an idle connection", 6.0),
    ("WebSocket, memory of an idle connection", 14.0),
    *((f"{name}, start to first answer", 0.6) for name in ("TCP", "HTTP", "WebSocket")),
)
"""Row, and the most in its unit."""


class Verdict(Struct, frozen=True):
    """One target.

    Attributes:
        measure: the row and what it is compared with.
        wanted: what it should be.
        got: what it is.
        is_met: whether that is enough.
    """

    measure: str
    wanted: str
    got: str
    is_met: bool


def verdicts(results: Iterable[Result]) -> list[Verdict]:
    """The targets of the rows that were measured, as far as there is something to compare."""
    found: list[Verdict | None] = []
    for result in results:
        title = result.row.title
        found += [_ratio(result, wanted, who) for row, wanted, who in AT_LEAST if row == title]
        found += [_value(result, wanted) for row, wanted in AT_MOST if row == title]
        if not (result.row.less_is_better or result.row.secure or result.row.observed):
            found.append(_ratio(result, PYTHON, BEST_IN_PYTHON))
    return [verdict for verdict in found if verdict]


def _values_of(result: Result, who: str) -> Values:
    """Of a server by its name, or of the best of several in each round."""
    kinds = {BEST: {"node", "python", "rust"}, BEST_IN_PYTHON: {"python"}}
    servers = [
        server
        for server in result.measured()
        if (server.kind in kinds[who] if who in kinds else server.name == who)
    ]
    return best_of(result.values(server) for server in servers)


def _ratio(result: Result, wanted: float, who: str) -> Verdict | None:
    ratio: Ratio | None = ratio_of(result.values(result.ours), _values_of(result, who))
    if ratio is None:
        return None
    met = ratio.median >= wanted
    return Verdict(f"{result.row.title}, beside {who}", f"{wanted:.1f} x", f"{ratio} x", met)


def _value(result: Result, wanted: float) -> Verdict | None:
    value = median_of(result.values(result.ours))
    if value is None:
        return None
    unit = result.row.unit
    got = f"{value:.2f} {unit}"
    return Verdict(result.row.title, f"{wanted:g} {unit} or less", got, value <= wanted)
