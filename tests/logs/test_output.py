"""Lines are written where somebody may read slowly, or not at all, and nobody waits."""

from __future__ import annotations

import itertools
import json
import os
import pty
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel

from twisted_rpc.correlation import CURRENT, Correlation
from twisted_rpc.errors import ConfigError
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs import output
from twisted_rpc.logs.calls import ACCESS, CallLine
from twisted_rpc.logs.choosing import check_log, log_for
from twisted_rpc.logs.lines import JSON
from twisted_rpc.logs.observers import LineObserver, Log
from twisted_rpc.logs.output import LogFile, Output
from twisted_rpc.tracing import Trace


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe; each is closed unless the test has."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def said_by(log: Log, level: str = "info", namespace: str = "a.b", text: str = "x") -> None:
    """An application says something."""
    Logger(namespace, observer=log).emit(LogLevel.lookupByName(level), text)


def line(message: str = "x", **rest: Any) -> CallLine:
    """What the access log has of a call."""
    sizes = {"ms": 0.5, "bytes_in": 9, "bytes_out": 9}
    where = {"peer": "-", "transport": "tcp", "batch": False}
    first = {"time": "1970-01-01T00:00:01.000Z", "level": "info", "namespace": ACCESS}
    return CallLine(**{**first, **sizes, **where, **rest}, message=message, status="ok", id="1")


def messages(path: Path) -> list[str]:
    """What a JSON log says."""
    return [json.loads(line)["message"] for line in path.read_text("utf-8").splitlines()]


def test_a_pipe_that_nobody_reads_holds_up_nobody(pipe: tuple[int, int]) -> None:
    far, near = pipe
    style = JSON._replace(event=lambda event: f"{event['log_format']}\n")
    observer = LineObserver(style, Output(near))
    told = 0
    while not observer._lost:
        observer({"log_format": f"{told:01000}"})
        told += 1
    observer({"log_format": "lost" * 300})
    read = b""
    os.set_blocking(far, False)
    for _ in range(10 * told):  # what waits leaves with the next lines
        try:
            read += os.read(far, 1 << 20)
        except BlockingIOError:
            break
        observer({"log_format": "on"})
    lines = read.decode().splitlines()
    kept = [line for line in lines if line.isdigit()]
    assert kept == [f"{number:01000}" for number in range(told - 1)]
    after = lines[len(kept) :]
    assert after[0].startswith("{lines} lines")
    assert "lost" * 300 not in after
    assert "on" in after


def test_a_line_longer_than_a_pipe_arrives_whole(pipe: tuple[int, int]) -> None:
    far, near = pipe
    out = Output(near)
    line = b"x" * 300_000 + b"\n"
    assert out.write(line)
    read = b""
    while len(read) < len(line):
        read += os.read(far, 1 << 20)
        out._flush()
    assert read == line


def test_a_closed_pipe_does_no_harm(pipe: tuple[int, int]) -> None:
    far, near = pipe
    os.close(far)
    out = Output(near)
    line = b"x" * 1000
    assert out.write(line)
    assert not all(out.write(line) for _ in range(output.MOST_WAITING // len(line)))


def test_a_file_that_is_opened_again_begins_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(str(path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6, hard))
    try:
        assert log.write(b"first\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        assert log.write(b"torn line\n")
        assert log.write(b"whole\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"first\ntorn"
    path.rename(tmp_path / "log.1")
    log.reopen()
    assert log.write(b"next\n")
    assert path.read_text() == "whole\nnext\n"


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(str(path))
    lines = [[f"{thread}-{line}-{'x' * 2000}" for line in range(300)] for thread in range(4)]

    def write(mine: list[str]) -> bool:
        return all(log.write(f"{line}\n".encode()) for line in mine)

    with ThreadPoolExecutor(len(lines)) as pool:
        assert all(pool.map(write, lines))
    assert sorted(path.read_text().splitlines()) == sorted(itertools.chain(*lines))


def test_what_is_logged_while_a_line_is_written_comes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    log = LogFile(str(path))
    write = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        monkeypatch.undo()
        written = write(descriptor, data)
        assert log.write(b"second\n")  # as the collector of garbage may
        return written

    monkeypatch.setattr(os, "write", interrupted)
    assert log.write(b"first\n")
    assert path.read_text() == "first\nsecond\n"


def test_without_standard_output_nothing_else_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "database"
    program = (
        "import os, sys\n"
        "assert os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT) == 1\n"
        "from twisted_rpc.log_table import LogTable\n"
        "from twisted_rpc.logs.choosing import log_for\n"
        "from twisted.logger import Logger\n"
        "Logger('a', observer=log_for(LogTable(), {'nodaemon': True})).info('x')\n"
    )
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", program, str(path)]
    subprocess.run(closed, check=True, timeout=60)
    assert path.read_bytes() == b""


def test_a_closed_descriptor_does_no_harm(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / "log"))
    os.close(log._descriptor)
    assert log.write(b"x")


def test_a_socket_is_written_to() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert Output(near.fileno()).write(b"hello\n")
        assert far.recv(100) == b"hello\n"


def test_a_full_disk_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(str(path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert log.write(b"a" * 99 + b"\n")
        assert log.write(b"kept\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == 100
    assert log.write(b"next\n")
    assert path.read_text().splitlines()[1:] == ["kept", "next"]


def test_a_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        LogFile(str(tmp_path / "log"))
    finally:
        os.umask(before)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640


def test_a_file_is_opened_again_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = Log(LogTable(file="log", access=True, access_file="access"), 1)
    said_by(log, text="one")
    Path("log").rename("log.1")
    Path("access").rename("access.1")
    said_by(log, text="two")
    monkeypatch.chdir("/")
    log.reopen()
    said_by(log, text="three")
    log.call(line("four"))
    assert messages(tmp_path / "log.1") == ["one", "two"]
    assert messages(tmp_path / "log") == ["three"]
    assert messages(tmp_path / "access") == ["four"]


def test_a_file_that_cannot_be_opened_again_stays_open(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = Log(LogTable(file=str(tmp_path / "logs" / "log")), 1)
    (tmp_path / "logs").rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match="No such file or directory"):
        log.reopen()
    said_by(log, text="still")
    assert messages(tmp_path / "moved" / "log") == ["still"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no/log", "No such file or directory"),
        (".", "Is a directory"),
        ("a\0b", "embedded null byte"),
        ("fifo", "No such device or address"),  # nobody reads it
    ],
)
def test_a_file_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    for attempt in (lambda: Log(LogTable(file=path), 1), lambda: check_log(LogTable(file=path))):
        with pytest.raises(ConfigError) as caught:
            attempt()
        said = str(caught.value)
        assert said.startswith("[log] '")
        assert why in said or "cannot be written to" in said


def test_a_check_makes_no_file(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    check_log(LogTable(file=str(tmp_path / "new"), access=True, access_file=str(there)))
    assert list(tmp_path.iterdir()) == [there]


def test_levels_go_by_namespace(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(LogTable(file=str(path), level="warn", levels={"a.b": "debug"}), 1)
    for namespace in ("a", "a.b", "a.b.c", "a.bc"):
        for level in ("debug", "warn"):
            said_by(log, level, namespace, f"{namespace} {level}")
    below = ["a.b debug", "a.b warn", "a.b.c debug", "a.b.c warn"]
    assert messages(path) == ["a warn", *below, "a.bc warn"]


def test_calls_are_logged_whatever_the_level(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(LogTable(file=str(path), level="error", access=True), 1).call(line())
    assert messages(path) == ["x"]


def test_calls_of_one_turn_are_written_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[bytes] = []

    def write(_: int, data: bytes) -> int:
        pieces.append(bytes(data))
        return len(data)

    monkeypatch.setattr(os, "write", write)
    clock = Clock()
    log = Log(LogTable(file=str(tmp_path / "log"), access=True), 1, partial(clock.callLater, 0))
    for number in range(3):
        log.call(line(f"{number}"))
    assert (pieces, len(clock.getDelayedCalls())) == ([], 1)
    clock.advance(0)
    log.call(line("later"))
    clock.advance(0)
    assert [piece.count(b"\n") for piece in pieces] == [3, 1]


def test_what_else_is_logged_comes_after_the_calls_before_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(LogTable(file=str(path), access=True), 1, partial(Clock().callLater, 0))
    log.call(line("first"))
    said_by(log, text="second")
    assert messages(path) == ["first", "second"]
    log.call(line("third"))
    log.reopen()
    assert messages(path) == ["first", "second", "third"]


def test_calls_of_a_turn_take_no_more_room_than_all_else(pipe: tuple[int, int]) -> None:
    far, near = pipe
    log = Log(LogTable(), near, partial(Clock().callLater, 0))
    for _ in range(1000):
        log.call(line("x" * 1000))
    assert len(log._main._output._waiting) <= output.MOST_WAITING
    assert log._main._lost > 0
    for _ in range(1000):  # what waits leaves with the next lines
        os.set_blocking(far, False)
        with suppress(BlockingIOError):
            os.read(far, 1 << 20)
        log.flush()
    log.call(line("last"))
    log.flush()
    lost, last = [json.loads(text)["message"] for text in os.read(far, 1 << 20).splitlines()]
    assert "lines could not be written" in lost
    assert last == "last"


@pytest.mark.parametrize(
    ("no_colour", "expected"), [("", "\x1b[33m[a.b#warn]\x1b[0m x"), ("1", "[a.b#warn] x")]
)
def test_a_terminal_gets_text(
    monkeypatch: pytest.MonkeyPatch, no_colour: str, expected: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    far, near = pty.openpty()
    try:
        said_by(Log(LogTable(), near), "warn")
        assert expected in os.read(far, 1000).decode()
    finally:
        os.close(near)
        os.close(far)


def test_all_else_gets_json_unless_it_is_said(pipe: tuple[int, int]) -> None:
    far, near = pipe
    said_by(Log(LogTable(), near))
    assert json.loads(os.read(far, 1000))["message"] == "x"
    text = Log(LogTable(format="text"), near)
    said_by(text)
    assert os.read(far, 1000).endswith(b"Z [a.b#info] x\n")
    text.call(line(request_id="r-1"))
    assert os.read(far, 1000).endswith(b":01.000Z [twisted_rpc.access#info] x (r-1)\n")


@pytest.mark.parametrize(
    "options", [None, {}, {"nodaemon": 1, "logfile": "-"}, {"nodaemon": 0, "syslog": 1}]
)
def test_the_program_says_how_it_logs(options: dict[str, object] | None, tmp_path: Path) -> None:
    assert log_for(LogTable(file=str(tmp_path / "log")), options) is None
    assert not (tmp_path / "log").exists()


def test_a_daemon_without_a_file_has_that_of_twistd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = log_for(LogTable(), {"nodaemon": 0, "logfile": None})
    assert log is not None
    said_by(log)
    assert messages(tmp_path / "twistd.log") == ["x"]


def test_what_is_said_in_a_call_names_its_request(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(LogTable(file=str(path)), 1)
    token = CURRENT.set(Correlation("r-1", Trace("a" * 32, "b" * 16)))
    try:
        said_by(log)
        Logger("a.b", observer=log).info("x", request_id="own")
    finally:
        CURRENT.reset(token)
    said_by(log)
    first, second, third = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert (first["request_id"], first["trace_id"]) == ("r-1", "a" * 32)
    assert second["request_id"] == "own"
    assert "request_id" not in third
