"""A JSON-RPC server on a port that it prints, for a test that needs one in another process."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred

from twisted_rpc import Context, Server, listen

reactor: Any = installed_reactor

server = Server()
server.expose("double", lambda value: value * 2)


def wait() -> Deferred[None]:
    """Say that it was called, and that it was cancelled."""
    print("called", flush=True)
    return Deferred(lambda _: print("cancelled", flush=True))


async def ask(value: Any, context: Context) -> Any:
    """Call the client back, and tell it something before."""
    context.connection.notify("told", ["news"])
    return await context.connection.call("double", [value])


def cut(context: Context) -> Deferred[None]:
    """Cut the client's line, and do not answer."""
    context.connection.abort()
    return Deferred()


server.expose("wait", wait)
server.expose("ask", ask)
server.expose("cut", cut)
listening: Any = listen(server, "tcp:0")
listening.addCallback(lambda port: print(port.getHost().port, flush=True))
reactor.run()
