"""A JSON-RPC server on standard input and output, for a client to start."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed_reactor

from twisted_rpc import Server
from twisted_rpc.ports import StdioService
from twisted_rpc.transports.stream import StreamFactory

reactor: Any = installed_reactor

server = Server()
server.expose("double", lambda value: value * 2)
StdioService(StreamFactory(server), reactor=reactor).startService()
reactor.run()
