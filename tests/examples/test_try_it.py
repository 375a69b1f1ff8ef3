"""What `make serve` prints: it is printed, and each command in it answers as a person expects.

A copy of what `make serve` needs is laid out in a directory of its own, with another port.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.examples.daemon import BIN, ROOT, any_port, environment
from tests.processes import DEADLINE, Daemon, wait_until

TEXT = (ROOT / "etc" / "try-it.txt").read_text(encoding="utf-8")
INDENT = "    "
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith(INDENT)]
TYPED = [line for line in TEXT.splitlines() if line.startswith("{")]
OURS = ".venv/bin/twisted-rpc"
CTRL_C = "\x03"
node = pytest.mark.skipif(shutil.which("npx") is None, reason="the WebSocket lines need Node")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """`make serve` itself, told to use this environment instead of making one."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "etc").mkdir()
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "etc/try-it.txt"):
        shutil.copy(ROOT / name, tree / name)
    any_port(ROOT / "etc" / "examples.toml", tree / "etc")
    (tree / "installed").touch()
    command = ["make", "--no-print-directory", "serve", f"BIN={BIN}", "STAMP=installed"]
    with Daemon(command, tree, environment()) as running:
        yield running
    assert "Server Shut Down." in running.log
    assert "Unhandled" not in running.log


def command(start: str, daemon: Daemon, at: int = 0) -> str:
    """One of the commands, by its first word and its place among those, with our port."""
    found = [line for line in COMMANDS if line.split()[0] == start][at]
    assert "7080" in found
    return found.replace("7080", str(daemon.port))


def paste(line: str) -> Any:
    """What a command that ends well prints, decoded."""
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def results(answers: list[Any]) -> list[Any]:
    return [answer["result"] for answer in answers]


def test_make_serve_prints_it(daemon: Daemon) -> None:
    assert daemon.log.startswith(TEXT)


def test_it_is_short_and_every_command_is_tried_here() -> None:
    assert len(TEXT.splitlines()) <= 30
    words = [line.split()[0] for line in COMMANDS]
    # What `printf` sends is tried with the console that hears it, in tests/console.
    assert words == ["printf", "curl", "curl", "echo", "echo", "python3", OURS, OURS, "npx", "npx"]
    assert len(TYPED) == 3


def test_curl_calls(daemon: Daemon) -> None:
    assert paste(command("curl", daemon)) == {"jsonrpc": "2.0", "result": 5, "id": 1}


def test_curl_sends_a_batch(daemon: Daemon) -> None:
    user, search = results(paste(command("curl", daemon, 1)))
    assert user["name"] == "Alice Johnson"
    assert [found["name"] for found in search] == ["Alice Johnson", "Carol Alice Reyes"]


def test_nc_calls(daemon: Daemon) -> None:
    assert paste(command("echo", daemon))["result"]["followers"] == 2


def test_nc_sends_a_batch(daemon: Daemon) -> None:
    failed, history = paste(command("echo", daemon, 1))
    assert failed["error"]["message"] == "division by zero"
    assert isinstance(history["result"], list)


def test_python_calls(daemon: Daemon) -> None:
    assert isinstance(paste(command("python3", daemon))["result"], list)


def test_the_command_line_calls(daemon: Daemon) -> None:
    installed = command(OURS, daemon).replace(".venv/bin", str(BIN))
    assert paste(installed) == 5


def test_the_command_line_lists_methods(daemon: Daemon) -> None:
    installed = command(OURS, daemon, 1).replace(".venv/bin", str(BIN))
    done = subprocess.run(
        ["sh", "-c", installed], capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert "calc.add" in done.stdout.splitlines()


class Terminal:
    """A command in a terminal, for wscat shows little without one.

    Args:
        line: the command.
        more: what else its environment has.
    """

    def __init__(self, line: str, more: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._shown = b""
        self.process = subprocess.Popen(
            ["sh", "-c", f"exec {line}"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(more),
            start_new_session=True,
        )
        os.close(slave)

    @property
    def screen(self) -> str:
        """What it has shown so far."""
        # Nothing to read is a BlockingIOError; the other end closed, another OSError.
        with suppress(OSError):
            while data := os.read(self._master, 65536):
                self._shown += data
        return self._shown.decode("utf-8", "replace")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def shows(self, text: str) -> None:
        """Wait for a text on the screen."""
        wait_until(lambda: text in self.screen, lambda: f"no {text!r}:\n{self.screen}")

    def ends(self) -> None:
        """Wait until it has ended well."""
        # What it shows is read meanwhile, or it would wait for us.
        wait_until(lambda: self.screen and self.process.poll() is not None, lambda: self.screen)
        assert self.process.returncode == 0, self.screen

    def close(self) -> None:
        """End it and what it has started, if they have not ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)
        os.close(self._master)


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A cache for npx that nobody else writes to at the same time."""
    return {"npm_config_cache": str(tmp_path_factory.mktemp("npm"))}


@pytest.fixture
def terminal(daemon: Daemon, npm: Mapping[str, str]) -> Iterator[Callable[[int], Terminal]]:
    """Make terminals that run the commands of Node by their numbers; close them at the end."""
    with ExitStack() as stack:

        def make(at: int) -> Terminal:
            opened = Terminal(command("npx", daemon, at), npm)
            stack.callback(opened.close)
            return opened

        yield make


@node
def test_node_joins_the_chat_is_asked_and_ends(terminal: Callable[[int], Terminal]) -> None:
    opened = terminal(0)
    opened.ends()
    opened.shows('{"jsonrpc":"2.0","method":"chat.askMood","params":{"name":"ann"},"id":1}')
    opened.shows('{"name":"ann","mood":null}')


@node
def test_two_who_type_into_node_hear_each_other(terminal: Callable[[int], Terminal]) -> None:
    join, mood, say = TYPED
    bob = terminal(1)
    bob.shows("Connected")
    bob.press(f"{join}\r")
    bob.shows('"chat.askMood"')
    cat = terminal(1)
    cat.shows("Connected")
    cat.press(f"{join.replace('bob', 'cat')}\r")
    bob.shows('{"jsonrpc":"2.0","method":"chat.joined","params":{"name":"cat"}}')
    cat.press(f"{mood}\r")
    bob.shows('{"jsonrpc":"2.0","method":"chat.mood","params":{"name":"cat","mood":"cheerful"}}')
    bob.press(f"{say}\r")
    cat.shows('{"jsonrpc":"2.0","method":"chat.said","params":{"name":"bob","text":"hello"}}')
    cat.press(CTRL_C)
    cat.ends()
    bob.shows('{"jsonrpc":"2.0","method":"chat.left","params":{"name":"cat"}}')
