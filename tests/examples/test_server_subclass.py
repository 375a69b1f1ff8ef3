"""A subclass of `Server`: its hooks and its middleware, as the daemon runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.clients import LineClient, post
from tests.examples.daemon import ended_well, environment, serving, twistd
from tests.helpers import request
from tests.processes import Daemon


@pytest.fixture(params=["configuration", "option"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    """The server named in a file, and on the command line."""
    if request.param == "configuration":
        with serving(tmp_path, "server_subclass") as running:
            yield running
        return
    options = ("--server", "examples.server_subclass:MyServer", "--hybrid")
    command = twistd(*options, "tcp:0:interface=127.0.0.1")
    with ended_well(Daemon(command, tmp_path, environment())) as running:
        yield running


def test_an_exception_of_the_application_becomes_an_error_of_its_own(daemon: Daemon) -> None:
    assert post(daemon.port, request("shop.buy", [4]))[2]["result"] == 6
    _, _, answer = post(daemon.port, request("shop.buy", {"apples": 7}))
    assert answer["error"] == {"code": 3001, "message": "out of stock", "data": {"left": 6}}
    assert post(daemon.port, request("shop.buy", [6]))[2]["result"] == 0


def test_connections_and_the_time_of_calls_are_logged(daemon: Daemon) -> None:
    with LineClient.to(daemon.port) as client:
        client.call("shop.buy", 1)
        number = daemon.wait_for(r"#info\] tcp (\d+) opened by 127\.0\.0\.1:\d+$")[1]
        client.call("shop.buy", 100)
        client.call("shop.\nsell")
    daemon.wait_for(rf"#info\] tcp {number} closed$")
    took = r"took \d+\.\d{6} s\n"
    assert daemon.wait_for(rf"'shop\.buy' {took}(.*\n)*.*'shop\.buy' {took}")
    assert daemon.wait_for(rf"'shop\.\\nsell' {took}")


def test_other_errors_are_as_ever(daemon: Daemon) -> None:
    with LineClient.to(daemon.port) as client:
        assert client.call("shop.sell")["error"]["code"] == -32601
        assert client.call("shop.buy", "all")["error"]["code"] == -32602
