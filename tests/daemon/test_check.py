"""`--check`: says in one line whether the daemon could start, and never starts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.installation import Installation


def check(
    installed: Installation, project: Path, *options: str, command: str = "twistd -n"
) -> subprocess.CompletedProcess[str]:
    """Run `--check` with some options."""
    name, *flags = command.split()
    return subprocess.run(
        [installed.command(name), *flags, "rpc", "--check", *options],
        cwd=project,
        capture_output=True,
        text=True,
        env=installed.environment,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["twistd", "twistd -n", "twist"])
def test_what_is_right_is_counted(installed: Installation, project: Path, command: str) -> None:
    options = ("--expose", "calc=mymodule:Calculator", "--tcp", "tcp:1", "--http", "tcp:2")
    done = check(installed, project, *options, command=command)
    assert done.stdout.splitlines()[-1] == "ok: 2 listener(s), 3 method(s)"
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_listener_there_is_one(installed: Installation, project: Path) -> None:
    done = check(installed, project)
    assert done.stdout == "ok: 1 listener(s), 0 method(s)\n"


def test_nothing_is_left_behind(installed: Installation, project: Path) -> None:
    before = sorted(path.name for path in project.iterdir())
    check(installed, project, "--tcp", "tcp:1", command="twistd")
    assert sorted(path.name for path in project.iterdir()) == before


WRONG = {
    "no such module": (["--expose", "nowhere:Thing"], "cannot import 'nowhere'"),
    "no such object": (["--expose", "mymodule:Thing"], "'mymodule' has no 'Thing'"),
    "no module at all": (["--expose", "calc="], "is not [NAME=]MODULE:OBJECT"),
    "a name twice": (["--expose", "a=m:B", "--expose", "a=m:C"], "'a' is given twice"),
    "a reserved name": (["--expose", "rpc.calc=mymodule:Calculator"], "is reserved"),
    "a private name": (["--expose", "_calc=mymodule:Calculator"], "is reserved"),
    "a name with a space": (["--expose", "a b=mymodule:Calculator"], "is no name"),
    "nothing marked": (["--expose", "mymodule:Empty"], "mark what may be called with"),
    "a class that fails": (["--expose", "mymodule:Broken"], "RuntimeError: no luck"),
    "no server": (["--server", "mymodule:Calculator"], "not a subclass of twisted_rpc.Server"),
    "a server that fails": (["--server", "mymodule:BrokenServer"], "RuntimeError: no luck"),
    "an unknown endpoint": (["--tcp", "carrier-pigeon:1"], "endpoint 'carrier-pigeon:1'"),
    "a bad endpoint": (["--tcp", "tcp:seven"], "endpoint 'tcp:seven'"),
    "no key": (["--http", "ssl:1:privateKey=no.pem"], "endpoint 'ssl:1:privateKey=no.pem'"),
    "an unknown checker": (["--auth", "pigeon:u:p"], "pigeon"),
    "a bad checker": (["--auth", "memory:u"], "U:P"),
    "no password file": (["--auth", "file:no.txt"], "there is no file 'no.txt'"),
    "no configuration": (["--config", "no.toml"], "no.toml: No such file or directory"),
    "an unknown option": (["--frobnicate"], "--frobnicate"),
    "an argument": (["calc"], "Wrong number of arguments"),
}


@pytest.mark.parametrize(("options", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(
    installed: Installation, project: Path, options: list[str], reason: str
) -> None:
    done = check(installed, project, *options)
    assert done.returncode == 1
    *before, line = done.stderr.splitlines()
    assert line.startswith("rpc: ")
    assert reason in line
    # Twisted warns of a password file by itself.
    assert [other for other in before if not other.startswith("Warning: ")] == []
    assert "Usage" not in done.stdout


CONFIGURATIONS = {
    "no TOML": ("[limits\n", "line 1"),
    "an unknown table": ("[limit]\n", "limit: unknown table"),
    "an unknown key": ("[limits]\nmax_mesage = 1\n", "[limits] max_mesage: unknown key"),
    "another type": ('[limits]\nmax_batch = "ten"\n', "[limits] max_batch: "),
    "a limit of nothing": ("[limits]\nmax_batch = 0\n", "[limits]: max_batch must be"),
    "an unknown transport": ('[[listen]]\ntransport = "x"\n', "[[listen]] #1"),
    "no endpoint": ('[[listen]]\ntransport = "tcp"\n', "[[listen]] #1: endpoint is missing"),
    "no reference": ("[expose]\ncalc = 1\n", "[expose] calc: expected 'MODULE:OBJECT'"),
    "a bad checker": ('[server]\nauth = ["pigeon"]\n', "[server] auth: 'pigeon'"),
    "a bad origin": ('[web]\norigins = ["*"]\n', "[web]: origins: '*'"),
    "no resource": ('[web]\nresource = "mymodule:Calculator"\n', "not a twisted.web resource"),
}


@pytest.mark.parametrize(("text", "reason"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_what_is_wrong_in_a_file_is_named_with_its_place(
    installed: Installation, project: Path, text: str, reason: str
) -> None:
    (project / "rpc.toml").write_text(text, encoding="utf-8")
    done = check(installed, project, "--config", "rpc.toml")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("rpc: ")
    assert reason in line


def test_twist_says_the_same(installed: Installation, project: Path) -> None:
    options = ("--expose", "nowhere:Thing")
    done = check(installed, project, *options, command="twist")
    assert (done.returncode, done.stderr) == (
        1,
        check(installed, project, *options).stderr,
    )
