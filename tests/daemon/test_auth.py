"""`--auth` and `[server] auth`: callers prove who they are, each transport in its own way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkers.files import argon2_hash, bcrypt_hash, write
from tests.daemon.clients import (
    ANY_PORT,
    LineClient,
    WebSocketClient,
    post,
    request,
)
from tests.daemon.conftest import Start

CALC = ("--expose", "calc=mymodule:Calculator", "--hybrid", ANY_PORT)
MEMORY = ("--auth", "memory:u:p")


@pytest.mark.parametrize("kind", [LineClient, WebSocketClient])
def test_the_first_message_of_a_line_is_auth(
    start: Start, kind: type[LineClient | WebSocketClient]
) -> None:
    with start(*CALC, *MEMORY) as daemon, kind.to(daemon.port) as client:
        assert client.call("calc.add", 1, 2)["error"]["code"] == -32001
        assert client.call("auth", "u", "wrong")["error"]["code"] == -32001
        assert client.call("auth", "u", "p")["result"] is True
        assert client.call("calc.whoami")["result"] == "u"


def test_http_wants_basic_credentials(start: Start) -> None:
    message = request("calc.whoami")
    with start(*CALC, *MEMORY) as daemon:
        status, headers, answer = post(daemon.port, message)
        assert (status, answer["error"]["code"]) == (401, -32001)
        assert headers["www-authenticate"].startswith("Basic ")
        assert post(daemon.port, message, user="u:wrong")[0] == 401
        assert post(daemon.port, message, user="u:p")[2]["result"] == "u"


def test_a_password_file_works_as_well(start: Start, project: Path) -> None:
    (project / "passwords").write_text("u:p\nv:q\n", encoding="utf-8")
    with start(*CALC, "--auth", "file:passwords") as daemon:
        assert post(daemon.port, request("calc.whoami"), user="v:q")[2]["result"] == "v"
        assert post(daemon.port, request("calc.whoami"), user="v:p")[0] == 401


def test_a_configuration_names_checkers_too(start: Start, project: Path) -> None:
    (project / "rpc.toml").write_text('[server]\nauth = ["memory:u:p"]\n', encoding="utf-8")
    with start(*CALC, "--config", "rpc.toml") as daemon:
        assert post(daemon.port, request("calc.whoami"))[0] == 401
        assert post(daemon.port, request("calc.whoami"), user="u:p")[2]["result"] == "u"


def test_hashed_passwords_are_read_again_when_they_change(start: Start, project: Path) -> None:
    write(project / "passwords", f"u:{bcrypt_hash('p')}\nv:{argon2_hash('q')}\n")
    with start(*CALC, "--auth", "htpasswd:passwords") as daemon:
        assert post(daemon.port, request("calc.whoami"), user="u:p")[2]["result"] == "u"
        assert post(daemon.port, request("calc.whoami"), user="v:q")[2]["result"] == "v"
        assert post(daemon.port, request("calc.whoami"), user="v:p")[0] == 401
        with LineClient.to(daemon.port) as client:
            assert client.call("auth", "w", "p")["error"]["code"] == -32001
            assert client.call("auth", "u", "p")["result"] is True
        write(project / "passwords", f"u:{bcrypt_hash('new')}\n")
        assert post(daemon.port, request("calc.whoami"), user="u:p")[0] == 401
        assert post(daemon.port, request("calc.whoami"), user="u:new")[2]["result"] == "u"
        write(project / "passwords", "u:plain\n")
        assert post(daemon.port, request("calc.whoami"), user="u:new")[2]["result"] == "u"
        daemon.wait_for("passwords: line 1: plain text is refused: .*; what it said before")
