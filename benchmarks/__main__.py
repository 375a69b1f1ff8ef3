"""`python -m benchmarks`: how fast we are, beside the servers of others.

Each server runs on one core and the load on another.  They take turns, round after round, and
are compared within a round.  Progress goes to standard error, the tables to standard output;
these, all samples and charts go to the output directory too.

`make bench` installs the servers of others before.
"""

from __future__ import annotations

import argparse
import math
import re
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks import generator
from benchmarks.chart import as_svg
from benchmarks.processes import Failed
from benchmarks.report import as_data, as_markdown
from benchmarks.rounds import Result, run
from benchmarks.rows import ROWS, Row, servers_of
from benchmarks.servers import HERE, Server

__all__ = ["main"]

RESULTS = Path("benchmarks", "results")
PART = Path("var", "benchmarks")
"""Of a run that is quick, has `--only` or was interrupted: it does not replace a whole one."""

Plan = list[tuple[Row, Sequence[Server]]]


def count(text: str) -> int:
    """A whole number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def duration(text: str) -> float:
    """Seconds, more than none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds greater than 0")
    return seconds


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression that ignores case."""
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("--quick", action="store_true", help="a quick look: the calls that matter most")
    add("--rounds", type=count, metavar="N", help="measure each N times (5; 2 with --quick)")
    add("--seconds", type=duration, metavar="S", help="for S seconds each (1.5; 0.5 with --quick)")
    add("--only", type=pattern, metavar="REGEX", help="only where `ROW: SERVER` matches it")
    add("--output", type=Path, metavar="DIR", help=f"where files go ({RESULTS}; {PART} of a part)")
    add("--list", action="store_true", help="print the rows and their servers, measure nothing")
    return found


def planned(only: re.Pattern[str] | None, *, quick: bool) -> Plan:
    """The rows to be measured; ours is in each, for the others to be compared with."""
    plan: Plan = []
    for row in ROWS if not quick else [row for row in ROWS if row.quick]:
        servers = servers_of(row, quick=quick)
        wanted = [one for one in servers if not only or only.search(f"{row.title}: {one.name}")]
        if wanted:
            plan.append((row, wanted if servers[0] in wanted else [servers[0], *wanted]))
    return plan


def write(directory: Path, results: Sequence[Result], rounds: int, seconds: float) -> None:
    """Write table.md, results.json, chart.svg, and summary.svg with the rows of a quick look."""
    directory.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.encode(as_data(results, rounds, seconds))
    (directory / "table.md").write_text(as_markdown(results), encoding="utf-8")
    (directory / "results.json").write_bytes(msgspec.json.format(data) + b"\n")
    (directory / "chart.svg").write_text(as_svg(results), encoding="utf-8")
    summary = [result for result in results if result.row.quick]
    (directory / "summary.svg").write_text(as_svg(summary), encoding="utf-8")


def allow_open_files() -> None:
    """Let this process and its children have as many connections as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 if ours could not be measured, or the run was interrupted."""
    options = parser().parse_args(arguments)
    plan = planned(options.only, quick=options.quick)
    if not plan:
        parser().error("--only: nothing matches it; --list shows what there is")
    if options.list:
        for row, servers in plan:
            print(f"{row.title}: {', '.join(server.name for server in servers)}")
        return 0
    rounds = options.rounds or (2 if options.quick else 5)
    seconds = options.seconds or (0.5 if options.quick else 1.5)
    allow_open_files()
    try:
        generator.build()
        results = run(plan, rounds, seconds, lambda text: print(text, file=sys.stderr, flush=True))
        is_whole = all(result.has(rounds) for result in results)
        is_part = options.quick or options.only or not is_whole
        output = options.output or HERE.parent / (PART if is_part else RESULTS)
        write(output, results, rounds, seconds)
    except (Failed, OSError) as error:
        sys.exit(f"benchmarks: {error}")
    print(as_markdown(results), end="")
    return int(not is_whole or any(result.ours.name in result.left_out for result in results))


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM):  # either way no server is left behind
        signal.signal(ending, signal.default_int_handler)
    sys.exit(main())
