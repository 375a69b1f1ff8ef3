"""Traces as the W3C's Trace Context has them: `traceparent` and `tracestate`.

What is not valid is ignored, as the recommendation wants it
(https://www.w3.org/TR/trace-context/, sections 3.2 and 3.3).
"""

from __future__ import annotations

import re

from msgspec import Struct

__all__ = ["Trace", "parse_trace"]

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KEY = r"[a-z0-9](?:[-a-z0-9_*/]{0,255}|[-a-z0-9_*/]{0,240}@[a-z][-a-z0-9_*/]{0,13})"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(rf"({_KEY})={_VALUE}")
_MOST_MEMBERS = 32
_LONGEST = 8192


class Trace(Struct, frozen=True):
    """Where a call stands in a trace.

    Attributes:
        trace_id: of the whole trace, 32 hexadecimal digits.
        parent_id: of the span that made the call, 16 hexadecimal digits.
        flags: 8 bits; the lowest says that the caller records it.
        state: what tracing systems have added, as `tracestate` has it; empty if nothing.
    """

    trace_id: str
    parent_id: str
    flags: int = 0
    state: str = ""

    @property
    def traceparent(self) -> str:
        """As `traceparent` says it."""
        return f"00-{self.trace_id}-{self.parent_id}-{self.flags:02x}"


def parse_trace(traceparent: str, tracestate: str = "") -> Trace | None:
    """The trace of two header fields; None if the first of them says none.

    A version that is not known yet is read as far as it is known (section 3.2.4).
    """
    found = _PARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not (trace_id.strip("0") and parent_id.strip("0")):
        return None
    return Trace(trace_id, parent_id, int(flags, 16), _checked_state(tracestate))


def _checked_state(text: str) -> str:
    """A valid `tracestate` (section 3.3.1); one that is not is as good as none."""
    if len(text) > _LONGEST:
        return ""
    members = [member.strip(" \t") for member in text.split(",")]
    found = [_MEMBER.fullmatch(member) for member in members if member]
    keys = {member[1] for member in found if member is not None}
    if len(keys) < len(found) or len(found) > _MOST_MEMBERS:  # one is none, or comes twice
        return ""
    return ",".join(member for member in members if member)
