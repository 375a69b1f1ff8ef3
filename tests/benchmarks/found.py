"""Results as a run leaves them, with numbers that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.generator import Sample
from benchmarks.rounds import Result
from benchmarks.rows import ROWS, Row, servers_of

__all__ = ["found", "row_named"]


def row_named(title: str) -> Row:
    """The only row of a title."""
    (row,) = [row for row in ROWS if row.title == title]
    return row


def found(title: str, values: Mapping[str, Sequence[float | None]]) -> Result:
    """The result of a row: the values of each server by its name, round by round."""
    row = row_named(title)
    result = Result(row, [server for server in servers_of(row) if server.name in values])
    for name, numbers in values.items():
        result.samples[name] = [Sample(value, 200, 900) if value else None for value in numbers]
    return result
