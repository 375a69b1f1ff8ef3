"""What a schema says of a type agrees with what the binder takes for it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from tests.discovery.everything import TAKEN, serving_everything
from tests.helpers import request
from tests.strategies import json_values

SERVER = serving_everything()

TEXTS = {"bytes", "date", "time", "datetime", "zoned", "duration", "uuid", "decimal", "dataclass"}
"""What has texts in it that have to look like something no schema says (`format`)."""


def _document() -> Any:
    answers: list[Any] = []
    SERVER.dispatch(request("rpc.discover")).addCallback(answers.append)
    return json.loads(answers[0])["result"]


DOCUMENT = _document()
METHODS = {method["name"]: method for method in DOCUMENT["methods"]}


def validator(schema: Any) -> Any:
    """What checks values by a schema of the document."""
    return Draft7Validator({"allOf": [schema], "components": DOCUMENT["components"]})


SCHEMAS = {
    name: validator(METHODS[f"take.{name}"]["params"][0]["schema"]) for name in sorted(TAKEN)
}


def is_bound(method: str, params: Any) -> bool:
    """Whether parameters are taken; all others are answered -32602."""
    answers: list[Any] = []
    SERVER.dispatch(request(method, params)).addCallback(answers.append)
    answer = json.loads(answers[0])
    if "error" in answer:
        # What a method makes of its parameters is not looked at here.
        assert answer["error"]["code"] in (-32602, -32603), answer
        return bool(answer["error"]["code"] == -32603)
    return True


def is_sayable(value: Any) -> bool:
    """Whether JSON Schema means by a value what we mean: to it 1.0 is an integer."""
    if isinstance(value, float):
        return not value.is_integer() and math.isfinite(value)
    if isinstance(value, list | dict):
        return all(map(is_sayable, value.values() if isinstance(value, dict) else value))
    return True


near = st.sampled_from(
    [
        *(0, 1, 2, 7, 99, 100, -2, 0.5, True, None, "", "a", "red", "word", "Word", "word\nx"),
        *("2026-01-02", "12:30:00", "2026-01-02T03:04:05Z", "P1D", "1.5", "YQ==", "=", "b"),
        "12345678-1234-5678-1234-567812345678",
    ]
)
"""Values that are right for one type or another."""

keys = st.sampled_from(
    [
        "x",
        "y",
        "value",
        "children",
        "type",
        "lives",
        "name",
        "born",
        "tags",
        "wide",
        "deep",
        "inside",
    ]
)
kinds = st.sampled_from(["Cat", "Dog", "Cow"])
values = (
    st.recursive(
        near,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(keys, inner, max_size=3)
            | st.builds(
                lambda kind, rest: {**rest, "type": kind}, kinds, st.dictionaries(keys, inner)
            )
        ),
        max_leaves=8,
    )
    | json_values()
)


@pytest.mark.parametrize("name", sorted(TAKEN))
@settings(max_examples=40)
@given(value=values)
def test_values(name: str, value: Any) -> None:
    assume(is_sayable(value))
    fits = SCHEMAS[name].is_valid(value)
    if is_bound(f"take.{name}", [value]):
        assert fits, f"{name} takes {value!r}, which its schema does not"
    elif name not in TEXTS:
        assert not fits, f"{name} does not take {value!r}, which its schema does"


def fits(method: Any, params: Any) -> bool:
    """Whether parameters are what a Method Object says: how they are given, which, of what kind."""
    structure, described = method["paramStructure"], method["params"]
    if structure not in ("either", "by-name" if isinstance(params, dict) else "by-position"):
        return False
    rest = next((each for each in described if "x-rest" in each), None)
    known = [each for each in described if each is not rest]
    if isinstance(params, dict):
        given = params
    else:
        given = {each["name"]: item for each, item in zip(known, params, strict=False)}
        given |= {f"#{index}": item for index, item in enumerate(params[len(known) :])}
    schemas = {each["name"]: each["schema"] for each in known}
    if any(each.get("required") and each["name"] not in given for each in known):
        return False
    for name, value in given.items():
        schema = schemas.get(name, None if rest is None else rest["schema"])
        if schema is None or not validator(schema).is_valid(value):
            return False
    return True


SIGNATURES = [
    *("all.either", "all.rest", "all.members", "all.positional", "all.named", "all.nothing"),
    *("all.free", "all.mixed"),
]
arguments = st.sampled_from([1, 2, 50, -1, "a", None, [1]])


@pytest.mark.parametrize("name", SIGNATURES)
@given(
    params=st.lists(arguments, max_size=4)
    | st.dictionaries(st.sampled_from(["a", "b", "c", "params"]), arguments, max_size=3)
)
def test_parameters(name: str, params: Any) -> None:
    described = fits(METHODS[name], params)
    # No parameters at all may be an empty array or object, however others are given.
    if params or METHODS[name]["params"]:
        bound = is_bound(name, params)
        assert bound or not described, f"{name} does not take {params!r}"
        if METHODS[name]["paramStructure"] == "either":
            assert described or not bound, f"{name} takes {params!r}"


def test_method_that_nobody_can_call_is_described_by_what_it_wants() -> None:
    assert not is_bound("all.never", [1])
    assert not is_bound("all.never", {"b": 1})
    assert METHODS["all.never"]["paramStructure"] == "by-name"
