"""The daemon that is soaked, and where it listens."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from tests.processes import Daemon
from tests.transports.certificate import self_signed

__all__ = ["LIMITS", "NAMES", "PASSWORD", "USER", "Place", "Soaked"]

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "soak", "well"
ALL = ("line", "http", "websocket")

LIMITS: dict[str, Any] = {
    "max_message": 65536,
    "request_timeout": 5,
    "handshake_timeout": 8,
    "idle_timeout": 600,
    "unread_timeout": 3,
    "ping_interval": 600,
    "drain_timeout": 2,
    # All of loopback is one address, and some clients do nothing but fail to log in.
    "max_connections_per_address": '"none"',
    "max_auth_attempts": '"none"',
}
"""Short times, so that what waits for one of them is over soon; good clients may be silent."""

_LISTENERS = {
    "tcp": ("tcp", "tcp:0:interface=127.0.0.1", ("line",)),
    "http": ("http", "tcp:0:interface=127.0.0.1", ("http",)),
    "websocket": ("websocket", "tcp:0:interface=127.0.0.1", ("websocket",)),
    "hybrid": ("hybrid", "tcp:0:interface=127.0.0.1", ALL),
    "tls": ("hybrid", "ssl:0:interface=127.0.0.1:privateKey=pem:certKey=pem", ALL),
    "unix": ("hybrid", "unix:soak.sock", ALL),
}
NAMES = tuple(_LISTENERS)


class Place(Struct, frozen=True):
    """One listener.

    Attributes:
        name: in `NAMES`.
        port: of TCP, on 127.0.0.1; 0 for a socket at a path.
        path: of a Unix socket.
        protocols: what may be spoken there.
        tls: what a client needs, where TLS is spoken.
    """

    name: str
    port: int
    path: Path
    protocols: tuple[str, ...]
    tls: ssl.SSLContext | None = None

    def source(self, random: Random) -> tuple[str, int]:
        """An address of this machine to come from: loopback has 2 to the power of 24."""
        return f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}", 0


class Soaked(Daemon):
    """`twistd rpc` with all listeners, where everybody has to log in.

    Args:
        directory: for its configuration, certificate, socket and log.
    """

    logs_incidents = True

    def __init__(self, directory: Path) -> None:
        (directory / "pem").write_bytes(self_signed("localhost"))
        config = directory / "soak.toml"
        config.write_text(_configuration(), encoding="utf-8")
        twistd = str(Path(sys.executable).with_name("twistd"))
        command = [twistd, "-n", "--pidfile=", "rpc", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        super().__init__(command, directory, environment, listeners=len(_LISTENERS))

    @property
    def places(self) -> dict[str, Place]:
        """Where it listens, by name."""
        tls = ssl.create_default_context(cadata=self_signed("localhost").decode("ascii"))
        ports = dict(zip(_LISTENERS, self.listening, strict=True))
        return {
            name: Place(
                name,
                ports[name],
                self.directory / "soak.sock",
                protocols,
                tls if name == "tls" else None,
            )
            for name, (_, _, protocols) in _LISTENERS.items()
        }


def _configuration() -> str:
    lines = ['[server]\nclass = "tests.soak.service:SoakServer"']
    lines.append(f'auth = ["memory:{USER}:{PASSWORD}"]')
    for transport, endpoint, _ in _LISTENERS.values():
        lines.append(f'[[listen]]\ntransport = "{transport}"\nendpoint = "{endpoint}"')
    lines.append("[limits]")
    lines.extend(f"{name} = {value}" for name, value in LIMITS.items())
    return "\n".join(lines) + "\n"
