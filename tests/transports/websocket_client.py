"""A raw WebSocket client: every bit of a frame is its caller's to choose."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.transports.harness import Line
from tests.transports.web_client import HTTPTestCase, head, take_reply
from twisted_rpc.transports.patience import LINGER

__all__ = ["CLOSE", "PING", "PONG", "TEXT", "Frame", "WebSocketTestCase", "frame", "handshake"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""A key and its answer, from RFC 6455, section 1.3."""


class Frame(NamedTuple):
    """A frame from the server."""

    first: int
    payload: bytes


def handshake(path: str = "/rpc", *fields: str) -> bytes:
    """A request to become a WebSocket."""
    return head(
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}",
        *fields,
    )


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    length_octets: int | None = None,
) -> bytes:
    """A frame (RFC 6455, section 5.2), the length as short as it can be unless said otherwise."""
    size = len(payload)
    if length_octets is None:
        length_octets = 1 if size < 126 else 3 if size < 1 << 16 else 9
    marker = {1: size, 3: 126, 9: 127}[length_octets]
    length = b"" if length_octets == 1 else size.to_bytes(length_octets - 1, "big")
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if mask is None:
        return bytes((first, marker)) + length + payload
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    masked = (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
    return bytes((first, 0x80 | marker)) + length + mask + masked


class WebSocketLine:
    """A raw line after its handshake."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        self.line.send(b"".join(frames))

    async def frame(self) -> Frame:
        """The next frame."""
        first, size = await self.line.take(2)
        assert not size & 0x80, "servers do not mask"
        if size > 125:
            size = int.from_bytes(await self.line.take(2 if size == 126 else 8), "big")
        return Frame(first, await self.line.take(size))

    async def message(self) -> Any:
        """The next frame, which has to be a text."""
        first, payload = await self.frame()
        assert first == 0x80 | TEXT, (first, payload)
        return json.loads(payload)

    async def close_code(self) -> int:
        """The code of the next frame, which has to be a close; reply to it."""
        first, payload = await self.frame()
        assert first == 0x80 | CLOSE, (first, payload)
        self.send(frame(payload[:2], CLOSE))
        return int.from_bytes(payload[:2], "big")


class WebSocketTestCase(HTTPTestCase):
    """A WebSocket port."""

    async def open_websocket(self, path: str = "/rpc", *fields: str) -> WebSocketLine:
        """A client after its handshake."""
        line = await self.open()
        line.send(handshake(path, *fields))
        reply = await take_reply(line)
        self.assertEqual(reply.status, 101, reply)
        self.assertEqual(reply.headers["sec-websocket-accept"], ACCEPT)
        self.assertNotIn("sec-websocket-extensions", reply.headers)
        return WebSocketLine(line)

    async def closed_with(self, code: int, client: WebSocketLine) -> None:
        """See that the server closes the line, and why."""
        self.assertEqual(await client.close_code(), code)
        for _ in range(2):  # a client that does not close as well, once all is out
            await self.advance(LINGER)
        self.assertEqual(await client.line.rest(), b"")
        await self.gone()
