"""Encoding: what we send decodes to what the method returned, or is an error instead."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from typing import Any, NamedTuple

import pytest
from msgspec import Raw, Struct

from twisted_rpc import codec
from twisted_rpc.errors import ErrorObject, InvalidParams, ParseError, ResponseTooBig
from twisted_rpc.message import Request

ROOM = 10**6


class Name(str):
    """A string of another type."""

    def __str__(self) -> str:
        return "something else"


class Colour(enum.Enum):
    RED = "red"
    NOTHING = math.nan


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: float | None


class Pair(NamedTuple):
    left: float
    right: float


class Table(Struct):
    rows: dict[Any, Any]


def result_of(value: Any) -> Any:
    return json.loads(codec.encode_result(value, 1, ROOM))["result"]


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
RING: dict[str, Any] = {}
RING["ring"] = RING


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


SAID: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (0, 0),
    (2**70, 2**70),
    (-0.0, -0.0),
    (1.5, 1.5),
    ("\N{SNOWMAN}", "\N{SNOWMAN}"),
    ((1, 2), [1, 2]),
    ({7}, [7]),
    (frozenset(), []),
    ({"1": None, "-": 1}, {"1": None, "-": 1}),
    ({"nan": None, "inf": None, "1.5": None}, {"nan": None, "inf": None, "1.5": None}),
    (b"abc", "YWJj"),
    (Colour.RED, "red"),
    (Level.LOW, 1),
    ({Colour.RED: None}, {"red": None}),
    (Point(None), {"x": None}),
    (Pair(1.0, 2.0), [1.0, 2.0]),
    (Table({"a": None}), {"rows": {"a": None}}),
    (decimal.Decimal("1.5"), "1.5"),
    (Raw(b"1"), 1),
    ([Raw(b'{"a": null, "1": 2}')], [{"a": None, "1": 2}]),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (datetime.date(2020, 2, 29), "2020-02-29"),
]


@pytest.mark.parametrize(("value", "said"), SAID)
def test_result_is_said_as_json(value: Any, said: Any) -> None:
    assert result_of(value) == said


def test_members_of_a_result_are_said_as_json_beside_a_null() -> None:
    value = {"when": datetime.datetime(2020, 2, 29, 1, 2, 3), "id": uuid.UUID(int=1), "no": None}
    assert result_of(value) == {
        "when": "2020-02-29T01:02:03",
        "id": "00000000-0000-0000-0000-000000000001",
        "no": None,
    }


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "around",
    [
        lambda number: number,
        lambda number: [number],
        lambda number: (1, (number,)),
        lambda number: {number},
        lambda number: {"a": {"b": [None, number]}},
        Point,
        lambda number: Pair(1.0, number),
        lambda number: Table({"a": [number]}),
    ],
)
def test_numbers_that_json_lacks_are_refused_everywhere(number: float, around: Any) -> None:
    with pytest.raises(ValueError, match="is not a JSON number"):
        codec.encode_result(around(number), 1, ROOM)


def test_enum_whose_value_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="nan is not a JSON number"):
        codec.encode_result(Colour.NOTHING, 1, ROOM)


KEYS = [1, -1, 0, 2**70, 1.5, 1e-7, 1e300, math.nan, math.inf, -math.inf, Level.LOW]


@pytest.mark.parametrize("key", KEYS)
def test_numeric_keys_are_refused(key: float) -> None:
    for value in ({key: 1}, [{"a": {"b": 1, key: 2}}], Table({key: 1}), {"x": None, "y": {key: 1}}):
        with pytest.raises(TypeError, match=r"the key .* is not a string"):
            codec.encode_result(value, 1, ROOM)


@pytest.mark.parametrize(
    "value", [object(), {True: 1}, {None: 1}, {(1, 2): 3}, 1j, lambda: 1, range(3), "\ud800"]
)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    for result in (value, [value], {"a": value}):
        with pytest.raises((TypeError, ValueError)):
            codec.encode_result(result, 1, ROOM)
    with pytest.raises((TypeError, ValueError)):
        codec.encode(value)
    with pytest.raises((TypeError, ValueError)):
        codec.encode_error(ErrorObject(1, "x", value), 1)


@pytest.mark.parametrize("value", [CYCLE, RING, deep(10**5)], ids=["list", "dict", "deep"])
def test_cycles_and_depth_are_refused(value: Any) -> None:
    for encode in (
        lambda: codec.encode(value),
        lambda: codec.encode_result(value, 1, ROOM),
        lambda: codec.encode_error(ErrorObject(1, "x", value), 1),
    ):
        with pytest.raises(ValueError, match="nested too deep, or in a cycle"):
            encode()


def test_answer_may_be_as_long_as_the_limit_and_no_longer() -> None:
    whole = codec.encode_result("x" * 100, 1, ROOM)
    assert codec.encode_result("x" * 100, 1, len(whole)) == whole
    with pytest.raises(ResponseTooBig) as caught:
        codec.encode_result("x" * 100, 1, len(whole) - 1)
    assert f"longer than {len(whole) - 1} bytes" in caught.value.data


@pytest.mark.parametrize("id", [None, 0, -1, "", "a", 10**30, Raw(b"1.50")])
def test_answers_bear_the_id_as_it_came(id: Any) -> None:
    said = b"1.50" if isinstance(id, Raw) else json.dumps(id).encode()
    ending = b'"id":%b}' % said
    assert codec.encode_result(1, id, ROOM).endswith(ending)
    assert codec.encode_error(ErrorObject(1, "x"), id).endswith(ending)
    assert codec.error_answer(ParseError(), id).endswith(ending)


def test_error_is_said_with_its_data_only_if_it_has_some() -> None:
    assert json.loads(codec.encode_error(ErrorObject(7, "no"), 1))["error"] == {
        "code": 7,
        "message": "no",
    }
    assert json.loads(codec.encode_error(ErrorObject(7, "no", None), 1))["error"]["data"] is None
    assert json.loads(codec.error_answer(InvalidParams("a: missing")))["error"] == {
        "code": -32602,
        "message": "Invalid params",
        "data": "a: missing",
    }


@pytest.mark.parametrize("data", [math.nan, [math.inf], {1: 2}, {"a": {2: None}}])
def test_error_data_must_be_faithful_too(data: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec.encode_error(ErrorObject(1, "x", data), 1)


def test_notification_of_ours_has_no_id() -> None:
    encoded = codec.encode(Request("2.0", "tick", {"n": None}))
    assert json.loads(encoded) == {"jsonrpc": "2.0", "method": "tick", "params": {"n": None}}


@pytest.mark.parametrize("params", [[math.nan], {1: 2}])
def test_parameters_of_ours_must_be_faithful_too(params: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec.encode(Request("2.0", "tick", params))


def test_batch_is_its_answers_in_one_array() -> None:
    assert codec.join_batch([b"1"]) == b"[1]"
    assert codec.join_batch([b"{}", b"{}"]) == b"[{},{}]"


def test_strings_of_other_types_are_strings() -> None:
    result = {Name("a"): [Name("b"), None]}
    assert codec.encode_result(result, 1, 1 << 20) == (
        b'{"jsonrpc":"2.0","result":{"a":["b",null]},"id":1}'
    )
