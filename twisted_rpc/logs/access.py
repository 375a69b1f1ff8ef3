"""The access log, a line for each call that has ended, and warnings of slow ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from twisted.logger import Logger

from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.calls import line_of, origin_of, publish
from twisted_rpc.logs.observers import Log
from twisted_rpc.logs.secrets import shown_params
from twisted_rpc.namespace import Method
from twisted_rpc.observing import Ended
from twisted_rpc.server import Server

__all__ = ["AccessLog", "SlowCalls", "observe_calls"]


class AccessLog:
    """Logs calls that have ended.

    Args:
        share: of those that ended well, so many; all others are logged.
        methods: those there are, if parameters are logged.
        log: the log they go to, once it is open; None where another program keeps one.
        chance: a number from 0 up to 1.
    """

    def __init__(
        self,
        share: float,
        methods: Mapping[str, Method] | None = None,
        *,
        log: Callable[[], Log | None] = lambda: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._share = share
        self._methods = methods
        self._log = log
        self._chance = chance

    def __call__(self, ended: Ended) -> None:
        """A call has ended."""
        if ended.code is None and self._share < 1 and self._chance() >= self._share:
            return
        params = None
        if self._methods is not None:
            params = shown_params(ended.method, ended.params, self._methods)
        line = line_of(ended, params)
        log = self._log()
        if log is None:
            publish(line)
        else:
            log.call(line)


class SlowCalls:
    """Warns of calls that took long.

    Args:
        seconds: from how long on.
    """

    _log = Logger()

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, ended: Ended) -> None:
        """A call has ended."""
        if ended.seconds >= self._seconds:
            self._log.warn(
                "{method!r} took {seconds} seconds for {peer} (slow)",
                method=ended.method,
                seconds=round(ended.seconds, 3),
                **origin_of(ended),
            )


def observe_calls(
    server: Server, table: LogTable, log: Callable[[], Log | None] = lambda: None
) -> None:
    """Have a server tell of its calls what `[log]` asks for.

    Args:
        server: whose calls.
        table: what it says.
        log: as in `AccessLog`.
    """
    if table.access:
        methods = server.namespace.methods if table.params else None
        server.dispatcher.observe(AccessLog(float(table.access), methods, log=log))
    if table.slow is not None:
        server.dispatcher.observe(SlowCalls(table.slow))
