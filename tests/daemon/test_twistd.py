"""`twistd rpc` and `twist rpc` from the wheel: found, explained, serving what users write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.daemon.clients import ANY_PORT, LineClient, WebSocketClient, post, request
from tests.daemon.conftest import Start
from tests.installation import Installation
from tests.processes import Daemon

OPTIONS = (
    "--auth",
    "--check",
    "--config",
    "--debug",
    "--expose",
    "--http",
    "--hybrid",
    "--insecure-public",
    "--server",
    "--tcp",
    "--websocket",
)


def output_of(installed: Installation, *command: str) -> str:
    """What a command of the environment prints."""
    done = subprocess.run(
        [installed.command(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        env=installed.environment,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("command", ["twistd", "twist"])
def test_help_lists_rpc(installed: Installation, command: str) -> None:
    assert "    rpc  " in output_of(installed, command, "--help")


@pytest.mark.parametrize("command", ["twistd", "twist"])
def test_help_of_rpc_shows_every_option(installed: Installation, command: str) -> None:
    text = output_of(installed, command, "rpc", "--help")
    assert [option for option in OPTIONS if option not in text] == []


def test_the_wheel_adds_nothing_to_twisted_but_its_plugins(installed: Installation) -> None:
    listed = output_of(installed, "pip", "show", "--files", "twisted_rpc")
    files = [line.strip() for line in listed.splitlines() if line.startswith("  twisted/")]
    made = [file for file in files if "__pycache__" not in file]
    assert made == [
        "twisted/plugins/twisted_rpc_auth.py",
        "twisted/plugins/twisted_rpc_plugin.py",
    ]
    assert "  twisted_rpc/py.typed" in listed.splitlines()


def test_a_class_on_the_path_is_exposed_by_option(start: Start) -> None:
    with start("--expose", "calc=mymodule:Calculator", "--hybrid", ANY_PORT) as daemon:
        message = request("calc.add", 1, 2)
        _, _, answer = post(daemon.port, message, "/rpc")
        assert answer == {"jsonrpc": "2.0", "result": 3.0, "id": 1}
        with LineClient.to(daemon.port) as line, WebSocketClient.to(daemon.port) as websocket:
            assert line.call("calc.add", 1, 2) == answer
            assert websocket.call("calc.add", 1, 2) == answer


def test_a_class_is_exposed_under_its_own_name_unless_one_is_given(start: Start) -> None:
    with (
        start("--expose", "mymodule:Calculator", "--tcp", ANY_PORT) as daemon,
        LineClient.to(daemon.port) as line,
    ):
        assert line.call("calculator.add", 1, 2)["result"] == 3.0


def test_a_class_is_exposed_by_configuration_and_options_add_to_it(
    start: Start, project: Path
) -> None:
    (project / "rpc.toml").write_text(
        f'[[listen]]\ntransport = "tcp"\nendpoint = "{ANY_PORT}"\n'
        '[expose]\ncalc = "mymodule:Calculator"\n'
    )
    options = ("--config", "rpc.toml", "--expose", "more=mymodule:Calculator", "--http", ANY_PORT)
    with start(*options, listeners=2) as daemon, LineClient.to(daemon.ports[0]) as line:
        assert line.call("calc.add", 1, 2)["result"] == 3.0
        assert post(daemon.ports[1], request("more.add", 1, 2))[2]["result"] == 3.0


def test_a_server_subclass_is_served(start: Start) -> None:
    with (
        start("--server", "mymodule:MyServer", "--tcp", ANY_PORT) as daemon,
        LineClient.to(daemon.port) as line,
    ):
        assert line.call("mine.answer")["result"] == 42


def test_twist_serves_as_well(installed: Installation, project: Path) -> None:
    twist = [installed.command("twist"), "--log-format=text", "rpc"]
    command = [*twist, "--expose", "calc=mymodule:Calculator", "--tcp", ANY_PORT]
    with (
        Daemon(command, project, installed.environment) as daemon,
        LineClient.to(daemon.port) as line,
    ):
        assert line.call("calc.add", 1, 2)["result"] == 3.0


def test_the_log_lists_listeners_and_namespaces_with_their_methods(start: Start) -> None:
    options = ("--server", "mymodule:MyServer", "--expose", "calc=mymodule:Calculator")
    with start(*options, "--tcp", ANY_PORT, "--http", ANY_PORT, listeners=2) as daemon:
        daemon.wait_for(rf"tcp on 127\.0\.0\.1:{daemon.ports[0]}$")
        daemon.wait_for(rf"http on 127\.0\.0\.1:{daemon.ports[1]}$")
        daemon.wait_for(r"exposed calc: 3 methods$")
        daemon.wait_for(r"exposed mine: 1 method$")
