"""Peers that ask for a lot and never read: nobody else may notice, and they are got rid of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from random import Random

from msgspec import Struct

from tests.soak.clients import Client, connected
from tests.soak.places import LIMITS, Place
from tests.soak.steady import Steady

__all__ = ["Hoard", "hoard"]

ANSWER = 2_000_000
"""Bytes of each of the answers that a peer asks for."""
ANSWERS = 4
PATIENCE = 60.0
"""Seconds after which they are not going to be aborted any more."""


class Hoard(Struct, frozen=True):
    """What was measured.

    Attributes:
        peers: how many did not read.
        p50: seconds in which half of the good clients' calls were answered meanwhile.
        p99: seconds in which all but one in a hundred were.
        gone: seconds until the last of the peers was aborted.
        before: KiB of the daemon's memory.
        most: the same, at its height.
        after: the same, when they are gone.
    """

    peers: int
    p50: float
    p99: float
    gone: float
    before: int
    most: int
    after: int

    def __str__(self) -> str:
        return (
            f"{self.peers} peers that never read: good clients were answered in "
            f"{self.p50 * 1000:.1f} ms (p50) and {self.p99 * 1000:.1f} ms (p99), all were aborted "
            f"after {self.gone:.1f} s (unread_timeout {LIMITS['unread_timeout']} s), "
            f"memory {self.before:,} KiB, at most {self.most:,} KiB, then {self.after:,} KiB"
        )


async def hoard(
    places: Mapping[str, Place],
    steady: Steady,
    state: Callable[[], Awaitable[tuple[int, int]]],
    peers: int,
    random: Random,
) -> Hoard:
    """Let peers ask, and measure until the daemon is rid of them.

    Args:
        places: where they ask, in turn.
        steady: the good clients.
        state: asks how many lines and running calls the daemon has, and how many KiB of memory.
        peers: how many.
        random: where chance comes from.
    """
    (lines, before), most = await state(), 0
    steady.times.clear()
    steady.go()
    async with AsyncExitStack() as stack:
        for number in range(peers):
            place = list(places.values())[number % len(places)]
            await _ask(await stack.enter_async_context(connected(place, random)))
        began = time.monotonic()
        now, memory = await state()
        while now > lines and time.monotonic() - began < PATIENCE:
            most = max(most, memory)
            await asyncio.sleep(0.1)
            now, memory = await state()
        gone = time.monotonic() - began
    await steady.pause()
    p50, p99 = (percentile(steady.times, share) for share in (0.5, 0.99))
    return Hoard(peers, p50, p99, gone, before, most, (await state())[1])


async def _ask(client: Client) -> None:
    await client.log_in()
    client.stop_reading()
    client.send(*[client.request("soak.large", ANSWER)] * ANSWERS)


def percentile(times: list[float], share: float) -> float:
    """The time in which that share of calls was answered."""
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]
