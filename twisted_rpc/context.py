"""What a method may know of the call it answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import UNSET, Struct

from twisted_rpc.tracing import Trace

__all__ = ["NO_HEADERS", "Context"]

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
"""Where there are none."""


class Context(Struct, frozen=True, kw_only=True):
    """The circumstances of one call.

    A method receives it through a parameter annotated `Context`; for
    `Endpoint.dispatch` an application makes one itself.

    Attributes:
        method: the full name that was called.
        id: the request's id; `UNSET` for a notification.
        connection: the far side, to call back or to watch; None outside a connection.
        identity: who calls, as authentication found out; None without.
        deadline: when the call times out, on the reactor's clock, in seconds; None if never.
        headers: the HTTP headers of the request or the WebSocket handshake, lower case,
            without the credentials.
        view: what its caller may see of the methods: `find(name)`, `names()`,
            `permits(name)`; see `access.View`.
        request_id: names the request that the call serves, as its caller or a proxy did.
        trace: where it stands in a trace, if its caller said so.
    """

    method: str = ""
    id: Any = UNSET
    connection: Any = None
    identity: Any = None
    deadline: float | None = None
    headers: Mapping[str, str] = NO_HEADERS
    view: Any = None
    request_id: str = ""
    trace: Trace | None = None
