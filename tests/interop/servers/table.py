"""The servers of other people that our client is tried with, and how it reaches them."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

from msgspec import UNSET

from tests.interop.daemon import HERE, environment
from tests.processes import Daemon
from twisted_rpc import AuthenticationFailed, CallError, ConnectError, RemoteError

__all__ = ["PASSWORD", "SERVERS", "USER", "Running", "Server", "Servers"]

SCRIPTS = HERE / "servers"
USER, PASSWORD = "alice", "wonder"

Error = tuple[int, str, Any]
"""Code, message and data of an error as our client reports it."""


@dataclass(frozen=True)
class Server:
    """One server over one transport.

    Attributes:
        name: of the package.
        transport: what its script is told.
        script: what runs it, beside this file.
        scheme: of the URL; `exec` for a child process of the client.
        framing: on streams.
        cannot: what of the checklist it does not do, and why.
        failure: what our client makes of the error `7 as asked` with data.
        unknown: what it makes of the answer to a method that is not there.
        refused: what a wrong password ends in, and part of the text.
        subscribe: the method to call for its notifications, if there is one.
        serves_once: whether it ends with its first connection.
        only: what of the checklist is enough, where its script has passed all of it already.
    """

    name: str
    transport: str
    script: str
    scheme: str
    framing: str = "line"
    cannot: Mapping[str, str] = field(default_factory=dict)
    failure: Error = (7, "as asked", {"why": "test"})
    unknown: Error = (-32601, "Method not found", UNSET)
    refused: tuple[type[CallError], str] = (AuthenticationFailed, "check user")
    subscribe: str | None = None
    serves_once: bool = False
    only: frozenset[str] | None = None

    @property
    def key(self) -> str:
        """How tests name it."""
        return re.sub(r"\W+", "_", f"{self.name}_{self.transport}")

    def passes(self, check: str) -> bool:
        """Whether a check of the list is run with it."""
        return check not in self.cannot and (self.only is None or check in self.only)

    def command(self, port: int, *credentials: str) -> list[str]:
        """What starts it."""
        path = str(SCRIPTS / self.script)
        program = [sys.executable, path] if path.endswith(".py") else ["node", path]
        return [*program, self.transport, str(port), *credentials]

    def url(self, port: int) -> str:
        """Where it is reached; a child process is started by its URL."""
        if self.scheme == "exec":
            return f"exec:{shlex.join(self.command(0))}"
        return f"{self.scheme}://127.0.0.1:{port}"


class Running(Daemon):
    """A server in a process of its own."""

    logs_incidents = True
    _LISTENING = re.compile(r"^(?:listening on |Serving on \('127\.0\.0\.1', )(\d+)", re.MULTILINE)

    def __init__(
        self, server: Server, directory: Path, port: int = 0, credentials: Sequence[str] = ()
    ) -> None:
        super().__init__(server.command(port, *credentials), directory, environment())

    @property
    def listening(self) -> list[int]:
        """See `Daemon.listening`."""
        return [int(port) for port in self._LISTENING.findall(self.log)]

    def kill(self) -> None:
        """End it as a crash would, with every connection."""
        self._kill()


class Servers:
    """Servers that tests share: each is started when it is first asked for.

    Args:
        directory: where their logs are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports: dict[tuple[str, bool], int] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._running.close()

    def port_of(self, server: Server, *, guarded: bool = False) -> int:
        """Where a server listens, with or without a password."""
        port = self._ports.get((server.key, guarded))
        if port is None:
            credentials = (USER, PASSWORD) if guarded else ()
            running = self.start(server, self._running, credentials=credentials)
            port = self._ports[server.key, guarded] = running.port
        return port

    def start(
        self,
        server: Server,
        until: ExitStack,
        *,
        port: int = 0,
        credentials: Sequence[str] = (),
    ) -> Running:
        """Start one that runs until a stack is closed."""
        directory = Path(mkdtemp(dir=self._directory, prefix=server.key))
        return until.enter_context(Running(server, directory, port, credentials))


# Reasons that several servers share.
HTTP_ANSWERS = "HTTP only answers"
RUNS_ON = "the method runs on, and its answer is dropped"
NO_ARRAYS = "it leaves arrays unanswered"

SERVERS: tuple[Server, ...] = (
    Server(
        "jayson",
        "http",
        "jayson.mjs",
        "http",
        cannot={"ask": HTTP_ANSWERS, "tell": HTTP_ANSWERS, "cancel": RUNS_ON},
    ),
    Server(
        "jayson",
        "tcp",
        "jayson.mjs",
        "tcp",
        cannot={
            "ask": "it never calls",
            "tell": "it never notifies",
            "cancel": RUNS_ON,
            "password": "its methods do not know the connection",
        },
    ),
    Server(
        "jayson",
        "websocket",
        "jayson.mjs",
        "ws",
        cannot={"ask": "it never calls", "tell": "it never notifies", "cancel": RUNS_ON},
    ),
    Server(
        "json-rpc2",
        "raw",
        "jsonrpc2.mjs",
        "tcp",
        "stream",
        cannot={
            "batch": NO_ARRAYS,
            "tell": "its notifications are calls with id null",
            "cancel": RUNS_ON,
        },
        failure=(-32000, "as asked", UNSET),
        unknown=(-32000, 'Unknown RPC call "absent"', UNSET),
    ),
    Server(
        "json-rpc2",
        "http",
        "jsonrpc2.mjs",
        "http",
        cannot={
            "no_params": "it refuses a call without params",
            "batch": "it refuses arrays",
            "large_text": "it breaks characters that two pieces of a body share",
            "ask": HTTP_ANSWERS,
            "tell": HTTP_ANSWERS,
            "cancel": RUNS_ON,
        },
        failure=(-32000, "as asked", UNSET),
        unknown=(-32601, 'Unknown RPC call "absent"', UNSET),
        refused=(RemoteError, "Unauthorized (-32602)"),
    ),
    Server(
        "json-rpc2",
        "websocket",
        "jsonrpc2.mjs",
        "ws",
        cannot={
            "batch": NO_ARRAYS,
            "tell": "its notifications are calls with id null",
            "cancel": RUNS_ON,
        },
        failure=(-32000, "as asked", UNSET),
        unknown=(-32000, 'Unknown RPC call "absent"', UNSET),
        refused=(ConnectError, '"message":"Unauthorized"'),
    ),
    Server(
        "rpc-websockets",
        "websocket",
        "rpcwebsockets.mjs",
        "ws",
        cannot={
            "ask": "it never calls",
            "cancel": RUNS_ON,
            "password": "it asks by a method, `rpc.login`",
        },
        subscribe="rpc.on",
    ),
    Server(
        "vscode-jsonrpc",
        "tcp",
        "vscode.mjs",
        "tcp",
        "header",
        cannot={"batch": NO_ARRAYS},
        unknown=(-32601, "Unhandled method absent", UNSET),
    ),
    Server(
        "vscode-jsonrpc",
        "stdio",
        "vscode.mjs",
        "exec",
        "header",
        cannot={"batch": NO_ARRAYS, "password": "a child process belongs to its parent"},
        unknown=(-32601, "Unhandled method absent", UNSET),
    ),
    Server(
        "json-rpc-2.0",
        "http",
        "jsonrpc20.mjs",
        "http",
        cannot={"ask": HTTP_ANSWERS, "tell": HTTP_ANSWERS},
    ),
    Server("json-rpc-2.0", "websocket", "jsonrpc20.mjs", "ws", cannot={"cancel": RUNS_ON}),
    Server(
        "aiorpcX",
        "tcp",
        "with_aiorpcx.py",
        "tcp",
        cannot={"cancel": RUNS_ON},
        failure=(7, "as asked", UNSET),
        unknown=(-32601, 'unknown method "absent"', UNSET),
    ),
    Server(
        "pygls",
        "stdio",
        "with_pygls.py",
        "exec",
        "header",
        cannot={
            "no_params": "it leaves a call without params unanswered",
            "batch": NO_ARRAYS,
            "password": "it asks nobody who it is",
        },
        unknown=(-32601, "Method Not Found: absent", UNSET),
    ),
    Server(
        "pygls",
        "tcp",
        "with_pygls.py",
        "tcp",
        "header",
        serves_once=True,
        only=frozenset({"position", "tell", "killing"}),
    ),
)
