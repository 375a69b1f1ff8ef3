"""Plain clients on asyncio: they know nothing of the package, and check what they are told."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from random import Random
from typing import Any, ClassVar

from tests.soak.places import PASSWORD, USER, Place

__all__ = ["Client", "Gone", "connected", "dial"]

Gone = (OSError, asyncio.IncompleteReadError, EOFError)
"""What it is called when the far side has closed or reset a line."""

LONGEST = 1 << 23
"""Bytes of the longest message that is read."""

_numbers = count(1)


async def dial(
    place: Place, random: Random, *, tls: bool = True
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A line to a listener, from an address of its own."""
    if not place.port:
        return await asyncio.open_unix_connection(str(place.path), limit=LONGEST)
    context = place.tls if tls else None
    return await asyncio.open_connection(
        "127.0.0.1",
        place.port,
        limit=LONGEST,
        local_addr=place.source(random),
        ssl=context,
        server_hostname="localhost" if context else None,
    )


class Client:
    """One line, on which messages are framed in some way.

    Args:
        reader: what comes.
        writer: what goes.
    """

    protocol: ClassVar[str]
    full_duplex: ClassVar[bool] = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def log_in(self, password: str = PASSWORD) -> bool:
        """Do what has to be done before the first call; whether one is let in."""
        answer = await self.ask(self.request("auth", USER, password))
        return answer.get("result") is True

    def request(self, method: str, *params: Any) -> dict[str, Any]:
        """A call with an id of its own."""
        return {"jsonrpc": "2.0", "method": method, "params": params, "id": next(_numbers)}

    def frame(self, message: bytes) -> bytes:
        """The bytes that carry a message."""
        raise NotImplementedError

    async def receive(self) -> Any:
        """The next message, decoded.

        Raises:
            OSError, asyncio.IncompleteReadError: there is none.
        """
        raise NotImplementedError

    def send(self, *messages: Any) -> None:
        """Send messages in one write."""
        self.writer.write(b"".join(self.frame(json.dumps(each).encode()) for each in messages))

    async def ask(self, message: dict[str, Any]) -> Any:
        """Send a call; its answer.

        Raises:
            AssertionError: it is the answer to another one.
        """
        self.send(message)
        answer = await self.receive()
        assert answer["id"] == message["id"], f"{answer} is the answer to {message}"
        return answer

    async def call(self, method: str, *params: Any) -> Any:
        """The result of a call that has to end well.

        Raises:
            AssertionError: it does not.
        """
        answer = await self.ask(self.request(method, *params))
        assert "result" in answer, f"{method}: {answer}"
        return answer["result"]

    def stop_reading(self, room: int = 4096) -> None:
        """Leave what comes with the far side, but for some bytes that the kernel takes."""
        transport: Any = self.writer.transport
        handle = self.writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        transport.pause_reading()

    def read_on(self) -> None:
        """Read again."""
        transport: Any = self.writer.transport
        transport.resume_reading()

    def reset(self) -> None:
        """Close without a word: RST."""
        handle = self.writer.get_extra_info("socket")
        if handle is not None and handle.family != socket.AF_UNIX and handle.fileno() >= 0:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close, and wait until that is done."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            self.writer.transport.abort()


class LineClient(Client):
    """A line each way."""

    protocol = "line"

    def frame(self, message: bytes) -> bytes:
        """See `Client.frame`."""
        return message + b"\n"

    async def receive(self) -> Any:
        """See `Client.receive`."""
        return json.loads(await self.reader.readuntil(b"\n"))


class HTTPClient(Client):
    """A POST for each message, with the password in each."""

    protocol = "http"
    full_duplex = False
    password = PASSWORD

    async def log_in(self, password: str = PASSWORD) -> bool:
        """See `Client.log_in`; the first answer shows it."""
        self.password = password
        self.send(self.request("soak.echo", 1))
        return await self.receive() is not None

    @property
    def authorization(self) -> bytes:
        """The header field."""
        pair = base64.b64encode(f"{USER}:{self.password}".encode())
        return b"Authorization: Basic " + pair + b"\r\n"

    def frame(self, message: bytes) -> bytes:
        """See `Client.frame`."""
        head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (
            head,
            self.authorization,
            len(message),
            message,
        )

    async def receive(self) -> Any:
        """See `Client.receive`; None where one is not let in."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, _, rest = head.decode("latin-1").partition("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in rest.split("\r\n") if line)
        body = await self.reader.readexactly(int(fields.get("content-length", "0")))
        if " 401 " in status or " 413 " in status:
            return None
        assert " 200 " in status, status
        return json.loads(body)


class WebSocketClient(HTTPClient):
    """Text frames."""

    protocol = "websocket"
    full_duplex = True

    async def log_in(self, password: str = PASSWORD) -> bool:
        """See `Client.log_in`: the request for the upgrade bears the password."""
        self.password = password
        self.writer.write(
            b"GET /rpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n" % self.authorization
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head.startswith(b"HTTP/1.1 101 ")

    def frame(self, message: bytes) -> bytes:
        """See `Client.frame`."""
        return self._masked(0x81, message)

    def _masked(self, first: int, payload: bytes) -> bytes:
        size = len(payload)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 1 << 16:
            length = b"\xfe" + size.to_bytes(2, "big")
        else:
            length = b"\xff" + size.to_bytes(8, "big")
        return bytes([first]) + length + bytes(4) + payload

    async def receive(self) -> Any:
        """See `Client.receive`; pings are answered."""
        while True:
            first, size = await self.reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self.reader.readexactly(size)
            if first == 0x81:
                return json.loads(payload)
            if first == 0x88:
                raise EOFError(f"closed with {int.from_bytes(payload[:2], 'big')}")
            self.writer.write(self._masked(0x8A, payload))

    async def close(self) -> None:
        """See `Client.close`; with a goodbye in one of two cases."""
        if next(_numbers) % 2:
            self.writer.write(self._masked(0x88, b"\x03\xe8"))
        await super().close()


_CLIENTS: dict[str, type[Client]] = {
    each.protocol: each for each in (LineClient, HTTPClient, WebSocketClient)
}


@asynccontextmanager
async def connected(
    place: Place, random: Random, protocols: tuple[str, ...] = ()
) -> AsyncIterator[Client]:
    """A client of one of the protocols; its line is reset in the end, unless it was closed."""
    name = random.choice([p for p in place.protocols if not protocols or p in protocols])
    client = _CLIENTS[name](*await dial(place, random))
    try:
        yield client
    finally:
        if not client.writer.is_closing():
            client.reset()
