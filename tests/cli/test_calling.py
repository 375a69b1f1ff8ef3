"""`call`, `notify` and `methods`: what is printed, and how the command ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Inline, Program, Servers
from tests.daemon.clients import LineClient
from tests.installation import ROOT
from tests.processes import DEADLINE, wait_until
from twisted_rpc import __version__

SCHEMES = ("tcp", "ws", "http")


def noted(servers: Servers, name: str = "plain") -> list[Any]:
    """What was notified of, waited for: the last thing a line says may still be on its way."""
    port = int(servers.url(name).rpartition(":")[2])
    with LineClient.to(port) as line:
        found: list[Any] = wait_until(
            lambda: line.call("noted")["result"], lambda: "nothing was noted"
        )
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_result_is_printed_as_json(program: Program, servers: Servers, scheme: str) -> None:
    done = program("call", servers.url(scheme=scheme), "add", "1", "-2.5")
    assert (done.stdout, done.stderr, done.returncode) == ("-1.5\n", "", 0)


def test_parameters_have_names_or_come_from_elsewhere(program: Program, servers: Servers) -> None:
    url = servers.url()
    assert program("call", url, "add", "a=1", "b=2").stdout == "3.0\n"
    assert program("call", url, "add", "-", stdin='{"a": 3, "b": 4}').stdout == "7.0\n"
    program.write("value.json", '{"ä": "\\u001b"}')
    done = program("call", url, "echo", "value=@value.json", "--json")
    assert done.stdout == '{"ä":"\\u001b"}\n'
    done = program("call", url, "echo", "--", "--json", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.stdout == '"--json"\n'


def test_every_kind_of_url_is_understood(program: Program, servers: Servers) -> None:
    assert program("call", f"unix:{servers.socket}", "echo", "1").stdout == "1\n"
    child = f"exec:{sys.executable} {ROOT}/tests/client/child.py"
    assert program("call", child, "double", "21").stdout == "42\n"
    trust = ("--trust", servers.certificate)
    secure = servers.url("tls", "wss", "localhost")
    done = program("call", secure, "header", "x-a", *trust, "--header", "X-A:  b ")
    assert (done.stdout, done.stderr) == ('"b"\n', "")
    done = program("call", servers.url("tls", "tcps", "localhost"), "echo", "1")
    assert done.returncode == 3
    assert "the certificate is not trusted" in done.stderr
    own = ("--certificate", servers.certificate)
    assert program("call", secure, "echo", "2", *trust, *own).stdout == "2\n"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_error_is_told_in_one_line(program: Program, servers: Servers, scheme: str) -> None:
    url = servers.url(scheme=scheme)
    done = program("call", url, "fail", '[{"why":"x"}]')
    text = r'fail: no luck \\x1b\[31m \(1000\) from \S+: \[{"why":"x"}\]'
    assert re.fullmatch(rf"twisted-rpc: {text}\n", done.stderr)
    assert (done.stdout, done.returncode) == ("", 1)
    done = program("call", url, "fail", "--json")
    assert json.loads(done.stdout) == {"code": 1000, "message": "no luck"}
    assert done.returncode == 1


FAILURES: dict[str, tuple[list[str], int, str]] = {
    "nobody": (["tcp://127.0.0.1:1", "m"], 3, "connection refused: is the server running"),
    "nobody by HTTP": (["http://127.0.0.1:1", "m"], 3, "connection refused"),
    "unknown host": (["tcp://nowhere.invalid:1", "m"], 3, "unknown host: check the name"),
    "no such command": (["exec:no-such-command", "m"], 2, "there is no such command"),
    "no time": (["{silent}", "m", "--timeout", "0.2"], 1, "within 0.2 seconds"),
    "no handshake": (["{silent:ws}", "m", "--timeout", "0.2"], 3, "ws://127.0.0.1:"),
    "rubbish": (["{rude}", "m"], 1, "does not speak JSON-RPC"),
    "dropped": (["{plain}", "drop"], 3, "was lost"),
    "no credentials": (["{secret}", "echo"], 1, "Unauthorized"),
    "no credentials by HTTP": (["{secret:http}", "echo"], 3, "401 Unauthorized"),
    "not a URL": (["nonsense", "m"], 2, "such as tcp://127.0.0.1:7080"),
    "another scheme": (["gopher://h", "m"], 2, "unknown scheme 'gopher'"),
    "a header on a stream": (["tcp://h:1", "m", "--header", "A: 1"], 2, "for HTTP and WebSocket"),
}


@pytest.mark.parametrize(("arguments", "status", "text"), FAILURES.values(), ids=FAILURES)
def test_what_is_wrong_is_one_line_and_a_status(
    program: Program, servers: Servers, arguments: list[str], status: int, text: str
) -> None:
    if arguments[0].startswith("{"):
        name, _, scheme = arguments[0].strip("{}").partition(":")
        arguments = [servers.url(name, scheme or "tcp"), *arguments[1:]]
    done = program("call", *arguments)
    (line,) = done.stderr.splitlines()
    assert line.startswith("twisted-rpc: ")
    assert text in line
    assert (done.stdout, done.returncode) == ("", status)


MISUSES: dict[str, tuple[list[str], str]] = {
    "a password in it": (["tcp://a:b@127.0.0.1:1", "m"], "in the process list"),
    "mixed parameters": (["tcp://h:1", "m", "1", "a=2"], "'1' has no name"),
    "an unknown option": (["tcp://h:1", "m", "--jsno"], "--jsno"),
    "no method": (["tcp://h:1"], "METHOD"),
    "no number": (["tcp://h:1", "m", "--timeout", "-1"], "--timeout"),
    "no end": (["tcp://h:1", "m", "--timeout", "inf"], "'--timeout': inf is not a finite number"),
    "no time": (["tcp://h:1", "m", "--timeout", "nan"], "'--timeout': nan is not a finite number"),
    "nearly a number": (["tcp://h:1", "m", "-1.2.3"], "No such option '-1'"),
    "a long path": (
        [f"unix:/{'ä' * 60}", "m"],
        "the path of a Unix socket has 107 bytes at most, and this one 121",
    ),
    "no header": (["http://h", "m", "--header", "x"], "--header 'x' is not 'Name: value'"),
    "a header twice": (
        ["http://h", "m", "--header", "A: 1", "--header", "a: 2"],
        "--header: a is given twice",
    ),
    "a secret header": (
        ["http://h", "m", "--header", "Authorization: Bearer x"],
        "Authorization on the command line is seen by everybody",
    ),
    "framing by HTTP": (["http://h", "m", "--framing", "line"], "--framing is for streams"),
    "no certificate": (["tcps://h:1", "m", "--trust", "empty"], "--trust: no certificate in"),
    "no key": (["tcps://h:1", "m", "--certificate", "empty"], "with its key in empty"),
    "no file": (["tcps://h:1", "m", "--trust", "nowhere"], "'nowhere' does not exist"),
}


@pytest.mark.parametrize(("arguments", "text"), MISUSES.values(), ids=MISUSES)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    inline: Inline, arguments: list[str], text: str
) -> None:
    Path("empty").touch()
    status, out, err = inline("call", *arguments)
    (line,) = err.splitlines()
    assert line.startswith("twisted-rpc: ")
    assert text in line
    assert (out, status) == ("", 2)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_credentials_are_sent(program: Program, servers: Servers, scheme: str) -> None:
    url = servers.url("secret", scheme)
    login = {"TWISTED_RPC_USER": "alice", "TWISTED_RPC_PASSWORD": "secret"}
    assert program("call", url, "whoami", **login).stdout == '"alice"\n'
    program.write(".netrc", "machine 127.0.0.1 login alice password secret\n")
    assert program("call", url, "whoami").stdout == '"alice"\n'
    program.write("credentials", "default login alice password wrong\n")
    done = program("call", url, "whoami", "--credentials", "credentials")
    assert done.returncode == 3
    assert "check user" in done.stderr


def test_ctrl_c_cancels_the_call_and_says_nothing(program: Program, servers: Servers) -> None:
    url = servers.url()
    before = int(program("call", url, "times_cancelled").stdout)
    process = program.start("call", url, "wait", "--debug")
    assert process.stderr is not None
    while b"-->" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert (out, process.returncode) == (b"", 130)
    assert b"$/cancelRequest" in err
    assert b"Traceback" not in err
    assert int(program("call", url, "times_cancelled").stdout) == before + 1


def test_a_call_that_is_terminated_says_so_by_its_status(
    program: Program, servers: Servers
) -> None:
    process = program.start("call", servers.url(), "wait", "--debug")
    assert process.stderr is not None
    while b"-->" not in process.stderr.readline():
        assert process.poll() is None
    process.terminate()
    out, _ = process.communicate(timeout=DEADLINE)
    assert (out, process.returncode) == (b"", 143)


def test_ctrl_c_before_anything_is_sent_says_nothing(program: Program, servers: Servers) -> None:
    fifo = program.home / "fifo"
    os.mkfifo(fifo)
    process = program.start("call", servers.url(), "echo", "@fifo")
    with fifo.open("wb"):  # which waits for a reader
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert (out, err.strip(), process.returncode) == (b"", b"", 130)


def test_a_closed_pipe_is_a_quiet_end(program: Program, servers: Servers) -> None:
    process = program.start("call", servers.url(), "echo", "1")
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=DEADLINE)
    assert (err, process.returncode) == (b"", 141)


@pytest.mark.parametrize("command", ["call {plain} echo 1", "listen {telling}"])
def test_a_full_disk_is_told(program: Program, servers: Servers, command: str) -> None:
    arguments = command.format(plain=servers.url(), telling=servers.url("telling")).split()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*program.command, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            env=program.environment,
            timeout=DEADLINE,
            check=False,
        )
    assert done.stderr == b"twisted-rpc: cannot write: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_ends_what_waits_for_a_reader(
    program: Program, servers: Servers, number: int, status: int
) -> None:
    program.write("long.json", json.dumps(["x" * 900_000]))
    process = program.start("call", servers.url(), "echo", "@long.json")
    assert process.stdout is not None
    assert process.stdout.read(1) == b'"'  # the reactor has ended, and the pipe is full
    process.send_signal(number)
    assert process.wait(DEADLINE) == status
    assert process.communicate()[1].strip() == b""


def test_closed_streams_are_told(program: Program, servers: Servers) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" <&- >&-', "", *program.command, "call", servers.url(), "echo", "1"],
        stderr=subprocess.PIPE,
        env=program.environment,
        timeout=DEADLINE,
        check=False,
    )
    assert done.stderr == b"twisted-rpc: cannot write: Bad file descriptor\n"
    assert done.returncode == 1


@pytest.mark.parametrize("module", ["twisted_rpc.cli.status", "twisted_rpc.cli.commands"])
def test_ctrl_c_says_nothing_while_modules_are_loaded(program: Program, module: str) -> None:
    done = program.run_python(
        "import signal, sys\n"
        "sys.argv = ['twisted-rpc', 'call', 'tcp://127.0.0.1:1', 'echo']\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {module!r}:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from twisted_rpc.cli import main\n"
        "main()\n"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 130)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_notification_has_left_when_the_command_ends(
    program: Program, servers: Servers, scheme: str
) -> None:
    long = "x" * 900_000
    program.write("long.json", json.dumps([long]))
    done = program("notify", servers.url(scheme=scheme), "note", "@long.json")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert noted(servers) == [long]


def test_a_notification_that_is_not_taken_is_told(program: Program, servers: Servers) -> None:
    done = program("notify", "http://127.0.0.1:1", "note", "1")
    assert (done.stdout, done.returncode) == ("", 3)
    assert "connection refused" in done.stderr
    program.write("long.json", json.dumps(["x" * 20_000_000]))
    done = program("notify", servers.url("deaf"), "note", "@long.json", "--timeout", "1")
    text = "has not taken what was sent within 1 seconds\n"
    assert done.stderr == f"twisted-rpc: {servers.url('deaf')} {text}"
    assert done.returncode == 1


THINGS = {
    *("echo", "add", "fail", "wait", "times_cancelled", "note", "noted", "whoami", "header", "drop")
}


def test_methods_are_listed_by_whatever_lists_them(program: Program, servers: Servers) -> None:
    for name, names in (
        ("rpc.discover", "a\\x1b[2J\nb\n"),
        ("rpc.methods", "a\nb\n"),
        ("system.listMethods", "b\nc\n"),
        ("plain", "".join(f"{name}\n" for name in sorted(THINGS))),
    ):
        done = program("methods", servers.url(name))
        assert (done.stdout, done.stderr, done.returncode) == (names, "", 0)
    done = program("methods", "--json", servers.url("rpc.discover"))
    assert json.loads(done.stdout) == [
        {"name": "a\x1b[2J", "params": ["x", "y"], "summary": "Adds."},
        {"name": "b", "params": ["Page"], "deprecated": "use a"},
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mute", "knows neither rpc.discover, rpc.methods nor system.listMethods"),
        ("odd", "rpc.methods: tcp://.* answers something else: Expected `array`, got `object`"),
        ("private", r"rpc.methods: no \(7\) from"),
    ],
)
def test_a_server_that_lists_no_methods_is_named(
    program: Program, servers: Servers, name: str, text: str
) -> None:
    done = program("methods", servers.url(name))
    (line,) = done.stderr.splitlines()
    assert re.search(text, line)
    assert (done.stdout, done.returncode) == ("", 1)


def test_the_version_is_told(inline: Inline) -> None:
    assert inline("--version") == (0, f"twisted-rpc, version {__version__}\n", "")


COMMANDS = ["call", "notify", "batch", "listen", "methods", "ping", "bench", "completion"]


@pytest.mark.parametrize("command", ["", *COMMANDS, "config check"])
def test_help_has_examples(inline: Inline, command: str) -> None:
    status, out, err = inline(*command.split(), "--help")
    assert (err, status) == ("", 0)
    assert f"\n  Examples:\n    twisted-rpc {command}" in out


def test_without_a_command_help_is_an_error(inline: Inline) -> None:
    status, out, err = inline()
    assert (out, status) == ("", 2)
    assert err.startswith("Usage: twisted-rpc ")


@pytest.mark.parametrize(
    ("names", "told"), [(["rich"], "rich"), (["click", "rich"], "click and rich")]
)
def test_what_is_not_installed_is_named(program: Program, names: list[str], told: str) -> None:
    hide = f"import sys; sys.modules.update(dict.fromkeys({names}))"
    done = program.run_python(f"{hide}; from twisted_rpc.cli import main; main()")
    hint = "not installed: pip install 'twisted_rpc[cli]'"
    assert done.stderr == f"twisted-rpc: {told} {hint}\n"
    assert (done.stdout, done.returncode) == ("", 2)
