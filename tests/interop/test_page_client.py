"""The browser's client in Node, against daemons and against servers that misbehave.

The tests are JavaScript, in `page_client/`; what pages of a real browser see is in
`tests/browser`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from tests.interop.daemon import HERE, TWISTD
from tests.processes import DEADLINE

pytestmark = pytest.mark.usefixtures("node_modules")

DIRECTORY = HERE / "page_client"
STATIC = files("twisted_rpc.pages") / "static"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command in the directory of the tests prints."""
    return subprocess.run(
        command,
        cwd=DIRECTORY,
        env={**os.environ, "PYTHONPATH": str(DIRECTORY), "TWISTD": TWISTD, **environment},
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )


@pytest.fixture
def client(tmp_path: Path) -> str:
    """The client under the name by which Node knows a module."""
    with as_file(STATIC / "client.js") as script:
        return shutil.copy(script, tmp_path / "client.mjs")


def node(*arguments: str, client: str) -> subprocess.CompletedProcess[str]:
    """Run Node; before version 22 it has no WebSocket unless it is told to."""
    flags = ("--experimental-websocket", "--no-warnings")
    return run("node", *flags, *arguments, CLIENT=client, TMPDIR=str(Path(client).parent))


def test_syntax(client: str) -> None:
    done = run("node", "--check", client)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(path.name for path in DIRECTORY.glob("*.test.mjs")))
def test_in_node(name: str, client: str) -> None:
    done = node("--test", name, client=client)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0, done.stdout
