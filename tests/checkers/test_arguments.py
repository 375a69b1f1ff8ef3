"""Descriptions of checkers, taken apart."""

from __future__ import annotations

import pytest

from twisted_rpc.checkers.arguments import (
    file_argument,
    imported,
    keyword_arguments,
    words,
)
from twisted_rpc.errors import ConfigError

KNOWN = ("a", "b")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1:b=2,3", {"a": "1", "b": "2,3"}),
        (r"a=https\://h\:8/x=y:b=2", {"a": "https://h:8/x=y", "b": "2"}),
        (r"a=c\\:b=\d", {"a": "c\\", "b": "d"}),
    ],
)
def test_parts_are_told_apart(text: str, found: dict[str, str]) -> None:
    assert keyword_arguments(text, KNOWN) == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("c=1", "'c' is unknown; known: a, b"),
        ("a=1:a=2", "'a' is given twice"),
        ("a", "'a' is not KEY=VALUE"),
        ("a=", "'a=' is not KEY=VALUE"),
        ("=1", "'=1' is not KEY=VALUE"),
        ("a=1:", r"'' is not KEY=VALUE; write \: for a colon that belongs to a value"),
        ("a=http://h", r"'//h' is not KEY=VALUE; write \: for a colon that belongs to a value"),
        ("a=1\\", r"'a=1\\' ends with a single backslash"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        keyword_arguments(text, KNOWN)
    assert str(caught.value) == error


def test_a_file_is_all_there_is() -> None:
    assert file_argument("C:\\a:b") == "C:\\a:b"
    with pytest.raises(ConfigError, match="the name of a file is missing"):
        file_argument(" ")


def test_words_stand_between_commas() -> None:
    assert words("a, b,,c ") == ("a", "b", "c")
    assert words("") == ()


def test_what_is_not_installed_is_named_with_its_extra() -> None:
    assert imported("json", "x").__name__ == "json"
    with pytest.raises(ConfigError) as caught:
        imported("no_such_thing.inside", "jwt")
    problem = "no_such_thing is not installed: pip install 'twisted_rpc[jwt]'"
    assert str(caught.value) == problem
