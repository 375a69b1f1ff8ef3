"""A JSON-RPC 2.0 daemon on Twisted: one typed object, served over TCP, HTTP and WebSocket.

A name is imported from its module when it is first asked for, so that a daemon does not load
the client, nor a program that calls the server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # type checkers and editors do not see through `__getattr__`
    from twisted_rpc.auth.portal import IIdentity
    from twisted_rpc.client import Client
    from twisted_rpc.config import Limits
    from twisted_rpc.connection import Connection
    from twisted_rpc.context import Context
    from twisted_rpc.correlation import Correlation
    from twisted_rpc.endpoint import Endpoint
    from twisted_rpc.errors import (
        AuthenticationFailed,
        CallError,
        CallTimeout,
        CertificateRefused,
        ConfigError,
        ConnectError,
        ConnectionLost,
        ConnectionRefused,
        ErrorCode,
        ExposeError,
        InvalidParams,
        MethodNotFound,
        NotFullDuplex,
        ProtocolError,
        RemoteError,
        RPCError,
        TooManyCalls,
        UnknownHost,
    )
    from twisted_rpc.events import Event
    from twisted_rpc.futures import as_future, running_reactor
    from twisted_rpc.identity import Identity
    from twisted_rpc.keeping import State
    from twisted_rpc.marking import Example, method
    from twisted_rpc.message import Request
    from twisted_rpc.offline import Offline
    from twisted_rpc.params import Params
    from twisted_rpc.peer import Peer
    from twisted_rpc.server import Server
    from twisted_rpc.tracing import Trace
    from twisted_rpc.transports.connecting import connect, connector
    from twisted_rpc.transports.listening import listen
    from twisted_rpc.transports.memory import in_memory
    from twisted_rpc.transports.resource import rpc_resource
    from twisted_rpc.watchdog import Watchdog

__all__ = [
    "AuthenticationFailed",
    "CallError",
    "CallTimeout",
    "CertificateRefused",
    "Client",
    "ConfigError",
    "ConnectError",
    "Connection",
    "ConnectionLost",
    "ConnectionRefused",
    "Context",
    "Correlation",
    "Endpoint",
    "ErrorCode",
    "Event",
    "Example",
    "ExposeError",
    "IIdentity",
    "Identity",
    "InvalidParams",
    "Limits",
    "MethodNotFound",
    "NotFullDuplex",
    "Offline",
    "Params",
    "Peer",
    "ProtocolError",
    "RPCError",
    "RemoteError",
    "Request",
    "Server",
    "State",
    "TooManyCalls",
    "Trace",
    "UnknownHost",
    "Watchdog",
    "as_future",
    "connect",
    "connector",
    "in_memory",
    "listen",
    "method",
    "rpc_resource",
    "running_reactor",
]

__version__ = "0.1.0"

_MODULES = {
    "auth.portal": ("IIdentity",),
    "client": ("Client",),
    "config": ("Limits",),
    "connection": ("Connection",),
    "context": ("Context",),
    "correlation": ("Correlation",),
    "endpoint": ("Endpoint",),
    "errors": (
        *("AuthenticationFailed", "CallError", "CallTimeout", "CertificateRefused"),
        *("ConfigError", "ConnectError", "ConnectionLost", "ConnectionRefused", "ErrorCode"),
        *("ExposeError", "InvalidParams", "MethodNotFound", "NotFullDuplex", "ProtocolError"),
        *("RPCError", "RemoteError", "TooManyCalls", "UnknownHost"),
    ),
    "events": ("Event",),
    "futures": ("as_future", "running_reactor"),
    "identity": ("Identity",),
    "keeping": ("State",),
    "marking": ("Example", "method"),
    "message": ("Request",),
    "offline": ("Offline",),
    "params": ("Params",),
    "peer": ("Peer",),
    "server": ("Server",),
    "tracing": ("Trace",),
    "transports.connecting": ("connect", "connector"),
    "transports.listening": ("listen",),
    "transports.memory": ("in_memory",),
    "transports.resource": ("rpc_resource",),
    "watchdog": ("Watchdog",),
}
"""The names of each module."""

_HOMES = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:  # to them every name would exist

    def __getattr__(name: str) -> object:
        """Import a name of the package, or a module of it, once (PEP 562)."""
        if name in _HOMES:
            value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
            globals()[name] = value
            return value
        module = f"{__name__}.{name}"
        try:
            if not name.startswith("_"):
                return import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    """What there is, loaded or not."""
    return sorted({*globals(), *__all__})
