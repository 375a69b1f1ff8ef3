"""A port that is taken fails the start, whichever way the daemon is started."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.clients import ANY_PORT, is_refused
from tests.installation import Installation
from tests.processes import DEADLINE, wait_until

WAYS = {
    "in the foreground": ["twistd", "-n", "--pidfile=d.pid", "--logfile=d.log"],
    "daemonised": ["twistd", "--pidfile=d.pid", "--logfile=d.log"],
    "by twist": ["twist", "--log-file=d.log"],
}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("position", [0, 1])
def test_a_busy_port_fails_the_start(
    installed: Installation, tmp_path: Path, taken: int, way: list[str], position: int
) -> None:
    busy = f"tcp:{taken}:interface=127.0.0.1"
    listeners = ["--http", ANY_PORT]
    listeners[2 * position : 2 * position] = ["--tcp", busy]
    done = subprocess.run(
        [installed.command(way[0]), *way[1:], "rpc", *listeners],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=installed.environment,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    said = (tmp_path / "d.log").read_text(encoding="utf-8") + done.stderr
    assert f"cannot listen on {busy}" in said
    assert "Traceback" not in said
    # A daemonised twistd tells its parent first, and removes the file then.
    wait_until(lambda: not (tmp_path / "d.pid").exists(), lambda: "the pid file is still there")


def test_daemonised_it_serves_until_it_is_told_to_stop(
    installed: Installation, tmp_path: Path
) -> None:
    log, pid_file = tmp_path / "d.log", tmp_path / "d.pid"
    way = WAYS["daemonised"]
    subprocess.run(
        [installed.command(way[0]), *way[1:], "rpc", "--tcp", ANY_PORT],
        cwd=tmp_path,
        env=installed.environment,
        timeout=DEADLINE,
        check=True,
    )
    pid = int(pid_file.read_text())
    found = re.search(r"tcp on 127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8"))
    os.kill(pid, signal.SIGTERM)
    assert found is not None
    wait_until(lambda: not pid_file.exists(), lambda: log.read_text(encoding="utf-8"))
    assert is_refused(int(found[1]))
