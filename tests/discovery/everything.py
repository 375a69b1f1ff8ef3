"""A service with every kind of signature and annotation that there is."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NotRequired,
    TypedDict,
    TypeVar,
)

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from twisted.internet.defer import Deferred, succeed

from twisted_rpc import Context, Event, Example, Params, RPCError, Server, method
from twisted_rpc.errors import Forbidden

T = TypeVar("T")


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    BIG = 2


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """A place.

    Attributes:
        x: to the right.
    """

    x: int
    y: int = 0


class Tree(Struct):
    """A tree, made of trees."""

    value: int
    children: list[Tree] = []


class Cat(Struct, tag=True):
    lives: int = 9


class Dog(Struct, tag=True):
    name: str


class Row(Struct, array_like=True):
    a: int
    b: str = "b"


class Box(Struct, Generic[T]):
    inside: T


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Options(TypedDict):
    wide: bool
    deep: NotRequired[int]


@dataclass
class Guest:
    name: str
    born: date = date(2000, 1, 1)
    tags: list[str] = field(default_factory=list)


class Opaque:
    """No JSON is made of it."""


NOTHING = object()
ORIGIN = Point(0)

Even = Annotated[int, Meta(multiple_of=2, ge=0, lt=100, title="Even", description="No odd one.")]
Word = Annotated[str, Meta(pattern=r"\A[a-z]+\Z", min_length=1, max_length=8, examples=["word"])]

TAKEN: dict[str, Any] = {
    "any": Any,
    "none": None,
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "even": Even,
    "word": Word,
    "decimal": Decimal,
    "uuid": uuid.UUID,
    "date": date,
    "time": time,
    "datetime": datetime,
    "zoned": Annotated[datetime, Meta(tz=True)],
    "duration": timedelta,
    "literal": Literal["a", 1] | None,
    "colour": Colour,
    "size": Size,
    "list": list[int],
    "few": Annotated[list[bool], Meta(min_length=1, max_length=2)],
    "set": set[int],
    "frozen": frozenset[str],
    "tuple": tuple[int, str],
    "row_of": tuple[int, ...],
    "empty": tuple[()],
    "dict": dict[str, int],
    "few_members": Annotated[dict[str, int], Meta(max_length=1)],
    "optional": int | None,
    "union": int | str | list[bool],
    "struct": Point,
    "tree": Tree,
    "tagged": Cat | Dog,
    "tagged_or_none": Cat | Dog | None,
    "row": Row,
    "box": Box[int],
    "boxes": list[Box[str]],
    "named_tuple": Pair,
    "typed_dict": Options,
    "dataclass": Guest,
    "raw": msgspec.Raw,
    "object": object,
}
"""Types that a parameter may have."""


def taking(annotation: Any) -> Any:
    """A function that takes a value of a type, and says so."""

    def take(value):  # type: ignore[no-untyped-def]
        return None

    take.__annotations__ = {"value": annotation}
    return take


class Everything:
    """Signatures of every kind.

    And more is said of it here.
    """

    sends: ClassVar = {
        "moved": Event(Point, description="Somebody has moved.\n\nArgs:\n    y: up."),
        "named": Event(Pair),
        "listed": Event(list[int]),
        "counted": Event(dict[str, int]),
        "silent": Event(deprecated="nothing"),
        "ask": Event(Guest, bool),
        "tell": Event(tuple[int, str], None),
    }

    @method
    def either(self, ctx: Context, a: int, b: str = "b") -> Point:
        """Do it.

        At length.

        Args:
            ctx: never shown.
            a: the first.

        Returns:
            A place.

        Raises:
            Secret: never shown.
        """
        return Point(a)

    @method(
        errors=[RPCError(7, "seven", {"why": "so"}), Forbidden()],
        deprecated="use either",
        examples=[Example([1], [1]), Example([1, 2], [1, 2], "Two", "More of them.")],
    )
    def rest(self, first: int, *others: int) -> list[int]:
        return [first, *others]

    @method
    def members(self, a: int = 1, **others: Even) -> None: ...

    @method
    def positional(self, a: int, /, b: int = 2) -> tuple[int, str]:
        return a, ""

    @method
    def named(self, *, b: int = 2, a: int) -> Deferred[int]:
        return succeed(a)

    @method
    def nothing(self) -> None: ...

    @method
    def free(self, params: Params) -> Any: ...

    @method
    def unsaid(self, a, b=NOTHING):  # type: ignore[no-untyped-def]
        pass

    @method
    def opaque(self, left: int | UnsetType = UNSET) -> list[Opaque]:
        return []

    @method
    def iterated(self) -> Iterator[int]:
        return iter(())

    @method
    def everywhere(self, point: Point = ORIGIN) -> dict[str, Point | None]:
        return {}

    @method
    async def waited(self, guest: Guest) -> Guest:
        return guest

    @method
    def mixed(self, a: int, /, *, b: int = 1) -> None: ...

    @method
    def never(self, a: int, /, *, b: int) -> None: ...


def serving_everything() -> Server:
    """A server with all of it."""
    server = Server()
    server.expose("all", Everything())
    server.expose("take", {name: taking(annotation) for name, annotation in TAKEN.items()})
    server.expose("top", lambda: 1)
    return server
