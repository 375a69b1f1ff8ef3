"""The head that a client sends with each of its requests, recognised without reading it again."""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

__all__ = ["KnownHead", "KnownHeads", "RepeatedHead"]

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)(?=\r\n)")
_MOST_DIGITS = 12
_MOST_KNOWN = 16
_OWN = frozenset({b"authorization", b"cookie", b"expect", b"transfer-encoding"})
"""Fields that belong to one client, or change how a body is read."""


class RepeatedHead:
    """A head that was read and taken once; of another one, only the body's length may differ.

    Byte for byte the same, it means the same: nothing is decided here that the parser,
    and all who looked at the request after it, have not decided before.  A request whose
    body is not simply the bytes behind its head is never remembered.

    Args:
        before: the head up to the digits of its Content-Length.
        after: what follows them, the empty line included.
    """

    __slots__ = ("_after", "_before", "_last", "_size")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after
        self._last = before + b"?"  # no head is like that
        self._size = 0

    @classmethod
    def of(cls, request: bytes, body: bytes) -> RepeatedHead | None:
        """The head of one whole request; None if it does not give its body's length plainly."""
        head = request[: len(request) - len(body)]
        lengths = list(_LENGTH.finditer(head))
        # The first empty line has to be the head's own end: of a chunked body, or one with
        # something behind it, what precedes the last bytes is no head.
        if len(lengths) != 1 or head.find(b"\r\n\r\n") != len(head) - 4:
            return None
        start, stop = lengths[0].span(1)
        repeated = cls(head[:start], head[stop:])
        return repeated if repeated.body(request, 0) == (len(head), len(request)) else None

    def body(self, data: bytes, at: int) -> tuple[int, int] | None:
        """Where the body of a request lies that begins with this head; None if it is not whole.

        Bodies are mostly as long as those before them, and then the whole head is the same.

        Args:
            data: what came.
            at: where in it the request begins.
        """
        if data.startswith(self._last, at):
            begin = at + len(self._last)
        else:
            begin = self._read_length(data, at)
        end = begin + self._size
        return (begin, end) if at < begin and end <= len(data) else None

    def _read_length(self, data: bytes, at: int) -> int:
        """Where the body begins, after noting how long it is; `at` if this is another head."""
        if not data.startswith(self._before, at):
            return at
        start = at + len(self._before)
        stop = data.find(self._after, start, start + _MOST_DIGITS + len(self._after))
        digits = data[start:stop] if stop > 0 else b""
        if not digits.isdigit():
            return at
        begin = stop + len(self._after)
        self._last = data[at:begin]
        self._size = int(digits)
        return begin


class KnownHead(NamedTuple):
    """A head, and what the parser made of it: nothing that anybody has decided about it.

    Attributes:
        repeated: what recognises it.
        method: the request's.
        target: the request's.
        version: of HTTP.
        headers: as in an `Exchange`; not to be changed.
    """

    repeated: RepeatedHead
    method: bytes
    target: bytes
    version: bytes
    headers: dict[bytes, bytes]


class KnownHeads:
    """Heads that the lines of one port begin with: clients of one kind send the same.

    So a line that begins like another needs no parser, and keeps no copy.  What is decided
    about a request, such as who sent it, is its line's own.  Of more than a few heads, the
    oldest is forgotten.
    """

    def __init__(self) -> None:
        self._heads: deque[KnownHead] = deque(maxlen=_MOST_KNOWN)

    def find(self, data: bytes, max_body: int) -> KnownHead | None:
        """The head of one whole request and nothing more; None if it is not known.

        Args:
            data: what came.
            max_body: the longest body it may have, in bytes.
        """
        for head in self._heads:
            place = head.repeated.body(data, 0)
            if place is not None and place[1] == len(data):
                return head if place[1] - place[0] <= max_body else None
        return None

    def add(self, head: KnownHead) -> None:
        """Let others begin like this, unless it says who sends it."""
        if _OWN.isdisjoint(head.headers):
            self._heads.append(head)
