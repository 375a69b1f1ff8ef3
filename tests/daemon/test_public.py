"""Listeners that others can reach: refused by `--check` and at the start, or loudly allowed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.clients import LineClient
from tests.daemon.conftest import Start
from tests.daemon.test_check import check
from tests.daemon.test_listeners import HAND_OVER, unix_client
from tests.installation import Installation
from tests.processes import DEADLINE
from tests.transports.certificate import Authority

CALC = ("--expose", "calc=mymodule:Calculator")
PUBLIC = "tcp:0:interface=0.0.0.0"


@pytest.mark.parametrize("option", [(), ("--check",)])
def test_a_public_listener_is_refused_in_one_line(
    installed: Installation, project: Path, option: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [installed.command("twistd"), "-n", "--pidfile=", "rpc", "--hybrid", PUBLIC, *option],
        cwd=project,
        capture_output=True,
        text=True,
        env=installed.environment,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    said = f"rpc: endpoint '{PUBLIC}' can be reached by others, and has no TLS "
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_what_is_refused_is_allowed_by_name_and_each_listener_is_a_warning(start: Start) -> None:
    listeners = ("--tcp", PUBLIC, "--http", PUBLIC, "--tcp", "tcp:0:interface=localhost")
    with start(*CALC, *listeners, "--insecure-public", listeners=3) as daemon:
        warned = f"Place#warn] INSECURE: endpoint '{PUBLIC}' can be reached by others"
        assert daemon.log.count(warned) == 2
        assert daemon.log.count("#warn]") == 2
        with LineClient.to(daemon.ports[0]) as line:
            assert line.call("calc.add", 1, 2)["result"] == 3.0


def test_tls_and_authentication_make_it_public(installed: Installation, project: Path) -> None:
    Authority(project).issue("localhost")
    tls = 'certificate = "localhost.pem"\nkey = "localhost.key"\n'
    (project / "rpc.toml").write_text(
        '[server]\nauth = ["memory:u:p"]\n'
        f'[[listen]]\ntransport = "hybrid"\nendpoint = "{PUBLIC}"\n{tls}'
        '[[listen]]\ntransport = "http"\nendpoint = "tcp:0:interface="\nredirect = "https://a"\n',
        encoding="utf-8",
    )
    done = check(installed, project, "--config", "rpc.toml")
    assert (done.stdout, done.stderr) == ("ok: 2 listener(s), 0 method(s)\n", "")
    (project / "localhost.key").chmod(0o644)
    done = check(installed, project, "--config", "rpc.toml")
    said = "rpc: key localhost.key: others may read it (mode 644); chmod o= localhost.key\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_public_socket_of_systemd_fails_the_start(installed: Installation, project: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        number = str(server.fileno())
        twistd = [installed.command("twistd"), "-n", "--pidfile=", "rpc"]
        listener = ("--tcp", "systemd:domain=INET:index=0")
        done = subprocess.run(
            [sys.executable, "-c", HAND_OVER, number, *twistd, *listener],
            cwd=project,
            capture_output=True,
            text=True,
            env=installed.environment,
            pass_fds=[server.fileno()],
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 1
    said = "cannot listen on systemd:domain=INET:index=0: endpoint 'systemd:domain=INET:index=0' "
    assert f"{said}can be reached by others, and has no TLS" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_unix_socket_survives_its_daemon_and_is_taken_from_nobody(
    start: Start, project: Path, installed: Installation
) -> None:
    options = (*CALC, "--tcp", "unix:rpc.sock")
    with start(*options) as daemon:
        second = subprocess.run(
            [installed.command("twistd"), "-n", "--pidfile=", "rpc", *options],
            cwd=project,
            capture_output=True,
            text=True,
            env=installed.environment,
            timeout=DEADLINE,
            check=False,
        )
        assert second.returncode == 1
        assert "another process listens on it" in second.stdout
        with unix_client(project / "rpc.sock") as line:
            assert line.call("calc.add", 1, 2)["result"] == 3.0
        daemon.process.send_signal(signal.SIGKILL)
        daemon.wait()
    assert (project / "rpc.sock").exists()
    # In a container the next daemon has the same process id, or another program has it now.
    (project / "rpc.sock.lock").unlink()
    (project / "rpc.sock.lock").symlink_to(str(os.getpid()))
    with start(*options), unix_client(project / "rpc.sock") as line:
        assert line.call("calc.add", 1, 2)["result"] == 3.0
