"""`ping` and `bench`."""

from __future__ import annotations

import json
import re
import signal

import pytest

from tests.cli.conftest import Inline, Program, Servers
from tests.cli.test_calling import SCHEMES
from tests.processes import DEADLINE

MILLISECONDS = r"ms: min [\d.]+, p50 [\d.]+, p90 [\d.]+, p99 [\d.]+, max [\d.]+"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pings_are_summed_up(program: Program, servers: Servers, scheme: str) -> None:
    done = program("ping", servers.url(scheme=scheme), "-n", 3, "--interval", 0.01)
    assert (done.stderr, done.returncode) == ("", 0)
    assert re.fullmatch(rf"3 sent, 3 answered\n{MILLISECONDS}\n", done.stdout)


def test_pings_are_summed_up_for_programs(program: Program, servers: Servers) -> None:
    done = program("ping", servers.url("rpc.methods"), "-n", 2, "--interval", 0, "--json")
    summary = json.loads(done.stdout)
    assert (summary["sent"], summary["answered"]) == (2, 2)
    assert list(summary["latency_ms"]) == ["min", "p50", "p90", "p99", "max"]


def test_no_answer_is_no_success(program: Program, servers: Servers) -> None:
    url = servers.url("silent")
    done = program("ping", url, "-n", 2, "--interval", 0, "--timeout", 0.1)
    assert done.stdout == "2 sent, 0 answered\n"
    assert (done.stderr, done.returncode) == (f"twisted-rpc: no answer from {url}\n", 3)
    done = program("ping", url, "-n", 1, "--timeout", 0.1, "--json")
    assert json.loads(done.stdout) == {"sent": 1, "answered": 0, "latency_ms": {}}


def test_a_ping_to_nobody_says_so(program: Program) -> None:
    for scheme in ("tcp", "http"):
        done = program("ping", f"{scheme}://127.0.0.1:1")
        assert (done.stdout, done.returncode) == ("", 3)
        assert "connection refused" in done.stderr


def test_ctrl_c_ends_pings_with_their_summary(program: Program, servers: Servers) -> None:
    command = ("ping", servers.url(), "-n", 0, "--interval", 0.01, "--debug")
    process = program.start(*command)
    assert process.stderr is not None
    answers = 0
    while answers < 3:
        answers += b"<--" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=DEADLINE)
    assert re.match(r"\d+ sent, \d+ answered\nms: ", out.decode())
    assert process.returncode == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_load_is_reported(program: Program, servers: Servers, scheme: str) -> None:
    shape = ("--connections", 2, "--outstanding", 30, "--seconds", 1.5)
    done = program("bench", servers.url(scheme=scheme), "add", 1, 2, *shape)
    assert (done.stderr, done.returncode) == ("", 0)
    first, *rest = done.stdout.splitlines()
    assert re.fullmatch(r"[\d,]+ calls in [\d.]+ s: [\d,]+ calls/s", first)
    assert any(re.fullmatch(MILLISECONDS, line) for line in rest)
    assert any(re.fullmatch(r" +[\d.,]+ ms  █+ [\d,]+", line) for line in rest)


def test_a_load_is_reported_for_programs(program: Program, servers: Servers) -> None:
    done = program("bench", "--json", "--seconds", 1.5, servers.url(), "fail")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["results"] == 0
    assert report["errors"] == {"1000": report["calls"]}
    assert sum(bar["calls"] for bar in report["histogram"]) == report["calls"] > 0
    assert report["seconds"] >= 1.5
    assert report["calls_per_second"] > 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_server_that_hangs_ends_in_time(program: Program, servers: Servers, scheme: str) -> None:
    shape = ("--connections", 2, "--outstanding", 5, "--seconds", 0.3, "--json")
    done = program("bench", servers.url(scheme=scheme), "wait", *shape)
    report = json.loads(done.stdout)
    assert (report["calls"], report["unanswered"], report["latency_ms"]) == (0, 10, {})
    assert (done.stderr, done.returncode) == ("", 3)


def test_what_becomes_of_calls_is_counted(program: Program, servers: Servers) -> None:
    shape = ("--seconds", 30, "--outstanding", 2)
    done = program("bench", servers.url(), "drop", *shape)
    assert "2 ended in ConnectionLost\n" in done.stdout
    assert done.stderr.startswith("twisted-rpc: drop: the connection to ")
    assert done.returncode == 3
    done = program("bench", servers.url(), "wait", "--seconds", 0.5, "--timeout", 0.1)
    assert re.search(r"[\d,]+ ended in CallTimeout\n", done.stdout)
    assert "10 under way at the end\n" in done.stdout
    assert done.returncode == 3
    done = program("bench", "tcp://127.0.0.1:1", "m", "--connections", 3)
    assert (done.stdout, done.returncode) == ("", 3)
    assert "connection refused" in done.stderr


def test_ctrl_c_ends_a_load_with_its_report(program: Program, servers: Servers) -> None:
    command = ("bench", servers.url(), "echo", "--seconds", 600, "--debug")
    process = program.start(*command)
    assert process.stderr is not None
    while b"<--" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=DEADLINE)
    assert re.match(r"[\d,]+ calls in ", out.decode())
    assert process.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("ping", "tcp://h:1", "-n", "-1"),
        ("ping", "tcp://h:1", "--interval", "-1"),
        ("ping", "tcp://h:1", "--interval", "inf"),
        ("bench", "tcp://h:1", "m", "--seconds", "nan"),
        ("bench", "tcp://h:1", "m", "--connections", "0"),
        ("bench", "tcp://h:1", "m", "--outstanding", "0"),
        ("bench", "tcp://h:1", "m", "--seconds", "0"),
        ("batch", "tcp://h:1", "-", "--size", "0"),
        ("listen", "tcp://h:1", "--count", "0"),
    ],
)
def test_numbers_have_their_bounds(inline: Inline, arguments: tuple[str, ...]) -> None:
    status, out, err = inline(*arguments)
    assert (status, out) == (2, "")
    assert f"Invalid value for '{arguments[-2]}'" in err
