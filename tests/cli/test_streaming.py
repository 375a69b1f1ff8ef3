"""`batch` and `listen`: many messages, one after the other."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.conftest import Inline, Program, Servers
from tests.cli.test_calling import SCHEMES, noted
from tests.processes import DEADLINE
from twisted_rpc.cli.batches import read_chunks


def lines(*requests: Any) -> str:
    """Requests as the file of a batch."""
    return "".join(json.dumps(request) + "\n" for request in requests)


def read(text: str) -> list[Any]:
    """Lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


MIXED = lines(
    {"method": "add", "params": [1, 2], "id": "one"},
    {"method": "note", "params": ["heard"]},
    {"jsonrpc": "2.0", "method": "fail", "params": {"data": ["x"]}, "id": 2.5},
    {"method": "echo", "id": None},
)
ANSWERS = [
    {"jsonrpc": "2.0", "result": 3.0, "id": "one"},
    {
        "jsonrpc": "2.0",
        "error": {"code": 1000, "message": "no\nluck \x1b[31m", "data": ["x"]},
        "id": 2.5,
    },
    {"jsonrpc": "2.0", "result": None, "id": None},
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_call_of_a_batch_is_answered_in_its_turn(
    program: Program, servers: Servers, scheme: str
) -> None:
    done = program("batch", servers.url(scheme=scheme), "-", stdin=f"{MIXED}\n \n")
    assert read(done.stdout) == ANSWERS
    assert (done.stderr, done.returncode) == ("", 1)
    assert noted(servers) == ["heard"]


@pytest.mark.parametrize("size", [1, 100])
def test_a_file_is_sent_in_chunks(program: Program, servers: Servers, size: int) -> None:
    requests = [{"method": "echo", "params": [n], "id": n} for n in range(350 if size > 1 else 5)]
    program.write("requests.jsonl", lines(*requests))
    done = program("batch", "--size", size, servers.url(), "requests.jsonl")
    expected = [{"jsonrpc": "2.0", "result": each["id"], "id": each["id"]} for each in requests]
    assert read(done.stdout) == expected
    assert (done.stderr, done.returncode) == ("", 0)


def test_answers_come_before_the_input_ends(program: Program, servers: Servers) -> None:
    process = program.start("batch", "--size", 1, servers.url(), "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        process.stdin.write(lines({"method": "echo", "params": [number], "id": 1}).encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"] == number
    process.send_signal(signal.SIGINT)  # while nobody types
    assert process.wait(DEADLINE) == 130
    out, err = process.communicate(timeout=DEADLINE)
    assert (out, err, process.returncode) == (b"", b"", 130)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_but_notifications_is_sent_to_the_end(
    program: Program, servers: Servers, scheme: str
) -> None:
    text = lines(*[{"method": "note", "params": [n]} for n in range(250)])
    done = program("batch", servers.url(scheme=scheme), "-", stdin=text)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert sorted(noted(servers)) == list(range(250))


def test_notifications_do_not_pile_up(program: Program, servers: Servers) -> None:
    text = lines(*[{"method": "note", "params": ["x" * 100_000]} for _ in range(200)])
    done = program("batch", servers.url("deaf"), "-", "--timeout", "1", "--size", 1, stdin=text)
    assert "has not taken what was sent within 1 seconds" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{", "no request: Input data was truncated"),
        ("[]", "no request: Expected `object`, got `array`"),
        ('{"params": []}', "no request: Object missing required field `method`"),
        ('{"method": "m", "parms": []}', "no request: Object contains unknown field `parms`"),
        ('{"method": "m", "params": 5}', "no request: Expected `object | array`, got `int`"),
        ('{"method": "m", "id": []}', "no request: Expected"),
        ('{"method": "m", "jsonrpc": "1.0"}', "no request: Invalid enum value '1.0'"),
        (b'{"method": "\xff"}', "not UTF-8"),
    ],
)
def test_a_line_that_is_no_request_is_named(tmp_path: Path, line: str | bytes, text: str) -> None:
    data = line.encode() if isinstance(line, str) else line
    file = tmp_path / "f"
    file.write_bytes(b'{"method":"m","id":1}\n' * 2 + b"\n" + data)
    with file.open("rb") as opened:
        chunks = read_chunks(opened.fileno(), "f", 2)
        assert [each.number for each in next(chunks)] == [1, 2]
        with pytest.raises(click.UsageError) as caught:
            next(chunks)
    assert str(caught.value).startswith(f"f, line 4: {text}")


def test_lines_are_put_together_from_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "f"
    requests = [{"method": "m" * length} for length in (1, 200_000, 3)]
    file.write_text("\n" + lines(*requests).rstrip())
    with file.open("rb") as opened:
        (chunk,) = read_chunks(opened.fileno(), "f", 5)
    assert [(each.number, len(each.request.method)) for each in chunk] == [
        (2, 1),
        (3, 200_000),
        (4, 3),
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        chunks = read_chunks(file.fileno(), "standard input", 5)
        with pytest.raises(click.UsageError, match=r"^standard input: Bad file descriptor$"):
            next(chunks)


def test_what_comes_before_a_bad_chunk_is_answered(program: Program, servers: Servers) -> None:
    text = lines({"method": "echo", "id": 1}, {"method": "echo", "id": 2}, {"method": "note"}, [])
    done = program("batch", "--size", 2, servers.url(), "-", stdin=text)
    assert [answer["id"] for answer in read(done.stdout)] == [1, 2]
    assert re.fullmatch(r"twisted-rpc: standard input, line 4: no request: .*\n", done.stderr)
    assert done.returncode == 2


def test_a_call_that_is_not_answered_is_named(program: Program, servers: Servers) -> None:
    text = lines({"method": "echo", "id": 1}, {"method": "drop", "id": 2})
    done = program("batch", "--size", 1, servers.url(), "-", stdin=text)
    assert [answer["id"] for answer in read(done.stdout)] == [1]
    assert done.stderr.startswith("twisted-rpc: line 2: drop: the connection to ")
    assert done.returncode == 3
    text = lines({"method": "note", "params": [1]})
    done = program("batch", "http://127.0.0.1:1", "-", stdin=text)
    assert "connection refused" in done.stderr
    assert done.returncode == 3


def test_ctrl_c_ends_a_batch_whose_file_does_not(program: Program, servers: Servers) -> None:
    fifo = program.home / "fifo"
    os.mkfifo(fifo)
    process = program.start("batch", "--size", 1, servers.url(), "fifo")
    assert process.stdout is not None
    with fifo.open("wb", buffering=0) as file:
        file.write(lines({"method": "echo", "id": 1}).encode())
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert (out, err, process.returncode) == (b"", b"", 130)


def test_ctrl_c_ends_a_batch_that_is_not_answered(program: Program, servers: Servers) -> None:
    program.write(
        "never.jsonl", lines({"method": "echo", "id": 1}, *[{"method": "wait", "id": 2}] * 3)
    )
    process = program.start("batch", "--size", 1, servers.url(), "never.jsonl")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["id"] == 1
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert (out, err, process.returncode) == (b"", b"", 130)


def test_an_empty_file_is_no_batch(program: Program, servers: Servers) -> None:
    done = program("batch", servers.url(), "-")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_file_that_is_not_there_is_named(inline: Inline) -> None:
    status, out, err = inline("batch", "tcp://h:1", "nowhere.jsonl")
    assert (status, out) == (2, "")
    assert "nowhere.jsonl" in err


def test_who_is_not_let_in_hears_nothing_and_is_told(program: Program, servers: Servers) -> None:
    for scheme in ("tcp", "ws"):
        done = program("listen", servers.url("secret", scheme))
        assert (done.stdout, done.returncode) == ("", 3)
        assert "wants to know who you are" in done.stderr or "401" in done.stderr


# -- listen ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tcp", "ws"])
def test_every_notification_is_heard(program: Program, servers: Servers, scheme: str) -> None:
    done = program("listen", servers.url("telling", scheme), "--count", 4)
    assert (done.stderr, done.returncode) == ("", 0)
    heard = done.stdout.splitlines()
    assert len(heard) == 4
    assert '_news\\x1b[2J {"what":"all \\u009b well"}' in heard
    assert "tock" in heard
    assert any(re.fullmatch(r"tick \[\d+\]", line) for line in heard)


def test_notifications_are_chosen_by_name(program: Program, servers: Servers) -> None:
    url = servers.url("telling")
    done = program("listen", "--json", url, "--count", 5, "tick", "tock", "other")
    heard = read(done.stdout)
    assert {message["method"] for message in heard} == {"tick", "tock"}
    assert all(("params" in message) is (message["method"] == "tick") for message in heard)


def test_a_lost_line_is_told_and_made_anew(program: Program, servers: Servers) -> None:
    url = servers.url("telling")
    process = program.start("listen", url, "tick")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"tick [")
    # To its calls a listener answers as anybody who has no methods.
    assert "Method not found" in program("call", url, "drop").stdout
    lost = f"twisted-rpc: the connection to {url} was lost: trying again\n"
    assert process.stderr.readline().decode() == lost
    assert process.stderr.readline().decode() == f"twisted-rpc: connected to {url} again\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert (err, process.returncode) == (b"", 0)


def test_nobody_reads_any_more(program: Program, servers: Servers) -> None:
    process = program.start("listen", servers.url("telling"))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(DEADLINE) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_server_that_is_never_there_ends_it(program: Program) -> None:
    done = program("listen", "tcp://127.0.0.1:1")
    assert "connection refused" in done.stderr
    assert (done.stdout, done.returncode) == ("", 3)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_over_http_nothing_is_heard(inline: Inline, scheme: str) -> None:
    status, out, err = inline("listen", f"{scheme}://127.0.0.1:1")
    assert (status, out) == (2, "")
    assert "nothing but answers comes over HTTP" in err


def test_a_password_that_is_changed_ends_it(program: Program) -> None:
    """The line is lost, and at the next try the credentials are refused: that is for good."""
    login = {"TWISTED_RPC_USER": "alice", "TWISTED_RPC_PASSWORD": "secret"}
    text = (
        "import sys\n"
        "from twisted.internet import reactor\n"
        "from twisted_rpc import Server, listen\n"
        "server = Server()\n"
        "tries = []\n"
        "def authenticate(credentials):\n"
        "    tries.append(credentials)\n"
        "    if len(tries) > 1:\n"
        "        raise ValueError('changed')\n"
        "    reactor.callLater(0.1, lambda: [c.abort() for c in server.connections.values()])\n"
        "    return 'alice'\n"
        "Changing = type('Changing', (Server,), {'authenticate': staticmethod(authenticate)})\n"
        "server = Changing()\n"
        "made = listen(server, 'tcp:0:interface=127.0.0.1')\n"
        "made.addCallback(lambda port: print(port.getHost().port, flush=True))\n"
        "reactor.run()\n"
    )
    command = [program.command[0], "-c", text]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=program.environment
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        done = program("listen", f"tcp://127.0.0.1:{port}", **login)
        server.terminate()
    first, last = done.stderr.splitlines()
    assert first.endswith("was lost: trying again")
    assert "check user, password or token" in last
    assert done.returncode == 3
