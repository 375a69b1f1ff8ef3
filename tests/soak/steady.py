"""Good clients that stay, one at each listener: whatever others do, they are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from random import Random
from typing import Self

from tests.soak.clients import Client, connected
from tests.soak.places import Place

__all__ = ["Steady"]


class Steady:
    """Clients that call all the time, unless they are told to pause.

    Args:
        places: where; one client at each.
        random: where chance comes from.

    Attributes:
        clients: by the names of their places.
        calls: how many were answered.
        times: seconds that each of them took.
    """

    def __init__(self, places: Mapping[str, Place], random: Random) -> None:
        self.clients: dict[str, Client] = {}
        self.calls = 0
        self.times: list[float] = []
        self._places = places
        self._random = random
        self._lines = AsyncExitStack()
        self._going = asyncio.Event()
        self._idle: dict[str, asyncio.Event] = {}
        self._failed: Exception | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for name, place in self._places.items():
            client = await self._lines.enter_async_context(connected(place, self._random))
            assert await client.log_in()
            self.clients[name] = client
            self._idle[name] = asyncio.Event()
            self._tasks.append(asyncio.create_task(self._run(name, client)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lines.aclose()

    def go(self) -> None:
        """Call."""
        for idle in self._idle.values():
            idle.clear()
        self._going.set()

    async def pause(self) -> None:
        """Stop calling, and wait for the last answers.

        Raises:
            AssertionError, OSError: one of them was not answered as it should have been.
        """
        self._going.clear()
        for idle in self._idle.values():
            await idle.wait()
        if self._failed is not None:
            raise self._failed

    async def _run(self, name: str, client: Client) -> None:
        try:
            await self._call(name, client)
        except Exception as error:
            self._failed = error
            self._idle[name].set()

    async def _call(self, name: str, client: Client) -> None:
        while True:
            if not self._going.is_set():
                self._idle[name].set()
                await self._going.wait()
            value = [self._random.random(), name]
            began = time.perf_counter()
            answer = await client.call("soak.echo", value)
            self.times.append(time.perf_counter() - began)
            assert answer == value, f"{name}: {answer} for {value}"
            self.calls += 1
            await asyncio.sleep(0.01)
