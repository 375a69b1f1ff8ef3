"""6: text is UTF-8 (RFC 3629), wherever its octets are divided."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.helpers import request
from tests.transports.websocket_client import BINARY, CONTINUATION, TEXT, frame
from tests.websocket.cases import BAD_DATA, Case, is_answered, is_echoed
from tests.websocket.client import RawClient, framed

__all__ = ["CASES"]

GREEK = "\u03ba\u1f79\u03c3\u03bc\u03b5"
BEFORE, AFTER = request("echo", ["?"]).split(b"?")
BAD = GREEK.encode() + b"\xed\xa0\x80edited"
"""A surrogate in the midst of text."""

OUT_OF_RANGE = GREEK.encode() + b"\xf4\x90\x80\x80edited"
"""U+110000, which is one too many."""

_STARTS = {2: (0xC0, 0xE0), 3: (0xE0, 0xF0), 4: (0xF0, 0xF8), 5: (0xF8, 0xFC), 6: (0xFC, 0xFE)}

VALID: dict[str, list[bytes]] = {
    "6.5 text": [
        b"hello$world",
        "hello¢world".encode(),
        "hello€world".encode(),
        "hello𤭢".encode(),
    ],
    "6.6 whole prefix": [GREEK[:size].encode() for size in range(1, len(GREEK) + 1)],
    "6.7 first of its length": [b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"],
    "6.9 last of its length": [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"],
    "6.11 boundary": [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"],
    "6.22 non-character": [
        chr(plane << 16 | end).encode() for plane in range(17) for end in (0xFFFE, 0xFFFF)
    ],
    "6.23 special": [chr(code).encode() for code in range(0xFFF9, 0xFFFE)],
}

_LACKING = [b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"]
_LACKING += [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80"]
_HIGH = (b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf")
_LOW = (b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf")

INVALID: dict[str, list[bytes]] = {
    "6.6 torn prefix": [GREEK.encode()[:size] for size in (1, 3, 4, 6, 8, 10)],
    "6.8 first of five and six": [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    "6.10 last of five and six": [
        b"\xf7\xbf\xbf\xbf",
        b"\xfb" + b"\xbf" * 4,
        b"\xfd" + b"\xbf" * 5,
    ],
    "6.11 beyond the boundary": [b"\xf4\x90\x80\x80"],
    "6.12 continuation alone": [
        *((b"\x80\xbf" * 3)[:size] for size in range(1, 7)),
        b"\xbf",
        bytes(range(0x80, 0xC0)),
    ],
    "6.13 start alone": [
        b" ".join(bytes((first,)) for first in range(*bounds)) + b" " for bounds in _STARTS.values()
    ],
    "6.14 last octet missing": _LACKING,
    "6.15 many that lack their last": [b"".join(_LACKING)],
    "6.16 impossible octet": [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    "6.17 overlong slash": [
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xf8\x80\x80\x80\xaf",
        b"\xfc\x80\x80\x80\x80\xaf",
    ],
    "6.18 longest overlong": [
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf8\x87\xbf\xbf\xbf",
        b"\xfc\x83\xbf\xbf\xbf\xbf",
    ],
    "6.19 overlong nul": [
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xf8\x80\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80\x80",
    ],
    "6.20 surrogate alone": [*_HIGH, *_LOW],
    "6.21 pair of surrogates": [high + low for high in _HIGH for low in _LOW[::2]],
}


def no_text(client: RawClient, parts: int) -> None:
    """A message of nothing but empty fragments is one message, and no JSON."""
    fragments = [frame(b"", 0 if part else TEXT, fin=part == parts - 1) for part in range(parts)]
    client.write(*fragments)
    assert client.answer()["error"]["code"] == -32700
    is_echoed(client, 100)


def valid(client: RawClient, text: bytes, size: int) -> None:
    """Text comes back as it was sent."""
    is_answered(client, framed(BEFORE + text + AFTER, size), text.decode())


def raw_nul(client: RawClient) -> None:
    """U+0000 is UTF-8, and no JSON when it is not escaped."""
    client.write(frame(BEFORE + b"\0" + AFTER))
    assert client.answer()["error"]["code"] == -32700
    is_echoed(client, 100)


def invalid(client: RawClient, text: bytes, size: int) -> None:
    """The line is closed; nothing is run."""
    client.write(*framed(BEFORE + text + AFTER, size))
    client.closed_with(BAD_DATA)


def invalid_and_binary(client: RawClient, text: bytes) -> None:
    """A binary message is not text: it is no JSON, and the line stays."""
    client.write(frame(BEFORE + text + AFTER, BINARY))
    assert client.answer()["error"]["code"] == -32700
    is_echoed(client, 100)


def at_once(client: RawClient, first: bytes, second: bytes) -> None:
    """The line is closed with the fragment that cannot be right any more; no other has come."""
    client.write(frame(BEFORE + first, fin=False))
    client.write(frame(second, CONTINUATION, fin=False))
    client.closed_with(BAD_DATA)


def in_a_long_frame(client: RawClient, text: bytes) -> None:
    """So it is in the midst of a frame that is too long to be waited for."""
    whole = frame(BEFORE + text + b"*" * 5000 + AFTER)
    client.write(whole[: 8 + len(BEFORE) + len(text)])
    client.closed_with(BAD_DATA)


def in_a_short_frame(client: RawClient, text: bytes) -> None:
    """A frame up to 4096 octets is judged once it is whole."""
    client.write(frame(BEFORE + text + AFTER), chop=1)
    client.closed_with(BAD_DATA)


def _sequences() -> Iterator[Case]:
    for name, texts in VALID.items():
        number, _, title = name.partition(" ")
        for text in texts:
            for size, way in ((1000, "whole"), (1, "in fragments of one octet")):
                run = partial(valid, text=text, size=size)
                yield Case(number, f"{title} {text.hex()} {way}", run)
    for name, texts in INVALID.items():
        number, _, title = name.partition(" ")
        for text in texts:
            for size, way in ((1000, "whole"), (1, "in fragments of one octet")):
                run = partial(invalid, text=text, size=size)
                yield Case(number, f"{title} {text.hex()[:24]} {way}", run)
            as_binary = partial(invalid_and_binary, text=text)
            yield Case(number, f"{title} {text.hex()[:24]} in binary", as_binary)


BOUNDARY = len(BEFORE) + len(GREEK[:2].encode())

CASES = [
    Case("6.1.1", "empty", partial(no_text, parts=1)),
    Case("6.1.2", "three empty fragments", partial(no_text, parts=3)),
    Case(
        "6.1.3",
        "text between empty fragments",
        partial(
            is_answered,
            frames=[
                frame(b"", TEXT, fin=False),
                frame(BEFORE + GREEK.encode() + AFTER, CONTINUATION, fin=False),
                frame(b"", CONTINUATION),
            ],
            text=GREEK,
        ),
    ),
    Case("6.2.1", "valid, whole", partial(valid, text=GREEK.encode(), size=1000)),
    Case(
        "6.2.2",
        "valid, divided between letters",
        partial(valid, text=GREEK.encode(), size=BOUNDARY),
    ),
    Case(
        "6.2.3",
        "valid, divided in a letter",
        partial(valid, text=GREEK.encode(), size=BOUNDARY - 1),
    ),
    Case("6.2.4", "valid, in fragments of one octet", partial(valid, text=GREEK.encode(), size=1)),
    Case("6.3.1", "invalid, whole", partial(invalid, text=BAD, size=1000)),
    Case("6.3.2", "invalid, in fragments of one octet", partial(invalid, text=BAD, size=1)),
    Case(
        "6.4.1",
        "out of range in a second fragment",
        partial(at_once, first=GREEK.encode(), second=b"\xf4\x90\x80\x80"),
    ),
    Case(
        "6.4.2",
        "out of range divided",
        partial(at_once, first=GREEK.encode() + b"\xf4", second=b"\x90"),
    ),
    Case("6.4.3", "out of range in a long frame", partial(in_a_long_frame, text=OUT_OF_RANGE)),
    Case("6.4.4", "out of range in a short frame", partial(in_a_short_frame, text=OUT_OF_RANGE)),
    Case("6.7", "U+0000", raw_nul),
    *_sequences(),
]
