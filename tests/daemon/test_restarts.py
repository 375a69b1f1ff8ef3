"""SIGKILL and a new start, again and again, on the same port and the same Unix socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.daemon.clients import LineClient, request
from tests.examples.daemon import environment, twistd
from tests.processes import DEADLINE, Daemon, wait_until

RESTARTS = 20
CLIENTS = 2
SOON = 2.0
"""Seconds in which a daemon listens again, beside what it imports."""

Connect = Callable[[], socket.socket]


class Restarted:
    """A daemon that is killed and started again.

    Args:
        directory: where its socket and its log are.
        starter: a process of `tests.daemon.forking`.
    """

    def __init__(self, directory: Path, starter: subprocess.Popen[str]) -> None:
        self._starter = starter
        self._log = directory / "daemon.log"
        self._path = directory / "rpc.sock"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._options = ["-n", "--pidfile=", f"--logfile={self._log}", "rpc"]
        self._options += ["--server", "tests.daemon.observed:ObservedServer"]
        self._options += ["--tcp", f"tcp:{self._port}", "--tcp", f"unix:{self._path}"]
        self._process = 0

    @property
    def places(self) -> list[Connect]:
        """How to connect to it."""
        return [self._by_tcp, self._by_unix]

    def _by_tcp(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), DEADLINE)

    def _by_unix(self) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.connect(str(self._path))
        except OSError:
            connected.close()
            raise
        return connected

    def start(self) -> float:
        """Start it: after how many seconds it answered on both."""
        begun = time.monotonic()
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        print(json.dumps(self._options), file=self._starter.stdin, flush=True)
        self._process = int(self._starter.stdout.readline())
        for connect in self.places:
            wait_until(lambda connect=connect: calls(connect), self._log.read_text)  # type: ignore[misc]
        return time.monotonic() - begun

    def kill(self) -> None:
        """End it without a warning."""
        os.kill(self._process, signal.SIGKILL)


def calls(connect: Connect) -> int:
    """How many of three calls on a connection are answered; no answer may be a wrong one."""
    answered = 0
    try:
        with LineClient(connect()) as client:
            for number in range(3):
                answer = client.call("echo", number)
                if answer is None:
                    break
                assert answer["result"] == number
                answered += 1
    except (ConnectionError, FileNotFoundError, json.JSONDecodeError):
        pass  # it was killed, or is not there again yet
    return answered


@contextmanager
def hammering(places: list[Connect]) -> Iterator[list[int]]:
    """Have clients call without a rest; how many calls each of them had answered."""
    over = threading.Event()
    answered: list[int] = []

    def hammer(connect: Connect) -> None:
        count = 0
        while not over.wait(0.002):  # it is for the daemon to be busy
            count += calls(connect)
        answered.append(count)

    threads = [threading.Thread(target=hammer, args=(place,)) for place in places * CLIENTS]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Restarted]:
    """What has yet to be started for the first time."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.daemon.forking"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        daemon = Restarted(tmp_path, starter)
        try:
            yield daemon
        finally:
            daemon.kill()


def test_it_listens_again_at_once_whenever_it_is_killed(restarted: Restarted) -> None:
    with ExitStack() as stack:
        times = [restarted.start()]
        answered = stack.enter_context(hammering(restarted.places))
        for _ in range(RESTARTS):
            restarted.kill()
            times.append(restarted.start())
    # Half of them: the machine may be busy with something else now and then.
    assert statistics.median(times) < SOON, times
    assert len(answered) == CLIENTS * 2
    assert min(answered) > RESTARTS


def start_on(directory: Path, path: Path) -> Daemon:
    """A daemon on a Unix socket."""
    command = twistd("--expose", "now=time:time", "--tcp", f"unix:{path}")
    return Daemon(command, directory, environment(), listeners=0)


def leave_socket(path: Path) -> None:
    """What a killed daemon leaves; the number of its process is ours by now."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    path.with_name(f"{path.name}.lock").symlink_to(str(os.getpid()))


def test_a_process_of_the_same_number_does_not_keep_a_dead_socket(tmp_path: Path) -> None:
    path = tmp_path / "rpc.sock"
    leave_socket(path)
    with start_on(tmp_path, path) as daemon:
        daemon.wait_for(r"tcp on unix:\S+rpc\.sock$")
        with socket.socket(socket.AF_UNIX) as connected:
            connected.connect(str(path))
            connected.sendall(request("now") + b"\n")
            assert b'"result"' in connected.recv(1000)
    assert not path.exists()


def test_a_socket_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rpc.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.with_name("rpc.sock.lock").symlink_to(str(os.getpid()))
        command = twistd("--expose", "now=time:time", "--tcp", f"unix:{path}")
        refused = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert refused.returncode == 1
        assert f"cannot listen on unix:{path}" in refused.stdout + refused.stderr
        assert path.is_socket()
