"""What is measured: the rows of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from benchmarks.peers import SERVERS
from benchmarks.servers import ALIKE, Message, Server, Transport

__all__ = ["ROWS", "Measure", "Row", "servers_of"]

Measure = Literal["calls", "connects", "listen", "memory", "start"]
UNITS: Mapping[Measure, str] = {
    "calls": "calls/s",
    "connects": "connections/s",
    "listen": "notifications/s",
    "memory": "KiB per connection",
    "start": "s",
}


class Row(Struct, frozen=True, kw_only=True):
    """One load.

    Attributes:
        title: what the table calls it.
        transport: see `Server`.
        measure: what is measured; except for `calls`, the actions of `rpcload` say how.
        message: what is sent.
        connections: how many there are.
        depth: calls outstanding on each.
        per_call: notifications that one call sends to each connection.
        secure: whether it is our own TLS beside our own plain transport.
        observed: whether it is ours with metrics, and with an access log, beside ours without.
        limits: whether servers that check nothing are measured too.
        quick: whether it is enough for a quick look.
    """

    title: str
    transport: Transport
    measure: Measure = "calls"
    message: Message = "add"
    connections: int = 32
    depth: int = 1
    per_call: int = 1
    secure: bool = False
    observed: bool = False
    limits: bool = False
    quick: bool = False

    @property
    def unit(self) -> str:
        """Of the values."""
        return "batches/s" if self.message == "batch" else UNITS[self.measure]

    @property
    def less_is_better(self) -> bool:
        """Whether a small value is a good one."""
        return self.measure in {"memory", "start"}


def servers_of(row: Row, *, quick: bool = False) -> list[Server]:
    """Those who can do what a row asks for; the first is ours, which the others stand beside."""
    can = [
        server
        for server in SERVERS
        if server.transport == row.transport and row.message in server.does
    ]
    if row.secure:
        mine = [server for server in can if server.kind == "ours"]
        return sorted(
            [server for server in mine if not server.observed],
            key=lambda server: not server.is_secure,
        )
    if row.observed:
        mine = [server for server in can if server.kind == "ours" and not server.is_secure]
        return sorted(mine, key=lambda server: len(server.observed))
    return [
        server
        for server in can
        if not (server.is_secure or server.observed)
        and (server.kind != "limit" or row.limits)
        and (server.quick or not quick)
    ]


NAMES: Mapping[Transport, str] = {
    "tcp": "TCP",
    "content-length": "Content-Length",
    "http": "HTTP",
    "websocket": "WebSocket",
}


def _row(transport: Transport, title: str, measure: Measure = "calls", **load: Any) -> Row:
    return Row(title=f"{NAMES[transport]}, {title}", transport=transport, measure=measure, **load)


def _calls(transport: Transport) -> list[Row]:
    return [
        _row(transport, "1 outstanding", limits=True, quick=True),
        _row(transport, "16 outstanding", depth=16, limits=True, quick=True),
        _row(transport, "batches of 100", message="batch", limits=True, quick=True),
        _row(transport, "1 connection", connections=1),
        _row(transport, "1,000 connections", connections=1000),
        _row(transport, "1 KB there and back", message="1 KB"),
        _row(transport, "100 KB there and back", message="100 KB"),
        _row(transport, "connect, call, close", "connects"),
        _row(transport, "memory of an idle connection", "memory", connections=2000),
        _row(transport, "start to first answer", "start"),
    ]


def _news(transport: Transport, subscribers: int) -> Row:
    return _row(
        transport,
        f"notifications to {subscribers:,}",
        "listen",
        message="news",
        connections=subscribers,
        per_call=max(1, 100 // subscribers),
    )


def _secure(transport: Transport, depth: int) -> Row:
    return _row(transport, f"TLS, {depth} outstanding", secure=True, depth=depth)


def _observed(transport: Transport) -> list[Row]:
    return [
        _row(transport, "observed, 1 outstanding", observed=True, quick=True),
        _row(transport, "observed, 16 outstanding", depth=16, observed=True, quick=True),
        _row(transport, "observed, batches of 100", message="batch", observed=True, quick=True),
    ]


ROWS: tuple[Row, ...] = (
    *(row for transport in ALIKE for row in _calls(transport)),
    _row("content-length", "1 outstanding"),
    _row("content-length", "16 outstanding", depth=16),
    *(_news("websocket", subscribers) for subscribers in (1, 100, 1000)),
    *(_news("tcp", subscribers) for subscribers in (1, 100, 1000)),
    *(_secure(transport, depth) for transport in ALIKE for depth in (1, 16)),
    *(row for transport in ALIKE for row in _observed(transport)),
)
