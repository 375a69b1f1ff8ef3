"""`[access]` and `namespaces`: what callers of a daemon see of its methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.daemon.clients import ANY_PORT, LineClient, post, request
from tests.daemon.conftest import Start
from tests.daemon.test_check import check
from tests.installation import Installation
from tests.processes import Daemon

RULES = """
[server]
auth = ["memory:ann:a:bob:b"]

[[listen]]
transport = "hybrid"
endpoint = "tcp:0:interface=127.0.0.1"
{more}

[expose]
calc = "mymodule:Calculator"
now = "time:time"
levels = "levels:Levels"

[access.ann]
allow = ["calc.*", "levels.*"]
deny = ["calc.wait_for"]
roles = ["read"]

[access."*"]
allow = ["now"]
"""

LEVELS = """
from twisted_rpc import method


class Levels:
    @method(access="read")
    def get(self) -> str:
        return "got"

    @method(access="write")
    def set(self) -> str:
        return "set"
"""


def write(project: Path, more: str = "") -> None:
    """Write the configuration, and the module it needs."""
    (project / "rpc.toml").write_text(RULES.format(more=more), encoding="utf-8")
    (project / "levels.py").write_text(LEVELS, encoding="utf-8")


def names(daemon: Daemon, user: str) -> Any:
    """Which methods somebody sees."""
    return post(daemon.port, request("rpc.methods"), user=user)[2]["result"]


def test_each_user_sees_what_the_rules_give(start: Start, project: Path) -> None:
    write(project)
    with start("--config", "rpc.toml") as daemon:
        assert names(daemon, "ann:a") == ["calc.add", "calc.whoami", "levels.get", "now"]
        assert names(daemon, "bob:b") == ["now"]
        hidden = post(daemon.port, request("levels.set"), user="ann:a")
        unknown = post(daemon.port, request("levels.sat"), user="ann:a")
        assert hidden[2] == unknown[2]
        with LineClient.to(daemon.port) as client:
            assert client.call("auth", "bob", "b")["result"] is True
            assert client.call("calc.add", 1, 2)["error"]["code"] == -32601
            assert client.call("now")["result"] > 0


def test_a_port_serves_the_namespaces_it_is_bound_to(start: Start, project: Path) -> None:
    write(project, 'namespaces = ["levels", "now"]')
    with start("--config", "rpc.toml") as daemon:
        assert names(daemon, "ann:a") == ["levels.get", "now"]


def test_a_misspelt_namespace_is_told(installed: Installation, project: Path) -> None:
    write(project, 'namespaces = ["level"]')
    done = check(installed, project, "--config", "rpc.toml")
    assert done.returncode == 1
    assert "nothing is exposed under the namespace 'level'" in done.stderr


def test_rules_that_nothing_comes_of_are_doubted(installed: Installation, project: Path) -> None:
    write(project)
    slip = '[access.carl]\nroles = ["raed"]\nallow = ["clac.*"]\n'
    (project / "rpc.toml").write_text(RULES.format(more="") + slip, encoding="utf-8")
    done = check(installed, project, "--config", "rpc.toml")
    assert (done.returncode, done.stderr.splitlines()) == (
        0,
        [
            "warning: [access.carl] roles: no method wants 'raed'; access levels: read, write",
            "warning: [access.carl] allow: 'clac.*' matches no method",
        ],
    )


def test_levels_that_say_nothing_are_told(start: Start, project: Path) -> None:
    write(project)
    levels = ("--expose", "levels=levels:Levels", "--hybrid", ANY_PORT)
    with start(*levels) as daemon:
        assert post(daemon.port, request("levels.set"))[2]["result"] == "set"
        daemon.wait_for("nobody has to log in: access levels of methods say nothing")
