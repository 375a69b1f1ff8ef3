"""Clients that other people wrote, each over each transport it has, against `twistd -n rpc`.

A script in this directory drives each client and reports what came of each step: the
value or the error as the client hands it to its user.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemon import EXPOSE, HERE, TWISTD, Interop, environment, listen
from tests.processes import DEADLINE

pytestmark = pytest.mark.usefixtures("node_modules")

Report = dict[str, Any]
ALICE = ("alice", "wonder")

FAILURE = {"code": 7, "message": "as asked", "data": {"why": "test"}}
CRASH = {"code": -32603, "message": "Internal error", "data": {"incident": "its number"}}
UNKNOWN = {"code": -32601, "message": "Method not found"}
WRONG = {"code": -32602, "message": "Invalid params", "data": "missing: subtrahend"}
REFUSED = {"code": -32001, "message": "Unauthorized", "data": "invalid credentials"}
TEXT = '€ "quoted"\n}'
OVER_HTTP_401 = {
    "jsonrpc": "2.0",
    "error": {"code": -32001, "message": "Unauthorized", "data": "invalid credentials"},
    "id": None,
}


def run_node(script: str, *arguments: str) -> Report:
    """What a script reports."""
    done = subprocess.run(
        ["node", script, *arguments],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report: Report = json.loads(done.stdout)
    return report


def values(**steps: Any) -> Report:
    return {name: {"value": value} for name, value in steps.items()}


def errors(**steps: Any) -> Report:
    return {name: {"error": error} for name, error in steps.items()}


COMMON_ERRORS = errors(failure=FAILURE, crash=CRASH, unknown=UNKNOWN, wrong=WRONG)


# -- json-rpc2, the ancestor ---------------------------------------------------------------------


def ancestors_report(identity: str | None) -> Report:
    """What it reports over a connection that goes both ways.

    Its own errors are strings, so that no code of its can arrive here.
    """
    return COMMON_ERRORS | values(
        positional=19,
        text=TEXT,
        large=200000,
        largeText=100000,
        nothing=None,
        concurrent=[1, 2, 3],
        withoutCallback=["read this"],
        calledBack="a+b",
        calledBackInVain={"code": -32000, "message": "no thanks"},
        calledBackUnknown={"code": -32000, "message": 'Unknown RPC call "local.absent"'},
        told=[[1, 2]],
        whoami=identity,
    )


def ancestors_http_report(identity: str | None) -> Report:
    return COMMON_ERRORS | values(
        positional=19,
        named=19,
        text=TEXT,
        large=200000,
        nothing=None,
        many=150,
        contentType=False,
        stream="streamed",
        whoami=identity,
    )


@pytest.mark.parametrize(
    ("transport", "listener"),
    [
        ("raw", "hybrid"),
        ("raw", "stream"),
        ("raw", "auto"),
        ("websocket", "hybrid"),
        ("websocket", "http"),
        ("websocket", "websocket"),
    ],
)
def test_json_rpc2_calls_and_is_called(daemon: Interop, transport: str, listener: str) -> None:
    report = run_node("jsonrpc2.mjs", transport, str(daemon.port_of(listener)))
    assert report == ancestors_report(None)


@pytest.mark.parametrize("listener", ["hybrid", "http"])
def test_json_rpc2_calls_over_http_without_a_content_type(daemon: Interop, listener: str) -> None:
    report = run_node("jsonrpc2.mjs", "http", str(daemon.port_of(listener)))
    assert report == ancestors_http_report(None)


@pytest.mark.parametrize(
    ("transport", "listener"),
    [("raw", "hybrid"), ("raw", "stream"), ("websocket", "hybrid"), ("websocket", "websocket")],
)
def test_json_rpc2_proves_who_it_is(guarded: Interop, transport: str, listener: str) -> None:
    report = run_node("jsonrpc2.mjs", transport, str(guarded.port_of(listener)), *ALICE)
    assert report == ancestors_report("alice")


def test_json_rpc2_proves_who_it_is_over_http(guarded: Interop) -> None:
    report = run_node("jsonrpc2.mjs", "http", str(guarded.port_of("hybrid")), *ALICE)
    assert report == ancestors_http_report("alice")


def test_json_rpc2_learns_that_its_password_is_wrong(guarded: Interop) -> None:
    port = str(guarded.port_of("hybrid"))
    assert run_node("jsonrpc2.mjs", "raw", port, "alice", "x") == errors(opened=REFUSED)
    # All it says of a WebSocket that was refused.
    assert run_node("jsonrpc2.mjs", "websocket", port, "alice", "x") == values(opened="undefined")


def test_json_rpc2_learns_over_http_that_it_is_not_let_in(guarded: Interop) -> None:
    report = run_node("jsonrpc2.mjs", "http", str(guarded.port_of("http")), "alice", "x")
    message = report["positional"]["error"]["message"]
    assert message.startswith('"401"')
    assert json.loads(message.removeprefix('"401"')) == OVER_HTTP_401


def test_json_rpc2_with_a_password_is_told_when_nobody_asks_for_one(daemon: Interop) -> None:
    # It calls `auth`, which is a method like any other where there is nothing to prove.
    report = run_node("jsonrpc2.mjs", "raw", str(daemon.port_of("hybrid")), *ALICE)
    assert report == errors(opened=UNKNOWN)


# -- jayson --------------------------------------------------------------------------------------


def answer(result: Any, request_id: str = "its own") -> Report:
    """A response as jayson hands it out: whole."""
    return {"jsonrpc": "2.0", "result": result, "id": request_id}


def error_answer(error: Any, request_id: str = "its own") -> Report:
    return {"jsonrpc": "2.0", "error": error, "id": request_id}


def jayson_report(identity: str | None) -> Report:
    return values(
        positional=answer(19),
        named=answer(19),
        text=answer(TEXT),
        large=100000,
        failure=error_answer(FAILURE),
        crash=error_answer(CRASH),
        unknown=error_answer(UNKNOWN),
        wrong=error_answer(WRONG),
        concurrent=[answer(1), answer(2), answer(3)],
        notification={"answer": "none", "notes": ["read this"]},
        batch=[
            answer(19, "a"),
            error_answer(UNKNOWN, "b"),
            answer(["read this", "and this"], "c"),
        ],
        whoami=answer(identity),
    )


@pytest.mark.parametrize(
    ("transport", "listener"),
    [
        ("tcp", "hybrid"),
        ("tcp", "line"),
        ("tcp", "stream"),
        ("tcp", "auto"),
        ("websocket", "hybrid"),
        ("websocket", "http"),
        ("websocket", "websocket"),
    ],
)
def test_jayson_calls_notifies_and_sends_batches(
    daemon: Interop, transport: str, listener: str
) -> None:
    report = run_node("jayson.mjs", transport, str(daemon.port_of(listener)))
    assert report == jayson_report(None)


@pytest.mark.parametrize("listener", ["hybrid", "http"])
def test_jayson_does_so_over_http(daemon: Interop, listener: str) -> None:
    report = run_node("jayson.mjs", "http", str(daemon.port_of(listener)))
    assert report == jayson_report(None) | values(silentBatch="none")


def test_jayson_proves_who_it_is_with_a_header(guarded: Interop) -> None:
    http = run_node("jayson.mjs", "http", str(guarded.port_of("http")), *ALICE)
    assert http == jayson_report("alice") | values(silentBatch="none")
    websocket = run_node("jayson.mjs", "websocket", str(guarded.port_of("hybrid")), *ALICE)
    assert websocket == jayson_report("alice")


def test_jayson_learns_that_its_password_is_wrong(guarded: Interop) -> None:
    port = str(guarded.port_of("hybrid"))
    refused = run_node("jayson.mjs", "http", port, "alice", "x")["positional"]["error"]
    assert refused["code"] == 401
    assert json.loads(refused["message"]) == OVER_HTTP_401
    upgrade = run_node("jayson.mjs", "websocket", port, "alice", "x")
    assert upgrade == errors(opened={"message": "Unexpected server response: 401"})


# -- vscode-jsonrpc ------------------------------------------------------------------------------


def vscode_report(identity: str | None) -> Report:
    cancelled = errors(cancelled={"code": -32800, "message": "Request cancelled"})
    return (
        COMMON_ERRORS
        | cancelled
        | values(
            positional=19,
            named=19,
            structured={"a": [1, None]},
            text='€ "quoted"\r\n\r\n}',
            large=100000,
            nothing=None,
            concurrent=[1, 2, 3],
            notification=["read this"],
            calledBack="ab",
            calledBackByName="A B",
            calledBackNested=19,
            calledBackInVain={"code": 99, "message": "no thanks"},
            calledBackUnknown={"code": -32601, "message": "Unhandled method local.absent"},
            told=[1, 2],
            whoami=identity,
        )
    )


@pytest.mark.parametrize("listener", ["hybrid", "header", "auto"])
def test_vscode_jsonrpc_calls_and_is_called_over_tcp(daemon: Interop, listener: str) -> None:
    report = run_node("vscode.mjs", "tcp", str(daemon.port_of(listener)))
    assert report == vscode_report(None)


@pytest.mark.parametrize("listener", ["hybrid", "header"])
def test_vscode_jsonrpc_proves_who_it_is_by_its_first_call(guarded: Interop, listener: str) -> None:
    report = run_node("vscode.mjs", "tcp", str(guarded.port_of(listener)), *ALICE)
    assert report == vscode_report("alice") | values(auth=True)


@pytest.mark.parametrize("framing", ["header", "auto"])
def test_vscode_jsonrpc_runs_the_daemon_over_stdio(tmp_path: Path, framing: str) -> None:
    # The log must not come between the messages, nor before the first, and the daemon ends
    # with its input.
    config = tmp_path / "rpc.toml"
    config.write_text(listen("stdio", framing, endpoint="") + EXPOSE, encoding="utf-8")
    command = [TWISTD, "-n", "--pidfile=", "rpc", "--config", str(config)]
    report = run_node("vscode.mjs", "stdio", *command)
    assert report == vscode_report(None) | {"exit": [0, None]}


# -- json-rpc-2.0 --------------------------------------------------------------------------------


def json_rpc_20_report(identity: str | None) -> Report:
    return COMMON_ERRORS | values(
        positional=19,
        named=19,
        text=TEXT,
        large=100000,
        nothing=None,
        concurrent=[1, 2, 3],
        notification=["read this"],
        batch=[answer(19, "a"), error_answer(UNKNOWN, "b"), answer(identity, "c")],
        whoami=identity,
    )


CALLED_BACK = {"close": 1000} | values(
    calledBack="ab",
    calledBackNested=19,
    calledBackInVain={"code": 99, "message": "no thanks"},
    calledBackUnknown={"code": -32601, "message": "Method not found"},
    told=[1, 2],
)


@pytest.mark.parametrize("listener", ["hybrid", "http"])
def test_json_rpc_20_calls_by_fetch(daemon: Interop, listener: str) -> None:
    report = run_node("jsonrpc20.mjs", "http", str(daemon.port_of(listener)))
    assert report == json_rpc_20_report(None)


@pytest.mark.parametrize("listener", ["hybrid", "http", "websocket"])
def test_json_rpc_20_calls_and_is_called_over_ws(daemon: Interop, listener: str) -> None:
    report = run_node("jsonrpc20.mjs", "websocket", str(daemon.port_of(listener)))
    assert report == json_rpc_20_report(None) | CALLED_BACK


def test_json_rpc_20_proves_who_it_is_with_a_header(guarded: Interop) -> None:
    http = run_node("jsonrpc20.mjs", "http", str(guarded.port_of("hybrid")), *ALICE)
    assert http == json_rpc_20_report("alice")
    websocket = run_node("jsonrpc20.mjs", "websocket", str(guarded.port_of("hybrid")), *ALICE)
    assert websocket == json_rpc_20_report("alice") | CALLED_BACK
    refused = run_node("jsonrpc20.mjs", "websocket", str(guarded.port_of("hybrid")), "alice", "x")
    assert refused == errors(opened={"message": "Unexpected server response: 401"})
