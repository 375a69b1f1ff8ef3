"""Which protocol, and which framing, a stream speaks, by its first bytes."""

from __future__ import annotations

import re

from twisted_rpc.framing import (
    Framer,
    HeaderFramer,
    LineFramer,
    NetstringFramer,
    StreamFramer,
)

__all__ = ["FRAMINGS", "AutoFramer", "looks_like_http"]

_HTTP_PREFIX = re.compile(rb"[A-Z]{3,20} [/*h]")


def looks_like_http(first_bytes: bytes) -> bool:
    """Whether a connection's first bytes begin an HTTP request (RFC 9112, section 3).

    A method name, a space and what a target begins with: `GET /`, `OPTIONS *`,
    `POST http://…`.  No message of any framing begins like that.
    """
    return _HTTP_PREFIX.match(first_bytes) is not None


class AutoFramer(Framer):
    """Finds out how the far side frames, then frames like that.

    A run of digits and a colon is a netstring, a header name a Content-Length frame.  An
    object or array that spans lines, or that another value follows on its line, makes it a
    stream of values; everything else is lines.
    """

    name = "auto"
    _HEADER_NAMES = (b"content-length:", b"content-type:")

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._probe = StreamFramer(limit)
        self._probed = 0

    @property
    def partial(self) -> bool:
        """See `Framer.partial`."""
        return (self.found or self._probe).partial or bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """See `Framer.feed`."""
        if self.failed is not None:
            return []
        if self.found is not None:
            frames = self.found.feed(data)
            self.failed = self.found.failed
            return frames
        if self._probed or self._probe.partial:
            return self._feed_probe(data)
        first = (bytes(self._buffer) + data).lstrip(b" \t\r\n")
        kind = self._kind_of(first)
        if kind is None:
            self._buffer[:] = first  # a few bytes: longer ones are never in doubt
            return []
        self._buffer.clear()
        return self._feed_probe(first) if kind is StreamFramer else self._settle(kind, first)

    def finish(self) -> list[bytes]:
        """See `Framer.finish`."""
        inner = self.found or self._probe
        rest = inner.finish()
        self.failed = self.failed or inner.failed
        return rest or super().finish()

    def _kind_of(self, first: bytes) -> type[Framer] | None:
        """The framing that begins like this; None while it may be more than one."""
        if first[:1] in (b"{", b"["):
            return StreamFramer
        start = first[:16].lower()
        for name in self._HEADER_NAMES:
            if start.startswith(name):
                return HeaderFramer
            if name.startswith(start):
                return None
        digits = len(start) - len(start.lstrip(b"0123456789"))
        if 0 < digits <= NetstringFramer.MAX_DIGITS:
            after = first[digits : digits + 1]
            if not after:
                return None
            return NetstringFramer if after == b":" else LineFramer
        return LineFramer

    def set_limit(self, limit: int, name: str) -> None:
        """See `Framer.set_limit`."""
        super().set_limit(limit, name)
        (self.found or self._probe).set_limit(limit, name)

    def _settle(self, kind: type[Framer], data: bytes) -> list[bytes]:
        self.found = kind(self.limit)
        self.found.set_limit(self.limit, self._limit_name)
        return self.feed(data)

    def _feed_probe(self, data: bytes) -> list[bytes]:
        """Read as a stream until it shows what follows the first value.

        The value is handed out as soon as it is whole: who sends no delimiter waits for
        the answer before sending more.
        """
        line, newline, rest = data.partition(b"\n")
        frames = self._probe.feed(line + newline)
        self.failed = self._probe.failed
        if self.failed is not None:
            return frames
        self._probed += len(frames)
        if self._probed > 1 or (newline and self._probe.partial):
            self.found = self._probe
        elif newline:
            return frames + self._settle(LineFramer, rest)
        return frames + self.feed(rest) if rest else frames

    def frame(self, message: bytes) -> bytes:
        """See `Framer.frame`; a line until the far side has shown what it speaks."""
        return self.found.frame(message) if self.found else message + b"\n"


FRAMINGS: dict[str, type[Framer]] = {
    framer.name: framer
    for framer in (LineFramer, StreamFramer, HeaderFramer, NetstringFramer, AutoFramer)
}
"""Every framing by the name it has in a configuration."""
