"""From arguments to parameters."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import click
import pytest

from twisted_rpc.cli.parameters import parse_parameters


def parse(*arguments: str, stdin: bytes = b"") -> Any:
    return parse_parameters(arguments, BytesIO(stdin))


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        ([], None),
        (["1", " -2", "2.5", "true", "null"], [1, -2, 2.5, True, None]),
        (["hello", "hello, world", ""], ["hello", "hello, world", ""]),
        (['"42"', '"a=b"', '"@home"', '"-"'], ["42", "a=b", "@home", "-"]),
        (["[1, 2]"], [[1, 2]]),
        (['{"a": 1}', "[]"], [{"a": 1}, []]),
        (["a=1", "b=x", "c=", 'd="1"'], {"a": 1, "b": "x", "c": "", "d": "1"}),
        (["a-b.c=1", "ä=2"], {"a-b.c": 1, "ä": 2}),
        (["a==b"], {"a": "=b"}),
        (["1=2", "http://h/?a=b", "a b=c"], ["1=2", "http://h/?a=b", "a b=c"]),
        (["NaN", "1e999", "{", "01", "tr\nue"], ["NaN", "1e999", "{", "01", "tr\nue"]),
        (["123456789012345678901234567890"], [123456789012345678901234567890]),
        (["[" * 5000], ["[" * 5000]),
    ],
)
def test_json_is_json_and_the_rest_are_strings(arguments: list[str], params: Any) -> None:
    assert parse(*arguments) == params


@pytest.mark.parametrize(
    ("text", "params"),
    [("[1, 2]", [1, 2]), ('{"a": 1}', {"a": 1}), ("3", [3]), ('"x"', ["x"]), ("null", [None])],
)
def test_one_file_alone_holds_all_parameters_if_it_can(
    tmp_path: Path, text: str, params: Any
) -> None:
    file = tmp_path / "params.json"
    file.write_text(text)
    assert parse(f"@{file}") == params
    assert parse("-", stdin=text.encode()) == params


def test_a_file_among_others_is_one_value(tmp_path: Path) -> None:
    file = tmp_path / "value.json"
    file.write_text("[1]")
    assert parse(f"@{file}", "-", stdin=b"[2]") == [[1], [2]]
    assert parse(f"a=@{file}") == {"a": [1]}
    assert parse("a=-", "b=x", stdin=b'{"c": 1}') == {"a": {"c": 1}, "b": "x"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["a=1", "2"], "'2' has no name, and others have one: give parameters by position or by"),
        (["1", "b=2"], "'1' has no name"),
        (["x" * 50, "b=2"], f"'{'x' * 40}'... has no name"),
        (["a=1", "a=2"], "the parameter 'a' is given twice"),
        (["-", "a=1"], "'-' has no name"),
        (["a=-", "b=-"], "'-' is given twice: standard input can be read once"),
        (["@nowhere.json"], "@nowhere.json: No such file or directory"),
        (["a=@/"], "@/: Is a directory"),
        (["\udcff"], r"'\udcff' is not UTF-8"),
    ],
)
def test_what_makes_no_sense_is_named(arguments: list[str], error: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        parse(*arguments, stdin=b"1")
    assert str(caught.value).startswith(error)


def test_standard_input_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with (
        (tmp_path / "f").open("wb") as file,
        open(file.fileno(), "rb", closefd=False) as stdin,
        pytest.raises(click.UsageError, match=r"^standard input: Bad file descriptor$"),
    ):
        parse_parameters(["-"], stdin)


def test_a_file_that_holds_no_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    for content in (b"", b"{", b"\xff", b"[" * 5000):
        file.write_bytes(content)
        with pytest.raises(click.UsageError, match=r"x\.json: not JSON: "):
            parse(f"@{file}")
        with pytest.raises(click.UsageError, match=r"standard input: not JSON: "):
            parse("-", stdin=content)
