"""Servers in processes of their own, on a core of their own, that stand still unless measured."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from benchmarks.servers import HERE, Server

__all__ = ["Failed", "Process", "Processes", "pinned"]

_UNCOMPILED = "PYTHONDONTWRITEBYTECODE"

PATIENCE = 30.0
"""Seconds that a server has to begin to listen, and to end."""

_STILL = 0.25
"""Seconds without work after which a server has nothing left to do by itself."""

_RESTING = frozenset("SIZ")
"""States of threads that wait for something to happen, or have ended (proc(5))."""

_ERROR = re.compile(r"^\w*Error\b.*", re.MULTILINE)
"""The line of a traceback, Python's or Node's, that is not about places in the source."""


class Failed(Exception):
    """A server cannot be measured; the text says why, on one line."""


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core, where there is more than one."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core]), *command] if len(cores) > 1 else command


def free_port() -> int:
    """A port that nobody has: not every server can choose one and tell it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    """Ours; code that was compiled once is kept, as it is wherever something is installed."""
    return {name: value for name, value in os.environ.items() if name != _UNCOMPILED}


class Process:
    """One server that runs until it is stopped.

    Args:
        server: what to start.

    Attributes:
        port: where it listens.
        is_cold: whether it has not been under load yet.

    Raises:
        Failed: it cannot be started.
    """

    def __init__(self, server: Server) -> None:
        self.port = free_port()
        self.is_cold = True
        self._server = server
        self._directory = tempfile.TemporaryDirectory(prefix="benchmarks-")
        self._log = Path(self._directory.name, "log")
        command = pinned(0, server.command(self.port, Path(self._directory.name)))
        with self._log.open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=HERE.parent,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # the keyboard interrupts us, and we end it
                )
            except OSError as error:
                self._directory.cleanup()
                raise Failed(f"cannot be started: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; one that will not is killed."""
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._directory.cleanup()

    @property
    def pid(self) -> int:
        """What the system calls it."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone by itself."""
        return self._process.poll() is not None

    def wait(self) -> None:
        """Wait until it listens.

        Raises:
            Failed: it does not, or it has ended.
        """
        end = time.monotonic() + PATIENCE
        while not self.listens():
            if self.has_ended:
                raise Failed(f"has ended: {self._said()}")
            if time.monotonic() > end:
                raise Failed(f"does not listen after {PATIENCE:g} s: {self._said()}")
            time.sleep(0.002)

    def settle(self) -> None:
        """Wait until it does nothing by itself any more.

        Many load what they will need after they have begun to listen: what that takes is
        nobody's who connects.

        Raises:
            Failed: it goes on working, or it has ended.
        """
        end = time.monotonic() + PATIENCE
        before, now = -1, self._worked()
        while now != before or self._of_family(_is_at_work):
            if time.monotonic() > end:
                raise Failed(f"still works after {PATIENCE:g} s, though nobody asks it to")
            time.sleep(_STILL)
            before, now = now, self._worked()

    def _worked(self) -> int:
        """Ticks of processor time that it and its children have taken."""
        return self._of_family(_ticks)

    def listens(self) -> bool:
        """Whether somebody accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _said(self) -> str:
        """The line of its output that says what is wrong."""
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        found = _ERROR.search(text)
        return found[0] if found else text.rpartition("\n")[2] or "it said nothing"

    def pause(self) -> None:
        """Let it stand still, so that it takes nothing from who is measured."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def memory(self) -> int:
        """Bytes that it and its children have to themselves: those that no file stands behind.

        What is read from files is shared with whoever runs the same programs at the time.

        Raises:
            Failed: it has ended.
        """
        return self._of_family(_anonymous)

    def _of_family(self, measure: Callable[[int], int]) -> int:
        try:
            return sum(measure(pid) for pid in _family(self.pid))
        except OSError:
            raise Failed(f"has ended: {self._said()}") from None


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


def _anonymous(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in text.splitlines() if line.startswith("Anonymous:"))
    return int(line.split()[1]) * 1024


def _ticks(pid: int) -> int:
    fields = _stat(Path(f"/proc/{pid}"))
    return int(fields[11]) + int(fields[12])


def _is_at_work(pid: int) -> bool:
    """Whether a thread would go on if it could: without a core it takes no time, and yet works."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return any(_stat(task)[0] not in _RESTING for task in tasks)


def _stat(directory: Path) -> list[str]:
    """See `stat` in proc(5): what follows the name, which may hold anything."""
    return (directory / "stat").read_text().rpartition(")")[2].split()


class Processes:
    """Servers that are started when they are first asked for, and stand still otherwise."""

    def __init__(self) -> None:
        self._running: dict[str, Process] = {}
        self._failures: dict[str, Failed] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        for process in self._running.values():
            process.stop()

    @contextmanager
    def running(self, server: Server) -> Iterator[Process]:
        """A server, while it runs.  One that has ended is started again.

        Raises:
            Failed: it cannot be started.
        """
        if server.key in self._running and self._running[server.key].has_ended:
            self._running.pop(server.key).stop()
        if server.key not in self._running:
            self._running[server.key] = self._started(server)
        process = self._running[server.key]
        process.resume()
        try:
            yield process
        finally:
            process.pause()

    def _started(self, server: Server) -> Process:
        """Start a server; what could not be started once is not waited for again."""
        if server.key in self._failures:
            raise self._failures[server.key]
        try:
            process = Process(server)
            try:
                process.wait()
            except BaseException:
                process.stop()
                raise
        except Failed as error:
            self._failures[server.key] = error
            raise
        return process
