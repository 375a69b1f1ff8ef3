"""A real Prometheus reads a real daemon; every query of the dashboard finds something."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.helpers import batch, request
from tests.installation import ROOT
from tests.processes import DEADLINE, Daemon, wait_until

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed: make tools"
)

CONFIGURATION = """
[limits]
max_batch = 1

[[listen]]
transport = "hybrid"
endpoint = "tcp:0:interface=127.0.0.1"

[expose]
calc = "benchmarks.application:Calculator"
"""


def expressions() -> list[str]:
    """Every query of the dashboard, for rates over a short time."""
    board = json.loads((ROOT / "etc" / "grafana.json").read_text("utf-8"))
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    return [target["expr"].replace("$__rate_interval", "5s") for target in targets]


def call(port: int, message: bytes) -> bytes:
    """Send a message by HTTP; its answer."""
    headers = {"Content-Type": "application/json"}
    asked = Request(f"http://127.0.0.1:{port}/rpc", message, headers)
    with urlopen(asked, timeout=DEADLINE) as answer:
        body: bytes = answer.read()
    return body


def query(port: int, expression: str) -> list[Any]:
    """What Prometheus finds for an expression."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expression})}"
    with urlopen(url, timeout=DEADLINE) as answer:
        found = json.load(answer)
    assert found["status"] == "success", found
    results: list[Any] = found["data"]["result"]
    return results


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@contextmanager
def prometheus(directory: Path, target: int) -> Iterator[int]:
    """A Prometheus with our configuration that reads a daemon often; its port."""
    said = (ROOT / "etc" / "prometheus.yml").read_text("utf-8")
    assert said.count("127.0.0.1:7080") == said.count("15s") == 1
    file = directory / "prometheus.yml"
    file.write_text(said.replace(":7080", f":{target}").replace("15s", "200ms"), "utf-8")
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = directory / "prometheus.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as it:
        try:
            yield port
        finally:
            it.terminate()


def is_ready(port: int) -> bool:
    """Whether it answers queries."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=DEADLINE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_every_query_of_the_dashboard_finds_something(tmp_path: Path) -> None:
    (tmp_path / "daemon.toml").write_text(CONFIGURATION, "utf-8")
    twistd = Path(sys.executable).with_name("twistd")
    command = [str(twistd), "-n", "--pidfile=", "rpc", "--config", "daemon.toml"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    with (
        Daemon(command, tmp_path, environment) as daemon,
        prometheus(tmp_path, daemon.port) as port,
    ):
        wait_until(lambda: is_ready(port), (tmp_path / "prometheus.log").read_text)
        missing = expressions()
        assert missing

        def is_complete() -> bool:
            call(daemon.port, request("calc.add", [1, 2]))
            call(daemon.port, request("nobody"))
            call(daemon.port, batch(request("calc.add", [1, 2]), request("calc.add", [1, 2])))
            missing[:] = [each for each in missing if not query(port, each)]
            return not missing

        wait_until(is_complete, lambda: f"nothing is found by {missing}")


def test_dashboard_shows_every_metric() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    together = " ".join(expressions())
    for name in re.findall(r"^\| `(json_rpc_\w+)`", page, re.MULTILINE):
        assert name in together, f"no panel shows {name}"
