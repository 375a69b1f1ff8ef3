"""Who sends a byte now and then has no longer than who sends nothing: each limit is for the whole.

The limits are a second here and a byte comes every tenth of it, so whoever got a new
second for every byte would stay for ever.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.daemon.clients import post, request
from tests.examples.daemon import ended_well, environment, twistd
from tests.processes import DEADLINE, Daemon, wait_until
from tests.transports.certificate import self_signed
from tests.transports.web_client import JSON, head
from tests.transports.websocket_client import CONTINUATION, frame, handshake

LIMIT = 1.0
PAUSE = 0.1
PATIENCE = 10.0
"""Seconds by which a busy machine may be late."""

LISTENERS = {
    "line": ("tcp", "tcp:0", "line"),
    "stream": ("tcp", "tcp:0", "stream"),
    "header": ("tcp", "tcp:0", "header"),
    "netstring": ("tcp", "tcp:0", "netstring"),
    "auto": ("tcp", "tcp:0", "auto"),
    "http": ("http", "tcp:0", None),
    "websocket": ("websocket", "tcp:0", None),
    "hybrid": ("hybrid", "tcp:0", None),
    "tls": ("tcp", "ssl:0:privateKey=both.pem:certKey=both.pem", "line"),
    "https": ("http", "ssl:0:certKey=both.pem:privateKey=both.pem", None),
}

SERVER = f"""
[server]
class = "tests.daemon.observed:ObservedServer"
[limits]
request_timeout = {LIMIT}
handshake_timeout = {LIMIT}
idle_timeout = {LIMIT}
"""


class Slow(NamedTuple):
    """A slow sender.

    Attributes:
        port: where it connects to.
        first: what it sends at once.
        pieces: what it sends after that, a piece at a time.
        told: what it is told, in this order; nothing at all if there is nothing.
    """

    port: str
    first: bytes
    pieces: Iterator[bytes]
    told: tuple[bytes, ...]


def octets(data: bytes, then: bytes = b"a") -> Iterator[bytes]:
    """Single bytes: these, and another again and again."""
    return chain((data[at : at + 1] for at in range(len(data))), repeat(then))


POST = ("POST / HTTP/1.1", "Host: localhost", JSON)
CHUNKED = head(*POST, "Transfer-Encoding: chunked")
TOLD_408 = (b"HTTP/1.1 408 ", b"Connection: close", b"-32002", b"request_timeout")
TOLD_LATE = (b"-32002", b"request_timeout")
TOLD_1008 = (b"HTTP/1.1 101 ", *TOLD_LATE, b"\x88\x02\x03\xf0")
HELLO = b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"
LONG_TEXT = frame(
    b'{"jsonrpc": "2.0", "method": "echo", "id": 1, "params": ["' + b"a" * 900 + b'"]}'
)
FRAGMENT = frame(b" ", CONTINUATION, fin=False)
LONG_CALL = b'{"jsonrpc": "2.0", "method": "' + b"a" * 900

SLOW: dict[str, Callable[[], Slow]] = {
    "an HTTP request line": lambda: Slow("http", b"", octets(b"POST /"), TOLD_408),
    "an HTTP field": lambda: Slow("http", head(*POST)[:-2], octets(b"X-A: "), TOLD_408),
    "many HTTP fields": lambda: Slow("http", head(*POST)[:-2], repeat(b"A: b\r\n"), TOLD_408),
    "an HTTP body": lambda: Slow(
        "http", head(*POST, "Content-Length: 999"), repeat(b" "), TOLD_408
    ),
    "a chunked body": lambda: Slow("http", CHUNKED, octets(b"", b"1\r\n \r\n"), TOLD_408),
    "the length of a chunk": lambda: Slow("http", CHUNKED, repeat(b"0"), TOLD_408),
    "a trailer": lambda: Slow("http", CHUNKED + b"0\r\n", repeat(b"A: b\r\n"), TOLD_408),
    "a body nobody wants": lambda: Slow(
        "http",
        head(POST[0], POST[1], "Content-Type: text/plain", "Content-Length: 999"),
        repeat(b" "),
        TOLD_408,
    ),
    "HTTP on a hybrid port": lambda: Slow(
        "hybrid", b"POST / HT", octets(b"TP/1.1\r\nA: "), TOLD_408
    ),
    "a line": lambda: Slow("line", b"", octets(LONG_CALL), TOLD_LATE),
    "a line on a hybrid port": lambda: Slow("hybrid", b"", octets(LONG_CALL), TOLD_LATE),
    "a JSON value": lambda: Slow("stream", b"", octets(LONG_CALL), TOLD_LATE),
    "a netstring": lambda: Slow("netstring", b"", octets(b"999:" + LONG_CALL), TOLD_LATE),
    "a message with a header": lambda: Slow(
        "header", b"", octets(b"Content-Length: 999\r\n\r\n" + LONG_CALL), TOLD_LATE
    ),
    "fields of a message": lambda: Slow("header", b"", repeat(b"A: b\r\n"), TOLD_LATE),
    "a message in any framing": lambda: Slow("auto", b"", octets(b"9"), TOLD_LATE),
    "a WebSocket handshake": lambda: Slow("websocket", b"", octets(handshake()[:-2]), TOLD_408),
    "the head of a frame": lambda: Slow("websocket", handshake(), octets(LONG_TEXT), TOLD_1008),
    "the payload of a frame": lambda: Slow(
        "websocket", handshake() + LONG_TEXT[:8], octets(LONG_TEXT[8:]), TOLD_1008
    ),
    "the payload of a binary frame": lambda: Slow(
        "websocket", handshake() + b"\x82" + LONG_TEXT[1:8], octets(LONG_TEXT[8:]), TOLD_1008
    ),
    "fragments without end": lambda: Slow(
        "websocket", handshake() + frame(b" ", fin=False), repeat(FRAGMENT), TOLD_1008
    ),
    "fragments and pings": lambda: Slow(
        "websocket",
        handshake() + frame(b" ", fin=False),
        cycle([frame(b"", 9), FRAGMENT]),
        TOLD_1008,
    ),
    "a TLS hello": lambda: Slow("tls", b"", octets(HELLO), ()),
    "a TLS hello for HTTP": lambda: Slow("https", b"", octets(HELLO), ()),
    "nothing of TLS": lambda: Slow("tls", b"", repeat(b""), ()),
    "nothing of HTTP": lambda: Slow("http", b"", repeat(b""), ()),
    "nothing on a hybrid port": lambda: Slow("hybrid", b"", repeat(b""), ()),
}

TOLD_STRANGER = (b"-32001", b"handshake_timeout")

STRANGERS: dict[str, Callable[[], Slow]] = {
    "nothing": lambda: Slow("line", b"", repeat(b""), TOLD_STRANGER),
    "empty lines": lambda: Slow("line", b"", repeat(b"\n"), TOLD_STRANGER),
    "calls": lambda: Slow("line", b"", repeat(request("echo", 1) + b"\n"), TOLD_STRANGER),
    "nothing of HTTP": lambda: Slow("http", b"", repeat(b""), ()),
    "pings": lambda: Slow("websocket", handshake(), repeat(frame(b"", 9)), TOLD_STRANGER),
    "calls over WebSocket": lambda: Slow(
        "websocket", handshake(), repeat(frame(request("echo", 1))), TOLD_STRANGER
    ),
}


class Listening:
    """A daemon with all the listeners.

    Args:
        daemon: the running one.
        user: whose name and password it wants.
    """

    def __init__(self, daemon: Daemon, user: str | None = None) -> None:
        self._user = user
        self.ports = dict(zip(LISTENERS, daemon.listening, strict=True))

    def connect(self, name: str) -> socket.socket:
        """A connection to one of its ports."""
        connected = socket.create_connection(("127.0.0.1", self.ports[name]), DEADLINE)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def has_nobody_left(self) -> None:
        """Wait until nobody is counted any more."""
        wait_until(lambda: self._left() == [1, 1, 1], lambda: f"{self._left()} are left")

    def _left(self) -> list[int]:
        counted: list[int] = post(self.ports["http"], request("left"), user=self._user)[2]["result"]
        return counted


def serve(directory: Path, *options: str) -> Daemon:
    """A daemon with short limits."""
    (directory / "both.pem").write_bytes(self_signed("localhost"))
    tables = [SERVER]
    for transport, endpoint, framing in LISTENERS.values():
        tables.append(f'[[listen]]\ntransport = "{transport}"\nendpoint = "{endpoint}"')
        tables.extend([f'framing = "{framing}"'] if framing else [])
    (directory / "rpc.toml").write_text("\n".join(tables), encoding="utf-8")
    command = twistd("--config", "rpc.toml", *options)
    return Daemon(command, directory, environment(), listeners=len(LISTENERS))


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """A daemon that lets everybody in."""
    with ended_well(serve(tmp_path_factory.mktemp("open"))) as daemon:
        yield Listening(daemon)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """A daemon that wants a password."""
    directory = tmp_path_factory.mktemp("guarded")
    with ended_well(serve(directory, "--auth", "memory:ann:secret")) as daemon:
        yield Listening(daemon, "ann:secret")


def dribble(connected: socket.socket, slow: Slow) -> bytes:
    """Send a piece after the other until the server ends the line; what it has said."""
    connected.sendall(slow.first)
    said = b""
    try:
        for piece in slow.pieces:
            while select.select([connected], [], [], PAUSE)[0]:
                came = connected.recv(65536)
                if not came:
                    return said
                said += came
            connected.sendall(piece)
    except ConnectionError:
        pass  # TLS and HTTP that nobody has begun are not told before they are cut off
    return said


class Outcome(NamedTuple):
    """What became of a slow sender: how many seconds it had, and what it was told."""

    seconds: float
    said: bytes


def outcome(listening: Listening, slow: Slow) -> Outcome:
    """Let it try."""
    begun = time.monotonic()
    with listening.connect(slow.port) as connected:
        said = dribble(connected, slow)
    return Outcome(time.monotonic() - begun, said)


def outcomes(listening: Listening, slow: dict[str, Callable[[], Slow]]) -> dict[str, Outcome]:
    """Let all of them try, at the same time."""
    with ThreadPoolExecutor(len(slow)) as pool:
        running = {name: pool.submit(outcome, listening, make()) for name, make in slow.items()}
    listening.has_nobody_left()
    return {name: ended.result() for name, ended in running.items()}


@pytest.fixture(scope="module")
def senders(listening: Listening) -> dict[str, Outcome]:
    """What became of everybody."""
    return outcomes(listening, SLOW)


@pytest.fixture(scope="module")
def strangers(guarded: Listening) -> dict[str, Outcome]:
    """What became of those who did not say who they are."""
    return outcomes(guarded, STRANGERS)


def was_cut_off(slow: Slow, outcome: Outcome) -> None:
    """It was gone when the limit was over, not before and not much later; and told why."""
    assert LIMIT - PAUSE < outcome.seconds < LIMIT + PATIENCE
    at = 0
    for words in slow.told:
        at = outcome.said.find(words, at)
        assert at >= 0, (words, outcome.said)
    assert slow.told or not outcome.said, outcome.said


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_sender_is_gone_in_time(senders: dict[str, Outcome], name: str) -> None:
    was_cut_off(SLOW[name](), senders[name])


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_gone_in_time(strangers: dict[str, Outcome], name: str) -> None:
    was_cut_off(STRANGERS[name](), strangers[name])


def test_many_slow_senders_do_not_keep_each_other(listening: Listening) -> None:
    with ExitStack() as stack:
        crowd = [stack.enter_context(listening.connect("line")) for _ in range(50)]
        for connected in crowd:
            connected.sendall(b"{")
        for connected in crowd:
            assert b"request_timeout" in stack.enter_context(connected.makefile("rb")).read()
    listening.has_nobody_left()


FIELDS = {
    "short fields without end": b"A: b\r\n" * 10_000,
    "101 fields of one name": b"A: b\r\n" * 101 + b"\r\n",
    "one field without end": b"A: " + b"b" * 60_000,
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_a_head_has_an_end(listening: Listening, fields: bytes) -> None:
    with listening.connect("http") as connected, connected.makefile("rb") as answer:
        connected.sendall(head(*POST)[:-2] + fields)
        assert answer.readline() == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    listening.has_nobody_left()
