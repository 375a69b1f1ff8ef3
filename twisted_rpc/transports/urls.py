"""URLs: of far sides, refused at once if they make no sense; of our own listeners.

They are shown without user and password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

__all__ = ["EXAMPLES", "PORTS", "URL", "parse_url", "urls_of", "without_user"]

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""Those that a URL need not name."""

_SPOKEN = {"tcp": ("tcp",), "http": ("http", "ws"), "websocket": ("ws",)}
_SPOKEN["hybrid"] = ("http", "ws", "tcp")
"""What leads to a listener, by its transport."""

EXAMPLES = "tcp://127.0.0.1:7080, http://127.0.0.1:7080/rpc, ws://127.0.0.1:7080/rpc"


class URL(NamedTuple):
    """Where a URL leads.

    Attributes:
        scheme: one of `PORTS`, `tcp` or `tcps`.
        host: its name in ASCII, or its address.
        port: its number.
        user, password: None if the URL names none.
        text: the URL without them, in ASCII.
    """

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    text: str


def parse_url(url: str) -> URL:
    """Take a URL apart (RFC 3986).

    Raises:
        ValueError: it makes no sense.  The text shows no part of user and password.
    """
    shown = without_user(url)
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError(f"{shown!r}: a URL has no spaces or control characters: percent-encode")
    try:
        parts = urlsplit(url)
    except ValueError:  # whose text may show the password
        raise ValueError(f"{shown!r} is no URL; such as {EXAMPLES}") from None
    if parts.scheme not in {*PORTS, "tcp", "tcps"}:
        raise ValueError(f"{shown!r}: unknown scheme {parts.scheme!r}; such as {EXAMPLES}")
    host = _host(parts, shown)
    port = _port(parts, shown)
    if parts.scheme in ("tcp", "tcps") and parts.path not in ("", "/"):
        raise ValueError(f"{shown!r}: {parts.scheme} has no path")
    place = parts.netloc.rpartition("@")[2]
    if not place.isascii():
        place = place.lower().replace(parts.hostname or "", host)
    text = urlunsplit(parts._replace(netloc=place, fragment=""))
    foreign = re.search(r"[^!-~]", text)
    if foreign:
        raise ValueError(f"{shown!r}: write {foreign[0]!r} as {quote(foreign[0])} (RFC 3986)")
    user = password = None
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
    return URL(parts.scheme, host, port, user, password, text)


def without_user(url: str) -> str:
    """What can be shown of a URL, even of one that is wrong: nothing before the last @."""
    return re.sub(r"^([a-z][a-z0-9+.-]*://)?.*@", r"\1...@", url, flags=re.DOTALL | re.IGNORECASE)


def _host(parts: SplitResult, shown: str) -> str:
    if not parts.hostname:
        raise ValueError(f"{shown!r} names no host; such as {EXAMPLES}")
    try:
        return parts.hostname.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{shown!r}: its host is not the name of a host (RFC 3490)") from None


def _port(parts: SplitResult, shown: str) -> int:
    try:
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        raise ValueError(f"{shown!r}: the port is no number up to 65535") from None
    if port is None:
        raise ValueError(f"{shown!r} names no port; such as {EXAMPLES}")
    return port


def urls_of(
    transport: str, hosts: Iterable[str], port: int, path: str, *, secure: bool
) -> list[str]:
    """The URLs of a listener.

    Args:
        transport: what is spoken there, as a listener says it.
        hosts: the names and addresses that it is reached by.
        port: its number.
        path: where it answers to HTTP.
        secure: whether there is TLS.
    """
    found = []
    for host in hosts:
        place = f"[{host}]" if ":" in host else host
        for kind in _SPOKEN.get(transport, ()):
            scheme = f"{kind}s" if secure else kind
            number = "" if port == PORTS.get(scheme) else f":{port}"
            found.append(f"{scheme}://{place}{number}{'' if kind == 'tcp' else path}")
    return found
