"""What a server is for the benchmarks, and our own daemon as one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from benchmarks.certificate import write_certificate

__all__ = [
    "ALIKE",
    "ALL",
    "FRAMINGS",
    "HERE",
    "OURS",
    "Command",
    "Kind",
    "Message",
    "Observed",
    "Server",
    "Transport",
]

HERE = Path(__file__).parent

Kind = Literal["ours", "node", "python", "rust", "limit"]
Transport = Literal["tcp", "content-length", "http", "websocket"]
Observed = Literal["", "metrics", "metrics and access log"]
Message = Literal["add", "batch", "1 KB", "100 KB", "news"]
Command = Callable[[int, Path], list[str]]
"""The command of a server's process, for a port and a directory of its own."""

ALL: frozenset[Message] = frozenset({"add", "1 KB", "100 KB", "batch"})
FRAMINGS: Mapping[Transport, str] = {
    "tcp": "line",
    "content-length": "header",
    "http": "http",
    "websocket": "ws",
}
"""What `rpcload` calls the usual framing of each."""

ALIKE: tuple[Transport, ...] = ("tcp", "http", "websocket")
"""What everything is measured over."""


class Server(Struct, frozen=True, kw_only=True):
    """A server that speaks one transport.

    Attributes:
        name: what the tables call it.
        kind: ours, what a peer runs on, or a limit that is no JSON-RPC server.
        transport: what it speaks.
        command: starts it.
        framing: as `rpcload` names it.
        path: of HTTP and WebSocket.
        does: the messages it can answer.
        quick: whether it belongs to a quick look.
        greeting: what a connection sends to be notified.
        observed: what it has beside the calls: metrics, or these and an access log.
        by_name: whether it takes parameters by name only.
        add: method and parameters of the call that is answered with `sum`, for who cannot add.
        answers: whether it does, and does not just send back what came.
    """

    name: str
    kind: Kind
    transport: Transport
    command: Command
    framing: str
    path: str = "/"
    does: frozenset[Message] = ALL
    quick: bool = True
    greeting: str | None = None
    observed: Observed = ""
    by_name: bool = False
    add: tuple[str, str] | None = None
    sum: object = 8
    answers: bool = True

    @property
    def key(self) -> str:
        """What tells it apart from all others."""
        return f"{self.name} {self.framing} {'news' if 'news' in self.does else ''}".rstrip()

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.framing.startswith("tls+")


def _command(transport: Transport, *, news: bool, secure: bool, observed: Observed) -> Command:
    """`twistd rpc` with a file like those in etc/; as many connections as come are let in."""
    is_stream = transport in {"tcp", "content-length"}
    framing = "header" if transport == "content-length" else "line"

    def command(port: int, directory: Path) -> list[str]:
        lines = [
            *(["[server]", 'class = "benchmarks.application:NewsServer"'] if news else []),
            "[limits]",
            'max_connections = "none"',
            'max_connections_per_address = "none"',
            "[[listen]]",
            f'transport = "{"tcp" if is_stream else transport}"',
            f'endpoint = "tcp:{port}:interface=127.0.0.1"',
            *([f'framing = "{framing}"'] if is_stream else []),
            *([f'certificate = "{write_certificate(directory)}"'] if secure else []),
            *(["metrics = false"] if transport == "http" and not observed else []),
            *(_METRICS if observed and transport != "http" else []),
            *(_access_log(directory) if "access log" in observed else []),
            *([] if news else ["[expose]", 'calc = "benchmarks.application:Calculator"']),
        ]
        file = directory / "benchmarks.toml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        twistd = Path(sys.executable).with_name("twistd")
        return [str(twistd), "-n", "--pidfile=", "rpc", "--config", str(file)]

    return command


_METRICS = ("[[listen]]", 'transport = "http"', 'endpoint = "tcp:0:interface=127.0.0.1"')
"""Another listener, which shows the metrics of all of them."""


def _access_log(directory: Path) -> list[str]:
    return ["[log]", "access = true", f'access_file = "{directory / "access.log"}"']


def ours(
    transport: Transport, *, news: bool = False, secure: bool = False, observed: Observed = ""
) -> Server:
    """Our daemon, as users start it; `news` is for a server that notifies."""
    with_what = " over TLS" if secure else f" with {observed}" if observed else ""
    return Server(
        name=f"twisted_rpc{with_what}",
        kind="ours",
        transport=transport,
        command=_command(transport, news=news, secure=secure, observed=observed),
        framing=f"{'tls+' if secure else ''}{FRAMINGS[transport]}",
        does=frozenset({"news"}) if news else ALL,
        observed=observed,
    )


OURS: tuple[Server, ...] = (
    *(ours(transport) for transport in FRAMINGS),
    ours("tcp", news=True),
    ours("websocket", news=True),
    ours("tcp", secure=True),
    ours("http", secure=True),
    ours("websocket", secure=True),
    *(ours(transport, observed="metrics") for transport in ALIKE),
    *(ours(transport, observed="metrics and access log") for transport in ALIKE),
)
