"""The load generator: the C program in load/, compiled and run."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.processes import Failed, pinned
from benchmarks.servers import HERE, Message, Server

__all__ = ["Sample", "answer", "build", "idle", "load", "message_for"]

PROGRAM = HERE / "rpcload"
SOURCES = HERE / "load"
PATIENCE = 60.0
"""Seconds that everything but the load itself may take."""

BATCH = 100
NEWS = ["Somebody has published an article that everybody will want to read."]
SIZES: Mapping[str, int] = {"1 KB": 1_000, "100 KB": 100_000}
"""Characters of the text that is echoed."""


class Sample(Struct, frozen=True):
    """What one measurement found.

    Attributes:
        value: in the unit of its row.
        p50_us: microseconds that half of the calls took at most.
        p99_us: the same for 99 of 100 calls.
    """

    value: float
    p50_us: int | None = None
    p99_us: int | None = None


def build() -> None:
    """Compile the generator, unless that is done.

    Raises:
        Failed: it does not compile.
    """
    newest = max(source.stat().st_mtime for source in SOURCES.iterdir())
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > newest:
        return
    sources = sorted(map(str, SOURCES.glob("*.c")))
    unfinished = f"{PROGRAM}.{os.getpid()}"
    command = ["gcc", "-O2", "-o", unfinished, *sources, "-lssl", "-lcrypto"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        Path(unfinished).replace(PROGRAM)
    except OSError as error:
        raise Failed(f"the load generator cannot be compiled: {error}") from None
    except subprocess.CalledProcessError as error:
        first = next(line for line in error.stderr.splitlines() if "error" in line)
        raise Failed(f"the load generator does not compile: {first}") from None


def message_for(server: Server, message: Message, per_call: int = 1) -> str:
    """What a server is sent; `@ID@` stands for an id."""
    method, params = _called(server, message, per_call)
    call = f'{{"jsonrpc":"2.0","id":@ID@,"method":"{method}","params":{params}}}'
    return f"[{','.join([call] * BATCH)}]" if message == "batch" else call


def _called(server: Server, message: Message, per_call: int) -> tuple[str, str]:
    """Method and parameters."""
    if message == "news":
        return "news.publish", json.dumps([per_call, NEWS])
    if message in SIZES:
        text = "x" * SIZES[message]
        return "calc.echo", json.dumps({"text": text} if server.by_name else [text])
    numbers = {"a": 5, "b": 3} if server.by_name else [5, 3]
    return server.add or ("calc.add", json.dumps(numbers))


def expected_of(server: Server, message: Message) -> list[object]:
    """The results that have to be answered."""
    if message in SIZES:
        return ["x" * SIZES[message]]
    return [1] if message == "news" else [server.sum] * (BATCH if message == "batch" else 1)


@contextmanager
def _command(
    action: str, server: Server, port: int, message: str, *options: object
) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
        files = {"message": message}
        if action in {"calls", "listen", "idle"} and server.answers:
            # Nothing is counted before a server has taken every connection in.
            files["greeting"] = server.greeting or message_for(server, "add")
            options = (*options, "-g", Path(directory, "greeting"))
        for name, text in files.items():
            Path(directory, name).write_text(text, encoding="utf-8")
        where = [server.framing, port, Path(directory, "message"), "-p", server.path]
        yield pinned(-1, [str(PROGRAM), action, *map(str, (*where, *options))])


def _run(command: list[str], seconds: float) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {seconds + PATIENCE:g} s") from None
    if done.returncode:
        raise Failed(done.stderr.strip().partition("\n")[0])
    return done.stdout


def answer(server: Server, port: int, message: Message) -> None:
    """See that a server answers as it has to.

    Raises:
        Failed: it does not.
    """
    with _command("once", server, port, message_for(server, message)) as command:
        text = _run(command, 0)
    try:
        found = json.loads(text)
        results = [one["result"] for one in (found if isinstance(found, list) else [found])]
    except (ValueError, KeyError, TypeError):
        raise Failed(f"answers {text[:200].strip()}") from None
    if results != expected_of(server, message):
        raise Failed(f"answers with a wrong result: {text[:200].strip()}")


def load(
    action: str, server: Server, port: int, message: str, seconds: float, *options: object
) -> Sample:
    """Put a server under load for some seconds; `options` are those of `rpcload`.

    Raises:
        Failed: an answer was an error, a connection was closed, a notification got lost.
    """
    with _command(action, server, port, message, "-s", seconds, *options) as command:
        report: dict[str, Any] = json.loads(_run(command, seconds))
    for fault in ("errors", "closed", "lost"):
        if report[fault] and server.answers:
            raise Failed(f"{report[fault]} {fault} of {report['counted']}")
    if not report["counted"]:
        raise Failed(f"no answer in {seconds:g} s")
    if action == "listen":  # nobody asked for what came
        return Sample(report["per_second"])
    return Sample(report["per_second"], report["p50_us"], report["p99_us"])


@contextmanager
def idle(server: Server, port: int, connections: int) -> Iterator[None]:
    """Connections that have made one call each and are idle now.

    Raises:
        Failed: a call was not answered.
    """
    message = message_for(server, "add")
    with (
        _command("idle", server, port, message, "-c", connections) as command,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if not process.stdout.readline():
            raise Failed(process.stderr.read().strip().partition("\n")[0])
        yield
        process.stdin.close()
