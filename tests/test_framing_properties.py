"""Framers under generated streams: the cuts never matter, and work grows with the bytes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.pieces import cut, feed_all, outcome, places, single_bytes
from tests.strategies import structured
from twisted_rpc.detection import FRAMINGS
from twisted_rpc.framing import Framer, HeaderFramer, LineFramer, NetstringFramer, StreamFramer

LIMIT = 40
KINDS = [LineFramer, StreamFramer, HeaderFramer, NetstringFramer]
every_framing = pytest.mark.parametrize("kind", FRAMINGS.values(), ids=FRAMINGS)

# What framings are made of, in any order.
streams = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [
                *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b"\r\n", b" ", b":", b","),
                *(b"Content-Length: 3\r\n\r\n", b"content-", b"X: 1\r\n", b"2:{},", b"12", b"5"),
                *(b'{"a":1}', b'["x"]', b'{"a":"\n', b"x" * LIMIT, b" " * LIMIT, b"\xff"),
            ]
        ),
    ),
    max_size=12,
).map(b"".join)


@every_framing
@settings(max_examples=300)
@given(streams, places)
@example(b"12 {}\n{}", [2, 3])
@example(b"{} %b {}" % (b" " * LIMIT), [])
@example(b"X Y: 1\r\nContent-Length: 2\r\n\r\n{}", [])
@example(b'{"%b\n5\n' % (b"x" * LIMIT), [])
@example(b" \n\n", [])
def test_any_stream_comes_to_the_same_however_it_is_cut(
    kind: type[Framer], stream: bytes, at: list[int]
) -> None:
    whole = outcome(kind(LIMIT), [stream])
    assert outcome(kind(LIMIT), cut(stream, at)) == whole
    assert outcome(kind(LIMIT), single_bytes(stream)) == whole


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("auto", [False, True], ids=["itself", "auto"])
@given(messages=st.lists(structured(), max_size=5), at=places, indent=st.sampled_from([None, 1]))
def test_any_messages_come_out_as_they_went_in(
    kind: type[Framer], auto: bool, messages: list[Any], at: list[int], indent: int | None
) -> None:
    if kind is LineFramer or (auto and kind is StreamFramer):
        indent = None  # who once sent a line whole is taken for a sender of lines
    texts = [json.dumps(m, indent=indent, ensure_ascii=False).encode() for m in messages]
    stream = kind(10**6).frame_all(texts) if texts else b""
    framer = FRAMINGS["auto"](10**6) if auto else kind(10**6)
    assert outcome(framer, cut(stream, at)) == (texts, None, [])


@given(st.lists(structured(), max_size=5), places)
def test_values_need_no_delimiter(messages: list[Any], at: list[int]) -> None:
    texts = [json.dumps(message).encode() for message in messages]
    assert feed_all(StreamFramer(10**6), cut(b"".join(texts), at)) == texts


@pytest.mark.parametrize("kind", [LineFramer, StreamFramer])
@given(st.binary(max_size=30).filter(lambda line: b"\n" not in line), places)
def test_next_line_is_in_step_after_any_bad_one(
    kind: type[Framer], rubbish: bytes, at: list[int]
) -> None:
    # What a stream reader must take for the beginning of a value ends with its string.
    bad = rubbish.replace(b"{", b"").replace(b"[", b"") if kind is StreamFramer else rubbish
    frames = feed_all(kind(LIMIT), cut(bad + b'\n{"a":1}\n', at))
    assert frames[-1] == b'{"a":1}'
    assert len(frames) <= 2


class Work:
    """Counts the calls that Python makes, into functions and into C."""

    def __init__(self) -> None:
        self.calls = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _seen(self, _frame: FrameType, event: str, _arg: object) -> None:
        self.calls += event in ("call", "c_call")


def work_of(kind: type[Framer], stream: bytes, size: int) -> int:
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    framer = kind(10**7)
    with Work() as work:
        for piece in pieces:
            framer.feed(piece)
    return work.calls


def _long_message(kind: type[Framer], length: int) -> bytes:
    return kind(10**7).frame(b'["%b"]' % (b'\\"x[{' * (length // 5)))


@pytest.mark.parametrize("size", [1, 7, 1000])
@every_framing
def test_work_doubles_when_a_message_doubles(kind: type[Framer], size: int) -> None:
    once, twice = (work_of(kind, _long_message(kind, n), size) for n in (8000, 16000))
    assert twice <= 2 * once + 100


@pytest.mark.parametrize("size", [1, 64, 10**6])
@every_framing
def test_work_doubles_when_there_are_twice_the_messages(kind: type[Framer], size: int) -> None:
    def stream(count: int) -> bytes:
        return kind(10**7).frame_all([b'{"a":[1]}'] * count)

    once, twice = (work_of(kind, stream(n), size) for n in (500, 1000))
    assert twice <= 2 * once + 100


class CountingPattern:
    """A compiled pattern that adds up how many bytes it matched."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.pattern = pattern
        self.matched = 0

    def match(self, data: bytes, at: int) -> re.Match[bytes] | None:
        found = self.pattern.match(data, at)
        if found is not None:
            self.matched += found.end() - at
        return found


class CountingBuffer(bytearray):
    """A buffer that adds up how many bytes were searched in it."""

    searched = 0

    def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        found = super().find(sub, start, len(self) if end is None else end)
        self.searched += (found if found >= 0 else min(len(self), end or len(self))) - start
        return found


@pytest.mark.parametrize("core", [b"x", b'"x', b"[]", b'"\\"",', b"\\", b'"a":{"b":"c"},'])
@pytest.mark.parametrize("size", [1, 10, 10**6])
def test_each_byte_of_a_stream_is_matched_once(
    monkeypatch: pytest.MonkeyPatch, core: bytes, size: int
) -> None:
    inside, outside = (
        CountingPattern(pattern) for pattern in (StreamFramer._INSIDE, StreamFramer._OUTSIDE)
    )
    monkeypatch.setattr(StreamFramer, "_INSIDE", inside)
    monkeypatch.setattr(StreamFramer, "_OUTSIDE", outside)
    stream = b"[" + core * 2000
    framer = StreamFramer(10**6)
    feed_all(framer, [stream[at : at + size] for at in range(0, len(stream), size)])
    assert inside.matched + outside.matched <= 2 * len(stream)


SEARCHED: list[tuple[type[Framer], bytes, Callable[[int], int]]] = [
    (LineFramer, b"x" * 5000, lambda length: length),
    (StreamFramer, b"x" * 5000, lambda length: length),
    (HeaderFramer, b"X-Long: " + b"x" * 4000, lambda length: length * 4096),
    (HeaderFramer, b"Content-Length: 9000\r\n\r\n" + b"x" * 5000, lambda _: 24 * 25),
    (NetstringFramer, b"9000:" + b"x" * 5000, lambda _: 5 * 6),
]


@pytest.mark.parametrize(("kind", "stream", "most"), SEARCHED)
def test_a_search_goes_on_where_the_last_one_ended(
    kind: type[Framer], stream: bytes, most: Callable[[int], int]
) -> None:
    """Byte by byte, and yet no more is searched than the bytes, or a bounded header."""
    framer = kind(10**6)
    framer._buffer = buffer = CountingBuffer()
    assert feed_all(framer, single_bytes(stream)) == []
    assert framer._buffer is buffer
    assert buffer.searched <= most(len(stream))
