"""What Twisted alone can do: `python -m benchmarks.bare NAME PORT`."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import msgspec
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from httptools import HttpRequestParser
from msgspec import Raw, Struct
from twisted.internet import reactor as installed
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

reactor: Any = installed


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


class Echo(Protocol):
    """Sends back what came: what Twisted costs without any protocol."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        assert self.transport is not None
        self.transport.write(data)


class _Call(Struct):
    method: str
    params: Raw
    id: int


class _Result(Struct):
    jsonrpc: str
    result: float
    id: int


class Bare(Protocol):
    """Answers calls without looking: what the JSON and the call alone cost in Python.

    Nothing is checked, limited, or ever refused.
    """

    _call = staticmethod(msgspec.json.Decoder(_Call).decode)
    _encode = staticmethod(msgspec.json.Encoder().encode)
    _methods: ClassVar = {"calc.add": (add, msgspec.json.Decoder(tuple[float, float]).decode)}

    def answer(self, text: bytes) -> bytes:
        """The answer to a call."""
        call = self._call(text)
        function, arguments = self._methods[call.method]
        return self._encode(_Result("2.0", function(*arguments(call.params)), call.id))

    def write(self, answer: bytes) -> None:
        """Write straight to the socket."""
        transport: Any = self.transport
        sent = 0 if transport.dataBuffer else transport.writeSomeData(answer)
        if sent < len(answer):
            transport.write(answer[sent:])


class BareLines(Bare):
    """Calls on lines."""

    _rest = b""

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.write(b"\n".join([self.answer(line) for line in lines]) + b"\n")


class BareHTTP(Bare):
    """Calls in the bodies of requests, whatever their method, path and headers."""

    def connectionMade(self) -> None:
        """Begin to read requests."""
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

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        self._parser.feed_data(data)
        self.write(b"".join(self._answers))
        self._answers.clear()


class WebSocketEcho(WebSocketServerProtocol):
    """Sends back each message: what Autobahn costs without any JSON."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message came."""
        self.sendMessage(payload, isBinary)


def _websocket_echo() -> WebSocketServerFactory:
    factory = WebSocketServerFactory(reactor=reactor)
    factory.protocol = WebSocketEcho
    return factory


FACTORIES: dict[str, Any] = {
    "echo": lambda: Factory.forProtocol(Echo),
    "bare": lambda: Factory.forProtocol(BareLines),
    "bare-http": lambda: Factory.forProtocol(BareHTTP),
    "websocket-echo": _websocket_echo,
}


def main(name: str, port: str) -> None:
    """Serve until ended."""
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1:backlog=1024")
    endpoint.listen(FACTORIES[name]())
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
