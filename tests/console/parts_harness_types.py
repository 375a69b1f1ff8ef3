"""Types of all kinds, and an OpenRPC document of methods that take them."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta, Struct

__all__ = ["DOCUMENT", "METHODS"]


class Color(enum.Enum):
    """What a thing can look like."""

    RED = "red"
    BLUE = "blue"


class Tree(Struct):
    """Contains itself."""

    name: str
    children: list[Tree] = []


class Cat(Struct, tag="cat"):
    """Has lives."""

    lives: Annotated[int, Meta(ge=1, le=9, description="How many are left.")] = 9


class Dog(Struct, tag="dog", forbid_unknown_fields=True):
    """Barks."""

    bark: str


class Named(TypedDict, total=False):
    """A mapping whose names are known."""

    count: int


class Chain(Struct):
    """Cannot end without null."""

    next: Chain | None


METHODS: dict[str, dict[str, Any]] = {
    "numbers": {
        "small": Annotated[int, Meta(ge=1, le=100, multiple_of=2, description="An even one.")],
        "large": int,
        "share": Annotated[float, Meta(gt=0, lt=1)],
        "exact": decimal.Decimal,
    },
    "texts": {
        "text": str,
        "short": Annotated[str, Meta(pattern="^a", min_length=1, max_length=3)],
        "key": uuid.UUID,
        "data": bytes,
    },
    "times": {
        "day": datetime.date,
        "moment": Annotated[datetime.datetime, Meta(tz=True)],
        "hour": Annotated[datetime.time, Meta(tz=True)],
        "long": datetime.timedelta,
    },
    "choices": {
        "color": Color,
        "either": Literal["a", 1, None],  # noqa: PYI061 - one enum, with null in it
        "yes": bool,
        "nothing": None,
        "any": Any,
    },
    "containers": {
        "items": Annotated[list[int], Meta(min_length=1, max_length=3)],
        "pair": tuple[int, str],
        "unique": set[str],
        "table": dict[str, int],
        "named": Named,
    },
    "unions": {
        "maybe": int | None,
        "pet": Cat | Dog | None,
        "mixed": int | str | list[int],
    },
    "recursive": {"tree": Tree, "chain": Chain},
}
"""The parameters of each method and their types."""


def _document() -> dict[str, Any]:
    types = [kind for params in METHODS.values() for kind in params.values()]
    template = "#/components/schemas/{name}"
    made, components = msgspec.json.schema_components(types, ref_template=template)
    schemas = iter(made)
    methods = [
        {
            "name": name,
            "params": [
                {"name": param, "required": True, "schema": next(schemas)} for param in params
            ],
        }
        for name, params in METHODS.items()
    ]
    return {"openrpc": "1.3.2", "methods": methods, "components": {"schemas": components}}


DOCUMENT = _document()
"""The document, with schemas as msgspec writes them."""
