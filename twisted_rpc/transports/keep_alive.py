"""Far sides that are dead, as the kernel finds out."""

from __future__ import annotations

import math
import socket
from functools import lru_cache
from typing import Any

from twisted_rpc.config import Limits
from twisted_rpc.transports.sockets import socket_of

__all__ = ["keep_alive"]

_PROBES = 5
"""How often the kernel asks a silent far side: packets may be lost."""

_MOST_SECONDS, _MOST_MILLISECONDS = 32767, (1 << 31) - 1
"""What Linux takes for options of TCP."""


def keep_alive(transport: Any, limits: Limits) -> None:
    """Have the kernel find out that a far side is dead, as pings do it on a WebSocket.

    After `ping_interval` seconds of silence it begins to ask, and `ping_timeout` seconds
    later, without an answer, the line is lost; so it is when what we sent has not been
    acknowledged for as long as both together (RFC 9293, section 3.8.3; RFC 5482).  Linux
    counts the time in which a far side that is there keeps its window shut as well.

    The kernel counts in whole seconds.  An option that this system does not have is left
    out, and a `ping_interval` of None leaves the socket as it is.

    Args:
        transport: a TCP connection, or TLS over one.
        limits: whose `ping_interval` and `ping_timeout` hold.
    """
    below = socket_of(transport)
    if limits.ping_interval is None or below is None:
        return
    below.setTcpKeepAlive(True)
    handle = below.getHandle()
    for name, value in _options(limits.ping_interval, limits.ping_timeout).items():
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@lru_cache(maxsize=16)
def _options(interval: float, timeout: float | None) -> dict[str, int]:
    """The options of TCP that say so."""
    options = {"TCP_KEEPIDLE": _seconds(interval)}
    if timeout is not None:
        probes = min(_seconds(timeout), _PROBES)
        options["TCP_KEEPCNT"] = probes
        options["TCP_KEEPINTVL"] = _seconds(timeout / probes)
        options["TCP_USER_TIMEOUT"] = min(int((interval + timeout) * 1000), _MOST_MILLISECONDS)
    return options


def _seconds(seconds: float) -> int:
    return max(1, min(math.ceil(seconds), _MOST_SECONDS))
