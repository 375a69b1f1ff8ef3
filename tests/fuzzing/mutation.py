"""Damage: to bytes, to the values of a JSON text, and to how messages are mixed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

__all__ = ["Mutator"]

_PIECES = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0"),
    *(
        b"\xff",
        b"\xc3",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xf4\x90\x80\x80",
        b"\x7f",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"-0",
        b"1e999",
        b"01",
        b"1.",
        b"\\ud800",
        b"\\u0000",
    ),
    *(b'"id":', b'"method":', b'"params":', b'"jsonrpc":"2.0",', b'"result":1,', b"/*", b"//"),
    *(
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Host: a\r\n"),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n", b"Expect: x\r\n"),
    *(
        b"Origin: null\r\n",
        b" HTTP/1.1\r\n",
        b"HTTP/2.0\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
    ),
    *(b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"Content-Type: text/plain\r\n", b" X: \x01\r\n"),
    *(
        b"9:",
        b"4294967296:",
        b"0:,",
        b"\x81\x80\0\0\0\0",
        b"\x89\xfe\x00\x7e",
        b"\x88\x82\0\0\0\0\x03\xe8",
    ),
    *(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x80\x80\0\0\0\0", b"\x01\x81\0\0\0\0["),
)

_RAW = "@@"
"""A string between two of these is written without its quotes: what `json` would not say."""
_UNQUOTED = re.compile(f'"{_RAW}(.*?){_RAW}"')

_NUMBERS = (
    *(
        "0",
        "1",
        "7",
        "-3",
        "2.5",
        "1e0",
        "-0",
        "-0.0",
        "1.0",
        "1.50",
        "1e2",
        "1E+2",
        "-1",
        "9007199254740993",
        "18446744073709551616",
    ),
    *("-9223372036854775809", "1" * 400, "1e308", "1e309", "-1e999", "0.1e-400", "1" * 5000),
    *("1" * 18, "-1" + "0" * 30 + ".0", "2E-3", "0e0"),
)
_NO_NUMBERS = ("NaN", "Infinity", "01", "+1", "1.", ".5", "0x10", "1_0", "--1")
_STRINGS = (
    *(
        "",
        "2.0",
        "ping",
        "echo",
        "rpc.methods",
        "rpc.cancel",
        "$/cancelRequest",
        "auth",
        "__class__",
    ),
    *("shape.sync", "fail.sync", "bad.nan", "take.typed", "\0", "\x1b[2J", "\u2028", "\\u0041"),
    *(
        "\U0001f600",
        "\ufeff",
        "é" * 200,
        "x" * 256,
        "x" * 257,
        "\U0001f600" * 256,
        "e\u0301",
        "\x7f",
    ),
)
_NAMES = (
    *("params", "params", "params", "params", "params", "id", "id", "id"),
    *("jsonrpc", "method", "result", "error", "notification", "extra", ""),
)
_DEPTHS = (1, 1, 2, 3, 5, 60, 61, 62, 63, 64, 65, 3000)


class Mutator:
    """Damages what it is given, always in the same way from the same state of its source.

    Args:
        random: where chance comes from.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ways: list[Callable[[bytes], bytes]] = [
            *(self._replace, self._replace, self._replace, self._flip, self._truncate),
            *(self._duplicate, self._delete, self._repeat, self._digits),
        ]

    def message(self, messages: Sequence[bytes]) -> bytes:
        """One JSON text, more or less."""
        random = self._random
        way = random.random()
        if way < 0.15:
            return self._batch(messages)
        message = random.choice(messages)
        if way < 0.8:
            message = self._with_other_values(message)
        return message if way < 0.75 else self.damaged(message)

    def stream(self, frames: Sequence[bytes]) -> bytes:
        """Frames one after the other, more or less whole."""
        chosen = [self._random.choice(frames) for _ in range(self._random.randint(1, 4))]
        if self._random.random() < 0.2:
            return b"".join(chosen)
        if self._random.random() < 0.5:
            spoilt = self._random.randrange(len(chosen))
            chosen[spoilt] = self.damaged(chosen[spoilt])
            return b"".join(chosen)
        return self.damaged(b"".join(chosen))

    def cut(self, data: bytes) -> tuple[bytes, ...]:
        """The same bytes in pieces: two, some, or single ones."""
        most = self._random.choice((1, 1, 3, 12, 40))
        count = min(most, max(len(data) - 1, 0))
        at = sorted({0, len(data), *(self._random.randrange(1, len(data)) for _ in range(count))})
        return tuple(data[a:b] for a, b in pairwise(at)) or (b"",)

    def damaged(self, data: bytes) -> bytes:
        """Some of its bytes are others."""
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 8))):
            data = self._random.choice(self._ways)(data)
        return data

    # -- bytes ---------------------------------------------------------------------------------

    def _span(self, data: bytes, longest: int) -> tuple[int, int]:
        start = self._random.randint(0, len(data))
        return start, self._random.randint(start, min(len(data), start + longest))

    def _replace(self, data: bytes) -> bytes:
        start, end = self._span(data, 8)
        return data[:start] + self._random.choice(_PIECES) + data[end:]

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._random.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._random.randint(0, len(data))]

    def _delete(self, data: bytes) -> bytes:
        start, end = self._span(data, 20)
        return data[:start] + data[end:]

    def _duplicate(self, data: bytes) -> bytes:
        start, end = self._span(data, 60)
        at = self._random.choice((end, self._random.randint(0, len(data))))
        return data[:at] + data[start:end] + data[at:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._span(data, 12)
        times = self._random.choice((3, 70, 500))
        return data[:end] + data[start:end] * times + data[end:]

    def _digits(self, data: bytes) -> bytes:
        """Another number in place of one: a length, perhaps."""
        places = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]
        if not places:
            return self._flip(data)
        at = self._random.choice(places)
        return data[:at] + self._random.choice(_NUMBERS).encode() + data[at + 1 :]

    # -- values --------------------------------------------------------------------------------

    def _with_other_values(self, message: bytes) -> bytes:
        try:
            value = json.loads(message)
        except (ValueError, RecursionError):
            return self.damaged(message)
        for _ in range(self._random.choice((1, 1, 2, 4))):
            value = self._other(value)
        return self._text(value)

    def _other(self, value: Any) -> Any:
        """A value with another one somewhere in it."""
        if isinstance(value, dict) and self._random.random() < 0.85:
            names = value if self._random.random() < 0.2 else _NAMES
            name = self._random.choice((*names, ""))
            if self._random.random() < 0.1:
                return {key: item for key, item in value.items() if key != name}
            old = value.get(name)
            deeper = isinstance(old, dict | list) and self._random.random() < 0.6
            return {**value, name: self._other(old) if deeper else self._value()}
        if isinstance(value, list) and value and self._random.random() < 0.85:
            at = self._random.randrange(len(value))
            return [*value[:at], self._other(value[at]), *value[at + self._random.randint(0, 1) :]]
        return self._value()

    def _value(self) -> Any:
        random = self._random
        way = random.randrange(8)
        if way < 3:
            numbers = _NO_NUMBERS if random.random() < 0.04 else _NUMBERS
            return _RAW + random.choice(numbers) + _RAW
        if way < 5:
            return "\ud800" if random.random() < 0.04 else random.choice(_STRINGS)
        if way == 5:
            return random.choice((None, True, False, [], {}, [[]], [{}], {"": None}))
        if way == 6:
            return self._nested(random.choice(_DEPTHS))
        return [self._value() for _ in range(random.randint(0, 3))]

    def _nested(self, depth: int) -> str:
        opening, closing = self._random.choice((("[", "]"), ('{"a":', "}")))
        inner = "" if opening == "[" else "1"
        return _RAW + opening * depth + inner + closing * depth + _RAW

    def _text(self, value: Any) -> bytes:
        """JSON for a value, in one of the ways that there are to write it."""
        random = self._random
        separators = random.choice(((",", ":"), (", ", ": "), (" ,\t", " :\r")))
        text = json.dumps(value, ensure_ascii=random.random() < 0.5, separators=separators)
        text = _UNQUOTED.sub(lambda found: found[1].replace('\\"', '"'), text)
        return text.encode("utf-8", "surrogatepass")

    def _batch(self, messages: Sequence[bytes]) -> bytes:
        random = self._random
        size = random.choice((0, 1, 2, 3, 5, 5, 20, 99, 100, 101))
        items = [random.choice(messages) for _ in range(size)]
        if size < 20:
            items = [self._with_other_values(m) if random.random() < 0.3 else m for m in items]
        return b"[" + random.choice((b",", b", ", b" ,\t")).join(items) + b"]"
