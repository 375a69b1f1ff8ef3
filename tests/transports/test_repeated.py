"""Heads that a client repeats: recognised, and never mistaken for others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IAnonymous
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from tests.helpers import request
from tests.transports.harness import until
from tests.transports.web_client import HTTPTestCase, echo, post, take_reply
from twisted_rpc import Limits, Server
from twisted_rpc.config import WebTable
from twisted_rpc.transports import reading as reading_module
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.reading import RequestReader
from twisted_rpc.transports.repeated import KnownHeads, RepeatedHead
from twisted_rpc.transports.web import Reply

HEAD = b"POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nAccept: */*\r\n\r\n"


class Requests:
    """Keeps what a reader has read.

    Attributes:
        asked: how many heads were looked at one by one.
    """

    max_body = 100

    def __init__(self) -> None:
        self.read: list[tuple[Any, ...]] = []
        self.asked = 0

    def head_received(self, exchange: Exchange) -> Reply | None:
        self.asked += 1
        exchange.may_repeat = exchange.method == b"POST"
        return None

    def may_continue(self) -> None:
        """Nobody waits."""

    def body_too_big(self) -> None:
        """Nobody counts."""

    def request_received(self, exchange: Exchange) -> None:
        refused = exchange.refusal and exchange.refusal.status
        named = (exchange.method, exchange.target, exchange.headers, exchange.body)
        self.read.append((refused, exchange.keep_alive, *named))


def reading(*pieces: bytes, heads: KnownHeads | None = None) -> Requests:
    """What a reader makes of some pieces."""
    requests = Requests()
    reader = RequestReader(requests, heads or KnownHeads())
    for piece in pieces:
        reader.feed(piece)
    return requests


def whole(body: bytes) -> bytes:
    """A request with the usual head."""
    return HEAD % len(body) + body


def test_another_body_with_the_same_head_is_not_parsed() -> None:
    head = RepeatedHead.of(whole(b"[1]"), b"[1]")
    assert head is not None
    data = whole(b"[1, 2]") + whole(b"")
    begin, end = head.body(data, 0) or (0, 0)
    assert data[begin:end] == b"[1, 2]"
    assert head.body(data, end) == (len(data), len(data))
    assert head.body(data, len(data)) is None


@pytest.mark.parametrize(
    "other",
    [
        whole(b"[1]")[:-1],
        whole(b"[1]").replace(b"POST", b"GETS"),
        whole(b"[1]").replace(b"Host: h", b"Host: i"),
        whole(b"[1]").replace(b"*/*", b"a/b"),
        whole(b"[1]").replace(b": 3", b": x"),
        whole(b"[1]").replace(b": 3", b": +3"),
        whole(b"[1]").replace(b": 3", b":  3"),
        whole(b"[1]").replace(b": 3", b": "),
        whole(b"[1]").replace(b": 3", b": " + b"0" * 20 + b"3"),
        whole(b"[1]").replace(b": 3\r\n", b": 3\r\nExpect: 100-continue\r\n"),
        b"\r\n" + whole(b"[1]"),
    ],
)
def test_anything_else_is(other: bytes) -> None:
    head = RepeatedHead.of(whole(b"[1]"), b"[1]")
    assert head is not None
    assert head.body(other, 0) is None


@pytest.mark.parametrize(
    "data",
    [
        whole(b"[1]").replace(b"Content-Length: 3\r\n", b""),
        whole(b"[1]").replace(b": 3", b":\t3"),
        whole(b"[1]").replace(b"\r\nAccept", b"\r\nContent-Length: 3\r\nAccept"),
        whole(b"[1]") + b"\r\n",
    ],
)
def test_a_head_that_is_not_plain_is_not_remembered(data: bytes) -> None:
    assert RepeatedHead.of(data, b"[1]") is None


def test_a_chunked_body_is_never_taken_for_a_head() -> None:
    """Its framing may be as long as its first chunk, which then says what it likes."""
    top = b"POST /rpc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"19\r\n\r\nContent-Length: %03d\r\n\r\n\r\n"
    first = top + chunk % 29 + b"1\r\nA\r\n" * 4 + b"0\r\n\r\n"
    inside = whole(b"smuggled")
    victim = whole(b"A" * 20 + inside)
    second = top + chunk % (5 + len(victim) - len(inside)) + b"0\r\n\r\n" + victim
    bodies = [each[-1] for each in reading(first, second).read]
    assert bodies[2:] == [b"A" * 20 + inside]


def test_line_ends_around_a_body_do_not_move_it() -> None:
    body = b"\r\n[1]"
    requests = reading(whole(body) + b"\r\n", whole(b"[2]") + whole(b"[3]"))
    assert [each[-1] for each in requests.read] == [body, b"[2]", b"[3]"]


def test_only_the_first_of_equal_requests_is_looked_at() -> None:
    requests = reading(*[whole(b"[%d]" % n) for n in range(5)], whole(b"{}") * 5)
    assert requests.asked == 1
    assert [each[-1] for each in requests.read[:5]] == [b"[%d]" % n for n in range(5)]
    assert len(requests.read) == 10


def test_one_request_is_not_taken_for_two() -> None:
    page = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    requests = reading(*[page + whole(b"[1]")] * 3)
    assert [each[2] for each in requests.read] == [b"GET", b"POST"] * 3


def test_a_body_may_not_be_longer_because_its_head_was_seen_before() -> None:
    requests = reading(whole(b"[1]"), whole(b"[1]"), whole(b"x" * 101), whole(b"[1]"))
    assert [each[0] for each in requests.read] == [None, None, 413]


def test_a_line_that_begins_like_another_needs_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = KnownHeads()
    expected = reading(whole(b"[1]"), whole(b"[2, 3]") * 2, heads=heads).read
    monkeypatch.setattr(reading_module, "HttpRequestParser", None)
    other = Requests()
    reader = RequestReader(other, heads)
    reader.feed(whole(b"[1]"))
    assert (other.read, other.asked) == (expected[:1], 1)  # what becomes of it is its own
    assert reader.usual is not None
    assert reader.usual.body(whole(b"[2, 3]"), 0)


@pytest.mark.parametrize("at", range(len(whole(b"[1]")) - len(b"[1]")))
def test_one_other_byte_makes_another_head(at: int) -> None:
    heads = KnownHeads()
    reading(whole(b"[1]"), heads=heads)
    other = bytearray(whole(b"[1]"))
    other[at] ^= 0x01
    found = heads.find(bytes(other), 100)
    assert found is None
    assert reading(bytes(other), heads=heads).read == reading(bytes(other)).read


def test_a_known_head_allows_no_longer_body_and_none_that_is_not_whole() -> None:
    heads = KnownHeads()
    reading(whole(b"[1]"), heads=heads)
    assert [each[0] for each in reading(whole(b"x" * 101), heads=heads).read] == [413]
    whole_one = whole(b"[12]")
    pieces = reading(whole_one[:-2], whole_one[-2:] + whole_one, heads=heads)
    assert [each[-1] for each in pieces.read] == [b"[12]", b"[12]"]


@pytest.mark.parametrize("field", [b"Authorization: Basic YTpi", b"Cookie: a=b"])
def test_what_says_who_sends_it_is_kept_for_nobody_else(field: bytes) -> None:
    heads = KnownHeads()
    data = whole(b"[1]").replace(b"Accept: */*", field)
    reading(data, heads=heads)
    assert heads.find(data, 100) is None


def test_of_many_heads_the_oldest_is_forgotten() -> None:
    heads = KnownHeads()
    several = [whole(b"[1]").replace(b"*/*", b"a/%d" % n) for n in range(17)]
    for data in several * 2:
        reading(data, heads=heads)
    assert [heads.find(data, 100) is None for data in several] == [True] + [False] * 16


REQUESTS = st.sampled_from(
    [
        *(whole(body) for body in (b"", b"1", b"[1]", b"x" * 30, b"x" * 101)),
        whole(b"[2]").replace(b"*/*", b"text/plain"),
        whole(b"[3]")
        .replace(b"Content-Length: 3", b"Transfer-Encoding: chunked")
        .replace(b"[3]", b"3\r\n[3]\r\n0\r\n\r\n"),
        whole(b"[4]").replace(b"Accept: */*", b"Connection: close"),
        whole(b"[5]").replace(b"Accept: */*", b"Expect: 100-continue"),
        b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\r\n",
        b"nonsense\r\n\r\n",
    ]
)


NASTY = st.lists(
    st.sampled_from(
        [
            *(b"\r\n", b"x", b"Content-Length: ", b"30", b"\r\n\r\n", b"0\r\n\r\n", b"y" * 20),
            *(b"POST / HTTP/1.1\r\n", b"\r\nContent-Length: 12\r\n\r\n"),
        ]
    ),
    max_size=5,
).map(b"".join)


@st.composite
def nasty_requests(draw: st.DrawFn) -> bytes:
    """A request whose body looks like heads and chunks."""
    body = draw(NASTY)
    if draw(st.booleans()):
        return whole(body) + draw(st.sampled_from([b"", b"", b"\r\n", b"\r\n\r\n"]))
    head = b"POST /rpc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    size = draw(st.integers(1, 30))
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


@given(st.lists(nasty_requests(), min_size=1, max_size=3), st.integers(1, 4))
def test_bodies_that_look_like_heads_change_nothing(parts: list[bytes], times: int) -> None:
    stream = b"".join(parts * times)
    expected = reading(*[stream[n : n + 1] for n in range(len(stream))]).read
    assert reading(*(parts * times)).read == expected


@given(st.lists(REQUESTS, max_size=12), st.data())
def test_what_is_read_does_not_depend_on_the_pieces(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(sorted))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    expected = reading(*[stream[n : n + 1] for n in range(len(stream))]).read
    assert reading(*filter(None, pieces)).read == expected
    assert reading(*parts).read == expected
    heads = KnownHeads()
    for _ in range(2):
        assert reading(*parts, heads=heads).read == expected


class RepeatedCallTests(HTTPTestCase):
    """The same from outside."""

    limits = Limits(max_message=1000)

    async def test_calls_with_one_head_are_answered_in_their_order(self) -> None:
        line = await self.open()
        for value in range(3):
            line.send(echo(value))
            self.assertEqual((await take_reply(line)).json()["result"], value)
        line.send(b"".join(echo(value) for value in range(100)))
        for value in range(100):
            self.assertEqual((await take_reply(line)).json()["result"], value)

    async def test_a_call_that_waits_holds_up_those_behind_it(self) -> None:
        line = await self.open()
        line.send(echo(0))
        await take_reply(line)
        line.send(post(request("wait")) + echo(1))
        await self.waiting()
        line.send(echo(2))
        self.methods.waiting[0].callback("waited")
        results = [(await take_reply(line)).json()["result"] for _ in range(3)]
        self.assertEqual(results, ["waited", 1, 2])


@implementer(ICredentialsChecker)
class Guests:
    """Names those who do not say who they are, and lets two of them in."""

    credentialInterfaces = (IAnonymous,)

    def __init__(self) -> None:
        self.asked = 0

    def requestAvatarId(self, _credentials: object) -> Any:
        self.asked += 1
        if self.asked > 2:
            raise UnauthorizedLogin
        return f"guest {self.asked}"


class SharedHeadTests(HTTPTestCase):
    """Lines that send the same, and are not the same."""

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth(Guests())
        return server

    async def test_each_line_is_who_it_is(self) -> None:
        lines = [await self.open() for _ in range(3)]
        call = post(request("whoami"))
        for line in lines:
            line.send(call)
        replies = [await take_reply(line) for line in lines]
        results = [reply.json().get("result", [None])[0] for reply in replies]
        self.assertEqual(results, ["guest 1", "guest 2", None])
        self.assertEqual([reply.status for reply in replies], [200, 200, 401])
        lines[0].send(call)
        self.assertEqual((await take_reply(lines[0])).json()["result"][0], "guest 1")


class SharedOriginTests(HTTPTestCase):
    """Pages that send the same, from here and from elsewhere."""

    table = WebTable(origins=("https://ours.example",))

    async def test_an_origin_is_judged_on_each_line(self) -> None:
        for host, status in [("ours", 200), ("evil", 403)] * 2:
            line = await self.open()
            line.send(echo(1, f"Origin: https://{host}.example"))
            self.assertEqual((await take_reply(line)).status, status)


class SlowReaderTests(HTTPTestCase):
    """Known heads whose answers nobody takes yet."""

    limits = Limits(idle_timeout=5, unread_timeout=None)

    async def test_who_is_slow_to_read_is_not_idle(self) -> None:
        line = await self.open()
        call = post(request("blob", [3000]))
        line.send(call)
        await take_reply(line)
        line.stop_reading()
        line.send(call * 3000)
        await until(lambda: self.served().wire._unasked is not None, "it takes all of it")
        self.clock.advance(6)
        self.assertEqual(self.server.counters.limits, {})
        self.assertFalse(self.served()._closing)
