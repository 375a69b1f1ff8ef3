"""The options of `twistd rpc`: what they make together with a configuration file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred

from twisted_rpc import Server, method
from twisted_rpc.ports import ListenerService, StdioService
from twisted_rpc.service import RPCService
from twisted_rpc.tap import Options, makeService

HERE = __name__


class Thing:
    """Something to expose."""

    @method
    def name(self) -> str:
        return "thing"


class OtherServer(Server):
    """Something to serve."""


@pytest.fixture(autouse=True)
def path_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading searches the current directory; not beyond a test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def written(directory: Path, text: str) -> str:
    """The path of a configuration file with this text."""
    path = directory / "rpc.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def service_of(*options: str) -> RPCService:
    """The service that a command line makes."""
    parsed = Options()
    parsed.parseOptions(list(options))
    return makeService(parsed)


def refusal_of(*options: str) -> str:
    """The line with which a command line is refused."""
    with pytest.raises(SystemExit) as caught:
        service_of(*options)
    return str(caught.value.code)


def listeners_of(service: RPCService) -> list[tuple[str, str]]:
    """The transports and descriptions of a service's listeners."""
    return [
        (listener._transport, listener._place.description)
        for listener in service.listeners
        if isinstance(listener, ListenerService)
    ]


def outcome_of(waiting: Deferred[Any]) -> Any:
    """What a Deferred that has fired came to."""
    outcome: list[Any] = []
    waiting.addBoth(outcome.append)
    return outcome[0]


def log_in(server: Server, user: bytes, password: bytes) -> Any:
    """The identity behind a password, or a failure."""
    return outcome_of(server.authenticate(UsernamePassword(user, password)))


def test_without_a_listener_every_protocol_is_served_on_loopback() -> None:
    assert listeners_of(service_of()) == [("hybrid", "tcp:7080:interface=127.0.0.1")]


def test_each_listener_option_may_be_repeated_and_keeps_its_place() -> None:
    options = ("--tcp", "tcp:1", "--http", "tcp:2", "--tcp", "tcp:3", "--websocket", "tcp:4")
    expected = [("tcp", "tcp:1"), ("http", "tcp:2"), ("tcp", "tcp:3"), ("websocket", "tcp:4")]
    assert listeners_of(service_of(*options)) == expected
    assert listeners_of(service_of("--hybrid", "tcp:5")) == [("hybrid", "tcp:5")]


def test_options_come_after_what_the_file_says(tmp_path: Path) -> None:
    text = f"""
        [[listen]]
        transport = "http"
        endpoint = "tcp:1"
        [expose]
        one = "{HERE}:Thing"
    """
    options = ("--config", written(tmp_path, text), "--tcp", "tcp:2", "--expose", f"{HERE}:Thing")
    service = service_of(*options)
    assert listeners_of(service) == [("http", "tcp:1"), ("tcp", "tcp:2")]
    assert sorted(service.server.methods) == ["one.name", "thing.name"]


def test_an_exposure_by_option_replaces_the_one_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[expose]\nthing = "nowhere:Thing"\n')
    service = service_of("--config", path, "--expose", f"thing={HERE}:Thing")
    assert list(service.server.methods) == ["thing.name"]


def test_the_server_is_the_files_unless_an_option_names_another(tmp_path: Path) -> None:
    path = written(tmp_path, f'[server]\nclass = "{HERE}:OtherServer"\ndebug = true\n')
    server = service_of("--config", path).server
    assert (type(server), server.debug) == (OtherServer, True)
    server = service_of("--config", path, "--server", "twisted_rpc:Server").server
    assert type(server) is Server
    assert service_of("--debug").server.debug


def test_limits_reach_the_server(tmp_path: Path) -> None:
    path = written(tmp_path, '[limits]\nmax_batch = 7\nidle_timeout = "none"\n')
    limits = service_of("--config", path).server.limits
    assert (limits.max_batch, limits.idle_timeout, limits.max_depth) == (7, None, 64)


def test_without_a_checker_nobody_has_to_prove_anything() -> None:
    assert not service_of().server.requires_authentication


def test_checkers_of_the_option_and_of_the_file_all_hold(tmp_path: Path) -> None:
    path = written(tmp_path, '[server]\nauth = ["memory:v:q"]\n')
    server = service_of("--config", path, "--auth", "memory:é:pässword").server
    assert server.requires_authentication
    assert log_in(server, "é".encode(), "pässword".encode()) == "é"
    assert log_in(server, b"v", b"q") == "v"
    assert log_in(server, b"v", b"p").check(LoginFailed)


def test_a_checker_that_cannot_be_made_is_named_with_its_key(tmp_path: Path) -> None:
    path = written(tmp_path, '[server]\nauth = ["memory:v"]\n')
    assert refusal_of("--config", path).startswith("rpc: [server] auth: 'memory': ")


def test_a_password_file_has_to_be_there(tmp_path: Path) -> None:
    path = written(tmp_path, f'[server]\nauth = ["file:{tmp_path}/none"]\n')
    assert refusal_of("--config", path) == f"rpc: auth: there is no file '{tmp_path}/none'"


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    assert refusal_of("--expose", "thing=") == "rpc: 'thing=' is not [NAME=]MODULE:OBJECT"
    twice = ("--expose", "a=m:B", "--expose", "a=m:C")
    assert refusal_of(*twice) == "rpc: --expose: 'a' is given twice"
    (tmp_path / "lines_5821.py").write_text("raise ValueError('one\\ntwo')\n", encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    assert refusal_of("--expose", "lines_5821:x").endswith("ValueError: one two")


def test_check_prints_what_there_is_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        service_of("--check", "--expose", f"{HERE}:Thing", "--tcp", "tcp:1", "--http", "tcp:2")
    assert caught.value.code == 0
    assert capsys.readouterr().out == "ok: 2 listener(s), 1 method(s)\n"


def test_check_leaves_standard_output_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, '[[listen]]\ntransport = "stdio"\n')
    with pytest.raises(SystemExit):
        service_of("--check", "--config", path)
    assert capfd.readouterr().out == "ok: 1 listener(s), 0 method(s)\n"


def test_standard_output_is_taken_before_anything_is_imported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prints_5821.py").write_text("print('noise', flush=True)\nx = len\n")
    sys.path.insert(0, str(tmp_path))
    kept = os.dup(1)
    path = written(tmp_path, '[[listen]]\ntransport = "stdio"\n')
    try:
        os.write(1, b"before;")
        (stdio,) = service_of("--config", path, "--expose", "prints_5821:x").listeners
        os.write(1, b"after;")
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert isinstance(stdio, StdioService)
    assert stdio._output is not None
    os.close(stdio._output)
    captured = capfd.readouterr()
    assert captured.out.startswith("before;")
    assert "after;" in captured.err


def test_a_listener_without_a_description_is_refused() -> None:
    assert "--tcp: endpoint is missing" in refusal_of("--tcp", "")
