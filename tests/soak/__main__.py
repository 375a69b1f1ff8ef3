"""`python -m tests.soak`: a daemon among clients that fail in every way.

At every listener connections are made, used or misused, and ended, while one good client
stays there and has each of its answers checked.  Between rounds, and in the end, everything
the daemon holds is counted: what has grown is a leak.  The exit status is 1 if there is one,
or if a client was not served as it should have been.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.soak.clients import Client, Gone, connected
from tests.soak.faults import FAULTS, SLOW, Fault
from tests.soak.hoard import Hoard, hoard
from tests.soak.measures import Counts, grown
from tests.soak.places import Place, Soaked
from tests.soak.steady import Steady

WORKERS = 20
"""Connections that are made use of at a time."""
ROUNDS = 10
"""How often the daemon is counted."""
SLOWLY = 0.02
"""The share of clients that wait until one of the daemon's times is over."""
SETTLED = 30.0
"""Seconds after which what the daemon still holds is not going to go away."""
PATIENCE = 60.0
"""Seconds in which a client has to be done."""
P99 = 100.0
"""Milliseconds in which good clients are answered, whatever others leave unread."""


class Soaking:
    """One daemon, and all its clients.

    Args:
        daemon: it runs.
        random: where chance comes from.
        p99: milliseconds in which good clients have to be answered.
    """

    def __init__(self, daemon: Soaked, random: Random, p99: float = P99) -> None:
        self._p99 = p99
        self._daemon = daemon
        self._random = random
        self._places = daemon.places
        self._steady = Steady(self._places, random)
        self._control: Client
        self._lines = 0
        self.faults: list[str] = []
        self.cycles = 0

    async def run(self, cycles: int, seconds: float, peers: int) -> list[str]:
        """Soak the daemon.  For the arguments see `_soak`.

        Returns:
            What went wrong, each in a line.
        """
        try:
            more = await self._soak(cycles, seconds, peers)
        except (AssertionError, *Gone) as error:
            more = [f"a good client was not served: {type(error).__name__}: {error}"]
        return self.faults + more

    async def _soak(self, cycles: int, seconds: float, peers: int) -> list[str]:
        """Warm up, count, soak, count again.

        Args:
            cycles: connections at each listener, all rounds together.
            seconds: after which no further round is begun.
            peers: how many never read, in the end; 0 leaves that out.
        """
        async with connected(self._places["tcp"], self._random) as self._control, self._steady:
            assert await self._control.log_in()
            self._lines = 1 + len(self._places)
            await self._warm_up(peers)
            before = await self._counts("at the beginning")
            end = time.monotonic() + seconds
            for number in range(ROUNDS):
                await self._round(cycles * (number + 1) // ROUNDS - cycles * number // ROUNDS)
                after = await self._counts(f"{self.cycles:,} connections")
                if self.faults or time.monotonic() > end:
                    break
            if peers:
                self._judge(await self._hoard(peers))
                after = await self._counts("in the end")
        return [f"it has grown: {what}" for what in grown(before, after)]

    async def _warm_up(self, peers: int) -> None:
        """Everything once, so that what is made for the first time is there."""
        places = list(self._places.values())
        await self._all([(place, fault) for place in places for fault in FAULTS + SLOW])
        if peers:
            await self._hoard(peers)

    async def _round(self, cycles: int) -> None:
        """So many connections at each listener."""
        places = list(self._places.values()) * cycles
        await self._all([(place, self._a_fault()) for place in places])
        self.cycles += len(places)

    async def _all(self, waiting: list[tuple[Place, Fault]]) -> None:
        """Make these connections, some at a time; and kill a process full of others."""
        self._steady.go()

        async def work() -> None:
            while waiting and not self.faults:
                await self._one(*waiting.pop())

        await asyncio.gather(self._kill(), *[work() for _ in range(WORKERS)])
        await self._steady.pause()

    def _a_fault(self) -> Fault:
        slow = self._random.random() < SLOWLY
        return self._random.choice(SLOW if slow else FAULTS)

    async def _one(self, place: Place, fault: Fault) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await fault(place, self._random)
        except TimeoutError:
            self.faults.append(f"{fault.__name__} at {place.name} was not over in {PATIENCE:g} s")
        except Exception as error:
            what = f"{type(error).__name__}: {error}"[:300]
            self.faults.append(f"{fault.__name__} at {place.name}: {what}")

    async def _kill(self) -> None:
        """Kill a client's process in the middle of everything."""
        port = str(self._places["tcp"].port)
        victim = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.victim", port),
            stdout=subprocess.PIPE,
        )
        assert victim.stdout is not None
        if await victim.stdout.readline() != b"ready\n":
            self.faults.append("a client that was to be killed has ended before")
            return
        victim.kill()
        await victim.wait()

    async def _hoard(self, peers: int) -> Hoard:
        return await hoard(self._places, self._steady, self._state, peers, self._random)

    def _judge(self, measured: Hoard) -> None:
        print(measured, flush=True)
        if measured.p99 * 1000 > self._p99:
            self.faults.append(f"p99 was {measured.p99 * 1000:.0f} ms, {self._p99:g} may be")

    # -- what the daemon holds -----------------------------------------------------------------

    async def _state(self) -> tuple[int, int]:
        lines, memory = await self._control.call("soak.state")
        return lines, memory

    async def _counts(self, when: str) -> Counts:
        """Count, once nothing runs and no lines are left but those that stay."""
        end = time.monotonic() + SETTLED
        while (await self._state())[0] > self._lines:
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.05)
        counts = Counts.of(await self._control.call("soak.counts"))
        print(f"{when}: {counts}; {self._steady.calls:,} good calls", flush=True)
        return counts


def soak(options: argparse.Namespace) -> list[str]:
    """Start a daemon, soak it, and stop it; what went wrong."""
    cycles, seconds, peers = options.cycles, options.seconds, options.peers
    with tempfile.TemporaryDirectory() as directory, Soaked(Path(directory)) as daemon:
        soaking = Soaking(daemon, Random(options.seed), options.p99)
        found = asyncio.run(soaking.run(cycles, seconds, peers))
        if "Unhandled" in daemon.log:
            found.append(f"the daemon logged an unhandled error:\n{daemon.log[-3000:]}")
        return found


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000, help="at each listener (10000)")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no round after these")
    parser.add_argument("--peers", type=int, default=100, help="that never read (100)")
    parser.add_argument("--p99", type=float, default=P99, help="ms for good clients' calls (100)")
    parser.add_argument("--seed", type=int, default=1, help="where chance begins (1)")
    options = parser.parse_args(arguments)
    found = soak(options)
    for what in found:
        print(what)
    print("nothing is left behind" if not found else f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
