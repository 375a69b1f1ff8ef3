"""What was found, as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.ratios import median_of, ratio_of
from benchmarks.rounds import Result
from benchmarks.servers import Server

__all__ = ["table"]


def table(results: Iterable[Result]) -> str:
    """One line for each server of each row."""
    lines = [
        "| measure | server | median | unit | p50 | p99 | ours to theirs: median (min, max) |",
        "|---|---|---:|---|---:|---:|---|",
    ]
    for result in results:
        lines += _lines_of(result)
    return "\n".join(lines) + "\n"


def _lines_of(result: Result) -> Iterator[str]:
    for server in result.measured():
        yield f"| {' | '.join(_cells_of(result, server))} |"


def _cells_of(result: Result, server: Server) -> list[str]:
    ours, theirs = (result.values(name) for name in (result.servers[0].name, server.name))
    value = median_of(theirs) or 0
    samples = result.samples[server.name]
    latencies = (
        median_of([sample.p50_us if sample else None for sample in samples]),
        median_of([sample.p99_us if sample else None for sample in samples]),
    )
    return [
        result.row.title,
        server.name,
        f"{value:,.0f}" if value >= 100 else f"{value:,.2f}",
        result.row.unit,
        *("" if latency is None else f"{latency / 1000:.2f} ms" for latency in latencies),
        "" if server is result.servers[0] else str(ratio_of(ours, theirs) or ""),
    ]
