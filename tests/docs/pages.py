"""The pages of documentation, and how their fenced blocks are run.

The word after three backquotes says what a block is:

- `toml`, `python`, `ini`, `html` with `title=NAME`: a file of that name beside the commands;
- `python` without a title: a program that has to end well;
- `console`: commands after `$ `, and what they print; `...` stands for anything;
- `js`: a part of a module of the page, which `tests/browser` runs;
- `rpc`: messages to the calculator (`-->`) and its answers (`<--`);
- `text`: for the eye only.

Port 7080 is another, free one while a test runs.
"""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.installation import ROOT, Installation
from tests.processes import DEADLINE, Daemon, wait_until

__all__ = ["PAGES", "Block", "Page", "blocks_of"]

ELSEWHERE = {"interop.md", "performance.md"}
"""Pages whose commands are run by `make interop` and `make bench`."""

PAGES = [
    path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
    if path.name not in ELSEWHERE
]
_FENCE = re.compile(r"^```(\w*)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FOREGROUND = re.compile(r"twist(d -n)? .*rpc(?!.* --(check|help))")


class Block(NamedTuple):
    """One fenced block."""

    kind: str
    title: str | None
    text: str


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a page in their order."""
    found = _FENCE.findall(path.read_text(encoding="utf-8"))
    return [Block(kind, title or None, text) for kind, title, text in found]


def commands_of(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it is said to print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = 1
        while not _is_whole("\n".join(lines[:end])):
            end += 1
        yield "\n".join(lines[:end]), "\n".join(lines[end:])


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:  # a quotation that goes on in the next line
        return False
    return not command.endswith("\\")


def pattern_of(output: str, between: str = "") -> re.Pattern[str]:
    """What a printed text has to look like; `between` matches what may stand between lines."""
    lines = [re.escape(line.rstrip()).replace(r"\.\.\.", ".*") for line in output.splitlines()]
    return re.compile(f"\n{between}".join(lines))


class Page:
    """Runs the blocks of one page in order, in one directory.

    A daemon runs until the page starts the next one, as a reader would stop it before.
    """

    def __init__(self, directory: Path, installed: Installation) -> None:
        self.directory = directory
        self._environment = installed.environment
        self._daemon: Daemon | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = str(free.getsockname()[1])

    def write(self, block: Block) -> None:
        """Write a block to the file it shows."""
        assert block.title is not None
        path = self.directory / Path(block.title).name
        path.write_text(self._moved(block.text), encoding="utf-8")

    def run_python(self, text: str) -> None:
        """Run a program."""
        self._run(f"python - <<'END'\n{text}END\n")

    def run_console(self, text: str) -> None:
        """Run commands, and compare what they print."""
        for command, output in commands_of(self._moved(text)):
            if _FOREGROUND.match(command):
                self._start(command, output)
            else:
                printed = self._run(command)
                expected = pattern_of(output)
                assert expected.fullmatch(printed), f"$ {command}\n{printed}\nis not\n{output}"

    def _moved(self, text: str) -> str:
        return text.replace("7080", self._port)

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def _start(self, command: str, output: str) -> None:
        self.stop()
        shell = ["bash", "-c", f"exec {command}"]
        daemon = Daemon(shell, self.directory, self._environment)
        self._daemon = daemon.__enter__()
        expected = pattern_of(output, between=r"(?:.*\n)*?")
        wait_until(lambda: expected.search(daemon.log), lambda: f"{daemon.log}\nis not\n{output}")

    def stop(self) -> None:
        """Stop the daemon that runs, if one does."""
        if self._daemon is not None:
            daemon, self._daemon = self._daemon, None
            daemon.__exit__(None, None, None)
