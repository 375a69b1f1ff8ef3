"""What is printed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_rpc.cli.output import error_object, error_text, printable, to_json
from twisted_rpc.errors import CallError, RemoteError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values, st.sampled_from([None, 2]))
def test_json_says_the_value_and_moves_no_cursor(value: Any, indent: int | None) -> None:
    text = to_json(value, indent)
    assert json.loads(text) == value
    assert text.replace("\n", "" if indent else "!").isprintable()
    assert indent or "\n" not in text


def test_what_can_be_read_is_not_escaped() -> None:
    assert to_json({"ä": "€ \U0001f600"}) == '{"ä":"€ \U0001f600"}'
    assert to_json("\x9b\u202e\U000e0001") == '"\\u009b\\u202e\\udb40\\udc01"'
    assert to_json({"a": [1]}, indent=2) == '{\n  "a": [\n    1\n  ]\n}'


def test_text_stays_in_its_line() -> None:
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([], "m: no (7)"),
        ([{"a": [1]}], 'm: no (7): {"a":[1]}'),
        (["why"], "m: no (7): why"),
        ([None], "m: no (7): null"),
    ],
)
def test_an_error_is_told_with_its_data(data: list[Any], text: str) -> None:
    error = RemoteError(7, "no", *data, method="m")
    assert error_text(error) == text
    members = {"code": 7, "message": "no"}
    assert error_object(error) == ({**members, "data": data[0]} if data else members)


def test_other_errors_say_it_themselves() -> None:
    assert error_text(CallError("lost")) == "lost"
