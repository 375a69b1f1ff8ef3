"""The program as a process of its own, and a process with servers for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.installation import ROOT
from tests.processes import DEADLINE
from tests.transports.certificate import self_signed
from twisted_rpc.cli import main

PROGRAM = [sys.executable, "-c", "from twisted_rpc.cli import main; main()"]
OURS = ("DEBUG", "NETRC", "TWISTED_RPC_USER", "TWISTED_RPC_PASSWORD", "TWISTED_RPC_TOKEN")


class Servers:
    """Where the servers of `serving.py` are.

    Args:
        directory: holds their certificate and their Unix socket.
        ports: by name.
    """

    def __init__(self, directory: Path, ports: dict[str, int]) -> None:
        self.certificate = directory / "server.pem"
        self.socket = directory / "socket"
        self._ports = ports

    def url(self, name: str = "plain", scheme: str = "tcp", host: str = "127.0.0.1") -> str:
        """The URL of one."""
        return f"{scheme}://{host}:{self._ports[name]}"


class Program:
    """Runs `twisted-rpc` in a directory that is its home as well."""

    command = PROGRAM

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environment = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "xterm"}

    def __call__(
        self, *arguments: object, stdin: str | bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        done = subprocess.run(
            self._command(arguments),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=self.home,
            env={**self.environment, **environment},
            timeout=DEADLINE,
            check=False,
        )
        return subprocess.CompletedProcess(
            PROGRAM, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def _command(self, arguments: Sequence[object]) -> list[str | bytes]:
        return [*PROGRAM, *[os.fsencode(str(argument)) for argument in arguments]]

    def start(
        self, *arguments: object, stdin: Any = subprocess.DEVNULL, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start it."""
        return subprocess.Popen(
            self._command(arguments),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.home,
            env={**self.environment, **environment},
        )

    def run_python(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run another program."""
        return subprocess.run(
            [sys.executable, "-c", text],
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment,
            timeout=DEADLINE,
            check=False,
        )

    def write(self, name: str, text: str | bytes, mode: int = 0o600) -> Path:
        """Write a file in its directory."""
        path = self.home / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return path


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A process with every kind of server."""
    directory = tmp_path_factory.mktemp("servers")
    certificate = directory / "server.pem"
    certificate.write_bytes(self_signed("localhost"))
    command = [sys.executable, "-m", "tests.cli.serving", str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield Servers(directory, json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program."""
    return Program(tmp_path)


Inline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def inline(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Inline:
    """Runs what needs no reactor in this process: exit status, output, complaints."""
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(program.home))
    monkeypatch.chdir(program.home)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["twisted-rpc", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return end.value.code, *capsys.readouterr()

    return run
