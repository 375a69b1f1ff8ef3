"""The servers that are measured, each a process of its own: `python -m benchmarks.servers NAME`.

Prints the port it listens on, then serves until it is ended.
"""

from __future__ import annotations

import sys
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
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
