"""`python -m tests.fuzzing`: search for input that the daemon does not stand, from a seed.

Each finding is made as small as it can be, printed, and written to a file that `--replay`
tries again.  The exit status is 1 if there was one.
"""

from __future__ import annotations

import argparse
import faulthandler
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import SystemRandom
from types import FrameType
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner

from tests import service
from tests.fuzzing.inputs import Finding, Input, read, write
from tests.fuzzing.reduction import reduced
from tests.fuzzing.rounds import SIZE, round_of
from tests.fuzzing.target import Target, first_finding
from twisted_rpc import Server

HANGS = 60
"""Seconds after which an input has stopped the process."""
MOST = 10
"""Findings after which it is not worth while to search for more."""
PATIENCE = 1.0
"""Seconds for the answer to a good call while a finding is made smaller."""
EVERY = 5.0
"""Seconds between two lines of progress."""


class Watch:
    """Keeps what is being tried, for when the process hangs or dies of it.

    Args:
        path: where; it is there after a death that left no time to write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inputs: list[Input] = []
        self._before = signal.signal(signal.SIGALRM, self._hangs)

    def begin(self) -> None:
        """New servers."""
        self._inputs = []

    def trying(self, tried: Input) -> None:
        """This one is next."""
        self._inputs.append(tried)
        self._keep("the process died")
        signal.alarm(HANGS)

    def end(self) -> None:
        """Nothing is tried any more."""
        signal.alarm(0)
        signal.signal(signal.SIGALRM, self._before)
        self._path.unlink(missing_ok=True)

    def _keep(self, what: str) -> None:
        write(self._path, Finding(what, tuple(self._inputs[-1:])))

    def _hangs(self, number: int, frame: FrameType | None) -> None:
        self._keep(f"the process hung for {HANGS} seconds")
        print(f"hung for {HANGS} seconds: replay {self._path}")
        faulthandler.dump_traceback()
        raise SystemExit(1)


class Search:
    """The rounds of one seed.

    Args:
        seed: which.
        directory: where findings are written.
        serve: makes the servers.
        tries: how often smaller inputs are tried.
    """

    def __init__(
        self,
        seed: int,
        directory: Path,
        serve: Callable[..., Server] = service.serve,
        tries: int = 600,
    ) -> None:
        self._tries = tries
        self._seed = seed
        self._serve = serve
        self._directory = directory
        self._watch = Watch(directory / f"seed-{seed}-tried.json")
        self._found: list[Finding] = []

    async def run(self, seconds: float, rounds: int) -> int:
        """Search until one of both is over; return the exit status."""
        print(f"seed {self._seed}", flush=True)
        try:
            await self._rounds(seconds, rounds)
        finally:
            self._watch.end()
        return 1 if self._found else 0

    async def _rounds(self, seconds: float, rounds: int) -> None:
        began = told = time.monotonic()
        number = 0
        while time.monotonic() - began < seconds and number < rounds and len(self._found) < MOST:
            await self._round(number)
            number += 1
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                self._tell(number, told - began)
        self._tell(number, time.monotonic() - began)

    async def _round(self, number: int) -> None:
        self._watch.begin()
        inputs = round_of(self._seed, number)
        finding = await first_finding(inputs, Target(self._serve), self._watch.trying)
        if finding is None:
            return
        print(f"round {number}: {finding.what}\nmaking it smaller", flush=True)
        finding = await reduced(finding, self._try, self._tries)
        self._found.append(finding)
        path = self._directory / f"seed-{self._seed}-round-{number}.json"
        write(path, finding)
        show(finding)
        print(f"written to {path}", flush=True)

    async def _try(self, inputs: Sequence[Input]) -> Finding | None:
        return await first_finding(inputs, Target(self._serve, PATIENCE), self._watch.trying)

    def _tell(self, rounds: int, seconds: float) -> None:
        inputs = rounds * SIZE
        rate = inputs / max(seconds, 0.001)
        print(f"{inputs:,} inputs, {rate:.0f}/s, {len(self._found)} findings", flush=True)


def show(finding: Finding) -> None:
    """Print what goes wrong, and the inputs."""
    print(finding.what)
    for tried in finding.inputs:
        print(f"    {tried}")


async def replay(path: Path) -> int:
    """Try the inputs of a file; return the exit status."""
    finding = await first_finding(read(path).inputs, Target())
    if finding is None:
        print("nothing goes wrong with it")
        return 0
    show(finding)
    return 1


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--rounds", type=int, default=1 << 62, help=f"of {SIZE} inputs, at most")
    parser.add_argument("--seed", type=int, help="where chance begins; printed if it is not given")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try a finding again")
    parser.add_argument("--directory", type=Path, default=Path("var/fuzz"), help="for findings")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> Coroutine[Any, Any, int]:
    """What the options ask for; its result is the exit status."""
    options = options_of(arguments)
    if options.replay is not None:
        try:
            read(options.replay)
        except OSError as error:
            raise SystemExit(f"{options.replay}: {error.strerror}") from None
        except ValueError as error:
            raise SystemExit(f"{options.replay} is no finding: {error}") from None
        return replay(options.replay)
    seed = SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    return Search(seed, options.directory).run(options.seconds, options.rounds)


async def _exit(work: Coroutine[Any, Any, int]) -> None:
    try:
        status = await work
    except Exception:
        traceback.print_exc()  # nothing is logged
        raise
    raise SystemExit(status)


if __name__ == "__main__":
    faulthandler.enable()
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    task.react(lambda *arguments: Deferred.fromCoroutine(_exit(main(arguments[1:]))), sys.argv[1:])
