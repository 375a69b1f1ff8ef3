"""An event as a line: text for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from twisted.logger import LogEvent, LogLevel

from twisted_rpc.logs.events import clean, fields_of, message_of, time_of, traceback_of

__all__ = ["Line", "json_line", "text_line"]

Line = Callable[[LogEvent], str]
"""What makes a line, with its end, of an event."""

_COLOURS = {
    LogLevel.debug: "\x1b[2m",  # faint
    LogLevel.warn: "\x1b[33m",  # yellow
    LogLevel.error: "\x1b[31m",  # red
    LogLevel.critical: "\x1b[1;31m",
}
_encode = msgspec.json.Encoder().encode


def text_line(event: LogEvent, *, coloured: bool = False) -> str:
    """`TIME [NAMESPACE#LEVEL] MESSAGE`, and the lines of a traceback, which are indented."""
    level = event.get("log_level") or LogLevel.info
    source = f"[{clean(str(event.get('log_namespace', '')))}#{level.name}]"
    colour = _COLOURS.get(level) if coloured else None
    if colour:
        source = f"{colour}{source}\x1b[0m"
    request = event.get("request_id")
    named = f" ({clean(str(request))})" if request else ""
    line = f"{time_of(event)} {source} {message_of(event)}{named}\n"
    traceback = traceback_of(event)
    if traceback:
        # Indented, so that no line of it can pass for an event.
        line += "".join(f"    {part}\n" for part in traceback.split("\n"))
    return line


def json_line(event: LogEvent) -> str:
    """One object: `time`, `level`, `namespace`, `message`, the event's own fields, `failure`."""
    level = event.get("log_level") or LogLevel.info
    said: dict[str, Any] = {
        "time": time_of(event),
        "level": level.name,
        "namespace": clean(str(event.get("log_namespace", ""))),
        "message": message_of(event),
    }
    traceback = traceback_of(event)
    if traceback:
        said["failure" if event.get("log_failure") else "stack"] = traceback
    return _encode({**said, **fields_of(event, said)}).decode() + "\n"
