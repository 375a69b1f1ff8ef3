"""A client that writes its frames itself, whatever RFC 6455 says of them."""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.daemon.clients import WebSocketClient
from tests.transports.websocket_client import CLOSE, TEXT, Frame, frame

__all__ = ["RawClient", "close", "framed"]

FIN = 0x80


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A closing frame."""
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def framed(payload: bytes, size: int, opcode: int = TEXT) -> list[bytes]:
    """A message in fragments of so many octets."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    last = len(parts) - 1
    return [frame(part, 0 if n else opcode, fin=n == last) for n, part in enumerate(parts)]


class RawClient(WebSocketClient):
    """A WebSocket after its handshake.

    Attributes:
        is_over: whether a case has seen the end of the line already.
    """

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        # Or the kernel would put together what a case sends in pieces.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert self.status == 101
        self.is_over = False

    def write(self, *frames: bytes, chop: int | None = None) -> None:
        """Send frames in one write, or in writes of so many octets."""
        data = b"".join(frames)
        size = chop or len(data)
        for at in range(0, len(data), size):
            self.socket.sendall(data[at : at + size])

    def frame(self) -> Frame:
        """The next frame."""
        first, size = self._take(2)
        assert not size & 0x80, "servers do not mask"
        if size > 125:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        return Frame(first, self._take(size))

    def _take(self, size: int) -> bytes:
        taken = self.file.read(size)
        assert len(taken) == size, f"the line has ended after {taken!r}"
        return taken

    def answer(self) -> Any:
        """The next frame, which has to be a text, decoded."""
        first, payload = self.frame()
        assert first == FIN | TEXT, (first, payload)
        return json.loads(payload)

    def expect(self, opcode: int, payload: bytes) -> None:
        """See what the next frame is."""
        assert self.frame() == Frame(FIN | opcode, payload)

    def closed_with(self, code: int | None) -> None:
        """See that the server's next frame is a close, with this code, and that the line ends.

        Nothing comes after it, and the line is not reset.
        """
        first, payload = self.frame()
        assert first == FIN | CLOSE, (first, payload)
        assert payload[:2] == (b"" if code is None else code.to_bytes(2, "big")), payload
        payload[2:].decode()
        assert self.file.read() == b""
        self.is_over = True

    def leave(self) -> None:
        """Close the line by the closing handshake: nothing but its reply has come."""
        self.write(close(1000))
        self.closed_with(1000)
