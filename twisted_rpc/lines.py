"""The lines of an endpoint: how many there are, from where, and who has proved nothing yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from twisted.logger import Logger

from twisted_rpc.answers import Counters
from twisted_rpc.config import Limits
from twisted_rpc.interfaces import ILine

__all__ = ["Lines", "source_of"]

_NETWORK = 64
"""Bits of an IPv6 address that its owner does not choose (RFC 6177, section 2)."""


@lru_cache(maxsize=1024)
def source_of(address: str) -> str:
    """What an address is counted by.

    One host has a whole /64 of public IPv6 addresses to choose from, so they count as one.
    An IPv4 address is itself, whichever socket it came in by, and all of loopback is one:
    whoever is on this machine has all of its addresses.

    Args:
        address: an IP address, or another word for where a line comes from.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return source_of(str(found.ipv4_mapped))
        if not found.is_loopback:
            return str(IPv6Network((found, _NETWORK), strict=False))
    return "loopback" if found.is_loopback else address


class Lines:
    """Every line there is, also those that have not come to be a connection.

    A line is a stranger until it has proved who calls, where that is asked for.  Of
    strangers there may be `max_unauthenticated`; one more, and the oldest of the source
    that has most of them is dropped.  Refusing the newcomer instead would let anybody lock
    out everybody by holding so many silent lines.

    Args:
        limits: `max_connections`, `max_connections_per_address`, `max_unauthenticated`.
        counters: told which of them was hit.
    """

    _log = Logger()

    def __init__(self, limits: Limits, counters: Counters) -> None:
        self._limits = limits
        self._counters = counters
        self._sources: dict[ILine, str] = {}
        self._of_source: Counter[str] = Counter()
        self._strangers: dict[ILine, str] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[ILine]:
        return iter(tuple(self._sources))

    def __contains__(self, line: object) -> bool:
        return line in self._sources

    @property
    def strangers(self) -> int:
        """How many have yet to prove who calls."""
        return len(self._strangers)

    @property
    def sources(self) -> int:
        """How many places they come from."""
        return len(self._of_source)

    def admit(self, line: ILine, address: str, *, stranger: bool = False) -> str | None:
        """Count one more line in.

        Args:
            line: it.
            address: where it comes from.
            stranger: whether it has yet to prove who calls.

        Returns:
            None, or which limit refuses it; only an admitted one is released.
        """
        limits, source = self._limits, source_of(address)
        if limits.max_connections and len(self._sources) >= limits.max_connections:
            self._counters.hit("max_connections")
            return f"{limits.max_connections} connections (max_connections)"
        per_address = limits.max_connections_per_address
        full = per_address is not None and self._of_source[source] >= per_address
        if full and not self._drop_stranger_of(source, "max_connections_per_address"):
            self._counters.hit("max_connections_per_address")
            return f"{per_address} connections from one address (max_connections_per_address)"
        if stranger:
            self._make_room()
            self._strangers[line] = source
        self._of_source[source] += 1
        self._sources[line] = source
        return None

    def _make_room(self) -> None:
        """Drop a stranger if there are as many as there may be."""
        most = self._limits.max_unauthenticated
        if most is None or len(self._strangers) < most:
            return
        ((source, _),) = Counter(self._strangers.values()).most_common(1)
        self._drop_stranger_of(source, "max_unauthenticated")

    def _drop_stranger_of(self, source: str, limit: str) -> bool:
        """Drop the oldest stranger from a place; say whether there was one.

        So silent lines push out each other, and keep out nobody who can say who it is.
        """
        if source not in self._strangers.values():
            return False
        self._counters.hit(limit)
        oldest = next(line for line, theirs in self._strangers.items() if theirs == source)
        del self._strangers[oldest]
        self._log.warn(
            "dropped a line of {source} that has not proved who it is ({limit})",
            source=source,
            limit=limit,
        )
        oldest.abort()
        return True

    def proved(self, line: ILine) -> bool:
        """It is known who calls on a line; whether it was a stranger's."""
        return self._strangers.pop(line, None) is not None

    def doubt(self, line: ILine) -> None:
        """It is a stranger's again, the latest of all."""
        self._make_room()
        self._strangers[line] = self._sources[line]

    def succeed(self, line: ILine, successor: ILine) -> None:
        """Another protocol goes on with an admitted line."""
        self._sources[successor] = self._sources.pop(line)
        if line in self._strangers:
            self._strangers[successor] = self._strangers.pop(line)

    def release(self, line: ILine) -> None:
        """An admitted line is gone."""
        source = self._sources.pop(line)
        self._strangers.pop(line, None)
        self._of_source[source] -= 1
        if self._of_source[source] <= 0:
            del self._of_source[source]
