"""Servers for the commands, on ports that it prints as JSON; its one argument is a certificate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from tests.transports.harness import listening_port
from twisted_rpc import Context, Limits, Request, RPCError, Server, listen, method
from twisted_rpc.errors import MethodNotFound

reactor: Any = installed_reactor

LISTS: dict[str, Any] = {
    "rpc.discover": {
        "openrpc": "1.3.2",
        "methods": [
            {
                "name": "b",
                "params": [{"$ref": "#/components/contentDescriptors/Page"}],
                "deprecated": True,
                "x-deprecated": "use a",
            },
            {"name": "a\x1b[2J", "params": [{"name": "x"}, {"name": "y"}], "summary": "Adds."},
            {"$ref": "#/elsewhere"},
        ],
    },
    "rpc.methods": ["a", "b"],
    "system.listMethods": ["c", "b"],
}


class Things:
    """What most servers here expose."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.cancelled = 0

    @method
    def echo(self, value: Any = None) -> Any:
        return value

    @method
    def add(self, a: float, b: float) -> float:
        return a + b

    @method
    def fail(self, data: Any = None) -> None:
        raise RPCError(1000, "no\nluck \x1b[31m", data) if data else RPCError(1000, "no luck")

    @method
    def wait(self) -> Deferred[Any]:
        return Deferred(self._cancel)

    def _cancel(self, _: Deferred[Any]) -> None:
        self.cancelled += 1

    @method
    def times_cancelled(self) -> int:
        return self.cancelled

    @method
    def note(self, value: Any) -> None:
        self.heard.append(value)

    @method
    def noted(self) -> list[Any]:
        heard, self.heard = self.heard, []
        return heard

    @method
    def whoami(self, ctx: Context) -> Any:
        return ctx.identity

    @method
    def header(self, ctx: Context, name: str) -> str | None:
        return ctx.headers.get(name)

    @method
    def drop(self, ctx: Context) -> Deferred[Any]:
        """End the line, and never answer."""
        assert ctx.connection is not None
        ctx.connection.abort()
        return Deferred()


class Listing(Server):
    """Knows one of the methods that list methods.

    Args:
        name: which.
        listed: what it answers.
    """

    def __init__(self, name: str, listed: Any) -> None:
        super().__init__()
        self._name = name
        self._listed = listed

    def handle_call(self, request: Request, context: Context) -> Any:
        if request.method != self._name:
            raise MethodNotFound()
        if isinstance(self._listed, Exception):
            raise self._listed
        return self._listed


class Telling(Server):
    """Tells the news over and over, and drops lines when it is asked for by a notification."""

    def __init__(self) -> None:
        super().__init__(limits=Limits(max_connections_per_address=None))
        self.expose("drop", self.drop)
        self._told = 0
        LoopingCall(self._tell).start(0.02)

    def _tell(self) -> None:
        self._told += 1
        self.notify_all("tick", [self._told])
        self.notify_all("_news\x1b[2J", {"what": "all \x9b well"})
        self.notify_all("tock")
        for connection in self.connections.values():
            if connection.full_duplex:
                connection.call("are.you.there").addErrback(self._answered)

    def _answered(self, failure: Failure) -> None:
        self.answer = str(failure.value)

    def drop(self) -> str:
        """Drop every other line."""
        for connection in list(self.connections.values()):
            reactor.callLater(0, connection.abort)
        return self.answer


class Silent(Protocol):
    """Reads, and says nothing."""


class Deaf(Protocol):
    """Does not even read."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.pauseProducing()


class Rude(Protocol):
    """Answers something that is no JSON."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"who are you?\n")


async def serve(certificate: str) -> None:
    """Listen everywhere, and tell where."""
    ports: dict[str, int] = {}

    async def add(name: str, endpoint: str, server: Server) -> None:
        ports[name] = listening_port(await listen(server, endpoint))

    def things(**options: Any) -> Server:
        server = Server(**options)
        server.expose("", Things())
        return server

    await add("plain", "tcp:0:interface=127.0.0.1", things())
    secret = things()
    secret.enable_auth("alice", "secret")
    await add("secret", "tcp:0:interface=127.0.0.1", secret)
    await add("tls", f"ssl:0:interface=127.0.0.1:privateKey={certificate}", things())
    await add("telling", "tcp:0:interface=127.0.0.1", Telling())
    for name, listed in LISTS.items():
        await add(name, "tcp:0:interface=127.0.0.1", Listing(name, listed))
    await add("mute", "tcp:0:interface=127.0.0.1", Listing("nothing", None))
    await add("odd", "tcp:0:interface=127.0.0.1", Listing("rpc.methods", {"a": 1}))
    await add("private", "tcp:0:interface=127.0.0.1", Listing("rpc.methods", RPCError(7, "no")))
    for protocol in (Silent, Deaf, Rude):
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        port = await endpoint.listen(Factory.forProtocol(protocol))
        ports[protocol.__name__.lower()] = listening_port(port)
    await listen(things(), f"unix:{Path(certificate).with_name('socket')}")
    print(json.dumps(ports), flush=True)


if __name__ == "__main__":
    Deferred.fromCoroutine(serve(sys.argv[1])).addErrback(
        lambda f: (f.printTraceback(), reactor.stop())
    )
    reactor.run()
