"""Everything that says it implements an interface does.

The package is searched for such classes, so one that is added has to be listed here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from zope.interface import Interface, directlyProvides, implementedBy, providedBy
from zope.interface.verify import verifyClass, verifyObject

import twisted_rpc
from tests.helpers import MemoryConnection, new_path
from tests.transports.certificate import self_signed
from twisted_rpc import Connection, Endpoint, Peer, Server
from twisted_rpc.auth import credentials, portal, tickets
from twisted_rpc.checkers import certificates, htpasswd, jwt, tokens, unix_peers
from twisted_rpc.interfaces import IConnectionOwner, ILine, IRPCConnection
from twisted_rpc.listener import Listener
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs import observers
from twisted_rpc.logs.lines import JSON
from twisted_rpc.logs.output import Output
from twisted_rpc.transports import (
    base,
    bodies,
    http_client,
    hybrid,
    memory,
    polling,
    resource,
    site,
    stream,
    tls,
    tunnel,
    websocket,
    websocket_line,
    wire,
)
from twisted_rpc.transports.http import HTTPFactory, HTTPProtocol


def _server() -> Server:
    return Server(reactor=Clock())


def _wire() -> wire.Wire:
    server = _server()
    return wire.Wire(StringTransport(), server, lambda congested: None)


def _tls() -> Any:
    transport = StringTransport()
    directlyProvides(transport, ISSLTransport)
    return site._Transport(transport, _wire())


def _tls_of_a_listener() -> tls.TLS:
    path = new_path()
    Path(path).write_bytes(self_signed("localhost"))
    Path(path).chmod(0o600)
    return tls.TLS(Listener(transport="http", endpoint="tcp:0", certificate=path))


def _either() -> Any:
    both = portal.portal_for(portal.OneUser("a", "b"))
    portal.add_checker(both, portal.OneUser("c", "d"))
    return next(iter(both.checkers.values()))


def _file(text: str) -> str:
    path = Path(new_path())
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def _tunnel() -> tunnel.TunnelEndpoint:
    reactor = MemoryReactorClock()
    proxy = tunnel.ProxyEndpoint("http_proxy", "http://h:1", reactor=reactor)
    return tunnel.TunnelEndpoint(proxy, "h", 1, reactor=reactor)


def _websocket() -> websocket.WebSocketProtocol:
    return websocket.WebSocketProtocol(websocket.WebSocketFactory(_server()), {}, None)


def _line() -> memory.Line:
    return memory.Line(Protocol(), Protocol(), Clock())


MAKERS = {
    credentials.BearerToken: lambda: credentials.BearerToken(b"t"),
    credentials.ClientCertificate: lambda: credentials.ClientCertificate(None),
    credentials.UnixPeer: lambda: credentials.UnixPeer(0, 0, 1),
    certificates.CertificateChecker: lambda: certificates.CertificateChecker(subject="CN"),
    htpasswd.HtpasswdChecker: lambda: htpasswd.HtpasswdChecker(_file("")),
    jwt.JWTChecker: lambda: jwt.JWTChecker(["HS256"], secret=_file("s" * 32)),
    tokens.TokenChecker: lambda: tokens.TokenChecker(_file("")),
    unix_peers.UnixPeerChecker: unix_peers.UnixPeerChecker,
    portal._Either: _either,
    portal._Names: portal._Names,
    portal.OneUser: lambda: portal.OneUser("a", "b"),
    tickets.Ticket: lambda: tickets.Ticket("t"),
    http_client._Quiet: lambda: http_client._Quiet(_tunnel()),
    http_client._OnePlace: lambda: http_client._OnePlace(_tunnel()),
    tunnel.ProxyEndpoint: lambda: _tunnel().proxy,
    tunnel.TunnelEndpoint: _tunnel,
    resource._RequestConnection: lambda: resource._RequestConnection(_server(), "h"),
    bodies.RequestBody: lambda: bodies.RequestBody(b""),
    Connection: lambda: MemoryConnection(_server()),
    Endpoint: _server,
    base.RPCProtocol: base.RPCProtocol,
    HTTPProtocol: HTTPProtocol,
    HTTPFactory: lambda: HTTPFactory(_server()),
    hybrid.HybridFactory: lambda: hybrid.HybridFactory(HTTPFactory(_server())),
    hybrid.HybridProtocol: lambda: hybrid.HybridFactory(HTTPFactory(_server())).buildProtocol(None),
    polling.LinePoll: lambda: polling.LinePoll(MemoryReactorClock()),
    site._Transport: _tls,
    stream.StreamProtocol: lambda: stream.StreamProtocol("line"),
    websocket_line.WebSocketLine: _websocket,
    observers.LineObserver: lambda: observers.LineObserver(JSON, Output(2)),
    observers.Log: lambda: observers.Log(LogTable(), 2),
    memory.End: lambda: _line().to_caller.receiver,
    memory.MemoryAddress: memory.MemoryAddress,
    memory.MemoryEndpoint: lambda: memory.in_memory(_server()),
    tls.TLS: _tls_of_a_listener,
    wire.Wire: _wire,
}
"""How to make one of each class that bears an `@implementer`."""


def _classes() -> Iterator[type]:
    """Every class of the package."""
    for found in pkgutil.walk_packages(twisted_rpc.__path__, "twisted_rpc."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            for _, cls in inspect.getmembers(module, inspect.isclass):
                if cls.__module__ == found.name:
                    yield cls


def _declares(cls: type) -> bool:
    """Whether a class itself says what it implements."""
    declared = cls.__dict__.get("__implemented__")
    return declared is not None and bool(list(declared.declared))


def test_every_implementer_is_listed() -> None:
    assert {cls for cls in _classes() if _declares(cls)} == set(MAKERS)


@pytest.mark.parametrize("cls", MAKERS, ids=lambda cls: cls.__name__)
def test_implementer_provides_what_it_says(cls: type) -> None:
    instance = MAKERS[cls]()
    assert isinstance(instance, cls)
    for interface in implementedBy(cls):
        assert verifyClass(interface, cls)
    for interface in providedBy(instance):
        # twisted.web asks no more of this one than whether it is there.
        if interface is not ISSLTransport:
            assert verifyObject(interface, instance)


@pytest.mark.parametrize(
    ("interface", "instance"),
    [
        (IConnectionOwner, Server(reactor=Clock())),
        (IConnectionOwner, Peer(reactor=Clock())),
        (IRPCConnection, MemoryConnection(_server())),
        (ILine, MemoryConnection(_server())),
    ],
    ids=["Server", "Peer", "connection", "line"],
)
def test_what_subclasses_provide(interface: type[Interface], instance: object) -> None:
    assert verifyObject(interface, instance)
