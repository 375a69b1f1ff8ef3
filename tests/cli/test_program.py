"""`config check`, completion, and what is shown on a terminal."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys

import click
import pytest

from tests.cli.conftest import Inline, Program, Servers
from tests.cli.test_streaming import lines
from tests.processes import DEADLINE
from twisted_rpc.cli import program as commands


def test_a_configuration_is_checked(program: Program) -> None:
    program.write("mine.py", "def now(): pass\n")
    program.write("rpc.toml", '[expose]\nnow = "mine:now"\n')
    done = program("config", "check", "rpc.toml")
    assert done.stdout == "ok: 1 listener(s), 1 method(s)\n"
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[limits]\nmax_mesage = 1\n", "rpc.toml: [limits] max_mesage: unknown key"),
        ('[expose]\nnow = "nowhere:now"\n', "expose 'now': nowhere:now: cannot import 'nowhere'"),
        ("[limits\n", "rpc.toml: "),
        (None, "rpc.toml: No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_one_line(
    program: Program, text: str | None, error: str
) -> None:
    if text is not None:
        program.write("rpc.toml", text)
    done = program("config", "check", "rpc.toml")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"twisted-rpc: {error}")
    assert (done.stdout, done.returncode) == ("", 2)


def test_every_command_is_listed_with_the_first_line_of_its_help() -> None:
    listed = {
        name: command.get_short_help_str(99)
        for name, command in commands.Program().commands.items()
    }
    context = click.Context(commands.program)
    for name, summary in listed.items():
        _, command, _ = commands.program.resolve_command(context, [name])
        assert command is not None
        assert command.callback is not None, "a stand-in"
        assert command.get_short_help_str(99) == summary
    assert set(commands.program.commands) == set(listed)


def test_the_shells_that_can_complete_are_named(inline: Inline) -> None:
    status, out, err = inline("completion", "fish")
    assert (status, out) == (2, "")
    assert "'bash', 'zsh'" in err


BASH = """
eval "$(twisted-rpc completion bash)"
complete -p twisted-rpc | grep -o -- '-F [^ ]*' | cut -c4- > function
COMP_WORDS=(twisted-rpc co)
COMP_CWORD=1
$(cat function) twisted-rpc
echo "${COMPREPLY[@]}"
COMPREPLY=()
COMP_WORDS=(twisted-rpc call --cre)
COMP_CWORD=2
$(cat function) twisted-rpc
echo "${COMPREPLY[@]}"
[[ $COMP_WORDBREAKS != *:* ]] && echo "a URL is one word"
"""
ZSH = """
autoload -Uz compinit && compinit -D
eval "$(twisted-rpc completion zsh)"
print -- $_comps[twisted-rpc]
"""


@pytest.fixture
def command_on_path(program: Program) -> Program:
    """The program by its name."""
    script = f"#!{sys.executable}\nfrom twisted_rpc.cli import main\nmain()\n"
    program.write("twisted-rpc", script, 0o700)
    program.environment["PATH"] = f"{program.home}{os.pathsep}{os.environ['PATH']}"
    return program


def in_shell(program: Program, shell: str, text: str) -> str:
    done = subprocess.run(
        [shell, "-c", text],
        capture_output=True,
        text=True,
        cwd=program.home,
        env=program.environment,
        timeout=DEADLINE,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def test_bash_completes(command_on_path: Program) -> None:
    assert in_shell(command_on_path, "bash", BASH) == (
        "completion config\n--credentials\na URL is one word\n"
    )


def test_zsh_knows_the_completion(command_on_path: Program, inline: Inline) -> None:
    status, out, _ = inline("completion", "zsh")
    assert status == 0
    assert "#compdef twisted-rpc" in out
    assert "_TWISTED_RPC_COMPLETE=zsh_complete" in out
    if shutil.which("zsh"):
        assert in_shell(command_on_path, "zsh", ZSH) == "_twisted_rpc_completion\n"


# -- on a terminal ---------------------------------------------------------------------------


def on_terminal(program: Program, *arguments: object, watched: str = "stdout") -> str:
    """What a terminal shows that is one of a command's two outputs, without its colours."""
    ours, theirs = pty.openpty()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, watched: theirs}
    process = subprocess.Popen(
        [*program.command, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        cwd=program.home,
        env={**program.environment, "COLUMNS": "80"},
        **streams,  # type: ignore[call-overload]
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how the end of a terminal is said on Linux
            break
        shown += data
    os.close(ours)
    process.wait(DEADLINE)
    return shown.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """A text without what moves a cursor or gives it a colour."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


def test_a_result_has_colours_on_a_terminal(program: Program, servers: Servers) -> None:
    value = '{"a": [1, "\\u001b[2J"], "b": "x y"}'
    shown = on_terminal(program, "call", servers.url(), "echo", value)
    assert shown != plain(shown)
    assert plain(shown) == '{\n  "a": [\n    1,\n    "\\u001b[2J"\n  ],\n  "b": "x y"\n}\n'
    shown = on_terminal(program, "call", servers.url(), "echo", f'"{"x" * 300}"')
    assert plain(shown) == f'"{"x" * 300}"\n'
    assert on_terminal(program, "call", "--json", servers.url(), "echo", "1") == "1\n"


def test_methods_are_a_table_on_a_terminal(program: Program, servers: Servers) -> None:
    shown = plain(on_terminal(program, "methods", servers.url("rpc.discover")))
    assert re.search(r"method +what it does", shown)
    assert re.search(r"a\\x1b\[2J\(x, y\) +Adds\.", shown)
    assert re.search(r"b\(Page\) +deprecated: use a", shown)


def test_each_ping_is_shown_on_a_terminal(program: Program, servers: Servers) -> None:
    shown = on_terminal(program, "ping", servers.url(), "-n", 2, "--interval", 0)
    assert re.match(r"1: [\d.]+ ms\n2: [\d.]+ ms\n2 sent, 2 answered\n", shown)
    shown = on_terminal(program, "ping", servers.url("silent"), "-n", 1, "--timeout", 0.1)
    assert "1: rpc.ping: no answer from " in shown


def test_a_bar_is_shown_beside_a_batch(program: Program, servers: Servers) -> None:
    requests = [{"method": "echo", "id": number} for number in range(250)]
    program.write("requests.jsonl", lines(*requests))
    shown = on_terminal(program, "batch", servers.url(), "requests.jsonl", watched="stderr")
    assert "250 requests" in plain(shown)


def test_the_rate_is_shown_beside_a_load(program: Program, servers: Servers) -> None:
    shown = on_terminal(program, "bench", servers.url(), "echo", "--seconds", 2, watched="stderr")
    assert re.search(r"[1-9][\d,]* calls, [\d,]+ calls/s, 0 errors", plain(shown))


def test_results_on_the_same_terminal_are_left_alone(program: Program, servers: Servers) -> None:
    program.write("requests.jsonl", lines({"method": "echo", "id": 1}))
    shown = on_terminal(program, "batch", servers.url(), "requests.jsonl")
    assert shown == '{"jsonrpc":"2.0","result":null,"id":1}\n'
