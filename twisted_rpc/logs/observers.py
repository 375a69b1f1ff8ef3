"""The log itself: an observer of `twisted.logger` that writes lines, those of calls too."""

from __future__ import annotations

import os
import time

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
)
from zope.interface import implementer

from twisted_rpc.correlation import CURRENT
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.calls import CallLine
from twisted_rpc.logs.levels import Levels
from twisted_rpc.logs.lines import COLOURED, JSON, TEXT, Format
from twisted_rpc.logs.output import Later, LogFile, Output, at_once

__all__ = ["LineObserver", "Log"]


@implementer(ILogObserver)
class LineObserver:
    """Writes a line for each event, and says how many could not be written.

    Args:
        style: what makes a line.
        output: where to.
    """

    def __init__(self, style: Format, output: Output) -> None:
        self._style = style
        self._output = output
        self._lost = 0

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        self._note(self._output.write(self._bytes(self._style.event(event))))

    def call(self, line: CallLine) -> None:
        """Write what there is of a call, soon."""
        self._note(self._output.write_soon(self._bytes(self._style.call(line))))

    def _bytes(self, line: str) -> bytes:
        if self._lost:
            line = self._style.event(_loss(self._lost)) + line
        return line.encode("utf-8")

    def _note(self, is_kept: bool) -> None:
        self._lost = 0 if is_kept else self._lost + 1


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
        later: calls what it is given at the end of this turn of the reactor.

    Raises:
        ConfigError: a file cannot be opened.

    Attributes:
        levels: says which events are logged; may be changed at any time.
    """

    def __init__(self, table: LogTable, descriptor: int, later: Later = at_once) -> None:
        self._later = later
        self.levels = Levels(table.level, table.levels)
        self._format = table.format
        self._files: list[LogFile] = []
        self._outputs: list[Output] = []
        self._main = self._access = self._writer(
            Output(descriptor, later) if table.file is None else self._file(table.file)
        )
        if table.access_file is not None:
            self._access = self._writer(self._file(table.access_file))

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        current = CURRENT.get()
        if current is not None and "request_id" not in event:
            event = {**event, **current.fields()}
        if self.levels(event) is not PredicateResult.no:
            self._main(event)

    def call(self, line: CallLine) -> None:
        """Write a line of the access log, which is asked for by a key of its own."""
        self._access.call(line)

    def _file(self, path: str) -> LogFile:
        file = LogFile(path, self._later)
        self._files.append(file)
        return file

    def _writer(self, output: Output) -> LineObserver:
        self._outputs.append(output)
        if self._format == "json" or (self._format == "auto" and not output.is_terminal):
            return LineObserver(JSON, output)
        is_coloured = output.is_terminal and not os.environ.get("NO_COLOR")
        return LineObserver(COLOURED if is_coloured else TEXT, output)

    def flush(self) -> None:
        """Write what waits for the end of this turn of the reactor."""
        for output in self._outputs:
            output.flush()

    def reopen(self) -> None:
        """Open its files again, since they have been moved away.

        Raises:
            ConfigError: one cannot be opened; what was open still is.
        """
        self.flush()
        for file in self._files:
            file.reopen()
