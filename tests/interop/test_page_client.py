"""The browser's client in Node, against daemons and against servers that misbehave.

The tests are JavaScript, in `page_client/`; what pages of a real browser see is in
`tests/browser`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.resources import files
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
    module = tmp_path / "client.mjs"
    module.write_bytes((STATIC / "client.js").read_bytes())
    return str(module)


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


def check_types(program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """What TypeScript says of a program that uses the typings."""
    for path in (DIRECTORY / "types" / program, STATIC / "client.d.ts"):
        (directory / path.name).write_text(path.read_text("utf-8"), "utf-8")
    compiler = str(HERE / "node_modules" / ".bin" / "tsc")
    options = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext")
    return run(compiler, *options, "--lib", "es2022,dom", str(directory / program))


@pytest.mark.parametrize("program", ["right.ts", "wrong.ts"])
def test_types(program: str, tmp_path: Path) -> None:
    done = check_types(program, tmp_path)
    assert done.returncode == 0, done.stdout


def test_types_are_checked(tmp_path: Path) -> None:
    done = check_types("broken.ts", tmp_path)
    assert done.returncode != 0
    assert "broken.ts(5,19): error TS2345" in done.stdout


def test_types_name_what_there_is(client: str) -> None:
    """What the module exports, and the members of a client, are those of the typings."""
    program = """
        const module = await import(process.env.CLIENT);
        const client = module.connect('http://127.0.0.1:1/');
        const names = Object.getOwnPropertyNames;
        const members = new Set([...names(client), ...names(Object.getPrototypeOf(client))]);
        members.delete('constructor');
        console.log(JSON.stringify([Object.keys(module).sort(), [...members].sort()]));
    """
    done = node("--input-type=module", "-e", program, client=client)
    exported, members = json.loads(done.stdout)
    types = (STATIC / "client.d.ts").read_text("utf-8")
    assert sorted(re.findall(r"^export (?:class|function) (\w+)", types, re.MULTILINE)) == exported
    (body,) = re.findall(r"^export interface Client \{\n(.*?)^\}", types, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"^  (?:readonly )?(\w+)[<(:]", body, re.MULTILINE)) == members
