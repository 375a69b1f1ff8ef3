"""The servers that are measured, each a process of its own: `python -m benchmarks.servers NAME`.

Prints the port it listens on, then serves until it is ended.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from msgspec import Raw, Struct
from twisted.internet import reactor as installed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol

from twisted_rpc import Limits, Server
from twisted_rpc.transports.base import RPCFactory
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.stream import StreamFactory

reactor: Any = installed


class Adder:
    """The method that is called, with no work of its own to speak of."""

    api = {"add": "read"}  # noqa: RUF012 - how an object lists its methods

    def add(self, a: float, b: float) -> float:
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

    Nothing is checked, limited, framed but by lines, or ever refused.
    """

    _call = staticmethod(msgspec.json.Decoder(_Call).decode)
    _encode = staticmethod(msgspec.json.Encoder().encode)

    def __init__(self) -> None:
        arguments = msgspec.json.Decoder(tuple[float, float]).decode
        self._methods = {"calc.add": (Adder().add, arguments)}
        self._rest = b""

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        answers = []
        for line in lines:
            call = self._call(line)
            function, arguments = self._methods[call.method]
            result = function(*arguments(call.params))
            answers.append(self._encode(_Result("2.0", result, call.id)))
        answer = b"\n".join(answers) + b"\n"
        transport: Any = self.transport
        sent = 0 if transport.dataBuffer else transport.writeSomeData(answer)
        if sent < len(answer):
            transport.write(answer[sent:])


class WebSocketEcho(WebSocketServerProtocol):
    """Sends back each message: what Autobahn costs without any JSON."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message came."""
        self.sendMessage(payload, isBinary)


def _server() -> Server:
    server = Server(limits=Limits(max_connections_per_address=None))
    server.expose("calc", Adder())
    return server


def _websocket_echo() -> WebSocketServerFactory:
    factory = WebSocketServerFactory(reactor=reactor)
    factory.protocol = WebSocketEcho
    return factory


def _rpc(factory: type[RPCFactory]) -> RPCFactory:
    return factory(_server())


FACTORIES: dict[str, Any] = {
    "echo": lambda: Factory.forProtocol(Echo),
    "bare": lambda: Factory.forProtocol(Bare),
    "websocket-echo": _websocket_echo,
    "tcp": lambda: _rpc(StreamFactory),
    "http": lambda: _rpc(HTTPFactory),
    "websocket": lambda: _rpc(HTTPFactory),
}


def main(name: str) -> None:
    """Serve until ended."""

    def listening(port: IListeningPort) -> None:
        print(port.getHost().port, flush=True)  # type: ignore[attr-defined]

    endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1:backlog=1024")
    endpoint.listen(FACTORIES[name]()).addCallback(listening)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1])
