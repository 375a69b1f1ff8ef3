"""Rounds: in each, every server of every row is measured once, one after the other.

No machine is as fast as a moment ago, so what is compared is measured close together.  Every
other round goes the other way, so that nobody always comes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.generator import Sample
from benchmarks.measuring import measured
from benchmarks.processes import Failed, Processes
from benchmarks.ratios import Values, shown
from benchmarks.rows import Row
from benchmarks.servers import Server

__all__ = ["Result", "run"]


class Result:
    """What was found for one row.

    Args:
        row: what is measured.
        servers: of whom; the first is ours, which the others stand beside.

    Attributes:
        samples: of each server by its name, one for each round; None where there is none.
        left_out: why a server was, by its name.
    """

    def __init__(self, row: Row, servers: Sequence[Server]) -> None:
        self.row = row
        self.servers = list(servers)
        self.samples: dict[str, list[Sample | None]] = {server.name: [] for server in servers}
        self.left_out: dict[str, str] = {}

    @property
    def ours(self) -> Server:
        """The server that the others stand beside."""
        return self.servers[0]

    def values(self, server: Server) -> Values:
        """A server's values, round by round."""
        return [sample.value if sample else None for sample in self.samples[server.name]]

    def has(self, rounds: int) -> bool:
        """Whether every server had its turn so often."""
        return all(len(samples) == rounds for samples in self.samples.values())

    def measured(self) -> list[Server]:
        """The servers of which there is a value."""
        return [server for server in self.servers if any(self.samples[server.name])]


def run(
    plan: Iterable[tuple[Row, Sequence[Server]]],
    rounds: int,
    seconds: float,
    say: Callable[[str], object],
) -> list[Result]:
    """Measure rows again and again; an interruption ends that, and what there is is returned.

    A server that fails is left out of the row from then on.

    Args:
        plan: the rows and their servers.
        rounds: how often.
        seconds: how long each measurement takes, where it takes its time.
        say: is told how far it is.
    """
    results = [Result(row, servers) for row, servers in plan]
    total = rounds * sum(len(result.servers) for result in results)
    begun = time.monotonic()
    with Processes() as processes:
        try:
            for done, text in enumerate(_measure(results, rounds, seconds, processes), 1):
                left = round((time.monotonic() - begun) / done * (total - done))
                say(f"{text}; {left // 60}:{left % 60:02} left")
        except KeyboardInterrupt:
            say("interrupted")
    return results


def _measure(
    results: list[Result], rounds: int, seconds: float, processes: Processes
) -> Iterator[str]:
    """Measure; yield what was, each time."""
    for number in range(1, rounds + 1):
        for result in results:
            for server in result.servers[:: 1 if number % 2 else -1]:
                found = _sample(result, server, processes, seconds)
                yield f"round {number} of {rounds}, {result.row.title}: {server.name}: {found}"


def _sample(result: Result, server: Server, processes: Processes, seconds: float) -> str:
    """Measure, note it, and tell what was found."""
    sample = None
    if server.name not in result.left_out:
        try:
            sample = measured(result.row, server, processes, seconds)
        except Failed as error:
            result.left_out[server.name] = str(error)
    result.samples[server.name].append(sample)
    if sample is None:
        return f"left out: {result.left_out[server.name]}"
    return f"{shown(sample.value)} {result.row.unit}"
