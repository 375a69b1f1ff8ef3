"""A bare asyncio protocol on uvloop: `python raw_uvloop.py tcp|http PORT`.

The JSON work and the call, and nothing else: nothing is checked, limited or ever refused.  No
server in Python can be much faster.
"""

import asyncio
import sys
from typing import Any, ClassVar

import msgspec
import uvloop
from httptools import HttpRequestParser
from msgspec import Raw, Struct


class Call(Struct):
    """A request."""

    method: str
    params: Raw
    id: int


class Result(Struct):
    """A response."""

    jsonrpc: str
    result: Any
    id: int


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def echo(text: str) -> str:
    """Give it back."""
    return text


class Lines(asyncio.Protocol):
    """Calls on lines."""

    _decode = staticmethod(msgspec.json.Decoder(Call | list[Call]).decode)
    _encode = staticmethod(msgspec.json.Encoder().encode)
    _methods: ClassVar = {
        "calc.add": (add, msgspec.json.Decoder(tuple[float, float]).decode),
        "calc.echo": (echo, msgspec.json.Decoder(tuple[str]).decode),
    }
    _rest = b""

    def connection_made(self, transport: Any) -> None:
        """A line is there."""
        self.transport = transport

    def _call(self, call: Call) -> Result:
        function, arguments = self._methods[call.method]
        return Result("2.0", function(*arguments(call.params)), call.id)

    def answer(self, text: bytes) -> bytes:
        """The answer to a call or a batch."""
        message = self._decode(text)
        if isinstance(message, list):
            return self._encode([self._call(call) for call in message])
        return self._encode(self._call(message))

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self.transport.write(b"\n".join([self.answer(line) for line in lines]) + b"\n")


class HTTP(Lines):
    """Calls in the bodies of requests, whatever their method, path and headers."""

    def connection_made(self, transport: Any) -> None:
        """A line is there."""
        super().connection_made(transport)
        self._parser = HttpRequestParser(self)
        self._body = b""
        self._answers: list[bytes] = []

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The end of a request."""
        body, self._body = self._body, b""
        answer = self.answer(body)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._answers.append(head % len(answer) + answer)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._parser.feed_data(data)
        if self._answers:
            self.transport.write(b"".join(self._answers))
            self._answers.clear()


async def main(transport: str, port: int) -> None:
    """Serve until ended."""
    protocol = {"tcp": Lines, "http": HTTP}[transport]
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    await server.serve_forever()


uvloop.run(main(sys.argv[1], int(sys.argv[2])))
