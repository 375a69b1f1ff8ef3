"""A wire that counts what is written to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_rpc.endpoint import Endpoint
from twisted_rpc.transports.wire import Wire

__all__ = ["MeteredWire", "wire_for"]


class MeteredWire(Wire):
    """See `Wire`.

    Args:
        transport, owner, congested: see `Wire`.
        name: of the transport, as it is counted.
    """

    __slots__ = ("_traffic",)

    def __init__(
        self, transport: Any, owner: Endpoint, congested: Callable[[bool], None], name: str
    ) -> None:
        super().__init__(transport, owner, congested)
        assert owner.meters is not None
        self._traffic = owner.meters.traffic_of(name)

    def write(self, data: bytes) -> None:
        """See `Wire.write`."""
        self._traffic.sent += len(data)
        Wire.write(self, data)


def wire_for(transport: Any, owner: Endpoint, congested: Callable[[bool], None], name: str) -> Wire:
    """What writes to a transport; it counts that if its owner is measured, under a name."""
    if owner.meters is None or not name:
        return Wire(transport, owner, congested)
    return MeteredWire(transport, owner, congested, name)
