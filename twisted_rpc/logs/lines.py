"""An event as a line: text for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from twisted.logger import LogEvent, LogLevel

from twisted_rpc.logs.calls import CallLine
from twisted_rpc.logs.events import clean, fields_of, message_of, time_of, traceback_of

__all__ = ["COLOURED", "JSON", "TEXT", "Format", "json_line", "text_line"]


class Format(NamedTuple):
    """What makes a line, with its end.

    Attributes:
        event: of an event.
        call: of what the access log has of a call.
    """

    event: Callable[[LogEvent], str]
    call: Callable[[CallLine], str]


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


def _text_call(line: CallLine) -> str:
    named = f" ({line.request_id})" if line.request_id else ""
    return f"{line.time} [{line.namespace}#{line.level}] {line.message}{named}\n"


def _json_call(line: CallLine) -> str:
    return _encode(line).decode() + "\n"


JSON = Format(json_line, _json_call)
TEXT = Format(text_line, _text_call)
COLOURED = Format(partial(text_line, coloured=True), _text_call)
