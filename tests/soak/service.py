"""What the daemon exposes: something to call, and counts of everything it holds."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import deferLater

from twisted_rpc import Connection, Context, Server, method

__all__ = ["Soak", "SoakServer"]

reactor: Any = installed
_trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)


class Soak:
    """Methods of every kind.

    Args:
        server: what is counted.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._kept: list[Any] = []
        self._waiting = 0

    @method
    def echo(self, value: Any) -> Any:
        """What it was given."""
        return value

    @method
    def large(self, size: int) -> str:
        """A long answer."""
        return "x" * size

    @method
    async def wait(self, seconds: float) -> float:
        """Take some time."""
        self._waiting += 1
        try:
            await deferLater(reactor, seconds)
        finally:
            self._waiting -= 1
        return seconds

    @method(thread=True)
    def thread(self, value: Any) -> Any:
        """What it was given, by way of a thread."""
        return value

    @method
    async def ask(self, context: Context) -> Any:
        """Call the caller back."""
        assert isinstance(context.connection, Connection)
        return await context.connection.call("client.name")

    @method
    def fail(self) -> None:
        """Fail: an incident."""
        raise LookupError("on purpose")

    @method
    def leak(self, kind: str) -> None:
        """Keep something for ever, to see that it is found out."""
        made: dict[str, Any] = {
            "objects": Deferred,
            "memory": lambda: bytes(os.urandom(1 << 20)),
            "descriptors": lambda: os.open(os.devnull, os.O_RDONLY),
            "delayed calls": lambda: reactor.callLater(3600, int),
        }
        self._kept.append(made[kind]())

    @method
    def state(self) -> tuple[int, int]:
        """How many lines and running calls there are, and KiB of memory."""
        return len(self._server.lines) + self._waiting, _resident()

    @method
    def counts(self) -> dict[str, Any]:
        """How much there is of everything, rubbish collected before."""
        gc.collect()
        _trim(0)  # memory that is free and was kept is no leak
        connections = list(self._server.connections.values())
        kinds = Counter(map(type, gc.get_objects()))
        return {
            "lines": len(self._server.lines),
            "connections": len(connections),
            "addresses": self._server.lines.sources,
            "calls in flight": sum(each.in_flight for each in connections),
            "calls to clients": sum(len(each._calls) for each in connections),
            "delayed calls": len(reactor.getDelayedCalls()),
            "watched": len(IReactorFDSet(reactor).getReaders()),
            "descriptors": len([*Path("/proc/self/fd").iterdir()]),
            "blocks": sys.getallocatedblocks(),
            "KiB": _resident(),
            "objects": {f"{k.__module__}.{k.__qualname__}": n for k, n in kinds.items()},
        }


def _resident() -> int:
    """Memory that is in use, in KiB (proc(5))."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1024


class SoakServer(Server):
    """A server that counts itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.expose("soak", Soak(self))
