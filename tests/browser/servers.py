"""What the browser meets: daemons, pages of strangers, and a server without any defences."""

from __future__ import annotations

import http.client
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from tests.interop.daemon import TWISTD, listen
from tests.processes import DEADLINE, Daemon

__all__ = ["BUMP", "LOOPBACK", "CarelessServer", "CountingDaemon", "PageServer"]

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
BUMP = '{"jsonrpc": "2.0", "method": "counter.bump", "id": 1, "x": ""}'


class CountingDaemon(Daemon):
    """`twistd -n rpc` with a counter, on a hybrid port and on one for lines.

    Args:
        directory: where its configuration and log are kept.
        web: the `[web]` table.
    """

    def __init__(self, directory: Path, web: str = "") -> None:
        expose = '[expose]\ncounter = "service:Counter"\n'
        text = "\n".join([listen("hybrid"), listen("tcp", "line"), expose, web])
        (directory / "rpc.toml").write_text(text, encoding="utf-8")
        command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", "rpc.toml"]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        super().__init__(command, directory, environment, listeners=2)

    @property
    def port(self) -> int:
        """The hybrid one."""
        return self.listening[0]

    @property
    def line_port(self) -> int:
        """The one for lines."""
        return self.listening[1]

    @property
    def count(self) -> int:
        """How often the counter was bumped."""
        line = http.client.HTTPConnection(LOOPBACK, self.port, timeout=DEADLINE)
        call = {"jsonrpc": "2.0", "method": "counter.read", "id": 1}
        line.request("POST", "/", json.dumps(call), {"Content-Type": "application/json"})
        result: int = json.load(line.getresponse())["result"]
        line.close()
        return result


class _Server:
    """A server in a thread, for as long as a `with` block lasts."""

    def __init__(self, requests: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer((LOOPBACK, 0), requests)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.port: int = self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE)


class _Pages(BaseHTTPRequestHandler):
    """An empty page at every path: the test brings its script."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>stranger</title>")

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests see what happens."""


class PageServer(_Server):
    """Somebody else's web site."""

    def __init__(self) -> None:
        super().__init__(_Pages)


class CarelessServer(_Server):
    """Runs whatever arrives, from whomever, in whatever form; so it shows that an attack is one.

    Attributes:
        count: how often its counter was bumped.
    """

    def __init__(self) -> None:
        self.count = 0

        class Requests(_Pages):
            def do_GET(self) -> None:
                run(unquote(urlsplit(self.path).query))
                super().do_GET()

            def do_OPTIONS(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                run(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer()

            def _answer(self) -> None:
                self.send_response(200)
                self.send_header("Access-Control-Allow-Origin", self.headers["Origin"])
                self.send_header("Access-Control-Allow-Credentials", "true")
                self.send_header("Access-Control-Allow-Headers", "Content-Type")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def run(text: str) -> None:
            if json.loads(text)["method"] == "counter.bump":
                self.count += 1

        super().__init__(Requests)
