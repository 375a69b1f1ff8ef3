"""From what a configuration says of a listener to the factory and the endpoint it means."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    UNIXServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.web.resource import IResource

from twisted_rpc.config import WebTable
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import Listener, Transport
from twisted_rpc.transports import reach, unix_socket
from twisted_rpc.transports.base import RPCFactory
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.reach import Reach
from twisted_rpc.transports.redirect import RedirectFactory
from twisted_rpc.transports.routing import Pages, Site
from twisted_rpc.transports.stream import StreamFactory
from twisted_rpc.transports.tls import TLS
from twisted_rpc.transports.urls import urls_of

__all__ = ["Place", "factory_for", "listen", "server_endpoint"]

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

_REMEDIES = {
    Reach.LOCAL: "set it, or mode=600 or mode=660",
    Reach.PUBLIC: "set what is missing, or interface=127.0.0.1",
}


class Place:
    """Where a listener is reached, and what it has to have to be reached by others.

    Args:
        endpoint: what is served there.
        listener: what the configuration says of the listener.
        insecure_public: whether others may reach it without TLS and authentication.
        hosts: names and addresses it is reached by, where it listens on every interface.

    Attributes:
        description: the endpoint's, as it was written.
        tls: TLS of our own, if it has a certificate.
        is_own: whether only this machine can reach it, by no proxy that says so, as far as that
            is known beforehand.

    Raises:
        ConfigError: the description or a file of TLS is wrong, or something is missing.
    """

    _log = Logger()

    def __init__(
        self,
        endpoint: Endpoint,
        listener: Listener,
        *,
        insecure_public: bool,
        hosts: Sequence[str] = (),
        reactor: Any,
    ) -> None:
        self.description = listener.endpoint
        self._listener = listener
        self._hosts = hosts
        self._owner = endpoint
        self._redirects = listener.redirect is not None
        self._insecure = insecure_public
        self._is_admin = bool(listener.admin)
        self._endpoint = server_endpoint(self.description, reactor)
        self._binds = reach.innermost(self._endpoint)
        self.tls = None if listener.certificate is None else TLS(listener)
        self._clock = reactor
        expected = reach.of_endpoint(self._binds)
        is_near = expected is Reach.OWN or getattr(self._binds, "_interface", "") == "localhost"
        # A proxy that tells who comes (`haproxy:`) stands there for others.
        self._is_direct = self._binds is self._endpoint
        self.is_own = is_near and self._is_direct
        if expected is not None:
            self._check(expected)

    def _check(self, reached_by: Reach) -> str | None:
        """What is missing, where that is allowed."""
        if self._redirects:
            return None
        lacks = reach.missing(
            reached_by,
            encrypted=self._is_encrypted,
            authenticated=self._owner.knows_callers,
        )
        if lacks is not None and not self._insecure:
            raise ConfigError(
                f"endpoint {self.description!r} can be reached by {reached_by.value}, and has "
                f"{lacks}: {_REMEDIES[reached_by]}, or set insecure_public"
            )
        if self._is_admin and not self._owner.knows_callers:
            self._check_admin(reached_by)
        return lacks

    def _check_admin(self, reached_by: Reach) -> None:
        """See that nobody but this machine's users looks after a server that knows no callers."""
        others = reached_by.value if self._is_direct else "others through a proxy (haproxy:)"
        if reached_by is not Reach.OWN or not self._is_direct:
            raise ConfigError(
                f"endpoint {self.description!r} has admin = true, can be reached by {others}, and "
                "nobody has to log in: set auth; insecure_public is not enough for that"
            )

    @property
    def _is_encrypted(self) -> bool:
        return self.tls is not None or isinstance(self._binds, SSL4ServerEndpoint)

    def listen(self, factory: RPCFactory) -> Deferred[IListeningPort]:
        """Bind, and look at what was bound before anybody is accepted.

        Returns:
            A Deferred of the port.  It fails with `CannotListenError`, or with
            `ConfigError` if others can reach the port and something is missing for that.
        """
        return maybeDeferred(self._bind, factory).addCallback(self._bound, factory)

    def _bind(self, factory: Factory) -> Deferred[IListeningPort]:
        around: AbstractContextManager[None] = nullcontext()
        if isinstance(self._binds, UNIXServerEndpoint):
            around = unix_socket.binding(self._binds._address)
            self._warn_of_directory(self._binds._address)
        with around:
            served: Any = factory if self.tls is None else self.tls.around(factory, self._clock)
            listening: Deferred[IListeningPort] = self._endpoint.listen(served)
        return listening

    def _bound(self, port: IListeningPort, factory: RPCFactory) -> IListeningPort:
        reached_by = reach.of_address(port.getHost())
        try:
            lacks = self._check(reached_by)
        except ConfigError:
            port.stopListening()
            raise
        if lacks is not None:
            self._log.warn(
                "INSECURE: endpoint {description!r} can be reached by {who}, and has {lacks}; "
                "insecure_public allows it",
                description=self.description,
                who=reached_by.value,
                lacks=lacks,
            )
        self._warn_of_certificates()
        factory.urls[:] = self._urls(port.getHost())
        return port

    def _urls(self, address: Any) -> list[str]:
        """Those of a bound port; a Unix socket has none, and who is on it knows its path."""
        if self._redirects or not isinstance(address, IPv4Address | IPv6Address):
            return []
        everywhere = address.host in ("0.0.0.0", "::")  # noqa: S104 - it is looked for
        hosts = self._hosts if everywhere else (address.host,)
        listener = self._listener
        path = listener.path or "/"
        return urls_of(listener.transport, hosts, address.port, path, secure=self._is_encrypted)

    def reload(self) -> None:
        """Read the files of TLS again; connections that are open keep what they have.

        Raises:
            ConfigError: one cannot be used, and those read before stay in use.
        """
        assert self.tls is not None
        try:
            self.tls.reload()
        except ConfigError as error:
            text = f"endpoint {self.description!r} keeps its certificates: {error}"
            raise ConfigError(text) from error
        self._log.info("endpoint {place!r} has new certificates", place=self.description)
        self._warn_of_certificates()

    def _warn_of_certificates(self) -> None:
        for warning in () if self.tls is None else self.tls.warnings():
            self._log.warn("{warning}", warning=warning)

    def _warn_of_directory(self, path: str) -> None:
        directory = unix_socket.open_directory(path)
        if directory is not None:
            self._log.warn(
                "{description!r}: others can write to {directory}, and put a socket of theirs "
                "there when ours is gone",
                description=self.description,
                directory=directory,
            )


def listen(
    endpoint: Endpoint,
    description: str,
    transport: Transport = "hybrid",
    *,
    resource: IResource | None = None,
    insecure_public: bool = False,
    reactor: Any = None,
) -> Deferred[IListeningPort]:
    """Serve an endpoint from a program of one's own, without the daemon.

    Args:
        endpoint: what is served.
        description: a Twisted server endpoint description.
        transport: what is spoken there: tcp, http, websocket or hybrid.
        resource: a `twisted.web` resource for the paths that are not RPC's.
        insecure_public: serve others without TLS or authentication all the same.
        reactor: the installed one unless given.

    Returns:
        A Deferred of the port, which fails if it cannot be bound, or turns out to be
        within reach of others without TLS and authentication.

    Raises:
        ConfigError: the description is wrong, or leads to such a port.
    """
    if reactor is None:
        from twisted.internet import reactor
    listener = Listener(transport=transport, endpoint=description)
    place = Place(endpoint, listener, insecure_public=insecure_public, reactor=reactor)
    pages = None if resource is None else Site(resource)
    return place.listen(factory_for(endpoint, listener, WebTable(), pages))


def factory_for(
    endpoint: Endpoint, listener: Listener, table: WebTable, pages: Pages | None
) -> RPCFactory:
    """The factory that speaks what a listener is to speak."""
    if listener.redirect is not None:
        return RedirectFactory(endpoint, listener.redirect)
    if listener.transport == "tcp":
        return StreamFactory(endpoint, listener.framing or "line", listener.shown)
    posts = listener.transport != "websocket"
    http = HTTPFactory(
        endpoint, table, listener.path, pages, posts=posts, namespaces=listener.shown
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
