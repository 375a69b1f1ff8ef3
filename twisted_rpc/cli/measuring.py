"""The commands that measure: `ping` and `bench`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import click
from twisted.internet.defer import DeferredList
from twisted.internet.task import deferLater

from twisted_rpc.cli.load import Load
from twisted_rpc.cli.output import Output
from twisted_rpc.cli.parameters import HELP, parse_parameters
from twisted_rpc.cli.program import Seconds, examples, program
from twisted_rpc.cli.progress import status_line
from twisted_rpc.cli.running import run_until_interrupted
from twisted_rpc.cli.statistics import Latencies, milliseconds
from twisted_rpc.cli.status import FAILED, UNCONNECTED
from twisted_rpc.cli.target import Target, calls_a_server
from twisted_rpc.client import Client
from twisted_rpc.errors import CallTimeout, ConnectionLost, RemoteError

__all__ = ["bench", "ping"]

_LONGEST_BAR = 40


@program.command(
    epilog=examples(
        "ping tcp://127.0.0.1:7080",
        "ping -n 100 --interval 0.1 --json http://127.0.0.1:7080",
    ),
)
@calls_a_server
@click.option(
    "-n",
    "number",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many calls; 0 for calls until Ctrl-C.",
)
@click.option(
    "--interval",
    type=Seconds(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two calls.",
)
def ping(target: Target, *, number: int, interval: float) -> int:
    """Measure how long a call there and back takes.

    The method is rpc.ping, and any answer counts, also that there is no such method. On a
    terminal each call is shown. Ctrl-C ends it, with the summary. The status is 3 if no call
    was answered.
    """
    pings = _Pings(target.output)

    async def main(reactor: Any) -> None:
        async with target.connect(reactor, reconnect=True) as client:
            for turn in range(number) if number else count():
                if turn:
                    await deferLater(reactor, interval)
                await pings.send(client)

    run_until_interrupted(main, debug=target.debug)
    pings.report()
    if pings.latencies.count == 0:
        target.output.note(f"no answer from {target.url}")
        return UNCONNECTED
    return 0


class _Pings:
    """Calls that only their round trips matter of."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._sent = 0
        self.latencies = Latencies()

    async def send(self, client: Client) -> None:
        """Call once.

        Raises:
            CallError: there was no answer, and it is no use to call again.
        """
        self._sent += 1
        began = time.perf_counter()
        try:
            await client.call("rpc.ping")
        except RemoteError:
            pass
        except (CallTimeout, ConnectionLost) as error:
            self._show(str(error))
            return
        seconds = time.perf_counter() - began
        self.latencies.add(seconds)
        self._show(f"{milliseconds(seconds):.3f} ms")

    def _show(self, text: str) -> None:
        if self._output.is_terminal:
            self._output.line(f"{self._sent}: {text}")

    def report(self) -> None:
        """Print the summary."""
        summary = self.latencies.summary()
        if self._output.as_json:
            counts = {"sent": self._sent, "answered": self.latencies.count}
            self._output.value({**counts, "latency_ms": summary})
            return
        self._output.line(f"{self._sent} sent, {self.latencies.count} answered")
        if summary:
            self._output.line(_in_words(summary))


@program.command(
    epilog=examples(
        "bench tcp://127.0.0.1:7080 calc.add 1 2",
        "bench --connections 8 --outstanding 16 --seconds 30 ws://127.0.0.1:7080 calc.add a=1 b=2",
        notes=HELP,
    ),
)
@calls_a_server
@click.argument("method")
@click.argument("params", nargs=-1)
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many clients call.",
)
@click.option(
    "--outstanding",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many calls of each client are under way at any time.",
)
@click.option(
    "--seconds",
    type=Seconds(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="How long.",
)
def bench(
    target: Target,
    *,
    method: str,
    params: tuple[str, ...],
    connections: int,
    outstanding: int,
    seconds: float,
) -> int:
    """Call a METHOD over and over, and report calls a second and latencies.

    It ends in time whatever the server does. One process measures: where it takes a whole
    processor, it is itself what is measured. The status is 0 if any call had a result, 3 if
    none was answered, else 1.
    """
    load = Load(method, parse_parameters(params, sys.stdin.buffer), outstanding)

    async def main(reactor: Any) -> None:
        clients = [target.connect(reactor, calls=outstanding) for _ in range(connections)]
        try:
            for client in clients:
                await client
            with status_line(load.progress) as tick:
                await load.run(clients, seconds, tick, reactor)
        finally:
            await DeferredList([client.close() for client in clients])

    run_until_interrupted(main, debug=target.debug)
    if target.output.as_json:
        target.output.value(load.report())
    else:
        for line in _report_lines(load):
            target.output.line(line)
    if load.failure is not None:
        target.output.note(str(load.failure))
    if load.results:
        return 0
    return FAILED if load.answered else UNCONNECTED


def _report_lines(load: Load) -> Iterator[str]:
    yield f"{load.answered:,} calls in {load.seconds:.1f} s: {load.rate:,.0f} calls/s"
    for name, number in sorted(load.errors.items()):
        yield f"{number:,} ended in {name}"
    if load.unanswered:
        yield f"{load.unanswered:,} under way at the end"
    summary = load.latencies.summary()
    if summary:
        yield _in_words(summary)
        yield from _bars(load.latencies)


def _bars(latencies: Latencies) -> Iterator[str]:
    bars = latencies.bars()
    most = max(bar["calls"] for bar in bars)
    for bar in bars:
        length = -(-_LONGEST_BAR * bar["calls"] // most)
        yield f"{bar['up_to_ms']:>12,.3f} ms  {'█' * length} {bar['calls']:,}".rstrip()


def _in_words(summary: dict[str, float]) -> str:
    return "ms: " + ", ".join(f"{name} {value:,.3f}" for name, value in summary.items())
