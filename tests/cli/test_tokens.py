"""`token new`, `list` and `revoke`: files of hashes of tokens."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Inline, Program
from tests.cli.test_program import on_terminal, plain
from twisted_rpc.checkers.tokens import hash_of, parse_tokens

H = "ab" * 32


def table(name: str, digest: str = H, *more: str) -> str:
    return "\n".join(["[[token]]", f'name = "{name}"', f'hash = "{digest}"', *more, ""])


def test_a_token_is_printed_once_and_its_hash_is_kept(inline: Inline, program: Program) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    options = ("--role", "deploy", "--role", 'a"b\\', "--namespace", "calc", "--expires", "30d")
    status, out, err = inline("token", "new", "file", "the ci", *options)
    assert (status, err) == (0, "")
    path = program.home / "file"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert out.strip() not in text
    [made] = parse_tokens(text, "file")
    assert (made.name, made.hash) == ("the ci", hash_of(out.strip().encode()))
    assert (made.roles, made.namespaces) == (("deploy", 'a"b\\'), ("calc",))
    assert made.expires is not None
    late = before + timedelta(days=30)
    assert late <= made.expires <= late + timedelta(minutes=5)


def test_another_goes_behind_what_is_there(inline: Inline, program: Program) -> None:
    text = "# tokens\n" + table("one")
    path = program.write("file", text, 0o640)
    _, first, _ = inline("token", "new", "file", "two")
    _, second, _ = inline("token", "new", "file", "three")
    hashes = [hash_of(out.strip().encode()) for out in (first, second)]
    expected = [text, table("two", hashes[0]), table("three", hashes[1])]
    assert path.read_text() == "\n".join(expected)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(("time", "hours"), [("90m", 1.5), ("12h", 12), ("4w", 672)])
def test_times_have_units(inline: Inline, program: Program, time: str, hours: float) -> None:
    inline("token", "new", "file", "ci", "--expires", time)
    [made] = parse_tokens((program.home / "file").read_text(), "file")
    assert made.expires is not None
    left = (made.expires - datetime.now(UTC)).total_seconds() / 3600
    assert hours - 0.1 < left <= hours


FILE = table("one", H, 'roles = ["a", "b"]', 'namespaces = ["calc"]') + "\n"
FILE += table("two", "cd" * 32, "expires = 2001-01-01T02:00:00+02:00") + "\n"
FILE += table("three", "ef" * 32)


def test_they_are_listed_without_their_hashes(inline: Inline, program: Program) -> None:
    program.write("file", FILE)
    lines = [
        "one roles=a,b namespaces=calc ends=never",
        "two ends=2001-01-01T00:00:00Z (over)",
        "three ends=never",
    ]
    assert inline("token", "list", "file") == (0, "\n".join([*lines, ""]), "")
    status, out, _ = inline("token", "list", "--json", "file")
    assert status == 0
    assert json.loads(out)[:2] == [
        {
            "name": "one",
            "roles": ["a", "b"],
            "namespaces": ["calc"],
            "expires": None,
            "expired": False,
        },
        {
            "name": "two",
            "roles": [],
            "namespaces": None,
            "expires": "2001-01-01T00:00:00Z",
            "expired": True,
        },
    ]


def test_a_terminal_gets_a_table(program: Program) -> None:
    program.write("file", FILE)
    shown = plain(on_terminal(program, "token", "list", "file"))
    rows = [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines()]
    assert ["name", "roles", "namespaces", "ends"] in rows
    assert ["one", "a, b", "calc", "never"] in rows


def test_what_is_revoked_goes_with_its_comment_alone(inline: Inline, program: Program) -> None:
    text = (
        f"# all of them\n\n# the first\n{table('one')}\n# for the second\n# in two lines\n"
        f"  [[ token ]]\nname = 'two' # [[token]]\nhash = '{'cd' * 32}'\n\n# the third\n"
        f"{table('three', 'ef' * 32)}"
    )
    path = program.write("file", text)
    assert inline("token", "revoke", "file", "two") == (0, "revoked two\n", "")
    left = f"# all of them\n\n# the first\n{table('one')}\n# the third\n{table('three', 'ef' * 32)}"
    assert path.read_text() == left
    inline("token", "revoke", "file", "three")
    inline("token", "revoke", "file", "one")
    assert path.read_text() == "# all of them\n\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["new", "file", "one"], "file: there is a 'one' already: revoke it first"),
        (["new", "file", "a\x1b"], r"file: [[token]] #4: name: 'a\x1b' is no name"),
        (["new", "file", ""], "file: [[token]] #4 (): name: '' is no name"),
        (["new", "file", "x", "--role", ""], "file: [[token]] #4 (x): roles: '' is no name"),
        (["new", "no/file", "x"], "no/file: No such file or directory"),
        (
            ["new", "file", "x", "--expires", "soon"],
            "Invalid value for '--expires': soon is not a time such as 90m, 12h, 30d or 4w",
        ),
        (
            ["new", "file", "x", "--expires", "99999999w"],
            "Invalid value for '--expires': 99999999w is longer than any calendar",
        ),
        (["revoke", "file", "x"], "file: there is no 'x'"),
        (["revoke", "none", "x"], "none: there is no 'x'"),
        (["list", "none"], "none: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_refused(
    inline: Inline, program: Program, arguments: list[str], error: str
) -> None:
    path = program.write("file", FILE)
    assert inline("token", *arguments) == (2, "", f"twisted-rpc: {error}\n")
    assert path.read_text() == FILE


@pytest.mark.parametrize(
    "text",
    [
        f'token = [{{name = "one", hash = "{H}"}}]\n',
        table("one", H, 'roles = ["""', "[[token]]", '"""]'),
    ],
)
def test_unusual_tables_are_left_to_their_author(
    inline: Inline, program: Program, text: str
) -> None:
    path = program.write("file", text)
    status, _, err = inline("token", "revoke", "file", "one")
    assert status == 2
    assert err.startswith("twisted-rpc: file: ")
    assert path.read_text() == text


def test_a_broken_file_is_not_touched(inline: Inline, program: Program) -> None:
    path = program.write("file", "[[token]]\n")
    error = "twisted-rpc: file: [[token]] #1: Object missing required field 'name'\n"
    for arguments in (["new", "file", "x"], ["list", "file"], ["revoke", "file", "x"]):
        assert inline("token", *arguments) == (2, "", error)
    assert path.read_text() == "[[token]]\n"
    assert list(program.home.iterdir()) == [path]
