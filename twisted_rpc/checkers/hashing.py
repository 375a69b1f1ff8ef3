"""Threads for what is slow on purpose."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from twisted.cred.error import LoginDenied
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["HashingThreads"]

T = TypeVar("T")

AT_ONCE = min(4, max(1, (os.cpu_count() or 1) - 1))
"""A core is left to the reactor; one hash of argon2 takes 64 MiB."""

MAX_WAITING = 100
"""Logins that wait for a thread; more would not be let in in time."""


class HashingThreads:
    """A few threads of its own: logins do not wait for methods, nor methods for logins.

    Args:
        reactor: what results come back to; the installed one unless given.
    """

    _log = Logger()

    def __init__(self, *, reactor: Any = None) -> None:
        self._reactor = reactor
        self._is_flooded = False
        self._free = DeferredSemaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hashing")

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """The result of a function that is run in one of the threads, when one is free.

        Raises:
            LoginDenied: too many are waiting.
        """
        if not self._free.waiting:
            self._is_flooded = False
        if len(self._free.waiting) >= MAX_WAITING:
            self._tell_of_flood()
            raise LoginDenied("too many logins at once")
        return self._free.run(self._in_thread, function, *args)

    def _tell_of_flood(self) -> None:
        """Say it once, until nobody waits any more: a flood must not fill the log too."""
        if not self._is_flooded:
            self._log.warn("{count} logins wait for a thread: more are refused", count=MAX_WAITING)
        self._is_flooded = True

    def _in_thread(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor
        back = self._reactor.callFromThread

        def give_up(_: Deferred[Any]) -> None:
            running.cancel()

        finished: Deferred[T] = Deferred(give_up)
        running = self._threads.submit(function, *args)
        running.add_done_callback(lambda done: back(_finish, finished, done))
        return finished


def _finish(finished: Deferred[T], done: Future[T]) -> None:
    if finished.called or done.cancelled():  # nobody waits for it any more
        return
    error = done.exception()
    if error is None:
        finished.callback(done.result())
    else:
        finished.errback(Failure(error))
