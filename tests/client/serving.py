"""A JSON-RPC server on a port that it prints, for a test that needs one in another process."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred

from twisted_rpc import Server, listen

reactor: Any = installed_reactor

server = Server()
server.expose("double", lambda value: value * 2)


def wait() -> Deferred[None]:
    """Say that it was called, and that it was cancelled."""
    print("called", flush=True)
    return Deferred(lambda _: print("cancelled", flush=True))


server.expose("wait", wait)
listening: Any = listen(server, "tcp:0")
listening.addCallback(lambda port: print(port.getHost().port, flush=True))
reactor.run()
