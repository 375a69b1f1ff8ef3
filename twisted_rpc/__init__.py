"""A JSON-RPC 2.0 daemon on Twisted: one typed object, served over TCP, HTTP and WebSocket."""

from twisted_rpc.config import Limits
from twisted_rpc.connection import Connection
from twisted_rpc.context import Context
from twisted_rpc.endpoint import Endpoint, Peer, Server
from twisted_rpc.errors import (
    CallError,
    CallTimeout,
    ConfigError,
    ConnectionLost,
    ErrorCode,
    ExposeError,
    InvalidParams,
    MethodNotFound,
    NotFullDuplex,
    RemoteError,
    RPCError,
)
from twisted_rpc.message import Request
from twisted_rpc.namespace import method
from twisted_rpc.params import Params
from twisted_rpc.transports.listening import listen
from twisted_rpc.transports.resource import rpc_resource

__all__ = [
    "CallError",
    "CallTimeout",
    "ConfigError",
    "Connection",
    "ConnectionLost",
    "Context",
    "Endpoint",
    "ErrorCode",
    "ExposeError",
    "InvalidParams",
    "Limits",
    "MethodNotFound",
    "NotFullDuplex",
    "Params",
    "Peer",
    "RPCError",
    "RemoteError",
    "Request",
    "Server",
    "listen",
    "method",
    "rpc_resource",
]

__version__ = "0.1.0"
