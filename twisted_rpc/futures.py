"""The client inside a program of asyncio: Twisted runs in the loop that runs already.

Twisted has one reactor in a process, and it cannot be started again: it is begun in one
loop, before anything else imports `twisted.internet.reactor`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.main import installReactor
from twisted.python.threadable import isInIOThread

__all__ = ["as_future", "running_reactor"]

T = TypeVar("T")

_MODULE = "twisted.internet.reactor"


def as_future(awaitable: Awaitable[T]) -> asyncio.Future[T]:
    """Make something of Twisted's what asyncio can wait for.

    Such as `await as_future(client.call("add", [1, 2]))`.

    Args:
        awaitable: a Deferred, a client, or a coroutine that awaits such, and nothing of
            asyncio's own.

    Returns:
        A future of the running loop, with the same result or the same exception.
        Cancelling it cancels what it waits for.

    Raises:
        RuntimeError: no loop is running, or no reactor in it; see `running_reactor`.
    """
    loop = asyncio.get_running_loop()
    reactor = sys.modules.get(_MODULE)
    if not (isinstance(reactor, AsyncioSelectorReactor) and reactor.running and isInIOThread()):
        raise RuntimeError("no reactor runs in this loop: enter `async with running_reactor()`")
    return Deferred.fromCoroutine(_outcome(awaitable)).asFuture(loop)


async def _outcome(awaitable: Awaitable[T]) -> T:
    return await awaitable


@asynccontextmanager
async def running_reactor() -> AsyncIterator[None]:
    """Run the reactor in the running loop, for as long as the block: `async with`.

    At its end connections that are open are cut, what was to happen later does not happen,
    and the reactor's threads have ended; the loop goes on.  Signals stay asyncio's, so
    nobody hears of the end of child processes (`exec:`).

    Raises:
        RuntimeError: no loop is running, or a reactor has been installed before.
    """
    loop = asyncio.get_running_loop()
    installed = sys.modules.get(_MODULE)
    if isinstance(installed, _LoopReactor):
        raise RuntimeError("running_reactor() is for once in a process: no reactor starts again")
    if installed is not None:
        raise RuntimeError(
            f"a reactor is installed already, {type(installed).__name__}: enter "
            "running_reactor() before anything imports twisted.internet.reactor"
        )
    reactor = _LoopReactor(loop)
    installReactor(reactor)
    reactor.startRunning(installSignalHandlers=False)
    ended = loop.create_future()
    reactor.addSystemEventTrigger("after", "shutdown", ended.set_result, None)
    try:
        yield
    finally:
        with suppress(ReactorNotRunning):  # somebody has stopped it
            reactor.stop()
        await ended
        for call in reactor.getDelayedCalls():
            call.cancel()


class _LoopReactor(AsyncioSelectorReactor):
    """A reactor that leaves its loop running when it stops: it is somebody else's."""

    def crash(self) -> None:
        super(AsyncioSelectorReactor, self).crash()
