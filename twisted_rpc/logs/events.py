"""What a log event says, as text that no far side can break out of."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from twisted.logger import LogEvent, formatEvent

__all__ = [
    "LONGEST",
    "clean",
    "fields_of",
    "iso_time",
    "message_of",
    "plain",
    "time_of",
    "traceback_of",
]

LONGEST = 8192
"""So many characters of a text are logged; ten times as many of a traceback."""

_UNSEEN = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: ends of lines, and what terminals take for commands
    "\u200e\u200f\u2028-\u202e\u2066-\u2069"  # other ends of lines; the direction of text
    "\ud800-\udfff"  # what UTF-8 cannot say
)
_unseen = re.compile(f"[{_UNSEEN}]").sub


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def clean(text: str, longest: int = LONGEST) -> str:
    """Text as one line that shows what it holds: what would not be seen is escaped.

    Args:
        text: whatever somebody sent.
        longest: so many characters of it, and how many there were.
    """
    if len(text) <= longest and text.isprintable():  # most are, and it takes a tenth of the time
        return text
    return _unseen(_escaped, _cut(text, longest))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def time_of(event: LogEvent) -> str:
    """When it happened."""
    return iso_time(event.get("log_time", 0))


def iso_time(moment: float) -> str:
    """Seconds since the epoch by ISO 8601 in UTC, to the millisecond."""
    seconds, part = divmod(moment, 1)
    return f"{_second(seconds)}.{int(part * 1000):03d}Z"


@lru_cache(1)
def _second(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def message_of(event: LogEvent) -> str:
    """Its text, on one line; `stack`, which is of our own making, is left to `traceback_of`."""
    stack = event.get("stack")
    return clean(formatEvent({**event, "stack": ""} if stack else event).rstrip())


def traceback_of(event: LogEvent) -> str:
    """The traceback of its failure, or its `stack`, on lines of their own; or nothing."""
    failure = event.get("log_failure")
    text = str(event.get("stack", "")) if failure is None else failure.getTraceback()
    if not text:
        return ""
    lines = _cut(text, 10 * LONGEST).rstrip().split("\n")
    return "\n".join(_unseen(_escaped, line) for line in lines)


_APART = frozenset({"stack", "format", "isError", "message", "system", "time"})
"""Told by itself; and what observers of `twisted.python.log` leave in an event."""


def fields_of(event: LogEvent, used: Collection[str]) -> dict[str, Any]:
    """The event's own fields that JSON can say.

    Args:
        event: the event.
        used: names that are taken.
    """
    if event.get("log_namespace") == "log_legacy":  # these are those of `twisted.python.log`
        return {}
    found = {}
    for name, value in event.items():
        member = _member(name)
        if member and name not in used:
            said = plain(value)
            if said is not None and said != "":
                found[member] = said
    return found


@lru_cache(1000)
def _member(name: str) -> str:
    """What a field is called; nothing if it is none of the event's own."""
    return "" if name.startswith("log_") or name in _APART else clean(name)


_PLAIN: dict[type, Callable[[Any], Any]] = {
    str: clean,
    bool: bool,
    int: lambda value: value if -(2**63) <= value < 2**63 else clean(hex(value)),
    float: lambda value: value if math.isfinite(value) else None,
}


def plain(value: Any, depth: int = 3) -> Any:
    """A value as JSON can say it; None where it cannot, and for what is nested deeper."""
    simple = _PLAIN.get(type(value))
    if simple is not None:
        return simple(value)
    if isinstance(value, str):
        return clean(str.__str__(value))
    if depth and isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    if depth and isinstance(value, dict):
        named = [(key, item) for key, item in value.items() if isinstance(key, str)]
        return {clean(key): plain(item, depth - 1) for key, item in named}
    return None
