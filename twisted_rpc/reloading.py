"""What is read again while a server runs, because somebody asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
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

    def run(self) -> None:
        """Call them all.  One that fails is reported, and the others are called all the same."""
        if not self._functions:
            self._log.info("reload: there is nothing to reload")
        for function in list(self._functions):
            done: Deferred[Any] = maybeDeferred(_called, function)
            done.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        """What was there before is still in use."""
        if failure.check(ConfigError):
            self._log.error("reload: {reason}", reason=failure.getErrorMessage())
        else:
            self._log.failure("reload: a function has failed", failure)


def _called(function: Callable[[], Any]) -> Any:
    return chained(function())
