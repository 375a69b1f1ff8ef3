"""The client for scripts, notebooks and the prompt: calls that wait for their result.

The reactor runs in a thread of its own, which ends with the program.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.python.failure import Failure

from twisted_rpc.client import Client
from twisted_rpc.transports.connecting import connect as connect_client

__all__ = ["BlockingClient", "connect"]

_starting = threading.Lock()
_orphaned = threading.Event()
"""Set in a forked process: it has the state of the reactor that ran, but not its thread."""

_LOOK = 0.5
"""Seconds between looks whether the reactor still runs."""


def connect(to: str, **options: Any) -> BlockingClient:
    """A client that is connected; close it, or use it in `with`.

    Args:
        to: a URL; see `twisted_rpc.connect`.
        options: see there as well.

    Raises:
        ConnectError: no connection can be made.
        RuntimeError: the reactor runs in this very thread, which must not wait for it.
        ValueError: the URL makes no sense, or is one of a child process: whose end only a
            reactor in the main thread hears of.
    """
    if to.startswith("exec:"):
        raise ValueError(f"{to!r}: a child process needs the reactor in the main thread")
    reactor = _running_reactor()

    async def make() -> Client:
        return await connect_client(to, reactor=reactor, **options)

    return BlockingClient(_wait(lambda: ensureDeferred(make())))


class BlockingClient:
    """Calls that wait: `rpc.calc.add(1, 2)`, or `rpc.call("calc.add", [1, 2], timeout=5)`.

    Methods of the far side whose names are those of this class are called by `call`.  Calls
    raise what a Deferred of `Client` would fail with.  Ctrl-C cancels the call.

    Args:
        client: is connected.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float | None | UnsetType = UNSET,
        retry: bool = False,
    ) -> Any:
        """Call a method; return its result.  See `Client.call`."""
        return _wait(lambda: self._client.call(method, params, timeout=timeout, retry=retry))

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification.  See `Client.notify`."""
        _wait(lambda: self._client.notify(method, params))

    def on(self, method: str, listener: Callable[..., Any]) -> Callable[[], None]:
        """Be told of a notification, in the reactor's thread; call what is returned to end it.

        A listener must not wait for calls of this client: nobody would take their answers.
        """
        remove: Callable[[], None] = _wait(lambda: self._client.on(method, listener))
        return lambda: _wait(remove)

    def expose(self, name: str, target: Any) -> None:
        """Let the far side call something, in the reactor's thread; see `Client.expose`."""
        _wait(lambda: self._client.expose(name, target) and None)

    def close(self) -> None:
        """Close the connection."""
        _wait(self._client.close)

    def __getattr__(self, name: str) -> _Name:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(self, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Name:
    """A method's name as far as it has been spelt."""

    def __init__(self, client: BlockingClient, name: str) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, name: str) -> _Name:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(self._client, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and kwargs:
            raise TypeError(f"{self._name}: give parameters by position or by name, not both")
        return self._client.call(self._name, list(args) or kwargs or None)


def _running_reactor() -> Any:
    """The reactor, in a thread of its own if nobody has started it."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    _check_thread()
    with _starting:
        if not reactor.running:
            if reactor._startedBefore:
                raise RuntimeError("the reactor has run in this process, and cannot run again")
            started = threading.Event()
            reactor.callWhenRunning(started.set)
            run = threading.Thread(target=reactor.run, args=(False,), name="reactor", daemon=True)
            run.start()
            started.wait()
    return reactor


def _wait(function: Callable[[], Any]) -> Any:
    """Call a function in the reactor's thread; return its result, or raise."""
    from twisted.internet import reactor as installed
    from twisted.python.threadable import isInIOThread

    reactor: Any = installed
    if isInIOThread():
        raise RuntimeError("the reactor runs in this thread: use twisted_rpc.connect, and await")
    _check_thread()
    outcomes: SimpleQueue[Any] = SimpleQueue()
    begun: list[Deferred[Any]] = []

    def run() -> None:
        begun.append(maybeDeferred(function).addBoth(outcomes.put))

    reactor.callFromThread(run)
    try:
        outcome = _first_of(outcomes, reactor)
    except BaseException:  # Ctrl-C, above all
        reactor.callFromThread(_cancel, begun)
        raise
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome


def _check_thread() -> None:
    if _orphaned.is_set():
        raise RuntimeError("this process was forked from one whose reactor ran: spawn it instead")


def _forked() -> None:
    reactor = sys.modules.get("twisted.internet.reactor")
    if getattr(reactor, "running", False):
        _orphaned.set()


os.register_at_fork(after_in_child=_forked)


def _first_of(outcomes: SimpleQueue[Any], reactor: Any) -> Any:
    while True:
        try:
            return outcomes.get(timeout=_LOOK)
        except Empty:
            if not reactor.running:
                raise RuntimeError("the reactor has stopped") from None


def _cancel(begun: list[Deferred[Any]]) -> None:
    for deferred in begun:
        deferred.cancel()
