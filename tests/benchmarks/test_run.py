"""The runner with real servers, ours alone: for a moment each."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks import __main__ as program
from benchmarks import generator
from benchmarks.generator import Sample
from benchmarks.measuring import measured
from benchmarks.peers import PEERS
from benchmarks.processes import Failed, Process, Processes
from benchmarks.rounds import Result, run
from benchmarks.rows import ROWS
from benchmarks.servers import Server, ours
from tests.benchmarks.found import row_named
from tests.processes import wait_until

OF_EACH_KIND = "|".join(
    [
        "WebSocket, batches of 100",
        "WebSocket, 100 KB there and back",
        "WebSocket, connect, call, close",
        "WebSocket, notifications to 100",
        "WebSocket, TLS, 16 outstanding",
        "TCP, start to first answer",
        "TCP, memory of an idle connection",
    ]
)


def test_every_kind_of_row_is_measured_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = [structs.replace(row, connections=min(row.connections, 200)) for row in ROWS]
    monkeypatch.setattr(program, "ROWS", fewer)
    only = f"^({OF_EACH_KIND}): twisted_rpc"
    arguments = ["--only", only, "--rounds", "1", "--seconds", "0.1", "--output", str(tmp_path)]
    assert program.main(arguments) == 0
    printed, progress = capsys.readouterr()
    titles = OF_EACH_KIND.split("|")
    for title in titles:
        assert re.search(rf"^\| {title} \| twisted_rpc[^|]* \| [\d,.]+ \|", printed, re.MULTILINE)
        assert re.search(rf"^round 1 of 1, {title}: twisted_rpc.* left$", progress, re.MULTILINE)
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == printed
    rows = json.loads((tmp_path / "results.json").read_bytes())["rows"]
    assert sorted(row["title"] for row in rows) == sorted(titles)
    assert all(server["samples"][0]["value"] > 0 for row in rows for server in row["servers"])
    assert (tmp_path / "chart.svg").read_text(encoding="utf-8").count("<g ") == len(titles)
    assert (tmp_path / "summary.svg").read_text(encoding="utf-8").count("<g ") == 1


def server_of(program: str, **rest: object) -> Server:
    """A server whose process is a Python program."""
    command = [sys.executable, "-c", program]
    return structs.replace(ours("tcp"), command=lambda port, _: [*command, str(port)], **rest)


def left_out(result: Result) -> str:
    (reason,) = result.left_out.values()
    return reason


ENDS = server_of("raise ValueError('nothing works')", name="ends")
LINES = """
import socketserver, sys
class Line(socketserver.StreamRequestHandler):
    def handle(self):
        for number, _ in enumerate(self.rfile):
            answer = ANSWERS[min(number, len(ANSWERS) - 1)]
            if answer is None:
                return
            self.wfile.write(answer)
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
Server(("127.0.0.1", int(sys.argv[1])), Line).serve_forever()
"""
GOOD = b'{"result": 8}'


def answering(*answers: bytes | None) -> Server:
    """A server that gives these answers on each connection, the last again and again.

    None ends the connection.
    """
    lines = [answer and answer + b"\n" for answer in answers]
    return server_of(LINES.replace("ANSWERS", repr(lines)), name="scripted")


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (ENDS, "has ended: ValueError: nothing works"),
        (server_of("pass", name="silent"), "has ended: it said nothing"),
        (answering(b'{"result": 9}'), 'answers with a wrong result: {"result": 9}'),
        (answering(b'{"error": 1}'), 'answers {"error": 1}'),
        (answering(b'"result"'), 'answers "result"'),
    ],
    ids=["ends", "silent", "wrong result", "error", "no JSON"],
)
def test_a_server_that_cannot_be_measured_is_left_out_with_the_reason(
    server: Server, reason: str
) -> None:
    generator.build()
    said: list[str] = []
    (result,) = run([(row_named("TCP, 1 outstanding"), [server])], 2, 0.1, said.append)
    assert left_out(result) == reason
    assert result.samples == {server.name: [None, None]}
    assert [line.split(";")[0].partition(": ")[2] for line in said] == [
        f"{server.name}: left out: {reason}"
    ] * 2


def test_a_program_that_is_not_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = structs.replace(ours("tcp"), command=lambda _port, _directory: ["/no/such/program"])
    with pytest.raises(Failed, match=r"^has ended: .*/no/such/program"), Process(absent) as process:
        process.wait()
    monkeypatch.setattr("benchmarks.processes.pinned", lambda _core, command: command)
    with pytest.raises(Failed, match=r"^cannot be started: .*No such file"):
        Process(absent)


def test_our_own_failure_is_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = [(row_named("TCP, 1 outstanding"), [ENDS])]
    monkeypatch.setattr(program, "planned", lambda _only, quick: plan)
    assert program.main(["--output", str(tmp_path), "--quick"]) == 1
    assert "- ends (TCP, 1 outstanding): has ended: ValueError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("server", "title", "reason"),
    [
        (answering(GOOD, b'{"error": 1}'), "TCP, 1 outstanding", r"\d+ errors of \d+"),
        (answering(GOOD, GOOD, None), "TCP, 1 outstanding", r"32 closed of \d+"),
        (answering(GOOD, b""), "TCP, 1 outstanding", "no answer in 0.1 s"),
        (answering(GOOD, GOOD), "TCP, notifications to 1", r"400 lost of 0"),
        (answering(None), "TCP, connect, call, close", "32 closed of 0"),
        (answering(None), "TCP, 1 outstanding", "the server closed the connection"),
        (answering(b""), "TCP, 1 outstanding", "no answer"),
        (answering(b'{"error": 1}'), "TCP, 1 outstanding", 'answered: {"error": 1}'),
    ],
    ids=["errors", "closes", "silent", "lost", "hangs up", "refuses", "mute", "greets ill"],
)
def test_what_goes_wrong_under_load_is_a_reason(server: Server, title: str, reason: str) -> None:
    generator.build()
    row = row_named(title)
    message = generator.message_for(server, row.message)
    with Process(server) as process:
        process.wait()
        options = ("-c", row.connections, "-n", row.per_call, "-w", 0.2)
        with pytest.raises(Failed, match=f"^{reason}$"):
            generator.load(row.measure, server, process.port, message, 0.1, *options)


def test_an_ended_server_is_started_again_but_one_that_cannot_start_is_not() -> None:
    server = answering(GOOD)
    with Processes() as processes:
        with processes.running(server) as process:
            os.kill(process.pid, signal.SIGKILL)
            wait_until(lambda: process.has_ended, lambda: "it goes on")
        with processes.running(server) as another:
            assert another is not process
            assert another.listens()
        reasons = []
        for _ in range(2):
            with pytest.raises(Failed) as raised, processes.running(ENDS):
                pass
            reasons.append(raised.value)
        assert reasons[0] is reasons[1]


@pytest.mark.parametrize(
    "server",
    [server for server in PEERS if server.kind == "limit" and "uvloop" not in server.name],
    ids=lambda server: server.key,
)
def test_bare_twisted_is_measured_as_a_limit(server: Server) -> None:
    generator.build()
    (row,) = [row for row in ROWS if row.transport == server.transport and row.limits][:1]
    with Processes() as processes:
        assert measured(row, server, processes, 0.5).value > 0


def test_an_interrupted_run_tells_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = iter([Sample(200), Sample(300)])

    def interrupted(*_given: object) -> Sample:
        for sample in samples:
            return sample
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.rounds.measured", interrupted)
    plan = [(row_named("TCP, 1 outstanding"), [ENDS])]
    monkeypatch.setattr(program, "planned", lambda _only, quick: plan)
    monkeypatch.setattr(program, "HERE", tmp_path / "benchmarks")
    assert program.main([]) == 1
    printed, progress = capsys.readouterr()
    assert "| ends | 250 | calls/s |" in printed
    assert progress.endswith("interrupted\n")
    assert (tmp_path / "var" / "benchmarks" / "table.md").read_text(encoding="utf-8") == printed


def test_a_server_that_ends_while_it_is_looked_at_is_a_reason() -> None:
    with Process(ENDS) as process:
        wait_until(lambda: process.has_ended, lambda: "it goes on")
        with pytest.raises(Failed, match="nothing works"):
            process.memory()
        with pytest.raises(Failed, match="refused"), generator.idle(ENDS, process.port, 1):
            pass


LOADS_LATER = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while os.times().user < 0.6:
    pass
kept = bytearray(os.urandom(1 << 24))
while True:
    listening.accept()
"""


def test_what_a_server_loads_by_itself_is_nobody_elses() -> None:
    with Process(server_of(LOADS_LATER)) as process:
        process.wait()
        process.settle()
        assert process.memory() > 1 << 24


def test_a_server_that_gets_no_time_has_not_settled() -> None:
    with Process(server_of(LOADS_LATER)) as process:
        process.wait()
        process.pause()
        wait_until(lambda: "T" in _states(process.pid), lambda: f"{_states(process.pid)}")
        soon = threading.Timer(1, process.resume)
        soon.start()
        process.settle()
        soon.join()
        assert process.memory() > 1 << 24


def _states(pid: int) -> str:
    """The state of a process, as proc(5) has it."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


def test_a_server_that_never_rests_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.processes.PATIENCE", 0.5)
    reason = r"^still works after 0\.5 s, though nobody asks it to$"
    with pytest.raises(Failed, match=reason), Process(server_of("while True: pass")) as process:
        process.settle()


DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    signal.pause()
"""


def test_one_that_does_not_listen_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.processes.PATIENCE", 0.5)
    reason = r"^does not listen after 0\.5 s: it said nothing$"
    with pytest.raises(Failed, match=reason), Process(server_of(DEAF)) as process:
        process.wait()


def test_a_generator_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    generator.build()
    monkeypatch.setattr(generator, "PATIENCE", 0.1)
    with Process(answering(b"")) as process:
        process.wait()
        with pytest.raises(Failed, match=r"^no end after 0\.1 s$"):
            generator.answer(answering(b""), process.port, "add")
