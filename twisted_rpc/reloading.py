"""What is read again while a server runs, because somebody asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.errors import ConfigError
from twisted_rpc.invocation import chained

__all__ = ["Reloads"]


class Reloads:
    """Functions that read something again: certificates, log files."""

    _log = Logger()

    def __init__(self) -> None:
        self._functions: list[Callable[[], Any]] = []

    def add(self, function: Callable[[], Any]) -> Callable[[], None]:
        """Call a function at every reload; return one that ends it."""
        self._functions.append(function)
        return lambda: self._functions.remove(function)

    def run(self) -> Deferred[list[str]]:
        """Call them all.  One that fails is reported, and the others are called all the same.

        Returns:
            A Deferred of what is wrong with each of those that fail, in one line.
        """
        if not self._functions:
            self._log.info("reload: there is nothing to reload")
        done = [
            maybeDeferred(_called, function).addCallbacks(_well, self._failed)
            for function in list(self._functions)
        ]
        return gatherResults(done).addCallback(lambda said: [*filter(None, said)])

    def _failed(self, failure: Failure) -> str:
        """What was there before is still in use."""
        if failure.check(ConfigError):
            self._log.error("reload: {reason}", reason=failure.getErrorMessage())
            return failure.getErrorMessage()
        self._log.failure("reload: a function has failed", failure)
        return f"a function has failed, and the log says how: {type(failure.value).__name__}"


def _well(_: Any) -> None:
    """Nothing is wrong with what a function returns."""


def _called(function: Callable[[], Any]) -> Any:
    return chained(function())
