"""The command line of the benchmarks: what it plans, and what it refuses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from benchmarks import generator
from benchmarks.__main__ import main, planned
from benchmarks.peers import SERVERS
from benchmarks.rows import ROWS, servers_of


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--rounds", "0"], "argument --rounds: '0' is not a whole number of at least 1"),
        (["--rounds", "many"], "argument --rounds: 'many' is not a whole number of at least 1"),
        (["--seconds", "0"], "argument --seconds: '0' is not a number of seconds greater than 0"),
        (["--seconds", "nan"], "'nan' is not a number of seconds greater than 0"),
        (["--seconds", "soon"], "'soon' is not a number of seconds greater than 0"),
        (["--only", "("], "argument --only: '(' is not a regular expression: missing )"),
        (["--only", "fax"], "--only: nothing matches it; --list shows what there is"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert error in capsys.readouterr().err.splitlines()[-1]


def test_the_list_is_of_rows_and_their_servers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", "^tcp, batches"]) == 0
    assert capsys.readouterr().out == (
        "TCP, batches of 100: twisted_rpc, jayson, aiorpcX, aiorpcX on uvloop, uvloop, unchecked\n"
    )


def test_ours_is_in_every_row_for_the_others_to_be_compared_with() -> None:
    plan = planned(re.compile("anvil"), quick=False)
    assert plan
    for _, servers in plan:
        assert [server.name for server in servers] == ["twisted_rpc", "anvil"]
    for row in ROWS:
        assert servers_of(row)[0].kind == "ours"


def test_a_quick_look_has_every_transport_and_one_peer_in_python_each() -> None:
    plan = planned(None, quick=True)
    assert {row.transport for row, _ in plan} == {"tcp", "http", "websocket"}
    for row, servers in plan:
        if not row.observed:
            assert len([one for one in servers if one.kind == "python"]) == 1, row.title


def test_what_is_observed_is_measured_beside_ours_that_is_not() -> None:
    plan = planned(re.compile("observed"), quick=True)
    assert len(plan) == 9
    for row, servers in plan:
        assert row.observed
        assert [one.name.removeprefix("twisted_rpc") for one in servers] == [
            "",
            " with metrics",
            " with metrics and access log",
        ]


def test_names_tell_servers_of_one_row_apart() -> None:
    for row in ROWS:
        names = [server.name for server in servers_of(row)]
        assert len(names) == len(set(names)), row.title
    assert len({server.key for server in SERVERS}) == len(SERVERS)


def test_every_server_is_measured_somewhere() -> None:
    measured = {server.key for row in ROWS for server in servers_of(row)}
    assert measured == {server.key for server in SERVERS}


def test_a_generator_that_does_not_compile_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("bad.c").write_text("int main(void) { return it; }\n")
    monkeypatch.setattr(generator, "SOURCES", tmp_path)
    monkeypatch.setattr(generator, "PROGRAM", tmp_path / "rpcload")
    with pytest.raises(SystemExit, match=r"^benchmarks: the load generator does not compile: .+"):
        main(["--only", "TCP"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"cannot be compiled: .*No such file.*gcc"):
        main(["--only", "TCP"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly", "line", "1", "FILE"],
        ["once", "fax", "1", "FILE"],
        ["once", "line", "1", "FILE", "more"],
        ["once", "line", "1", "FILE", "-c", "0"],
        ["once", "line", "1", "FILE", "-x"],
    ],
)
def test_the_generator_tells_how_it_is_used(arguments: list[str], tmp_path: Path) -> None:
    generator.build()
    message = tmp_path / "message"
    message.write_text("{}")
    given = [str(message) if argument == "FILE" else argument for argument in arguments]
    done = subprocess.run(
        [str(generator.PROGRAM), *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage: rpcload" in done.stderr
