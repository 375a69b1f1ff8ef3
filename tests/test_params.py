"""`Params`: typed access whose every failure names the place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from twisted_rpc.errors import ErrorCode, InvalidParams
from twisted_rpc.params import Params

NOON = datetime(2020, 2, 29, 12, 0, tzinfo=UTC)
SITE = urlsplit("https://example.com/a?b#c")

# What each accessor takes: the JSON value, what becomes of it, what it calls itself.
ACCESSORS: dict[str, tuple[Any, Any, str]] = {
    "as_int": (7, 7, "an integer"),
    "as_float": (1.5, 1.5, "a number"),
    "as_str": ("x", "x", "a string"),
    "as_bool": (False, False, "a boolean"),
    "as_list": ([1], [1], "an array"),
    "as_map": ({"a": 1}, {"a": 1}, "an object"),
    "as_datetime": ("2020-02-29T12:00:00Z", NOON, "an ISO 8601 date and time"),
    "as_uri": ("https://example.com/a?b#c", SITE, "a URI"),
}

# Each kind of JSON value, with the words it is called by and who takes it.
VALUES: list[tuple[Any, str, set[str]]] = [
    (None, "null", set()),
    (True, "a boolean", {"as_bool"}),
    (7, "a number", {"as_int", "as_float"}),
    (1.5, "a number", {"as_float"}),
    ("x y", "a string 'x y'", {"as_str"}),
    ("", "a string ''", {"as_str"}),
    ("x " * 20, "a string", {"as_str"}),
    ([], "an array", {"as_list"}),
    ({}, "an object", {"as_map"}),
]


def complaint(read: Callable[[], object]) -> str:
    with pytest.raises(InvalidParams) as caught:
        read()
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert isinstance(caught.value.data, str)
    return caught.value.data


@pytest.mark.parametrize(("accessor", "row"), ACCESSORS.items())
def test_accessor_reads_its_type(accessor: str, row: tuple[Any, Any, str]) -> None:
    value, read, _ = row
    params = Params({"x": value})
    assert getattr(params["x"], accessor)() == read
    assert getattr(params["x"], accessor)(None) == read
    assert getattr(Params([value])[0], accessor)() == read


@pytest.mark.parametrize(("accessor", "row"), ACCESSORS.items())
def test_missing_value_takes_the_default_or_is_refused(
    accessor: str, row: tuple[Any, Any, str]
) -> None:
    missing = Params({})["x"]
    default = object()
    assert getattr(missing, accessor)(default) is default
    assert getattr(missing, accessor)(None) is None
    assert complaint(getattr(missing, accessor)) == f"x: missing, {row[2]} is required"


@pytest.mark.parametrize(("value", "called", "takers"), VALUES)
@pytest.mark.parametrize("accessor", ACCESSORS)
def test_value_of_another_type_is_refused_also_with_a_default(
    accessor: str, value: Any, called: str, takers: set[str]
) -> None:
    read = getattr(Params({"x": value})["x"], accessor)
    if accessor in takers:
        assert read() == value
        return
    expected = f"x: expected {ACCESSORS[accessor][2]}, got {called}"
    assert complaint(read) == expected
    assert complaint(lambda: read(object())) == expected


def test_null_is_a_value_and_no_default_replaces_it() -> None:
    null = Params({"x": None})["x"]
    assert (null.exists, null.is_null) == (True, True)
    assert null.value("default") is None
    missing = Params({})["x"]
    assert (missing.exists, missing.is_null) == (False, False)
    assert missing.value("default") == "default"
    assert complaint(missing.value) == "x: missing, a value is required"


def test_integer_is_taken_as_float_but_not_one_beyond_floats() -> None:
    read = Params([7])[0].as_float()
    assert (read, type(read)) == (7.0, float)
    assert complaint(Params([10**400])[0].as_float) == "[0]: expected a number, got a number"


@pytest.mark.parametrize("text", ["2020-02-30", "noon", "2020-02-29T25:00:00"])
def test_string_that_is_no_date_is_refused(text: str) -> None:
    read = Params({"at": text})["at"].as_datetime
    assert complaint(read) == f"at: expected an ISO 8601 date and time, got a string {text!r}"


@pytest.mark.parametrize("text", ["", "a b", "http://[::1", "x\n"])
def test_string_that_is_no_uri_is_refused(text: str) -> None:
    assert complaint(Params({"at": text})["at"].as_uri).startswith("at: expected a URI")


def test_path_leads_through_names_and_indices() -> None:
    params = Params({"filters": {"tags": ["a", "b", 3]}})
    tags = params["filters"]["tags"]
    assert [tags[0].as_str(), tags[1].as_str()] == ["a", "b"]
    assert complaint(tags[2].as_str) == "filters.tags[2]: expected a string, got a number"
    assert complaint(Params([[1], [{"a": 2}]])[1][0]["a"].as_str).startswith("[1][0].a:")


@pytest.mark.parametrize(
    "step",
    [
        lambda params: params["nothing"]["below"][3]["at all"],
        lambda params: params[0],
        lambda params: params["list"]["name"],
        lambda params: params["list"][2],
        lambda params: params["list"][-1],
        lambda params: params["text"][0],
    ],
)
def test_step_that_leads_nowhere_is_missing_and_never_fails(
    step: Callable[[Params], Params],
) -> None:
    found = step(Params({"list": [1, 2], "text": "abc"}))
    assert not found.exists
    assert found.as_int(5) == 5
    assert complaint(found.as_int).startswith(f"{found.path}: missing")


def test_parameters_themselves_are_called_params() -> None:
    assert Params([1, 2]).as_list() == [1, 2]
    assert complaint(Params([1]).as_map) == "params: expected an object, got an array"
    assert complaint(Params().as_list) == "params: missing, an array is required"


def test_repr_says_where_and_what() -> None:
    assert repr(Params([1])) == "<Params of the call: [1]>"
    assert repr(Params({"a": 1})["a"]) == "<Params a: 1>"
    assert repr(Params({})["a"]) == "<Params a: <missing>>"
