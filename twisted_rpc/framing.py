"""Bytes of a stream to whole messages, and a message to the bytes of its frame.

Four framings, one class each; `detection` tells them apart.  All are fed whatever arrived
and return the whole messages in it; each byte is looked at a bounded number of times
whatever the size of the pieces, and no more than `limit` bytes of an unfinished message
are ever kept.

Knows nothing of JSON-RPC: a frame that holds rubbish is still a frame, so that whoever
decodes it can answer and the next one is read in step.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar

from twisted_rpc.errors import ParseError, RequestTooBig, RPCError

__all__ = [
    "Framer",
    "HeaderFramer",
    "LineFramer",
    "NetstringFramer",
    "StreamFramer",
]

MAX_HEADERS = 4096
"""The longest header block of one Content-Length frame, in bytes."""


_EMPTY = (b"", b"\r")
_CR = 0x0D


class Framer(ABC):
    """Cuts one stream into messages.

    Attributes:
        failed: the error to answer with before closing, once the stream cannot be
            followed any further; nothing more comes out then.
        found: the framing that one which had to find it out has settled for; it may be
            fed in its place.
    """

    name: ClassVar[str]
    found: Framer | None = None

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._limit_name = "max_message"
        self.failed: RPCError | None = None
        self._buffer = bytearray()

    def set_limit(self, limit: int, name: str) -> None:
        """Take messages of so many bytes from now on; `name` is for who exceeds it."""
        self.limit = limit
        self._limit_name = name

    @abstractmethod
    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived; return the messages that are whole now."""

    @abstractmethod
    def frame(self, message: bytes) -> bytes:
        """The bytes that carry one message to a far side that frames like this."""

    def frame_all(self, messages: list[bytes]) -> bytes:
        """Several messages, one after the other."""
        return b"".join([self.frame(message) for message in messages])

    @property
    def partial(self) -> bool:
        """Whether part of a message is waiting for the rest."""
        return bool(self._buffer)

    def finish(self) -> list[bytes]:
        """The stream has ended: what is left, if anything, as the last message."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return [rest] if rest.strip() and self.failed is None else []

    def _fail(self, error: RPCError) -> None:
        self.failed = error
        self._buffer.clear()

    def _fail_too_big(self) -> None:
        self._fail(RequestTooBig(f"a message may have {self.limit} bytes ({self._limit_name})"))


class LineFramer(Framer):
    r"""One message a line: `\n` or `\r\n` ends it, empty lines are passed over."""

    name = "line"

    def feed(self, data: bytes) -> list[bytes]:
        """See `Framer.feed`; only new bytes are searched for the line's end."""
        if self.failed is not None:
            return []
        lines = data.split(b"\n")
        rest = lines.pop()
        if self._buffer and lines:
            self._buffer += lines[0]
            lines[0] = bytes(self._buffer) if self._buffer != b"\r" else b""
            self._buffer.clear()
        if len(data) > self.limit or (lines and len(lines[0]) > self.limit):
            lines = self._up_to_limit(lines)
        if rest and self.failed is None:
            if len(self._buffer) + len(rest) - rest.endswith(b"\r") > self.limit:
                self._fail_too_big()
            else:
                self._buffer += rest
        if not all(lines) or (_CR in data and b"\r" in lines):
            lines = [line for line in lines if line not in _EMPTY]
        return lines

    def _up_to_limit(self, lines: list[bytes]) -> list[bytes]:
        for index, line in enumerate(lines):
            if len(line) - line.endswith(b"\r") > self.limit:  # which belongs to its end
                self._fail_too_big()
                return lines[:index]
        return lines

    def frame(self, message: bytes) -> bytes:
        """See `Framer.frame`."""
        return message + b"\n"

    def frame_all(self, messages: list[bytes]) -> bytes:
        """See `Framer.frame_all`."""
        return b"\n".join(messages) + b"\n"


class StreamFramer(Framer):
    """JSON values one after the other, with or without white space between them.

    What node-jsonrpc2 sends.  A value that is neither object nor array, and anything
    that cannot begin a value, is taken up to the end of its line.  A line's end inside a
    string, which JSON forbids, ends the frame too: that is where reading gets back in step.
    """

    name = "stream"

    # Everything up to the next bracket, whole strings skipped.
    _OUTSIDE = re.compile(
        rb'[^"{}\[\]]*(?:"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"[^"{}\[\]]*)*', re.DOTALL
    )
    # The rest of a string that began in an earlier piece.
    _INSIDE = re.compile(rb'[^"\\\n]*(?:\\[^\n][^"\\\n]*)*', re.DOTALL)

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._depth = 0
        self._in_string = False
        self._scanned = 0

    def feed(self, data: bytes) -> list[bytes]:
        """See `Framer.feed`; scanning goes on where the last piece ended."""
        if self.failed is not None:
            return []
        self._buffer += data
        frames: list[bytes] = []
        start = 0
        while (end := self._end_of_frame(start)) is not None:
            frame = bytes(self._buffer[start:end])
            if not frame.isspace():
                if len(frame) > self.limit:
                    self._fail_too_big()
                    return frames
                frames.append(frame)
            start = self._scanned = end
            self._depth, self._in_string = 0, False
        del self._buffer[:start]
        self._scanned -= start
        if len(self._buffer) > self.limit:
            self._fail_too_big()
        return frames

    def _end_of_frame(self, start: int) -> int | None:
        """Where the frame that begins at `start` ends, if its end is there."""
        if self._depth:
            return self._end_of_value()
        buffer, at = self._buffer, self._scanned
        if at == start:  # not in the middle of a line of something else
            while at < len(buffer) and buffer[at] in b" \t\r\n":
                at += 1
            if at > start:  # white space between values belongs to none
                return at
            if at == len(buffer):
                return None
            if buffer[at] in b"{[":
                return self._end_of_value()
        newline = buffer.find(b"\n", at)
        self._scanned = at if newline >= 0 else len(buffer)
        return newline + 1 if newline >= 0 else None

    def _end_of_value(self) -> int | None:
        """Follow brackets and strings until the depth is 0 again, or the bytes end."""
        buffer, at, depth = self._buffer, self._scanned, self._depth
        while at < len(buffer):
            step = self._INSIDE if self._in_string else self._OUTSIDE
            found = step.match(buffer, at)
            at = found.end() if found else at
            if at == len(buffer):
                break
            byte = buffer[at]
            if self._in_string and byte == 0x5C:  # an escape whose second half is to come
                if at + 1 < len(buffer):  # it came, and is a line's end
                    return at + 2
                break
            at += 1
            if byte == 0x0A:
                return at
            if byte == 0x22:
                self._in_string = not self._in_string
                continue
            depth += 1 if byte in b"{[" else -1
            if depth == 0:
                return at
        self._depth, self._scanned = depth, at
        return None

    def frame(self, message: bytes) -> bytes:
        """See `Framer.frame`: a line's end is white space to a stream reader."""
        return message + b"\n"


class _CountedFramer(Framer):
    """A frame that begins by saying how long it is."""

    _RUBBISH: ClassVar[str]
    _trailer = 0

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._missing: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """See `Framer.feed`."""
        if self.failed is not None:
            return []
        self._buffer += data
        frames: list[bytes] = []
        start = 0
        while True:
            if self._missing is None:
                try:
                    start = self._read_length(start)
                except ValueError:
                    self._fail(ParseError(self._RUBBISH))
                    return frames
                if self._missing is None:
                    break
                if self._missing > self.limit:
                    self._fail_too_big()
                    return frames
            end = start + self._missing
            if len(self._buffer) < end + self._trailer:
                break
            if not self._ends_well(end):
                self._fail(ParseError(self._RUBBISH))
                return frames
            frames.append(bytes(self._buffer[start:end]))
            start = end + self._trailer
            self._missing = None
        del self._buffer[:start]
        return frames

    def _ends_well(self, end: int) -> bool:
        return True

    def finish(self) -> list[bytes]:
        """See `Framer.finish`: a frame that says how long it is and is not, is none."""
        if self.partial and self.failed is None:
            self._fail(ParseError("the stream ended in the middle of a message"))
        return []

    @property
    def partial(self) -> bool:
        """See `Framer.partial`: a length that came without its message counts."""
        return bool(self._buffer) or self._missing is not None

    @abstractmethod
    def _read_length(self, start: int) -> int:
        """Read a length into `_missing` and say where the message begins.

        Raises:
            ValueError: there is no length where one has to be.
        """


class HeaderFramer(_CountedFramer):
    """`Content-Length: N`, an empty line, N bytes: the Language Server Protocol's base."""

    name = "header"
    _RUBBISH = "a frame must begin with a Content-Length header"
    # A header's name, or as much of it as has come.
    _NAME = re.compile(rb"[-0-9A-Za-z]*(?::|\Z)")

    def _read_length(self, start: int) -> int:
        if not self._NAME.match(self._buffer, start, start + 64):
            raise ValueError
        # Searching from the start again each time is bounded by MAX_HEADERS.
        end = self._buffer.find(b"\r\n\r\n", start, start + MAX_HEADERS)
        if end < 0:
            if len(self._buffer) - start >= MAX_HEADERS:
                raise ValueError
            return start
        length = None
        for line in bytes(self._buffer[start:end]).split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if not colon:
                raise ValueError
            if name.strip().lower() == b"content-length":
                if length is not None or not value.strip().isdigit():
                    raise ValueError
                length = int(value)
        if length is None:
            raise ValueError
        self._missing = length
        return end + 4

    def frame(self, message: bytes) -> bytes:
        """See `Framer.frame`."""
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)


class NetstringFramer(_CountedFramer):
    """`N:` then N bytes then `,` (D. J. Bernstein's netstrings)."""

    name = "netstring"
    _RUBBISH = "a frame must be a netstring: LENGTH:MESSAGE,"
    _trailer = 1
    MAX_DIGITS: ClassVar[int] = 10

    def _read_length(self, start: int) -> int:
        colon = self._buffer.find(b":", start, start + self.MAX_DIGITS + 1)
        head = bytes(self._buffer[start : colon if colon >= 0 else start + self.MAX_DIGITS + 1])
        if head and not head.isdigit():
            raise ValueError
        if colon < 0:
            if len(head) > self.MAX_DIGITS:
                raise ValueError
            return start
        self._missing = int(head)
        return colon + 1

    def _ends_well(self, end: int) -> bool:
        return self._buffer[end : end + 1] == b","

    def frame(self, message: bytes) -> bytes:
        """See `Framer.frame`."""
        return b"%d:%b," % (len(message), message)
