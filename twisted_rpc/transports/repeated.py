"""The head that a client sends with each of its requests, recognised without reading it again."""

from __future__ import annotations

import re

__all__ = ["RepeatedHead"]

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)(?=\r\n)")
_MOST_DIGITS = 12


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
