"""`python -m benchmarks`: calls per second, beside bare Twisted in the same run.

Each server is pinned to one core and the load generator to another.  A machine is never
as fast as a minute ago, so the servers take turns, round after round, and what counts is
the ratio to the echo of the same round; the median over the rounds is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

HERE = Path(__file__).parent
GENERATOR = HERE / "rpcload"
CALL = '{"jsonrpc":"2.0","id":@ID@,"method":"calc.add","params":[5,3]}'
CONNECTIONS = 32


class Case(Struct, frozen=True):
    """One server under one load.

    Attributes:
        server: a name in `servers.FACTORIES`.
        mode: how the load generator speaks.
        depth: calls outstanding on each connection.
        baseline: what it is compared with.
    """

    server: str
    mode: str
    depth: int
    baseline: tuple[str, str]


ECHO = ("echo", "line")
BARE = ("bare", "line")
BARE_HTTP = ("bare-http", "http")
WEBSOCKET_ECHO = ("websocket-echo", "ws")
CASES = (
    Case("tcp", "line", 1, ECHO),
    Case("tcp", "line", 1, BARE),
    Case("tcp", "line", 16, ECHO),
    Case("tcp", "line", 16, BARE),
    Case("http", "http", 1, ECHO),
    Case("http", "http", 1, BARE_HTTP),
    Case("http", "http", 16, ECHO),
    Case("http", "http", 16, BARE_HTTP),
    Case("websocket", "ws", 1, ECHO),
    Case("websocket", "ws", 16, WEBSOCKET_ECHO),
)


def build_generator() -> None:
    """Compile the load generator, unless that is done."""
    source = HERE / "rpcload.c"
    if not GENERATOR.exists() or GENERATOR.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-o", str(GENERATOR), str(source)], check=True)


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core, where there is more than one."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core]), *command] if len(cores) > 1 else command


@contextmanager
def running(server: str) -> Iterator[int]:
    """A server's port, while it runs."""
    command = pinned(0, [sys.executable, "-m", "benchmarks.servers", server])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def measure(port: int, mode: str, depth: int, seconds: float, payload: Path) -> float:
    """Answers per second.

    Raises:
        RuntimeError: a connection was closed, or an answer of ours was no result.
    """
    arguments = [mode, "127.0.0.1", str(port), str(CONNECTIONS), str(depth), str(seconds)]
    command = pinned(-1, [str(GENERATOR), *arguments, str(payload)])
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    if report["closed"]:
        raise RuntimeError(f"{mode}: connections were closed: {report}")
    return float(report["per_s"])


def main() -> None:
    """Measure every case in turn, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long, each time")
    options = parser.parse_args()
    build_generator()
    payload = HERE / "payload.json"
    payload.write_text(CALL)
    rates: dict[Case, list[float]] = {case: [] for case in CASES}
    ratios: dict[Case, list[float]] = {case: [] for case in CASES}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for case in CASES:
            with running(case.baseline[0]) as port:
                baseline = measure(port, case.baseline[1], case.depth, options.seconds, payload)
            with running(case.server) as port:
                rate = measure(port, case.mode, case.depth, options.seconds, payload)
            rates[case].append(rate)
            ratios[case].append(rate / baseline)
    payload.unlink()
    print("| server | outstanding | calls/s | baseline | ratio: median (min, max) |")
    print("|---|---|---|---|---|")
    for case in CASES:
        ratio = ratios[case]
        spread = f"{median(ratio):.2f} ({min(ratio):.2f}, {max(ratio):.2f})"
        rate = median(rates[case])
        print(f"| {case.server} | {case.depth} | {rate:,.0f} | {case.baseline[0]} | {spread} |")


if __name__ == "__main__":
    main()
