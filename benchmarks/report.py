"""What was found: tables in Markdown, everything in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from benchmarks.machine import machine, versions
from benchmarks.ratios import median_of, ratio_of, shown
from benchmarks.rounds import Result
from benchmarks.servers import Server
from benchmarks.targets import Verdict, verdicts

__all__ = ["as_data", "as_markdown"]


def as_markdown(results: Sequence[Result]) -> str:
    """A line for each server of each row; then the targets, and who was left out and why."""
    parts = [_table(results)]
    found = verdicts(results)
    if found:
        parts.append(_targets(found))
    left_out = list(_left_out(results))
    if left_out:
        parts.append("\n".join(["Left out:", "", *left_out]))
    return "\n\n".join(parts) + "\n"


def _table(results: Iterable[Result]) -> str:
    lines = [
        "| measure | server | median | unit | p50 ms | p99 ms | ours : theirs, median (min, max) |",
        "|---|---|---:|---|---:|---:|---|",
    ]
    for result in results:
        lines += [f"| {' | '.join(_cells(result, server))} |" for server in result.measured()]
    return "\n".join(lines)


def _cells(result: Result, server: Server) -> Iterator[str]:
    value = median_of(result.values(server)) or 0
    samples = [sample for sample in result.samples[server.name] if sample]
    yield result.row.title
    yield server.name
    yield shown(value)
    yield result.row.unit
    for latencies in ([one.p50_us for one in samples], [one.p99_us for one in samples]):
        latency = median_of(latencies)
        yield "" if latency is None else f"{latency / 1000:.2f}"
    ratio = ratio_of(result.values(result.ours), result.values(server))
    yield "" if server is result.ours or ratio is None else str(ratio)


def _targets(found: Iterable[Verdict]) -> str:
    lines = ["| target | wanted | got | |", "|---|---|---|---|"]
    for one in found:
        verdict = "met" if one.is_met else "**not met**"
        lines.append(f"| {one.measure} | {one.wanted} | {one.got} | {verdict} |")
    return "\n".join(lines)


def _left_out(results: Iterable[Result]) -> Iterator[str]:
    """Each server and reason once, with the rows that it concerns."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for name, reason in result.left_out.items():
            reasons.setdefault((name, reason), []).append(result.row.title)
    for (name, reason), titles in reasons.items():
        yield f"- {name} ({'; '.join(titles)}): {reason}"


def as_data(results: Sequence[Result], rounds: int, seconds: float) -> dict[str, Any]:
    """All samples, what was measured and on what; ready for JSON."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "seconds": seconds,
        "machine": machine(),
        "versions": versions(),
        "rows": [_data_of(result) for result in results],
        "targets": [msgspec.to_builtins(one) for one in verdicts(results)],
    }


def _data_of(result: Result) -> dict[str, Any]:
    kinds = {server.name: server.kind for server in result.servers}
    return {
        **msgspec.to_builtins(result.row),
        "unit": result.row.unit,
        "servers": [
            {"name": name, "kind": kinds[name], "samples": msgspec.to_builtins(samples)}
            for name, samples in result.samples.items()
        ],
        "left_out": result.left_out,
    }
