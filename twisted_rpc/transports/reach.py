"""Who can reach a listener, and what it has to have for that."""

from __future__ import annotations

import ipaddress
import os
import stat
from enum import Enum
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    UNIXServerEndpoint,
)

__all__ = ["Reach", "innermost", "missing", "of_address", "of_endpoint"]

_OTHERS = stat.S_IRWXO


class Reach(Enum):
    """Who can connect."""

    OWN = "this machine by TCP, the user and the group of a Unix socket"
    LOCAL = "every user of this machine"
    PUBLIC = "others"


def innermost(endpoint: Any) -> Any:
    """The endpoint that binds, inside those that wrap it (`haproxy:`)."""
    while hasattr(endpoint, "_wrappedEndpoint"):
        endpoint = endpoint._wrappedEndpoint
    return endpoint


def of_endpoint(endpoint: Any) -> Reach | None:
    """Who can reach an endpoint; None where only the bound port can tell."""
    endpoint = innermost(endpoint)
    if isinstance(endpoint, UNIXServerEndpoint):
        return _of_mode(endpoint._mode, endpoint._address)
    if isinstance(endpoint, TCP4ServerEndpoint | TCP6ServerEndpoint | SSL4ServerEndpoint):
        interface = endpoint._interface
        return None if interface == "localhost" else _of_host(interface)
    return None


def of_address(address: Any) -> Reach:
    """Who can reach a bound port, by its address; others, where that cannot be told."""
    if isinstance(address, IPv4Address | IPv6Address):
        return _of_host(address.host)
    if isinstance(address, UNIXAddress) and address.name:
        path = os.fsdecode(address.name)
        try:
            return _of_mode(0o777 if path.startswith("\0") else Path(path).stat().st_mode, path)
        except OSError:
            return Reach.LOCAL
    return Reach.PUBLIC


def missing(reach: Reach, *, encrypted: bool, authenticated: bool) -> str | None:
    """What a listener lacks that can be reached like this; None if it lacks nothing."""
    lacks = []
    if reach is Reach.PUBLIC and not encrypted:
        lacks.append("no TLS (certificate and key)")
    if reach is not Reach.OWN and not authenticated:
        lacks.append("no authentication (auth)")
    return " and ".join(lacks) or None


def _of_host(host: str) -> Reach:
    """An empty name and an address of no interface mean all of them."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return Reach.PUBLIC
    mapped = getattr(address, "ipv4_mapped", None)
    return Reach.OWN if (mapped or address).is_loopback else Reach.PUBLIC


def _of_mode(mode: int, path: str) -> Reach:
    """An abstract socket, whose name begins with NUL, has no mode: it is open to all."""
    return Reach.LOCAL if mode & _OTHERS or path.startswith("\0") else Reach.OWN
