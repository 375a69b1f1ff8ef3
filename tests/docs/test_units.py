"""The systemd units of docs/operations.md start the daemon they describe."""

from __future__ import annotations

import configparser
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.clients import LineClient
from tests.daemon.test_listeners import HAND_OVER
from tests.docs.pages import blocks_of
from tests.installation import ROOT, Installation
from tests.processes import DEADLINE, Daemon

FILES = {
    block.title: block.text
    for block in blocks_of(ROOT / "docs" / "operations.md")
    if block.title is not None
}


@pytest.fixture
def service() -> configparser.SectionProxy:
    """The [Service] section."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(FILES["/etc/systemd/system/rpc.service"])
    return unit["Service"]


def test_the_service_serves_the_socket(
    installed: Installation, tmp_path: Path, service: configparser.SectionProxy
) -> None:
    config = tmp_path / "rpc.toml"
    config.write_text(FILES["/etc/rpc/rpc.toml"], encoding="utf-8")
    start = service["ExecStart"].replace("/etc/rpc/rpc.toml", str(config))
    twistd, *options = shlex.split(start)
    assert Path(twistd).name == "twistd"
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.fileno()
        command = [sys.executable, "-c", HAND_OVER, str(number), installed.command("twistd")]
        with (
            Daemon(
                [*command, *options], tmp_path, installed.environment, pass_fds=[number]
            ) as daemon,
            LineClient.to(daemon.port) as line,
        ):
            assert isinstance(line.call("now")["result"], float)


def test_systemd_waits_for_the_daemon_to_drain(service: configparser.SectionProxy) -> None:
    assert "drain_timeout = 20" in FILES["/etc/rpc/rpc.toml"]
    assert 20 < int(service["TimeoutStopSec"]) < DEADLINE


@pytest.mark.parametrize("turns", [True, False])
def test_the_timer_restarts_what_does_not_turn(
    installed: Installation, tmp_path: Path, turns: bool
) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(FILES["/etc/systemd/system/rpc-health.service"])
    (tmp_path / "systemctl").write_text('#!/bin/sh\necho "$@" > restarted\n', encoding="utf-8")
    (tmp_path / "systemctl").chmod(0o755)
    twistd = [installed.command("twistd"), "-n", "--pidfile=", "rpc"]
    listener = ("--http", "tcp:0:interface=127.0.0.1")
    with Daemon([*twistd, *listener], tmp_path, installed.environment) as daemon:
        port = daemon.port
        if not turns:
            daemon.terminate()
            daemon.wait()
        command = unit["Service"]["ExecStart"].replace("7080", str(port))
        environment = {**installed.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            timeout=DEADLINE,
            check=True,
        )
    restarted = tmp_path / "restarted"
    assert (restarted.read_text("utf-8") if restarted.exists() else "") == (
        "" if turns else "restart rpc\n"
    )
