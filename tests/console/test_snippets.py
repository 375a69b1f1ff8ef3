"""What the console has one copy is run: by curl, the command line, Python and Node."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.parts_harness import EchoDaemon
from tests.processes import DEADLINE

STATIC = Path(__file__).parents[2] / "twisted_rpc/pages/static"
MODULE = (STATIC / "console/snippets.js").as_uri()
EXACT = (STATIC / "console/exact.js").as_uri()
SECRETS = {
    "TWISTED_RPC_USER": "al\"ice'$",
    "TWISTED_RPC_PASSWORD": 'w$on"der\\land`%s é' + "long" * 30,
}
NASTY = [
    "it's",
    '"quoted"',
    "line\nend\r\n\ttab",
    "$HOME `id` $(id) !! \\",
    "é😀\u2028",
    "--help",
    "-",
    "@home",
    "@/etc/hostname",
    "a=b",
    "",
    "42",
    "null",
    "plain words, all",
    "#x",
    "*",
    "%s%n",
    "-1.2.3",
    None,
    True,
    -7,
    0.5,
    12345678901234567890123,
    [1, [2]],
    {"__proto__": {"x": 1}, "a b": "=", "$": None},
]
"""Values that a shell, a command line or a language could take for something else."""

REQUESTS: dict[str, dict[str, Any]] = {
    "by position": {"method": "echo.items", "params": NASTY},
    "one object": {"method": "echo.items", "params": [{"a": 1}]},
    "one dash": {"method": "echo.items", "params": ["-"]},
    "negative": {"method": "echo.items", "params": [-1, -2.5]},
    "by name": {
        "method": "echo.members",
        "params": {f"n{number}": value for number, value in enumerate(NASTY)},
    },
    "odd names": {"method": "echo.members", "params": {"a b": "it's", "x=": 1, "--y": "$1"}},
    "none": {"method": "echo.items"},
}

WRITE = f"""
import * as snippets from '{MODULE}';
import {{parse}} from '{EXACT}';
const [name, request] = parse(process.env.REQUEST);
process.stdout.write(snippets[name](request));
"""


def snippet(name: str, **request: Any) -> str:
    """What a function of the module makes of a request."""
    command = ["node", "--input-type=module", "-e", WRITE]
    return ran(command, STATIC, {"REQUEST": json.dumps([name, request])})


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoDaemon]:
    with EchoDaemon(tmp_path_factory.mktemp("echo")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoDaemon]:
    """One that asks who calls."""
    directory = tmp_path_factory.mktemp("guarded")
    user, password = SECRETS.values()
    (directory / "users").write_text(f"{user}:{password}\n", encoding="utf-8")
    with EchoDaemon(directory, "", "--auth", "file:users") as running:
        yield running


def ran(command: list[str], directory: Path, more: dict[str, str] | None = None) -> str:
    """What a program prints that ends well."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "PATH": path, **(more or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_shell(text: str, directory: Path, secrets: dict[str, str] | None = None) -> Any:
    return json.loads(ran(["sh", "-c", text], directory, secrets))


def in_python(text: str, directory: Path, secrets: dict[str, str] | None = None) -> Any:
    # What it prints is as Python writes it; the last line is the call.
    text = text.replace("print(", "import json; print(json.dumps(").removesuffix(")") + "))"
    return json.loads(ran([sys.executable, "-c", text], directory, secrets))


def in_node(text: str, directory: Path, secrets: dict[str, str] | None = None) -> Any:
    text = text.replace('"/client.js"', f'"{(STATIC / "client.js").as_uri()}"')
    # What it prints is as Node writes it.
    text = re.sub(r"console\.log\((.*)\);", r"console.log(JSON.stringify(\1));", text)
    options = [
        "--harmony-json-parse-with-source",
        "--experimental-websocket",
        "--input-type=module",
    ]
    return json.loads(ran(["node", *options, "-e", text], directory, secrets))


@pytest.mark.parametrize("name", REQUESTS)
def test_curl(daemon: EchoDaemon, tmp_path: Path, name: str) -> None:
    url = f"ws://127.0.0.1:{daemon.port}/rpc"
    text = snippet("asCurl", **REQUESTS[name], url=url, transport="http", id="it's")
    answer = in_shell(text, tmp_path)
    assert answer == {"jsonrpc": "2.0", "result": REQUESTS[name].get("params", []), "id": "it's"}


@pytest.mark.parametrize("name", REQUESTS)
def test_command(daemon: EchoDaemon, tmp_path: Path, name: str) -> None:
    url = f"http://127.0.0.1:{daemon.port}/rpc"
    text = snippet("asCommand", **REQUESTS[name], url=url, transport="http")
    assert in_shell(text, tmp_path) == REQUESTS[name].get("params", [])


@pytest.mark.parametrize("name", ["by position", "odd names", "none"])
def test_python(daemon: EchoDaemon, tmp_path: Path, name: str) -> None:
    url = f"http://127.0.0.1:{daemon.port}/rpc"
    text = snippet("asPython", **REQUESTS[name], url=url, transport="websocket")
    assert in_python(text, tmp_path) == REQUESTS[name].get("params", [])


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_javascript(daemon: EchoDaemon, tmp_path: Path, transport: str) -> None:
    url = f"http://127.0.0.1:{daemon.port}/rpc"
    for request in REQUESTS.values():
        text = snippet("asJavaScript", **request, url=url, transport=transport)
        # A number of JavaScript has 53 bits, when it comes back.
        expected = json.loads(json.dumps(request.get("params", [])), parse_int=float)
        assert in_node(text, tmp_path) == expected


def test_no_digit_is_lost_on_the_way(daemon: EchoDaemon, tmp_path: Path) -> None:
    """A browser's number has 53 bits; what has more is written as it is."""
    number = "0.1234567890123456789"
    request = f'["NAME", {{"method": "echo.items", "params": [{number}], "transport": "http", '
    request += f'"url": "http://127.0.0.1:{daemon.port}/"}}]'
    for name, part in {
        "asCurl": f"[{number}]",
        "asCommand": f" {number}",
        "asPython": f'Raw(b"{number}")',
        "asJavaScript": f'JSON.rawJSON("{number}")',
    }.items():
        done = subprocess.run(
            ["node", "--input-type=module", "-e", WRITE],
            env={**os.environ, "REQUEST": request.replace("NAME", name)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
        assert part in done.stdout
        if name == "asPython":
            assert in_python(done.stdout, tmp_path) == [float(number)]


@pytest.mark.parametrize("name", ["asCurl", "asCommand", "asPython", "asJavaScript"])
def test_credentials_come_from_the_environment(
    guarded: EchoDaemon, tmp_path: Path, name: str
) -> None:
    url = f"http://127.0.0.1:{guarded.port}/rpc"
    text = snippet(name, method="echo.whoami", url=url, transport="http", auth="basic")
    run = {"asPython": in_python, "asJavaScript": in_node}.get(name, in_shell)
    answer = run(text, tmp_path, SECRETS)
    if name == "asCurl":
        answer = answer["result"]
    assert answer == SECRETS["TWISTED_RPC_USER"]


@pytest.mark.parametrize("name", ["asCurl", "asCommand", "asPython", "asJavaScript"])
def test_notifications_are_sent(daemon: EchoDaemon, tmp_path: Path, name: str) -> None:
    url = f"http://127.0.0.1:{daemon.port}/rpc"
    request = {"method": "echo.items", "params": [1], "url": url, "isNotification": True}
    text = snippet(name, **request, transport="http")
    assert "notify" in text or '"id"' not in text
    if name in ("asCurl", "asCommand"):
        assert ran(["sh", "-c", text], tmp_path) == ""
    elif name == "asPython":
        assert ran([sys.executable, "-c", text], tmp_path) == ""


@pytest.mark.parametrize("name", ["asCurl", "asCommand", "asPython", "asJavaScript"])
def test_a_token_is_named_and_not_shown(name: str) -> None:
    text = snippet(name, method="m", url="http://h/", transport="http", auth="token")
    assert "TWISTED_RPC_TOKEN" in text
