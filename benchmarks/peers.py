"""Who ours is measured beside: the servers of others, and what a server could do at most."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.servers import ALL, FRAMINGS, HERE, OURS, Command, Message, Server, Transport

__all__ = ["ANVIL", "NODE", "PEERS", "SERVERS", "VENV"]

NODE = HERE / "peers" / "node"
PYTHON = HERE / "peers" / "python"
VENV = HERE / ".venv" / "bin" / "python"
ANVIL = NODE / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"

SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rpc.on", "params": ["news"]})
NEWS: frozenset[Message] = frozenset({*ALL, "news"})
NO_BATCH: frozenset[Message] = frozenset(ALL - {"batch"})


def _with(*program: object) -> Command:
    """A program that takes the port as its last argument."""
    return lambda port, _directory: [*map(str, program), str(port)]


def _server(name: str, transport: Transport, **rest: Any) -> Server:
    return Server(name=name, transport=transport, **{"framing": FRAMINGS[transport], **rest})


def node(name: str, script: str, transport: Transport, **rest: Any) -> Server:
    """A peer on Node."""
    command = _with("node", NODE / script, transport)
    return _server(name, transport, kind="node", command=command, **rest)


def python(name: str, script: str, transport: Transport, *before: str, **rest: Any) -> Server:
    """A peer in Python, or a limit."""
    command = _with(VENV, PYTHON / script, *before, transport)
    return _server(name, transport, command=command, **{"kind": "python", **rest})


def bare(name: str, program: str, transport: Transport, *, answers: bool = True) -> Server:
    """A server on Twisted that checks nothing, or does nothing but echo."""
    return _server(
        name,
        transport,
        kind="limit",
        command=_with(sys.executable, "-m", "benchmarks.bare", program),
        does=frozenset({"add"}),
        answers=answers,
        quick=False,
    )


def anvil(transport: Transport) -> Server:
    """An Ethereum node for developers, on Rust's axum; it knows no method of ours."""
    return _server(
        "anvil",
        transport,
        kind="rust",
        command=_with(ANVIL, "--silent", "--host", "127.0.0.1", "--port"),
        does=frozenset({"add", "batch"}),
        add=("eth_chainId", "[]"),
        sum="0x7a69",
    )


PEERS: tuple[Server, ...] = (
    node("jayson", "jayson.mjs", "tcp"),
    node("jayson", "jayson.mjs", "http"),
    node("jayson", "jayson.mjs", "websocket"),
    node("json-rpc2", "jsonrpc2.mjs", "tcp", framing="json", does=NO_BATCH),
    node("json-rpc2", "jsonrpc2.mjs", "http", does=NO_BATCH),
    node("json-rpc2", "jsonrpc2.mjs", "websocket", does=NO_BATCH),
    node("json-rpc-2.0", "jsonrpc20.mjs", "http"),
    node("json-rpc-2.0", "jsonrpc20.mjs", "websocket", does=NEWS),
    node("rpc-websockets", "rpcwebsockets.mjs", "websocket", does=NEWS, greeting=SUBSCRIBE),
    node("vscode-jsonrpc", "vscode.mjs", "content-length", does=NO_BATCH),
    anvil("http"),
    anvil("websocket"),
    python("aiorpcX", "with_aiorpcx.py", "tcp", "asyncio", does=NEWS, quick=False),
    python("aiorpcX on uvloop", "with_aiorpcx.py", "tcp", "uvloop", does=NEWS),
    python("aiorpcX", "with_aiorpcx.py", "websocket", "asyncio", does=NEWS, quick=False),
    python("aiorpcX on uvloop", "with_aiorpcx.py", "websocket", "uvloop", does=NEWS),
    python("pjrpc", "with_pjrpc.py", "http"),
    python("jsonrpcserver", "with_jsonrpcserver.py", "http", quick=False),
    python("jsonrpcserver", "with_jsonrpcserver.py", "websocket", quick=False),
    python(
        "fastapi-jsonrpc",
        "with_fastapi_jsonrpc.py",
        "http",
        path="/rpc",
        by_name=True,
        quick=False,
    ),
    python("pygls", "with_pygls.py", "content-length", does=NO_BATCH),
    python("uvloop, unchecked", "raw_uvloop.py", "tcp", kind="limit"),
    python("uvloop, unchecked", "raw_uvloop.py", "http", kind="limit"),
    bare("Twisted, unchecked", "bare", "tcp"),
    bare("Twisted, unchecked", "bare-http", "http"),
    bare("Twisted, echo", "echo", "tcp", answers=False),
    bare("Autobahn, echo", "websocket-echo", "websocket", answers=False),
)
SERVERS = (*OURS, *PEERS)
