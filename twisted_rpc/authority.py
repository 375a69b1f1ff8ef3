"""Hosts, ports and origins as the web writes them: what is one, and when two are the same."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["DEFAULT_PORTS", "Authority", "Origin", "address_of", "parse_authority", "parse_origin"]

DEFAULT_PORTS = {"http": 80, "https": 443}

_NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?"
_AUTHORITY = re.compile(rf"(\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]|{_NAME})(?::([0-9]{{0,5}}))?")
_ORIGIN = re.compile(r"(https?)://([^/]+)", re.IGNORECASE)
_LAST_PORT = 65535


class Authority(NamedTuple):
    """What a `Host` field names (RFC 9110, section 7.2).

    Attributes:
        host: a name in lower case, without the dot of the root; or an address in its
            shortest form, without brackets.
        port: None if none is named.
    """

    host: str
    port: int | None


class Origin(NamedTuple):
    """Where a page comes from (RFC 6454, section 4); two are the same if all of it is."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As browsers write it (RFC 6454, section 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


@lru_cache(maxsize=64)  # one client's requests all name the same host
def parse_authority(text: str) -> Authority | None:
    """A host, with or without a port; None if it is none.

    Nobody has a user's name or a zone in it (RFC 9110, section 4.2.4; RFC 6874, section 4).
    """
    found = _AUTHORITY.fullmatch(text)
    if found is None or int(found[2] or 0) > _LAST_PORT:
        return None
    name = found[1]
    host = address_of(name[1:-1]) if name.startswith("[") else name.lower().removesuffix(".")
    return Authority(host, int(found[2]) if found[2] else None) if host else None


def parse_origin(text: str) -> Origin | None:
    """The origin of a page that came over http or https; None of everything else."""
    found = _ORIGIN.fullmatch(text)
    authority = parse_authority(found[2]) if found else None
    if found is None or authority is None:
        return None
    scheme = found[1].lower()
    port = DEFAULT_PORTS[scheme] if authority.port is None else authority.port
    return Origin(scheme, authority.host, port)


def address_of(text: str) -> str:
    """An IP address in its one form: the shortest, no zone, IPv4 as itself; "" if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
