"""Framers, each fed whole, byte by byte and with a tail; their limits and their errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pieces import cut, feed_all, kept_bytes, outcome, single_bytes
from twisted_rpc.detection import FRAMINGS, looks_like_http
from twisted_rpc.errors import ErrorCode, ParseError
from twisted_rpc.framing import (
    MAX_HEADERS,
    Framer,
    HeaderFramer,
    LineFramer,
    NetstringFramer,
    StreamFramer,
)

LIMIT = 100
ONE, TWO, THREE = b'{"a":1}', b'["]}\\"",{}]', b'{"b":["\xc3\xa9\\n"]}'
KINDS = [LineFramer, StreamFramer, HeaderFramer, NetstringFramer]
every_framing = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_way = pytest.mark.parametrize("pieces", [lambda s: [s], single_bytes], ids=["whole", "bytes"])
Pieces = Callable[[bytes], list[bytes]]


def message_of(length: int) -> bytes:
    """A JSON text of that many bytes."""
    return b'["%b"]' % (b"x" * (length - 4))


def test_every_framing_has_a_name() -> None:
    assert list(FRAMINGS) == ["line", "stream", "header", "netstring", "auto"]
    assert all(framer.name == name for name, framer in FRAMINGS.items())


@every_framing
@every_way
def test_what_is_framed_comes_out_again(kind: type[Framer], pieces: Pieces) -> None:
    stream = b"".join(kind(LIMIT).frame(message) for message in (ONE, TWO, THREE))
    assert feed_all(kind(LIMIT), pieces(stream)) == [ONE, TWO, THREE]


@every_framing
def test_several_framed_at_once_are_the_same_bytes(kind: type[Framer]) -> None:
    framer = kind(LIMIT)
    one_by_one = b"".join(framer.frame(message) for message in (ONE, TWO, THREE))
    assert framer.frame_all([ONE, TWO, THREE]) == one_by_one


@every_framing
def test_every_cut_in_two_gives_the_same_frames(kind: type[Framer]) -> None:
    stream = kind(LIMIT).frame_all([ONE, TWO, THREE])
    for at in range(len(stream)):
        assert feed_all(kind(LIMIT), cut(stream, [at])) == [ONE, TWO, THREE]


@every_framing
def test_message_with_a_tail_comes_out_before_the_tail_is_whole(kind: type[Framer]) -> None:
    framer = kind(LIMIT)
    first, second = framer.frame(ONE), framer.frame(TWO)
    for at in range(1, len(second)):
        framer = kind(LIMIT)
        frames = feed_all(framer, [first + second[:at]])
        frames += feed_all(framer, [second[at:]])
        assert frames == [ONE, TWO]


@every_framing
def test_it_knows_whether_a_message_has_begun(kind: type[Framer]) -> None:
    framer = kind(LIMIT)
    frame = framer.frame(ONE).rstrip(b"\n")
    assert not framer.partial
    for byte in single_bytes(frame)[:-1]:
        framer.feed(byte)
        assert framer.partial
    framer.feed(frame[-1:] + b"\n" if kind in (LineFramer, StreamFramer) else frame[-1:])
    assert not framer.partial


@every_framing
@every_way
def test_message_may_be_as_long_as_the_limit(kind: type[Framer], pieces: Pieces) -> None:
    framer = kind(LIMIT)
    stream = framer.frame(message_of(LIMIT)) + framer.frame(ONE)
    assert feed_all(framer, pieces(stream)) == [message_of(LIMIT), ONE]
    assert framer.failed is None


@every_way
def test_carriage_return_is_no_part_of_the_message(pieces: Pieces) -> None:
    framer = LineFramer(LIMIT)
    stream = b"%b\r\n%b\r\n" % (message_of(LIMIT), ONE)
    lines = [line.removesuffix(b"\r") for line in feed_all(framer, pieces(stream))]
    assert lines == [message_of(LIMIT), ONE]
    assert framer.failed is None


@every_framing
@every_way
def test_longer_message_fails_and_nothing_comes_after(kind: type[Framer], pieces: Pieces) -> None:
    framer = kind(LIMIT)
    stream = framer.frame_all([ONE, message_of(LIMIT + 1), TWO])
    assert feed_all(framer, pieces(stream)) == [ONE]
    assert framer.failed is not None
    assert framer.failed.code == ErrorCode.REQUEST_TOO_BIG
    assert f"{LIMIT} bytes (max_message)" in framer.failed.data
    assert feed_all(framer, [framer.frame(ONE), b"\n", ONE]) == []
    assert (kept_bytes(framer), framer.finish()) == (0, [])


@every_framing
def test_endless_message_is_never_kept(kind: type[Framer]) -> None:
    framer = kind(LIMIT)
    framer.feed(framer.frame(message_of(10**6))[: 10**5])
    assert framer.failed is not None
    assert kept_bytes(framer) == 0


@pytest.mark.parametrize("kind", [HeaderFramer, NetstringFramer])
def test_end_of_the_stream_in_a_counted_message_is_an_error(kind: type[Framer]) -> None:
    framer = kind(LIMIT)
    framer.feed(framer.frame(ONE)[:-2])
    assert framer.finish() == []
    assert isinstance(framer.failed, ParseError)
    assert "ended in the middle" in str(framer.failed.data)


@pytest.mark.parametrize("kind", [LineFramer, StreamFramer])
def test_end_of_the_stream_gives_what_is_left(kind: type[Framer]) -> None:
    framer = kind(LIMIT)
    assert framer.finish() == []
    framer.feed(framer.frame(ONE)[:-2])
    (rest,) = framer.finish()
    assert framer.frame(ONE)[:-2].endswith(rest)
    assert framer.finish() == []


@every_way
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_end_either_way_and_empty_ones_are_passed_over(pieces: Pieces, end: bytes) -> None:
    stream = end + end.join([ONE, b"", b"", TWO, b""]) + end
    assert feed_all(LineFramer(LIMIT), pieces(stream)) == [ONE, TWO]


@every_way
def test_line_of_rubbish_is_a_frame_and_the_next_one_is_in_step(pieces: Pieces) -> None:
    stream = b'{"a": [[["\n\x00\xff\n}{\n' + ONE + b"\n"
    assert feed_all(LineFramer(LIMIT), pieces(stream)) == [b'{"a": [[["', b"\x00\xff", b"}{", ONE]


@every_way
@pytest.mark.parametrize("blank", [b" ", b"\t", b"  "])
def test_line_of_blanks_is_rubbish_wherever_it_stands(pieces: Pieces, blank: bytes) -> None:
    for stream in (blank + b"\n", blank + b"\n\n", b"\n" + blank + b"\n\r\n"):
        assert feed_all(LineFramer(LIMIT), pieces(stream)) == [b""]


def test_too_long_line_is_found_among_others_in_one_piece() -> None:
    framer = LineFramer(LIMIT)
    stream = b"\n".join([ONE, TWO, message_of(LIMIT + 1), THREE, b""])
    assert feed_all(framer, [stream]) == [ONE, TWO]
    assert framer.failed is not None


def test_line_that_grows_too_long_with_its_last_piece_fails() -> None:
    framer = LineFramer(LIMIT)
    assert framer.feed(b"x" * LIMIT) == []
    assert framer.failed is None
    assert framer.feed(b"x\n" + ONE + b"\n") == []
    assert framer.failed is not None


@every_way
@pytest.mark.parametrize("between", [b"", b" ", b"\n", b"\r\n\t ", b" " * 3 * LIMIT])
def test_values_need_nothing_between_them(pieces: Pieces, between: bytes) -> None:
    framer = StreamFramer(LIMIT)
    stream = between + between.join([ONE, TWO, THREE]) + between
    assert feed_all(framer, pieces(stream)) == [ONE, TWO, THREE]
    assert (framer.failed, framer.partial) == (None, False)


@every_way
def test_value_may_span_lines(pieces: Pieces) -> None:
    spanning = b'{\n "a": [\n  1\n ]\n}'
    assert feed_all(StreamFramer(LIMIT), pieces(spanning + ONE)) == [spanning, ONE]


@every_way
@pytest.mark.parametrize(
    "text",
    [b'{"a":"]}"}', b'["\\""]', b'["\\\\"]', b'["\\\\\\"["]', b'{"\\"{":"["}', b'["a","\\n"]'],
)
def test_brackets_and_quotes_in_strings_end_nothing(pieces: Pieces, text: bytes) -> None:
    assert feed_all(StreamFramer(LIMIT), pieces(text + ONE)) == [text, ONE]


@every_way
@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"1\n", [b"1"]),
        (b"nonsense {}\n", [b"nonsense {}"]),
        (b"12 {} x\n", [b"12 {} x"]),
        (b"x{}\n", [b"x{}"]),
        (b"}]\n", [b"}]"]),
        (b'"a" "b"\n', [b'"a" "b"']),
        (b'{"a":"x\n', [b'{"a":"x']),
        (b'{"a":"x\\\n', [b'{"a":"x\\']),
        (b'["a\\"\n', [b'["a\\"']),
        (b"{]", [b"{]"]),
    ],
)
def test_rubbish_ends_with_its_line_and_the_next_is_in_step(
    pieces: Pieces, stream: bytes, frames: list[bytes]
) -> None:
    assert feed_all(StreamFramer(LIMIT), pieces(stream + ONE)) == [*frames, ONE]


@every_way
@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: %d\r\n",
        b"content-length:%d\r\n",
        b"CONTENT-LENGTH:   %d  \r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n",
        b"Content-Length: %d\r\nX-Other: a:b\r\n",
    ],
)
def test_headers_as_they_are_written(pieces: Pieces, headers: bytes) -> None:
    stream = b"".join(headers % len(m) + b"\r\n" + m for m in (ONE, TWO))
    assert feed_all(HeaderFramer(LIMIT), pieces(stream)) == [ONE, TWO]


@every_way
@pytest.mark.parametrize(
    "headers",
    [
        b"\r\n",
        b"X-Other: 1\r\n\r\n",
        b"Content-Length\r\n\r\n",
        b"Content-Length: 2\r\nnonsense\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n",
        b"Content-Length: -2\r\n\r\n",
        b"Content-Length: \r\n\r\n",
        b"Content-Length: 2x\r\n\r\n",
        b"Content-Length : 2\r\n\r\n",
        b"Content Length: 2\r\n\r\n",
        b"\xc3\xa9: 2\r\nContent-Length: 2\r\n\r\n",
        b'{"jsonrpc":"2.0"}',
        b"x" * 65 + b": 2\r\n",
        b"X: " + b"x" * MAX_HEADERS,
    ],
)
def test_anything_but_a_header_ends_the_stream(pieces: Pieces, headers: bytes) -> None:
    framer = HeaderFramer(LIMIT)
    stream = framer.frame(ONE) + headers + b"{}" + framer.frame(TWO)
    assert outcome(framer, pieces(stream)) == ([ONE], ErrorCode.PARSE_ERROR, [])


@pytest.mark.parametrize(("length", "fails"), [(MAX_HEADERS, False), (MAX_HEADERS + 1, True)])
@every_way
def test_header_block_is_bounded(pieces: Pieces, length: int, fails: bool) -> None:
    block = b"Content-Length: 7\r\nX: "
    block += b"x" * (length - len(block) - 4) + b"\r\n\r\n"
    framer = HeaderFramer(LIMIT)
    assert feed_all(framer, pieces(block + ONE)) == ([] if fails else [ONE])
    assert (framer.failed is not None) is fails


@every_way
@pytest.mark.parametrize("digits", [b"9" * 20, b"9" * 40])
def test_length_beyond_everything_is_too_big(pieces: Pieces, digits: bytes) -> None:
    framer = HeaderFramer(LIMIT)
    stream = b"Content-Length: %b\r\n\r\n{}" % digits
    assert outcome(framer, pieces(stream)) == ([], ErrorCode.REQUEST_TOO_BIG, [])


@pytest.mark.parametrize("kind", [HeaderFramer, NetstringFramer])
@every_way
def test_empty_message_is_a_frame(kind: type[Framer], pieces: Pieces) -> None:
    framer = kind(LIMIT)
    assert feed_all(framer, pieces(framer.frame_all([b"", ONE, b""]))) == [b"", ONE, b""]


def test_length_without_its_message_is_a_message_begun() -> None:
    framer = HeaderFramer(LIMIT)
    framer.feed(b"Content-Length: 2\r\n\r\n")
    assert framer.partial
    assert framer.finish() == []


@every_way
@pytest.mark.parametrize(
    "rubbish",
    [
        b":{},",
        b"x:{},",
        b"-2:{},",
        b"2{},",
        b"2 :{},",
        b"2:{};",
        b"2:{}2:",
        b"1:{},",
        b"\n",
        b"12345678901:",
    ],
)
def test_anything_but_a_netstring_ends_the_stream(pieces: Pieces, rubbish: bytes) -> None:
    framer = NetstringFramer(LIMIT)
    stream = framer.frame(ONE) + rubbish + framer.frame(TWO)
    assert outcome(framer, pieces(stream)) == ([ONE], ErrorCode.PARSE_ERROR, [])


@every_way
def test_ten_digits_are_a_length_still(pieces: Pieces) -> None:
    framer = NetstringFramer(LIMIT)
    assert feed_all(framer, pieces(b"0000000002:{},")) == [b"{}"]
    assert outcome(framer, pieces(b"1234567890:"))[1] == ErrorCode.REQUEST_TOO_BIG


@pytest.mark.parametrize(
    "begin",
    [
        *(b"GET / HTTP/1.1", b"POST /rpc HTTP/1.1", b"OPTIONS * HTTP/1.1", b"PROPFIND /x"),
        *(b"POST http://localhost/ HTTP/1.1", b"HEAD /"),
    ],
)
def test_http_request_is_recognised(begin: bytes) -> None:
    assert looks_like_http(begin)


@pytest.mark.parametrize(
    "begin",
    [
        *(b"", b"GET", b"GET ", b"get / HTTP/1.1", b"GO /", b"GET x", b"A" * 21 + b" /"),
        *(ONE, b"Content-Length: 2", b"7:", b" GET /"),
    ],
)
def test_nothing_else_is_taken_for_http(begin: bytes) -> None:
    assert not looks_like_http(begin)
