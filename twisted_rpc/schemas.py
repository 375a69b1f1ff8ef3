"""Types as JSON Schema, with those of a name under `components`.

msgspec says what a type looks like.  What OpenRPC wants otherwise (draft 7: OpenRPC 1.3,
"Schema Object"), what a browser's expressions write otherwise (ECMA 262), and where our
decoder takes more than msgspec says, is put right here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from twisted_rpc import codec
from twisted_rpc.docstrings import parse_doc

__all__ = ["Schema", "Schemas"]

Schema = dict[str, Any]
"""A JSON Schema."""

_PLACE = "#/components/schemas/"
_UNKNOWN = "x-unknown"
_VALUES = ("default", "examples", "enum", "const")
"""What holds values, and no schemas."""

_ESCAPES = {r"\Z": "$", r"\A": "^"}
"""What ECMA 262 has no escape for, and says in another way."""


class Schemas:
    """The schemas of one document, and the components that they refer to.

    Two types of one name get two: `User` and `User2`.  They are told apart by what they
    look like, so that one type is one component wherever it is used.

    Attributes:
        components: by the names that schemas refer to.
    """

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._names: dict[str, str] = {}
        self._uses: dict[str, int] = {}

    def of(self, annotation: Any) -> Schema:
        """The schema of a type; an empty one, which everything fits, where there is none."""
        made = _generated(annotation)
        names = {name: self._name(name, looks) for name, looks in made.looks.items()}
        if all(name == known for name, known in names.items()):  # as nearly always
            self.components.update(made.components)
            return made.schema
        for name, component in made.components.items():
            self.components[names[name]] = _renamed(component, names)
        return _renamed(made.schema, names)

    def members(self, annotation: Any) -> Schema:
        """The schema of a type itself, and not the reference to it."""
        schema = self.of(annotation)
        place = schema.get("$ref")
        return schema if place is None else self.components[place.removeprefix(_PLACE)]

    def keep(self, used: Any) -> dict[str, Schema]:
        """Those components that something refers to, itself or by another, in order."""
        kept: set[str] = set()
        waiting = list(_referred(used))
        while waiting:
            name = waiting.pop()
            if name not in kept:
                kept.add(name)
                waiting += _referred(self.components[name])
        return {name: self.components[name] for name in sorted(kept)}

    def _name(self, name: str, looks: str) -> str:
        """What a component is called in this document."""
        found = self._names.get(looks)
        if found is None:
            base = name.rpartition(".")[2]  # the module is before it, where two have one name
            found = self._names[looks] = self._free(base)
            self.components[found] = {}  # until what it refers to has its name, too
        return found

    def _free(self, base: str) -> str:
        """A name that nothing has yet."""
        while True:
            number = self._uses[base] = self._uses.get(base, 0) + 1
            name = base if number == 1 else f"{base}{number}"
            if name not in self.components:
                return name


class _Generated(Struct, frozen=True):
    """The schema of a type, the components it refers to, and what tells each from others."""

    schema: Schema
    components: Mapping[str, Schema] = {}
    looks: Mapping[str, str] = {}


def _generated(annotation: Any) -> _Generated:
    try:
        return _remembered(annotation)
    except TypeError:  # such as a list in `Annotated`, which is no key
        return _generate(annotation)


def _generate(annotation: Any) -> _Generated:
    try:
        (schema,), found = msgspec.json.schema_components(
            [annotation], schema_hook=_unknown, ref_template=_PLACE + "{name}"
        )
    except Exception:  # a type no JSON fits, or one that cannot be looked into
        return _Generated({})
    components = {name: _documented(_adapted(made)) for name, made in found.items()}
    made = _adapted(schema)
    if not _is_json([made, components]):  # what `extra_json_schema` brings may be anything
        return _Generated({})
    looks = {name: _looks(name, components) for name in components}
    return _Generated(made, components, looks)


_remembered = functools.lru_cache(1024)(_generate)


def _unknown(kind: type) -> Schema:
    """A class of the application's that no JSON is made of: anything, and nothing of its name."""
    return {_UNKNOWN: True}


def _adapted(schema: Any) -> Any:
    """A schema as draft 7 writes it, and as our decoder goes by it."""
    if isinstance(schema, list):
        return [_adapted(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _adapted_member(key, value)
        for key, value in schema.items()
        if key not in _VALUES or _is_json(value)  # as a default of infinity is not
    }
    made.pop(_UNKNOWN, None)
    made.pop("uniqueItems", None)  # of a set; what comes twice is taken once
    if "prefixItems" in made:
        made["items"], rest = made.pop("prefixItems"), made.get("items")
        if rest is False:
            made["additionalItems"] = False
    if made.get("format") == "decimal" and made.get("type") == "string":
        del made["type"], made["format"]
        made["anyOf"] = [{"type": "string", "format": "decimal"}, {"type": "number"}]
    return made


def _is_json(value: Any) -> bool:
    try:
        codec.encode(value)
    except Exception:
        return False
    return True


def _adapted_member(key: str, value: Any) -> Any:
    if key == "pattern" and isinstance(value, str):
        return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), value)
    if key in _VALUES:
        return value
    if key == "properties":
        return {name: _adapted(member) for name, member in value.items()}
    return _adapted(value)


def _documented(schema: Schema) -> Schema:
    """A component with what its docstring says where that is looked for."""
    doc = parse_doc(schema.pop("description", None))
    text = "\n\n".join(filter(None, (doc.summary, doc.description)))
    if text:
        schema["description"] = text
    for name, said in doc.params.items():
        if name in schema.get("properties", ()):
            schema["properties"][name].setdefault("description", said)
    return schema


def _each_reference(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    """A schema with the names it refers to changed; `mapping` is that of a discriminator."""
    if isinstance(value, list):
        return [_each_reference(item, change) for item in value]
    if isinstance(value, dict):
        # What is under `mapping` has tags for keys.
        inside = "$ref" if key == "mapping" else None
        return {k: _each_reference(member, change, inside or k) for k, member in value.items()}
    if key == "$ref" and isinstance(value, str) and value.startswith(_PLACE):
        return _PLACE + change(value.removeprefix(_PLACE))
    return value


def _renamed(schema: Schema, names: Mapping[str, str]) -> Schema:
    renamed: Schema = _each_reference(schema, lambda name: names.get(name, name))
    return renamed


def _referred(value: Any, key: str = "") -> Iterator[str]:
    """The names that something refers to, as `_each_reference` finds them."""
    if isinstance(value, list):
        for item in value:
            yield from _referred(item, key)
    elif isinstance(value, dict):
        inside = "$ref" if key == "mapping" else None
        for name, member in value.items():
            yield from _referred(member, inside or name)
    elif key == "$ref" and isinstance(value, str) and value.startswith(_PLACE):
        yield value.removeprefix(_PLACE)


def _looks(name: str, components: Mapping[str, Schema]) -> str:
    """What a component is, and all that it refers to, whatever these are called here."""
    order = [name]

    def numbered(other: str) -> str:
        if other not in components:
            return other
        if other not in order:
            order.append(other)
        return str(order.index(other))

    looks = [_each_reference(components[place], numbered) for place in order]  # which grows
    return msgspec.json.encode([name.rpartition(".")[2], looks]).decode()
