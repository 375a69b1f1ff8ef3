"""From what a configuration says of a listener to the factory and the endpoint it means."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.web.resource import IResource

from twisted_rpc.config import Listener, Transport, WebTable
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import ConfigError
from twisted_rpc.transports.base import RPCFactory
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["factory_for", "listen", "server_endpoint"]

_BACKLOG = "1024"
"""How many connections may wait to be accepted; Twisted's own default is 50."""

_LAST_PORT = 65535

_DEFAULTS: dict[str, dict[str, str]] = {
    "tcp": {"interface": "127.0.0.1", "backlog": _BACKLOG},
    "tcp6": {"interface": r"\:\:1", "backlog": _BACKLOG},
    "ssl": {"interface": "127.0.0.1", "backlog": _BACKLOG},
    "unix": {"mode": "600", "backlog": _BACKLOG},
}
"""What a description means that does not say it: this machine, this user."""


def listen(
    endpoint: Endpoint,
    description: str,
    transport: Transport = "hybrid",
    *,
    resource: IResource | None = None,
    reactor: Any = None,
) -> Deferred[IListeningPort]:
    """Serve an endpoint from a program of one's own, without the daemon.

    Args:
        endpoint: what is served.
        description: a Twisted server endpoint description.
        transport: what is spoken there: tcp, http, websocket or hybrid.
        resource: a `twisted.web` resource for the paths that are not RPC's.
        reactor: the installed one unless given.

    Returns:
        A Deferred of the port, which fails if it cannot be bound.

    Raises:
        ConfigError: the description is wrong.
    """
    if reactor is None:
        from twisted.internet import reactor
    factory = factory_for(
        endpoint, Listener(transport=transport, endpoint=description), WebTable(), resource
    )
    listening: Deferred[IListeningPort] = server_endpoint(description, reactor).listen(factory)
    return listening


def factory_for(
    endpoint: Endpoint, listener: Listener, table: WebTable, resource: IResource | None
) -> RPCFactory:
    """The factory that speaks what a listener is to speak."""
    if listener.transport in ("tcp", "stdio"):
        return StreamFactory(endpoint, listener.framing or "line", listener.namespaces)
    posts = listener.transport != "websocket"
    http = HTTPFactory(
        endpoint, table, listener.path, resource, posts=posts, namespaces=listener.namespaces
    )
    return HybridFactory(http) if listener.transport == "hybrid" else http


def server_endpoint(description: str, reactor: Any) -> IStreamServerEndpoint:
    """The endpoint a description means, with our defaults where it says nothing.

    The loopback interface, Unix sockets for their owner alone, and a longer queue of
    connections to accept.

    Raises:
        ConfigError: Twisted does not understand it.
    """
    kind = description.partition(":")[0]
    completed = description
    for option, value in _DEFAULTS.get(kind, {}).items():
        if f":{option}=" not in description:
            completed += f":{option}={value}"
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, completed)
    except Exception as error:  # whatever the parser of that kind of endpoint raises
        reason = str(error) or type(error).__name__
        if description.isdigit():
            reason = f"a port is written tcp:{description}"
        elif isinstance(error, (TypeError, ValueError)):
            reason = f"{reason}; such as tcp:7080:interface=127.0.0.1"
        raise ConfigError(f"endpoint {description!r}: {reason}") from error
    if getattr(endpoint, "_port", 0) > _LAST_PORT:  # Twisted finds out when it binds
        raise ConfigError(f"endpoint {description!r}: ports go up to {_LAST_PORT}")
    return endpoint
