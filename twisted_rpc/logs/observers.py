"""Observers of `twisted.logger` that write lines."""

from __future__ import annotations

import os
import time
from functools import partial

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
)
from zope.interface import implementer

from twisted_rpc.correlation import CURRENT
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.levels import Levels
from twisted_rpc.logs.lines import Line, json_line, text_line
from twisted_rpc.logs.output import LogFile, Output

__all__ = ["ACCESS", "LineObserver", "Log"]

ACCESS = "twisted_rpc.access"
"""The namespace of the access log."""


@implementer(ILogObserver)
class LineObserver:
    """Writes a line for each event, and says how many could not be written.

    Args:
        line: what makes a line.
        output: where to.
    """

    def __init__(self, line: Line, output: Output) -> None:
        self._line = line
        self._output = output
        self._lost = 0

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        line = self._line(event)
        if self._lost:
            line = self._line(_loss(self._lost)) + line
        if self._output.write(line.encode("utf-8")):
            self._lost = 0
        else:
            self._lost += 1


def _loss(lines: int) -> LogEvent:
    return {
        "log_time": time.time(),
        "log_level": LogLevel.warn,
        "log_namespace": __name__,
        "log_format": "{lines} lines could not be written, and are lost",
        "lines": lines,
    }


@implementer(ILogObserver)
class Log:
    """What `[log]` asks for: the observer of every event.

    Args:
        table: what it says.
        descriptor: where to, if to no file.

    Raises:
        ConfigError: a file cannot be opened.

    Attributes:
        levels: says which events are logged; may be changed at any time.
    """

    def __init__(self, table: LogTable, descriptor: int) -> None:
        self.levels = Levels(table.level, table.levels)
        self._format = table.format
        self._files: list[LogFile] = []
        self._main = self._access = self._writer(
            Output(descriptor) if table.file is None else self._file(table.file)
        )
        if table.access_file is not None:
            self._access = self._writer(self._file(table.access_file))

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`; what the access log has is asked for by a key of its own."""
        current = CURRENT.get()
        if current is not None and "request_id" not in event:
            event = {**event, **current.fields()}
        if event.get("log_namespace") == ACCESS:
            self._access(event)
        elif self.levels(event) is not PredicateResult.no:
            self._main(event)

    def _file(self, path: str) -> LogFile:
        file = LogFile(path)
        self._files.append(file)
        return file

    def _writer(self, output: Output) -> LineObserver:
        is_text = self._format == "text" or (self._format == "auto" and output.is_terminal)
        coloured = output.is_terminal and not os.environ.get("NO_COLOR")
        line = partial(text_line, coloured=coloured) if is_text else json_line
        return LineObserver(line, output)

    def reopen(self) -> None:
        """Open its files again, since they have been moved away.

        Raises:
            ConfigError: one cannot be opened; what was open still is.
        """
        for file in self._files:
            file.reopen()
