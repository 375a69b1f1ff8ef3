"""Who is measured: our own daemon, the servers of others, and what a server could do at most."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

__all__ = ["HERE", "OURS", "PEERS", "SERVERS", "Kind", "Message", "Server", "Transport"]

HERE = Path(__file__).parent
NODE = HERE / "peers" / "node"
PYTHON = HERE / "peers" / "python"
VENV = HERE / ".venv" / "bin" / "python"
ANVIL = NODE / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"

Kind = Literal["ours", "node", "python", "rust", "limit"]
Transport = Literal["tcp", "http", "websocket"]
Message = Literal["add", "batch", "1 KB", "100 KB", "news"]
Command = Callable[[int, Path], list[str]]

CALLS: frozenset[Message] = frozenset({"add", "1 KB", "100 KB"})
ALL: frozenset[Message] = CALLS | {"batch"}


class Server(Struct, frozen=True, kw_only=True):
    """A server that speaks one transport.

    Attributes:
        name: what the tables call it.
        kind: ours, a peer's language, or a limit that is no JSON-RPC server.
        transport: what it speaks.
        command: of its process, for a port and a directory of its own.
        framing: as `rpcload` names it; the usual one of the transport unless given.
        does: the messages it can answer.
        greeting: what a connection sends to be notified.
        add: the call that is answered with `sum`, for who cannot add.
        answers: whether it does, and does not just send back what came.
    """

    name: str
    kind: Kind
    transport: Transport
    command: Command
    framing: str
    does: frozenset[Message] = ALL
    greeting: str | None = None
    add: tuple[str, str] = ("calc.add", "[5,3]")
    sum: object = 8
    answers: bool = True

    @property
    def key(self) -> str:
        """What tells it apart from all others."""
        return f"{self.name} {self.transport}"


FRAMINGS: dict[Transport, str] = {"tcp": "line", "http": "http", "websocket": "ws"}


def _ours(transport: Transport, framing: str = "line", *, news: bool = False) -> Command:
    """`twistd rpc` with a file like those in etc/; as many connections as come are let in."""

    def command(port: int, directory: Path) -> list[str]:
        exposed = 'calc = "benchmarks.application:Calculator"'
        lines = [
            *(["[server]", 'class = "benchmarks.application:NewsServer"'] if news else []),
            "[limits]",
            'max_connections = "none"',
            'max_connections_per_address = "none"',
            "[[listen]]",
            f'transport = "{transport}"',
            f'endpoint = "tcp:{port}:interface=127.0.0.1"',
            *([f'framing = "{framing}"'] if transport == "tcp" else []),
            *([] if news else ["[expose]", exposed]),
        ]
        file = directory / f"{transport}.toml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        twistd = Path(sys.executable).with_name("twistd")
        return [str(twistd), "-n", "--pidfile=", "rpc", "--config", str(file)]

    return command


def _with(*program: object) -> Command:
    """A program that takes the port as its last argument."""
    return lambda port, _directory: [*map(str, program), str(port)]


def ours(transport: Transport) -> Server:
    """Our daemon."""
    return Server(
        name="twisted_rpc",
        kind="ours",
        transport=transport,
        command=_ours(transport),
        framing=FRAMINGS[transport],
    )


def news(transport: Transport) -> Server:
    """Our daemon, with a server that notifies."""
    return Server(
        name="twisted_rpc",
        kind="ours",
        transport=transport,
        command=_ours(transport, news=True),
        framing=FRAMINGS[transport],
        does=frozenset({"news"}),
    )


def node(
    name: str,
    script: str,
    transport: Transport,
    does: frozenset[Message] = ALL,
    *,
    greeting: str | None = None,
) -> Server:
    """A peer on Node."""
    return Server(
        name=name,
        kind="node",
        transport=transport,
        command=_with("node", NODE / script, transport),
        framing=FRAMINGS[transport],
        does=does,
        greeting=greeting,
    )


def python(
    name: str, script: str, transport: Transport, kind: Kind = "python", *, framing: str = ""
) -> Server:
    """A peer in Python."""
    return Server(
        name=name,
        kind=kind,
        transport=transport,
        command=_with(VENV, PYTHON / script, transport),
        framing=framing or FRAMINGS[transport],
    )


def bare(name: str, program: str, transport: Transport) -> Server:
    """A server on Twisted that checks nothing, or does nothing but echo."""
    return Server(
        name=name,
        kind="limit",
        transport=transport,
        command=_with(sys.executable, "-m", "benchmarks.bare", program),
        framing=FRAMINGS[transport],
        does=frozenset({"add"}),
        answers="echo" not in program,
    )


def anvil(transport: Transport) -> Server:
    """An Ethereum node for developers, on Rust's axum; it knows no method of ours."""
    return Server(
        name="anvil",
        kind="rust",
        transport=transport,
        command=_with(ANVIL, "--silent", "--host", "127.0.0.1", "--port"),
        framing=FRAMINGS[transport],
        does=frozenset({"add", "batch"}),
        add=("eth_chainId", "[]"),
        sum="0x7a69",
    )


SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rpc.on", "params": ["news"]})
NOTIFIES: frozenset[Message] = ALL | {"news"}

OURS: tuple[Server, ...] = (
    *(ours(transport) for transport in FRAMINGS),
    *(news(transport) for transport in ("tcp", "websocket")),
)
PEERS: tuple[Server, ...] = (
    node("jayson", "jayson.mjs", "tcp"),
    node("jayson", "jayson.mjs", "http"),
    node("jayson", "jayson.mjs", "websocket"),
    node("json-rpc-2.0", "jsonrpc20.mjs", "http"),
    node("json-rpc-2.0", "jsonrpc20.mjs", "websocket", NOTIFIES),
    node("rpc-websockets", "rpcwebsockets.mjs", "websocket", NOTIFIES, greeting=SUBSCRIBE),
    anvil("http"),
    anvil("websocket"),
    python("uvloop, unchecked", "raw_uvloop.py", "tcp", "limit"),
    python("uvloop, unchecked", "raw_uvloop.py", "http", "limit"),
    bare("Twisted, unchecked", "bare", "tcp"),
    bare("Twisted, unchecked", "bare-http", "http"),
    bare("Twisted, echo", "echo", "tcp"),
    bare("Autobahn, echo", "websocket-echo", "websocket"),
)
SERVERS = (*OURS, *PEERS)
