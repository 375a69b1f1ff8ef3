"""SIGTERM and SIGINT in the midst of everything: what was accepted is answered, and soon."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.clients import LineClient, WebSocketClient, is_refused, request
from tests.examples.daemon import environment, twistd
from tests.processes import DEADLINE, Daemon, wait_until
from tests.transports.certificate import self_signed
from tests.transports.web_client import post
from tests.transports.websocket_client import CLOSE, frame

PATIENCE = 10.0
"""Seconds by which a busy machine may be late."""

ENDPOINTS = {
    "tcp": "tcp:0",
    "http": "tcp:0",
    "websocket": "tcp:0",
    "tls": "ssl:0:privateKey=both.pem:certKey=both.pem",
}

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Signalled(Daemon):
    """A daemon that is ended by any signal."""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and wait until it has begun to act on it."""
        self._is_stopping = True
        self.process.send_signal(number)
        wait_until(lambda: is_refused(self.ports[0]), lambda: self.log)

    def connect(self, name: str) -> socket.socket:
        """A connection to one of its listeners."""
        port = self.ports[list(ENDPOINTS).index(name)]
        return socket.create_connection(("127.0.0.1", port), DEADLINE)


def serve(directory: Path, drain_timeout: float) -> Signalled:
    """A daemon with a listener of each kind."""
    (directory / "both.pem").write_bytes(self_signed("localhost"))
    tables = ['[server]\nclass = "tests.daemon.observed:ObservedServer"']
    for name, endpoint in ENDPOINTS.items():
        transport = "tcp" if name == "tls" else name
        tables.append(f'[[listen]]\ntransport = "{transport}"\nendpoint = "{endpoint}"')
    tables.append(f"[limits]\ndrain_timeout = {drain_timeout}")
    (directory / "rpc.toml").write_text("\n".join(tables), encoding="utf-8")
    command = twistd("--config", "rpc.toml")
    return Signalled(command, directory, environment(), listeners=len(ENDPOINTS))


class Midst:
    """Connections in the midst of something, on every transport.

    Calls of `wait_for` wait for a file each, so that a test ends them.
    """

    def __init__(self, daemon: Signalled, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self.tcp = stack.enter_context(LineClient(daemon.connect("tcp")))
        self.batch = stack.enter_context(LineClient(daemon.connect("tcp")))
        self.websocket = stack.enter_context(WebSocketClient(daemon.connect("websocket")))
        self.http = stack.enter_context(LineClient(daemon.connect("http")))
        self.hello = stack.enter_context(daemon.connect("tls"))
        self.unread = stack.enter_context(daemon.connect("tcp"))
        self.closing = stack.enter_context(WebSocketClient(daemon.connect("websocket")))
        self.half = stack.enter_context(daemon.connect("tcp"))

    def begin(self) -> None:
        """Have everything under way; what is answered after it shows that it is."""
        self.tcp.send(self.waiting("tcp"))
        assert self.tcp.call("echo", 1)["result"] == 1
        self.batch.send(b"[%b,%b]" % (request("echo", 2, id="done"), self.waiting("batch")))
        assert self.batch.call("echo", 3)["result"] == 3
        self.websocket.send(self.waiting("websocket"))
        assert self.websocket.call("echo", 4)["result"] == 4
        self.http.socket.sendall(post(request("echo", 5)) + post(self.waiting("http")))
        assert self.http_answer()["result"] == 5
        self.hello.sendall(b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03")
        self.unread.sendall(request("blob", 9_000_000) + b"\n")
        assert self.unread.recv(1, socket.MSG_PEEK) == b"{"
        self.half.sendall(b'{"jsonrpc": "2.0", ')

    def waiting(self, name: str) -> bytes:
        """A call that ends when `let_end` says so."""
        return request("wait_for", name, id=name)

    def let_end(self) -> None:
        """End all the calls."""
        for name in ("tcp", "batch", "websocket", "http"):
            (self._directory / name).touch()

    def http_answer(self) -> Any:
        """The body of the next answer on the line of HTTP."""
        file = self.http.file
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        fields = dict(line.split(b": ", 1) for line in iter(file.readline, b"\r\n"))
        return json.loads(file.read(int(fields[b"Content-Length"])))

    def takes_the_rest(self) -> int:
        """Who has not read its answer reads it now: how long the result is."""
        with self.unread.makefile("rb") as file:
            return len(json.loads(file.readline())["result"])

    def is_answered(self) -> None:
        """See that every call is, and that the lines end after it."""
        assert self.tcp.receive() == answer("tcp")
        assert self.tcp.receive() is None
        done = {"jsonrpc": "2.0", "result": 2, "id": "done"}
        assert self.batch.receive() == [done, answer("batch")]
        assert self.batch.receive() is None
        assert self.websocket.receive() == answer("websocket")
        assert self.websocket.receive() is None
        assert self.websocket.code == 1001
        assert self.http_answer() == answer("http")
        assert self.http.file.read() == b""


def answer(name: str) -> dict[str, Any]:
    """What a call of `wait_for` is answered with."""
    return {"jsonrpc": "2.0", "result": name, "id": name}


@pytest.fixture
def midst(tmp_path: Path) -> Iterator[tuple[Signalled, Midst]]:
    """A daemon that would drain for long, and everything under way on it."""
    with ExitStack() as stack:
        daemon = stack.enter_context(serve(tmp_path, 30))
        midst = Midst(daemon, tmp_path, stack)
        midst.begin()
        yield daemon, midst


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_accepted_is_answered(
    midst: tuple[Signalled, Midst], number: signal.Signals
) -> None:
    daemon, clients = midst
    clients.closing.socket.sendall(frame((1000).to_bytes(2, "big"), CLOSE))
    daemon.send(number)
    clients.let_end()
    clients.is_answered()
    assert clients.closing.receive() is None
    with pytest.raises(ConnectionResetError):  # nothing can be said before TLS is up
        clients.hello.recv(1)
    assert clients.takes_the_rest() == 9_000_000
    assert daemon.wait() == -number


def test_another_signal_changes_nothing(midst: tuple[Signalled, Midst]) -> None:
    daemon, clients = midst
    daemon.send(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon.process.send_signal(number)
        daemon.wait_for(rf"{number.name} again: it stops, within drain_timeout$")
    assert clients.tcp.call("echo", 1)["error"]["code"] == -32012
    clients.let_end()
    clients.is_answered()
    assert clients.takes_the_rest() == 9_000_000
    assert daemon.wait() == -signal.SIGTERM


def test_it_ends_at_the_drain_timeout_whatever_its_peers_do(tmp_path: Path) -> None:
    with ExitStack() as stack:
        daemon = stack.enter_context(serve(tmp_path, 1))
        Midst(daemon, tmp_path, stack).begin()
        begun = time.monotonic()
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == -signal.SIGTERM
        assert time.monotonic() - begun < 1 + PATIENCE
        daemon.wait_for(r"lines are open after 1\S* seconds \(drain_timeout\)")
