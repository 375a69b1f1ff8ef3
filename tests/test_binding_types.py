"""Annotations: what is made of JSON for each kind, and which are refused at registration."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import attrs
import msgspec
import pytest
from msgspec import Meta, Raw, Struct

from twisted_rpc.binding import Binder
from twisted_rpc.context import Context
from twisted_rpc.errors import ExposeError, InvalidParams
from twisted_rpc.params import Params

Function = Callable[..., Any]


@dataclass
class Point:
    x: float
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


class Order(Struct):
    id: int
    lines: list[Point]


@attrs.define
class Person:
    name: str
    age: int = 0


class Name(NamedTuple):
    first: str
    last: str


class Options(TypedDict, total=False):
    depth: int


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


UserId = NewType("UserId", int)
Percent = Annotated[int, Meta(ge=0, le=100)]
Word = Annotated[str, Meta(min_length=1, max_length=5, pattern="^[a-z]*$")]


def taking(annotation: Any) -> Function:
    """A function of one parameter `a` with that annotation."""

    def function(a: Any) -> Any:
        return a

    function.__annotations__ = {"a": annotation}
    return function


def bound(annotation: Any, value: Any) -> Any:
    """What becomes of a JSON value, by position and by name alike."""
    binder = Binder(taking(annotation), "m")
    by_position = binder.bind(Raw(json.dumps([value]).encode()))
    by_name = binder.bind(Raw(json.dumps({"a": value}).encode()))
    assert isinstance(by_name, dict)
    assert list(by_position) == [by_name["a"]]
    return by_name["a"]


TAKEN: list[tuple[Any, Any, Any]] = [
    (Any, {"a": [1]}, {"a": [1]}),
    (object, {"a": [1]}, {"a": [1]}),
    (float, 1, 1.0),
    (int | None, None, None),
    (int | str, "x", "x"),
    (bytes, "YWJj", b"abc"),
    (list[int], [1, 2], [1, 2]),
    (tuple[int, str], [1, "x"], (1, "x")),
    (set[int], [1, 1], {1}),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (Point, {"x": 1}, Point(1.0)),
    (list[Point], [{"x": 1, "y": 2, "tags": ["a"]}], [Point(1.0, 2.0, ["a"])]),
    (Order, {"id": 1, "lines": [{"x": 1}]}, Order(1, [Point(1.0)])),
    (Order | None, None, None),
    (Person, {"name": "Ada"}, Person("Ada")),
    (Name, ["Ada", "Lovelace"], Name("Ada", "Lovelace")),
    (Options, {"depth": 1}, {"depth": 1}),
    (Colour, "red", Colour.RED),
    (Level, 1, Level.LOW),
    (UserId, 7, 7),
    (Literal["up", "down"], "up", "up"),
    (Literal[1, 2], 2, 2),
    (Percent, 100, 100),
    (Word, "abcde", "abcde"),
    (datetime.datetime, "2020-02-29T12:00:00", datetime.datetime(2020, 2, 29, 12)),
    (datetime.date, "2020-02-29", datetime.date(2020, 2, 29)),
    (datetime.time, "12:30:00", datetime.time(12, 30)),
    (datetime.timedelta, "PT90S", datetime.timedelta(seconds=90)),
    (uuid.UUID, "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
    (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
]


@pytest.mark.parametrize(("annotation", "value", "result"), TAKEN)
def test_value_is_converted(annotation: Any, value: Any, result: Any) -> None:
    made = bound(annotation, value)
    assert made == result
    assert type(made) is type(result)


REFUSED: list[tuple[Any, Any, str]] = [
    (float, "1", "a: Expected `float`, got `str`"),
    (bool, 1, "a: Expected `bool`, got `int`"),
    (list[int], [1, "x"], "a[1]: Expected `int`, got `str`"),
    (dict[str, int], {"k": "x"}, "a[...]: Expected `int`, got `str`"),
    (Point, {"y": 1}, "a: Object missing required field `x`"),
    (Point, {"x": "1"}, "a.x: Expected `float`, got `str`"),
    (Order, {"id": 1, "lines": [{"x": 1}, {"x": None}]}, "a.lines[1].x: Expected `float`"),
    (Person, {"name": 1}, "a.name: Expected `str`, got `int`"),
    (Colour, "blue", "a: Invalid enum value 'blue'"),
    (Literal["up", "down"], "left", "a: Invalid enum value 'left'"),
    (Percent, 101, "a: Expected `int` <= 100"),
    (Word, "", "a: Expected `str` of length >= 1"),
    (Word, "ABC", "a: Expected `str` matching regex"),
    (datetime.datetime, "yesterday", "a: Invalid RFC3339 encoded datetime"),
    (uuid.UUID, "1", "a: Invalid UUID"),
    (decimal.Decimal, "x", "a: Invalid decimal string"),
    (bytes, "?", "a: Invalid base64 encoded string"),
]


@pytest.mark.parametrize(("annotation", "value", "data"), REFUSED)
def test_refusal_names_the_place(annotation: Any, value: Any, data: str) -> None:
    for params in ([value], {"a": value}):
        with pytest.raises(InvalidParams) as caught:
            Binder(taking(annotation), "m").bind(Raw(json.dumps(params).encode()))
        assert caught.value.data.startswith(data)


@pytest.mark.parametrize(
    "annotation",
    [
        *(socket.socket, complex, type, Callable[[int], int], list[socket.socket]),
        *(socket.socket | None, dict[str, int] | dict[str, str], str | bytes, Point | Order),
    ],
)
def test_type_that_no_json_fits_is_refused_at_registration(annotation: Any) -> None:
    with pytest.raises(ExposeError) as caught:
        Binder(taking(annotation), "calc.add")
    assert str(caught.value).startswith("calc.add: parameter 'a' has a type no JSON fits: ")


def socket_rest(*rest: socket.socket) -> None: ...
def socket_others(**others: socket.socket) -> None: ...
def socket_default(a: int, line: socket.socket | None = None) -> None: ...


@pytest.mark.parametrize(
    ("function", "named"),
    [(socket_rest, "rest"), (socket_others, "others"), (socket_default, "line")],
)
def test_every_kind_of_parameter_is_checked_at_registration(function: Function, named: str) -> None:
    with pytest.raises(ExposeError, match=f"m: parameter '{named}' has a type no JSON fits"):
        Binder(function, "m")


def context_positional(ctx: Context, /) -> None: ...
def context_optional(ctx: Context | None = None) -> None: ...
def context_rest(*ctx: Context) -> None: ...
def context_others(**ctx: Context) -> None: ...
def context_twice(first: Context, ctx: Context) -> None: ...
def context_listed(ctx: list[Context]) -> None: ...
def params_positional(ctx: Params, /) -> None: ...
def params_optional(ctx: Params | None = None) -> None: ...
def params_rest(*ctx: Params) -> None: ...
def params_twice(first: Params, ctx: Params) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        *(context_positional, context_optional, context_rest, context_others, context_twice),
        *(context_listed, params_positional, params_optional, params_rest, params_twice),
    ],
)
def test_context_that_a_caller_could_forge_is_refused_at_registration(function: Function) -> None:
    with pytest.raises(ExposeError, match="m: parameter 'ctx': Context and Params are annotated"):
        Binder(function, "m")


def params_and_more(params: Params, a: int) -> None: ...
def params_and_rest(params: Params, *a: int) -> None: ...
def params_and_others(params: Params, **a: int) -> None: ...


@pytest.mark.parametrize("function", [params_and_more, params_and_rest, params_and_others])
def test_params_stand_alone(function: Function) -> None:
    with pytest.raises(ExposeError, match="m: a Params parameter receives all, it stands alone"):
        Binder(function, "m")


def unknown_annotation(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def test_annotation_that_cannot_be_evaluated_is_refused_at_registration() -> None:
    with pytest.raises(ExposeError, match=r"m: an annotation cannot be evaluated: .*Nowhere"):
        Binder(unknown_annotation, "m")


def mutable_default(a: list[int] = [], b: Point = Point(1.0)) -> Any:  # noqa: B006, B008
    return a, b


def test_default_is_the_functions_own_and_not_checked() -> None:
    assert Binder(mutable_default, "m").bind(Raw(b"[]")) == ()
    assert Binder(mutable_default, "m").bind(Raw(b"{}")) == {}
    assert Binder(mutable_default, "m").bind(Raw(b"[[1]]")) == ([1],)


@dataclass
class Parcel:
    """A value with defaults of every kind."""

    item: str
    count: int = 1
    tags: list[str] = field(default_factory=list)


@dataclass
class Load:
    """A value that holds others."""

    parcels: list[Parcel]
    first: Parcel | None = None


def test_a_dataclass_keeps_its_defaults_when_it_is_returned() -> None:
    def give_back(load: Load, by_name: dict[str, Parcel]) -> None: ...

    raw = Raw(b'[{"parcels":[{"item":"a"}],"first":{"item":"b"}},{"c":{"item":"c"}}]')
    load, by_name = Binder(give_back, "give_back").bind(raw)
    assert msgspec.json.decode(msgspec.json.encode([load, by_name])) == [
        {
            "parcels": [{"item": "a", "count": 1, "tags": []}],
            "first": {"item": "b", "count": 1, "tags": []},
        },
        {"c": {"item": "c", "count": 1, "tags": []}},
    ]


class Tree(Struct):
    """A type that is made of itself."""

    leaf: Parcel | None = None
    branches: list[Tree] = []


def test_dataclasses_are_found_in_types_made_of_themselves() -> None:
    def give_back(tree: Tree) -> None: ...

    (tree,) = Binder(give_back, "give_back").bind(Raw(b'[{"branches":[{"leaf":{"item":"a"}}]}]'))
    assert msgspec.json.encode(tree).endswith(
        b'"branches":[{"leaf":{"item":"a","count":1,"tags":[]},"branches":[]}]}'
    )
