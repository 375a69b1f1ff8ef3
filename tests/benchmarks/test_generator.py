"""The load generator's framings, with servers that say byte for byte what is written here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from msgspec import structs

from benchmarks import generator
from benchmarks.processes import Failed
from benchmarks.servers import FRAMINGS, Message, Server, ours

RESULT = b'{"jsonrpc":"2.0","result":8,"id":1}'
BATCH = b"[" + b",".join([RESULT] * generator.BATCH) + b"]"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


@contextmanager
def saying(replies: Sequence[bytes], heard: list[bytes], *, whole: bool = True) -> Iterator[int]:
    """A server for one connection; its port.

    Args:
        replies: each is said when something has been heard.
        heard: is filled with that.
        whole: or else byte by byte.
    """

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for reply in replies:
                heard.append(line.recv(65536))
                for piece in [reply] if whole else [bytes([byte]) for byte in reply]:
                    line.sendall(piece)
            while data := line.recv(65536):
                heard.append(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(60)
        assert not thread.is_alive()


def server_for(framing: str) -> Server:
    transport = next(name for name, usual in FRAMINGS.items() if usual == framing)
    return ours(transport)


def text_frame(text: bytes) -> bytes:
    if len(text) < 126:
        return b"\x81" + bytes([len(text)]) + text
    size = (b"\x7e", 2) if len(text) < 65536 else (b"\x7f", 8)
    return b"\x81" + size[0] + len(text).to_bytes(size[1], "big") + text


@pytest.mark.parametrize(
    ("framing", "said"),
    [
        ("line", RESULT + b"\n"),
        ("header", b"Content-Length: 35\r\nContent-Type: x\r\n\r\n" + RESULT),
        ("http", b"HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 35\r\n\r\n" + RESULT),
        (
            "http",
            CHUNKED + b"23\r\n" + RESULT + b"\r\n0\r\n\r\n",
        ),
        ("ws", text_frame(RESULT)),
        ("ws", b"\x8a\x00" + text_frame(RESULT)),
    ],
    ids=["line", "header", "length", "chunked", "frame", "pong before it"],
)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in bytes"])
def test_an_answer_is_found_in_its_framing(framing: str, said: bytes, whole: bool) -> None:
    generator.build()
    upgrade = [UPGRADE] if framing == "ws" else []
    with saying([*upgrade, said], [], whole=whole) as port:
        generator.answer(server_for(framing), port, "add")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in bytes"])
def test_texts_with_nothing_between_them_end_with_their_braces(whole: bool) -> None:
    generator.build()
    server = structs.replace(ours("tcp"), framing="json", sum='}"{')
    said = rb'{"method":"news","params":["]}"]}' + rb'{"id":1,"result":"}\"{"}'
    with saying([said], [], whole=whole) as port:
        generator.answer(server, port, "add")


def test_a_batch_has_ids_that_follow_each_other() -> None:
    generator.build()
    heard: list[bytes] = []
    with saying([BATCH + b"\n"], heard) as port:
        generator.answer(ours("tcp"), port, "batch")
    calls = json.loads(heard[0])
    assert [call["id"] for call in calls] == list(range(1_000_000, 1_000_000 + generator.BATCH))
    assert heard[0].endswith(b"\n")


@pytest.mark.parametrize("message", ["add", "1 KB", "100 KB"])
def test_a_frame_is_masked_and_as_long_as_it_says(message: Message) -> None:
    generator.build()
    heard: list[bytes] = []
    wanted = json.dumps({"id": 1, "result": generator.expected_of(ours("websocket"), message)[0]})
    replies = [UPGRADE, text_frame(wanted.encode())]
    with saying(replies, heard) as port:
        generator.answer(ours("websocket"), port, message)
    frame = b"".join(heard[1:])
    sizes = {126: (2, 4), 127: (2, 10)}
    begin, head = sizes.get(frame[1] & 127, (1, 2))
    length = int.from_bytes(frame[begin:head], "big") & (127 if head == 2 else -1)
    mask, text = frame[head : head + 4], frame[head + 4 : head + 4 + length]
    call = json.loads(bytes(byte ^ mask[i % 4] for i, byte in enumerate(text)))
    assert (frame[0], frame[1] & 128, len(frame)) == (0x81, 128, head + 4 + length)
    assert call["id"] == 1_000_000


def test_a_ping_is_answered() -> None:
    generator.build()
    heard: list[bytes] = []
    with saying([UPGRADE, b"\x89\x02hi", text_frame(RESULT)], heard) as port:
        generator.answer(ours("websocket"), port, "add")
    assert heard[2] == b"\x8a\x82\0\0\0\0hi"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "WebSocket: no upgrade: HTTP/1.1 404 Not Found"),
        (UPGRADE + b"\x88\x00", "no answer"),
    ],
    ids=["no upgrade", "close frame"],
)
def test_a_websocket_that_is_refused_is_a_reason(reply: bytes, reason: str) -> None:
    generator.build()
    with saying([reply], []) as port, pytest.raises(Failed, match=f"^{reason}$"):
        generator.answer(ours("websocket"), port, "add")
