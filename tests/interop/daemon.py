"""A real `twistd -n rpc` in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = Path(__file__).parent
TWISTD = str(Path(sys.executable).with_name("twistd"))
DEADLINE = 30.0
"""How many seconds anything may take before a test fails for it."""

_LISTENING = re.compile(r"#info\] \w+ on (?:\S+:(\d+)|unix)\n")
ANY_PORT = "tcp:0:interface=127.0.0.1"
EXPOSE = '[expose]\ninterop = "service:Interop"\n'


def listen(transport: str, framing: str | None = None, endpoint: str = ANY_PORT) -> str:
    """A `[[listen]]` table, on a port that the system picks unless an endpoint is given."""
    table = f'[[listen]]\ntransport = "{transport}"\n'
    table += f'endpoint = "{endpoint}"\n' if endpoint else ""
    return table + (f'framing = "{framing}"\n' if framing else "")


def environment() -> dict[str, str]:
    """The environment of a child that can import `service`."""
    return {**os.environ, "PYTHONPATH": str(HERE)}


class Daemon:
    """Starts `twistd`, reads from its log where it listens, and ends it by SIGTERM.

    Args:
        directory: where its configuration and log are kept.
        listeners: a name for each, and its table of the configuration.
        options: further command-line options of `rpc`.

    Attributes:
        ports: where it listens, by the listeners' names; 0 for a Unix socket.
    """

    def __init__(self, directory: Path, listeners: dict[str, str], *options: str) -> None:
        self._names = list(listeners)
        self._log = directory / "twistd.log"
        config = directory / "rpc.toml"
        config.write_text("\n".join([*listeners.values(), EXPOSE]), encoding="utf-8")
        self._command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", str(config), *options]
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._log.parent,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.ports = self._read_ports()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def _read_ports(self) -> dict[str, int]:
        """Where it listens: the log names the listeners in the order of the configuration."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            found = _LISTENING.findall(self.log)
            if len(found) == len(self._names):
                return {name: int(port or 0) for name, port in zip(self._names, found, strict=True)}
            time.sleep(0.02)
        raise AssertionError(f"the daemon does not listen:\n{self.log}")

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        # twistd ends itself by the signal it was sent, after an orderly stop.
        assert status == -signal.SIGTERM, f"exit status {status}:\n{self.log}"
        assert self.log.rstrip().endswith("Server Shut Down."), self.log
        assert "Unhandled" not in self.log, self.log
