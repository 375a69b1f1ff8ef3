"""`passwd`: files of hashed passwords, edited so that a daemon never sees half of one."""

from __future__ import annotations

import io
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.checkers.files import argon2_hash, bcrypt_hash
from tests.cli.conftest import Inline, Program
from tests.processes import DEADLINE
from twisted_rpc.checkers.passwords import SCHEMES, parse_hash

Typed = Callable[..., tuple[int, str, str]]
HASH = bcrypt_hash("old")


@pytest.fixture
def typed(inline: Inline, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Runs `passwd --stdin` with this on standard input; its hashes are quick."""
    monkeypatch.setitem(SCHEMES, "argon2id", lambda octets: argon2_hash(octets.decode()))

    def run(text: bytes, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        return inline("passwd", "--stdin", *arguments)

    return run


def fits(line: str, user: str, password: str) -> bool:
    """Whether a line lets a user in with a password."""
    name, _, text = line.partition(":")
    found = parse_hash(text)
    return name == user and found.verify(password.encode(), found.text)


def test_a_new_file_is_its_owners_alone(typed: Typed, program: Program) -> None:
    assert typed(b"secret\n", "file", "ann") == (0, "set the password of ann\n", "")
    path = program.home / "file"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert text.startswith("ann:$argon2id$")
    assert text.endswith("\n")
    assert fits(text[:-1], "ann", "secret")
    assert list(program.home.iterdir()) == [path]


def test_other_lines_stay_as_they_are(typed: Typed, program: Program) -> None:
    before = f"# users\n\nann:$apr1$weak\nann2:{HASH}\n#bob:x"
    path = program.write("file", before, 0o640)
    assert typed(b"secret", "file", "ann")[0] == 0
    comment, empty, ann, *others = path.read_text().split("\n")
    assert [comment, empty, *others] == ["# users", "", f"ann2:{HASH}", "#bob:x", ""]
    assert fits(ann, "ann", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert typed(b"secret", "file", "bob")[0] == 0
    assert path.read_text().splitlines()[-2] == "#bob:x"
    assert fits(path.read_text().splitlines()[-1], "bob", "secret")


def test_bcrypt_is_made_where_it_is_asked_for(
    typed: Typed, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcrypt.gensalt", lambda: b"$2b$04$" + b"x" * 21 + b"u")
    assert typed(b"secret\r\nmore\n", "file", "ann", "--scheme", "bcrypt")[0] == 0
    text = (program.home / "file").read_text()
    assert text.startswith("ann:$2b$")
    assert fits(text[:-1], "ann", "secret")


def test_users_are_deleted(inline: Inline, program: Program) -> None:
    path = program.write("file", f"# users\nann:{HASH}\nbob:{HASH}\n")
    assert inline("passwd", "--delete", "file", "ann") == (0, "deleted ann\n", "")
    assert path.read_text() == f"# users\nbob:{HASH}\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--delete", "file", "dora"], "file: there is no 'dora'"),
        (["--delete", "none", "ann"], "none: there is no 'ann'"),
        (["--delete", "file", "bob"], "file: 'bob' is there more than once: lines 2 and 3"),
        (["no/file", "ann"], "no/file: No such file or directory"),
        (["file", "a:b"], "'a:b' cannot be the name of a user"),
        (["file", "#a"], "'#a' cannot be the name of a user"),
        (["file", " "], "' ' cannot be the name of a user"),
        (["file", "a\nb"], r"'a\nb' cannot be the name of a user"),
    ],
)
def test_what_makes_no_sense_is_refused(
    typed: Typed, program: Program, arguments: list[str], error: str
) -> None:
    text = f"ann:{HASH}\nbob:{HASH}\nbob:{HASH}\n"
    path = program.write("file", text)
    assert typed(b"secret", *arguments) == (2, "", f"twisted-rpc: {error}\n")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("password", "error"),
    [
        (b"", "there is no password on standard input"),
        (b"\nsecret\n", "there is no password on standard input"),
        (b"\xff", "the password is not UTF-8"),
        (b"x" * 73, "bcrypt takes 72 bytes at most, and these are more"),
    ],
)
def test_passwords_that_are_none_are_refused(
    typed: Typed, program: Program, password: bytes, error: str
) -> None:
    done = typed(password, "--scheme", "bcrypt", "file", "ann")
    assert done == (2, "", f"twisted-rpc: {error}\n")
    assert not (program.home / "file").exists()


def test_without_a_terminal_it_does_not_ask(program: Program) -> None:
    done = program("passwd", "file", "ann", stdin="secret\n")
    error = "twisted-rpc: there is no terminal to ask on: use --stdin\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", error)


def test_on_a_terminal_it_asks_twice_and_shows_nothing(program: Program) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*program.command, "passwd", "file", "ann"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=program.home,
        env=program.environment,
        start_new_session=True,  # or it would ask on the terminal that runs the tests
    )
    os.close(theirs)
    shown = b""
    for prompt, answer in ((b"Password: ", b"geheim\n"), (b"Once more: ", b"geheim\n")):
        while prompt not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, answer)
    while b"set the password" not in shown:
        shown += os.read(ours, 1024)
    assert process.wait(DEADLINE) == 0
    os.close(ours)
    assert b"geheim" not in shown
    text = (program.home / "file").read_text().rstrip()
    assert fits(text, "ann", "geheim")
