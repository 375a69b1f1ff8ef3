"""Daemons in processes of their own, for as long as a `with` block lasts."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["DEADLINE", "Daemon", "wait_until"]

DEADLINE = 60.0
"""How many seconds anything may take before a test fails for it."""

_LISTENING = re.compile(r"#info\] \w+ on (?:unix:.+|\S+:(\d+))$", re.MULTILINE)


def wait_until(condition: Callable[[], Any], what: Callable[[], str]) -> Any:
    """Wait until a condition holds; return what it returned.

    Args:
        condition: asked again and again.
        what: says what was there instead, when the time is up.
    """
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(what())


class Daemon:
    """A daemon that writes its log to a file and is ended by SIGTERM.

    Args:
        command: what to run.
        directory: where it runs and where its log is kept.
        environment: of the process.
        listeners: how many listeners to wait for.
        options: for `subprocess.Popen`.

    Attributes:
        logs_incidents: whether methods fail on purpose, so that tracebacks are in the log.
    """

    logs_incidents = False

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        listeners: int = 1,
        **options: Any,
    ) -> None:
        self.directory = directory
        self._command = command
        self._environment = environment
        self._listeners = listeners
        self._options: dict[str, Any] = {"stdin": subprocess.DEVNULL, **options}
        self._log = directory / "daemon.log"
        self._is_stopping = False
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.directory,
                env=self._environment,
                **{"stdout": log, "stderr": log, **self._options},
            )
        try:
            wait_until(self._is_up, lambda: f"it does not listen:\n{self.log}")
        except BaseException:
            self._kill()
            raise
        return self

    def _is_up(self) -> bool:
        assert self.process.poll() is None, f"it has ended:\n{self.log}"
        return len(self.listening) >= self._listeners

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def listening(self) -> list[int]:
        """The ports of its listeners, in their order; 0 for a Unix socket."""
        return [int(port or 0) for port in _LISTENING.findall(self.log)]

    @property
    def ports(self) -> list[int]:
        """The TCP ports it listens on."""
        return [port for port in self.listening if port]

    @property
    def port(self) -> int:
        """The only one."""
        (port,) = self.ports
        return port

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until a pattern is found in the log."""
        found: re.Match[str] = wait_until(
            lambda: re.search(pattern, self.log, re.MULTILINE),
            lambda: f"{pattern!r} is not in the log:\n{self.log}",
        )
        return found

    def terminate(self) -> None:
        """Ask it to stop, once, and do not wait."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; its exit status."""
        return self.process.wait(DEADLINE)

    def _kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.terminate()
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self._kill()
            raise
        if error is None and not self.logs_incidents:
            assert "Traceback" not in self.log, self.log
