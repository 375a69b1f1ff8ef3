"""What is measured: the rows of the table."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from benchmarks.servers import SERVERS, Message, Server, Transport

__all__ = ["ROWS", "Measure", "Row"]

Measure = Literal["calls", "connects", "listen", "memory", "start"]

UNITS = {
    "calls": "calls/s",
    "connects": "connections/s",
    "listen": "notifications/s",
    "memory": "KiB per connection",
    "start": "seconds",
}


class Row(Struct, frozen=True):
    """One load, and the servers that it is put on.

    Attributes:
        title: what the table calls it.
        transport: see `Server`.
        measure: what is measured.
        message: what is sent.
        connections: how many there are.
        depth: calls outstanding on each.
        per_call: notifications that one call sends to each connection.
        quick: whether it is enough for a quick look.
    """

    title: str
    transport: Transport
    measure: Measure = "calls"
    message: Message = "add"
    connections: int = 32
    depth: int = 1
    per_call: int = 1
    quick: bool = False

    @property
    def unit(self) -> str:
        """Of the values."""
        return "batches/s" if self.message == "batch" else UNITS[self.measure]

    @property
    def less_is_better(self) -> bool:
        """Whether a small value is a good one."""
        return self.measure in {"memory", "start"}

    def servers(self) -> list[Server]:
        """Those who can do it, ours first."""
        found = [
            server
            for server in SERVERS
            if server.transport == self.transport
            and self.message in server.does
            and (server.kind != "limit" or self.quick)
        ]
        return sorted(found, key=lambda server: server.kind != "ours")


NAMES: dict[Transport, str] = {"tcp": "TCP", "http": "HTTP", "websocket": "WebSocket"}


def _rows_of(transport: Transport) -> list[Row]:
    name = NAMES[transport]
    return [
        Row(f"{name}, 1 outstanding", transport, quick=True),
        Row(f"{name}, 16 outstanding", transport, depth=16, quick=True),
        Row(f"{name}, batches of 100", transport, message="batch", quick=True),
        Row(f"{name}, memory", transport, "memory", connections=2000),
        Row(f"{name}, start to first answer", transport, "start"),
    ]


def _news(transport: Transport, subscribers: int) -> Row:
    return Row(
        f"{NAMES[transport]}, notifications to {subscribers:,}",
        transport,
        "listen",
        "news",
        connections=subscribers,
        per_call=max(1, 100 // subscribers),
    )


ROWS: tuple[Row, ...] = (
    *(row for transport in NAMES for row in _rows_of(transport)),
    _news("websocket", 1000),
)
