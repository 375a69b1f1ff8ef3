"""`auto`: the far side's first bytes tell how it frames, in whatever pieces they come."""

from __future__ import annotations

import pytest

from tests.pieces import Outcome, cut, feed_all, kept_bytes, outcome, single_bytes
from twisted_rpc.detection import AutoFramer
from twisted_rpc.errors import ErrorCode
from twisted_rpc.framing import Framer, HeaderFramer, LineFramer, NetstringFramer, StreamFramer

LIMIT = 100
ONE, TWO, THREE = b'{"a":1}', b'["]}\\"",{}]', b'{"b":[]}'
SPANNING = b'{\n"a":\n1}'


def every_cut(stream: bytes) -> list[Outcome]:
    """What a stream comes to whole, byte by byte and cut in two anywhere."""
    ways = [[stream], single_bytes(stream), *(cut(stream, [at]) for at in range(len(stream)))]
    return [outcome(AutoFramer(LIMIT), way) for way in ways]


STREAMS: dict[str, tuple[bytes, list[bytes]]] = {
    "lines": (ONE + b"\n" + TWO + b"\r\n\n" + THREE + b"\n", [ONE, TWO, THREE]),
    "lines of rubbish": (b"nonsense\n" + ONE + b"\n[\n", [b"nonsense", ONE, b"["]),
    "a number on a line": (b"12\n" + ONE + b"\n", [b"12", ONE]),
    "a long number": (b"12345678901:\n" + ONE + b"\n", [b"12345678901:", ONE]),
    "like a header": (b"content-lengthy\n" + ONE + b"\n", [b"content-lengthy", ONE]),
    "values without delimiter": (ONE + TWO + THREE, [ONE, TWO, THREE]),
    "values with blanks": (ONE + b" " + TWO + b" \n" + THREE, [ONE, TWO, THREE]),
    "a value over lines": (SPANNING + ONE + b"\n" + SPANNING, [SPANNING, ONE, SPANNING]),
    "headers": (HeaderFramer(LIMIT).frame_all([ONE, TWO, SPANNING]), [ONE, TWO, SPANNING]),
    "content type first": (
        b"Content-Type: x\r\n" + HeaderFramer(LIMIT).frame(ONE),
        [ONE],
    ),
    "netstrings": (NetstringFramer(LIMIT).frame_all([ONE, TWO, SPANNING]), [ONE, TWO, SPANNING]),
    "a bad first value": (b'{"a":"x\n' + ONE + b"\n" + TWO + b"\n", [b'{"a":"x', ONE, TWO]),
    "one value": (ONE, [ONE]),
    "one line": (ONE + b"\n", [ONE]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("before", [b"", b" ", b"\r\n\n", b" " * 300])
@pytest.mark.parametrize(("stream", "frames"), STREAMS.values(), ids=STREAMS)
def test_framing_is_found_however_the_bytes_are_cut(
    before: bytes, stream: bytes, frames: list[bytes]
) -> None:
    for result in every_cut(before + stream):
        assert result == (frames, None, [])


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (ONE + b"\n", LineFramer),
        (b"x", LineFramer),
        (ONE + TWO, StreamFramer),
        (b"{\n", StreamFramer),
        (b"Content-Length:", HeaderFramer),
        (b"content-type:", HeaderFramer),
        (b"7:", NetstringFramer),
    ],
)
def test_answers_are_framed_like_the_requests(stream: bytes, kind: type[Framer]) -> None:
    framer = AutoFramer(LIMIT)
    assert framer.frame(ONE) == ONE + b"\n"
    framer.feed(stream)
    assert framer.frame(ONE) == kind(LIMIT).frame(ONE)
    assert framer.frame_all([ONE, TWO]) == kind(LIMIT).frame_all([ONE, TWO])


def test_first_value_comes_out_before_its_framing_is_known() -> None:
    """Who sends no delimiter waits for the answer before sending more."""
    framer = AutoFramer(LIMIT)
    assert framer.feed(ONE) == [ONE]
    assert not framer.partial
    assert framer.feed(TWO) == [TWO]


@pytest.mark.parametrize("doubtful", [b"7", b"Content-", b"c", b"1234567890"])
def test_stream_that_ends_in_doubt_gives_what_there_is(doubtful: bytes) -> None:
    framer = AutoFramer(LIMIT)
    assert framer.feed(doubtful) == []
    assert framer.partial
    assert framer.finish() == [doubtful]
    assert not framer.partial


@pytest.mark.parametrize("begun", [b'{"a":', ONE + b"[", b'{"a"\n:', b"x", ONE + b"\n{"])
def test_stream_that_ends_in_a_message_gives_the_part(begun: bytes) -> None:
    framer = AutoFramer(LIMIT)
    framer.feed(begun)
    assert framer.partial
    (rest,) = framer.finish()
    assert begun.endswith(rest)


def test_stream_that_ends_in_a_counted_message_fails() -> None:
    framer = AutoFramer(LIMIT)
    framer.feed(b"7:{")
    assert framer.finish() == []
    assert framer.failed is not None


def test_blanks_alone_are_no_message_and_are_not_kept() -> None:
    framer = AutoFramer(LIMIT)
    for _ in range(1000):
        assert framer.feed(b" \r\n\t" * 10) == []
        assert kept_bytes(framer) == 0
        assert not framer.partial
    assert framer.feed(ONE + b"\n") == [ONE]


def test_what_is_kept_in_doubt_is_a_few_bytes() -> None:
    for stream in (b"0123456789", b"Content-Length", b"content-typ"):
        framer = AutoFramer(LIMIT)
        assert feed_all(framer, single_bytes(stream)) == []
        assert kept_bytes(framer) == len(stream) <= 16


@pytest.mark.parametrize("first", [b"[%b]", b"%b\n", b"[%b]\n"], ids=["value", "text", "line"])
def test_first_message_that_is_too_long_fails_for_good(first: bytes) -> None:
    stream = first % (b"1" * (LIMIT + 1))
    for result in every_cut(stream + b"\n" + ONE + b"\n5\n7:x,"):
        assert result == ([], ErrorCode.REQUEST_TOO_BIG, [])


@pytest.mark.parametrize(
    "stream",
    [
        ONE + b"\n" + b"x" * (LIMIT + 1) + b"\n" + TWO + b"\n",
        ONE + ONE + b"[%b]" % (b"1" * LIMIT) + TWO,
        ONE + b"[%b]\n" % (b"1" * LIMIT) + TWO,
        HeaderFramer(LIMIT).frame_all([ONE, b"x" * (LIMIT + 1), TWO]),
        NetstringFramer(LIMIT).frame_all([ONE, b"x" * (LIMIT + 1), TWO]),
    ],
    ids=["lines", "values", "second value", "headers", "netstrings"],
)
def test_later_message_that_is_too_long_fails_for_good(stream: bytes) -> None:
    for frames, failed, rest in every_cut(stream):
        assert set(frames) == {ONE}
        assert (failed, rest) == (ErrorCode.REQUEST_TOO_BIG, [])


def test_rubbish_in_the_framing_found_fails_for_good() -> None:
    for result in every_cut(b"2:{},nonsense" + ONE + b"\n"):
        assert result == ([b"{}"], ErrorCode.PARSE_ERROR, [])
