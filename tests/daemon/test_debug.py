"""`--debug` and DEBUG=jsonrpc show every message both ways, and no password ever."""

from __future__ import annotations

import pytest

from tests.daemon.clients import (
    ANY_PORT,
    LineClient,
    WebSocketClient,
    post,
    request,
)
from tests.daemon.conftest import Start

CALC = ("--expose", "calc=mymodule:Calculator", "--hybrid", ANY_PORT)
SWITCHES = {
    "by option": (["--debug"], {}),
    "by environment": ([], {"DEBUG": "jsonrpc"}),
    "by environment, among others": ([], {"DEBUG": "express,jsonrpc"}),
}


@pytest.mark.parametrize(("options", "environment"), SWITCHES.values(), ids=SWITCHES)
def test_messages_are_shown_both_ways(
    start: Start, options: list[str], environment: dict[str, str]
) -> None:
    with start(*CALC, *options, environment=environment) as daemon:
        with LineClient.to(daemon.port) as line, WebSocketClient.to(daemon.port) as websocket:
            line.call("calc.add", 1, 2)
            websocket.call("calc.add", 3, 4)
            post(daemon.port, request("calc.add", 5, 6))
        for transport, a, b in (("tcp", 1, 2), ("websocket", 3, 4), ("http", 5, 6)):
            daemon.wait_for(rf'{transport} \d+ <-- {{"jsonrpc": "2.0", .*\[{a}, {b}\]')
            daemon.wait_for(rf'{transport} \d+ --> {{"jsonrpc":"2.0","result":{a + b}\.0,"id":1}}')


def test_nothing_is_shown_without(start: Start) -> None:
    with start(*CALC, environment={"DEBUG": "express"}) as daemon:
        with LineClient.to(daemon.port) as line:
            line.call("calc.add", 1, 2)
        daemon.wait_for("noise of a call")
        assert "jsonrpc" not in daemon.log


PASSWORDS = {
    "an auth call": request("auth", "u", "s3cret"),
    "a wrong password": request("auth", "u", "s3cret!"),
    "an escaped name": request("auth", "u", "s3cret").replace(b"auth", b"\\u0061uth"),
    "broken JSON": b"{'method': 'auth', 'params': ['u', 's3cret']}",
    "a batch": b"[" + request("auth", "u", "s3cret") + b"]",
    "another method": request("login", "u", "s3cret"),
}


@pytest.mark.parametrize("message", PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_is_never_shown(start: Start, message: bytes) -> None:
    with start(*CALC, "--debug", "--auth", "memory:u:s3cret") as daemon:
        with LineClient.to(daemon.port) as line:
            line.send(message)
            line.receive()
            line.send(request("auth", "u", "s3cret", id=2))
            line.receive()
            line.call("calc.add", 1, 2)
            line.call("auth", "u", "s3cret")
        assert post(daemon.port, request("calc.add", 3, 4), user="u:s3cret")[0] == 200
        daemon.wait_for(r"http \d+ --> ")
        daemon.wait_for(r"<-- .*\[1, 2\]")
        daemon.wait_for(r'<-- "auth" \(not shown\)$')
        assert "s3cret" not in daemon.log
