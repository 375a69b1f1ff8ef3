"""A server that tells how many are connected, and methods that take their time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor, task

from twisted_rpc import Server

__all__ = ["ObservedServer"]


class ObservedServer(Server):
    """Exposes what the tests of this directory ask."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for method in (self.left, self.echo, self.wait_for, self.blob):
            self.expose(method.__name__, method)

    def left(self) -> list[int]:
        """How many lines, connections and addresses are counted; who asks is one of each."""
        return [len(self.lines), len(self.connections), self.lines.sources]

    def echo(self, value: Any) -> Any:
        """What it is told."""
        return value

    def blob(self, size: int) -> str:
        """A long answer."""
        return "x" * size

    async def wait_for(self, path: str) -> str:
        """End once there is a file."""
        is_there = Path(path).exists
        while not is_there():
            await task.deferLater(reactor, 0.01)
        return path
