"""Types as JSON Schema, and the names that they get under `components`."""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated, Any

from msgspec import Meta, Struct, defstruct

from twisted_rpc.schemas import Schemas

PLACE = "#/components/schemas/"


def user(**members: Any) -> Any:
    """A type that is called User, as others are."""
    return defstruct("User", list(members.items()), module=f"of_{'_'.join(members)}")


def test_type_is_one_component_wherever_it_is_used() -> None:
    schemas = Schemas()
    kind: Any = user(name=str)
    assert schemas.of(kind) == {"$ref": f"{PLACE}User"}
    listed = schemas.of(list.__class_getitem__(kind))
    assert listed["items"] == {"$ref": f"{PLACE}User"}
    assert list(schemas.components) == ["User"]


def test_two_types_of_one_name_are_two_components() -> None:
    schemas, first, second = Schemas(), user(name=str), user(id=int)
    assert schemas.of(first) == {"$ref": f"{PLACE}User"}
    assert schemas.of(second) == {"$ref": f"{PLACE}User2"}
    assert schemas.components["User"]["properties"] == {"name": {"type": "string"}}
    assert schemas.components["User2"]["properties"] == {"id": {"type": "integer"}}


def test_two_of_one_name_in_one_type_tell_no_module() -> None:
    schemas, first, second = Schemas(), user(name=str), user(id=int)
    assert schemas.of(second) == {"$ref": f"{PLACE}User"}
    items = schemas.of(tuple.__class_getitem__((first, second)))["items"]
    assert items == [{"$ref": f"{PLACE}User2"}, {"$ref": f"{PLACE}User"}]
    assert "of_name" not in repr(schemas.components)


def test_number_is_not_the_name_of_another() -> None:
    schemas = Schemas()
    schemas.of(defstruct("User2", [("x", int)]))
    schemas.of(user(name=str))
    assert schemas.of(user(id=int)) == {"$ref": f"{PLACE}User3"}


def test_types_are_told_apart_by_what_they_refer_to() -> None:
    schemas = Schemas()
    for members in ({"name": str}, {"id": int}):
        holder = defstruct("Holder", [("user", user(**members))])
        schemas.of(holder)
    assert sorted(schemas.components) == ["Holder", "Holder2", "User", "User2"]
    assert schemas.components["Holder2"]["properties"]["user"] == {"$ref": f"{PLACE}User2"}


def test_only_what_is_used_is_kept() -> None:
    schemas = Schemas()
    inner = defstruct("Inner", [("x", int)])
    outer = schemas.of(defstruct("Outer", [("inner", inner)]))
    schemas.of(user(name=str))
    assert list(schemas.keep([{"schema": outer}])) == ["Inner", "Outer"]
    assert schemas.keep({"default": f"{PLACE}User", "description": f"{PLACE}None"}) == {}


def test_tagged_union_names_its_members() -> None:
    class One(Struct, tag="$ref"):
        x: int

    class Two(Struct, tag=True):
        y: int

    schemas = Schemas()
    schemas.of(defstruct("One", [("z", int)]))
    union = schemas.of(One | Two)
    assert union["discriminator"]["mapping"] == {"$ref": f"{PLACE}One2", "Two": f"{PLACE}Two"}
    assert set(schemas.keep(union)) == {"One2", "Two"}


def test_type_that_no_json_fits_is_anything() -> None:
    class Opaque:
        """Secret."""

    class Mixed(Enum):
        A = 1
        B = "b"

    schemas = Schemas()
    assert schemas.of(Opaque) == {}
    assert schemas.of(dict[str, Opaque]) == {"type": "object", "additionalProperties": {}}
    assert schemas.of(Mixed) == {}
    assert schemas.of("nonsense") == {}


def test_value_that_is_no_json_is_left_out() -> None:
    schemas = Schemas()
    schemas.of(defstruct("Wait", [("seconds", float, math.inf)]))
    assert schemas.components["Wait"]["properties"] == {"seconds": {"type": "number"}}
    assert schemas.of(Annotated[float, Meta(examples=[math.nan], ge=0)]) == {
        "type": "number",
        "minimum": 0,
    }
    assert schemas.of(Annotated[int, Meta(extra_json_schema={"x-made-by": object()})]) == {}


def test_annotation_that_is_no_key() -> None:
    annotation = Annotated[int, Meta(ge=1), []]
    assert Schemas().of(annotation) == {"type": "integer", "minimum": 1}


def test_what_meta_says_is_shown() -> None:
    said = Meta(title="T", description="D", examples=["a"], extra_json_schema={"x-y": [1]})
    expected = {"title": "T", "description": "D", "examples": ["a"], "x-y": [1], "type": "string"}
    assert Schemas().of(Annotated[str, said]) == expected


def test_patterns_are_written_for_ecmascript() -> None:
    pattern = Meta(pattern=r"\A\\Z\d\Z")
    assert Schemas().of(Annotated[str, pattern])["pattern"] == r"^\\Z\d$"


def test_members_named_as_keywords_are_members() -> None:
    kind = defstruct("Odd", [("pattern", str), ("default", int), ("uniqueItems", set[int])])
    members = Schemas().members(kind)["properties"]
    assert members["pattern"] == {"type": "string"}
    assert members["default"] == {"type": "integer"}
    assert members["uniqueItems"] == {"type": "array", "items": {"type": "integer"}}


def test_docstring_of_a_type_says_what_its_members_are() -> None:
    class Place(Struct):
        """A place.

        Attributes:
            x: to the right.
            z: no member.
        """

        x: int
        y: Annotated[int, Meta(description="up")]

    component = Schemas().members(Place)
    assert component["description"] == "A place."
    assert component["properties"] == {
        "x": {"type": "integer", "description": "to the right."},
        "y": {"type": "integer", "description": "up"},
    }
