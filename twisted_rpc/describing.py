"""A method, or an event, as OpenRPC describes one (OpenRPC 1.3, "Method Object")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import Parameter
from types import ModuleType
from typing import Any

import msgspec

from twisted_rpc import codec
from twisted_rpc.context import Context
from twisted_rpc.docstrings import Doc, class_doc, parse_doc
from twisted_rpc.errors import RPCError
from twisted_rpc.events import Event
from twisted_rpc.marking import Example
from twisted_rpc.namespace import Method
from twisted_rpc.params import Params
from twisted_rpc.schemas import Schema, Schemas
from twisted_rpc.signature import doc_of, parameters_of, result_of

__all__ = ["describe_event", "describe_method"]

_Taken = tuple[str, list[dict[str, Any]]]
"""A `paramStructure`, and the content descriptors of the parameters."""

_NO_POSITION = (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD)
_NO_NAME = (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL)
_REST = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def describe_method(method: Method, schemas: Schemas) -> dict[str, Any]:
    """The Method Object of something that is exposed."""
    doc = parse_doc(doc_of(method.function))
    marker = method.marker
    structure, params = _taken(method, doc, schemas)
    described = _begun(method.name, doc, marker.deprecated)
    described["tags"] = _tags(method.name, method.owner)
    described["paramStructure"] = structure
    described["params"] = params
    result = schemas.of(result_of(method.function))
    described["result"] = _descriptor("result", result, doc.result)
    described["errors"] = [_error(error) for error in marker.errors]
    names = [descriptor["name"] for descriptor in params]
    described["examples"] = list(_examples(method.name, marker.examples, names))
    return _said(described)


def describe_event(name: str, event: Event, schemas: Schemas) -> dict[str, Any]:
    """The same for something that clients are sent; without a result it is a notification."""
    text = event.description
    schema: Schema = {} if event.params is None else schemas.members(event.params)
    doc = parse_doc(schema.get("description") if text is None else text)
    described = _begun(name, doc, event.deprecated)
    described["tags"] = _tags(name, None)
    described["paramStructure"], described["params"] = _members(event.params, schema, doc)
    if event.is_call:
        described["result"] = _descriptor("result", schemas.of(event.result), doc.result)
    return _said(described)


def _begun(name: str, doc: Doc, deprecated: str | None) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name}
    described["summary"] = doc.summary
    described["description"] = doc.description
    if deprecated is not None:
        described["deprecated"] = True
        described["x-deprecated"] = deprecated
    return described


def _said(described: dict[str, Any]) -> dict[str, Any]:
    """Without the members that say nothing; there are always `params`."""
    return {key: value for key, value in described.items() if key == "params" or value}


def _tags(name: str, owner: Any) -> list[dict[str, str]]:
    """The namespace of a name, with what the object is for that is exposed there."""
    space = name.rpartition(".")[0]
    if not space:
        return []
    text = owner.__doc__ if isinstance(owner, ModuleType) else class_doc(type(owner))
    summary = "" if owner is None else parse_doc(text).summary
    return [{"name": space, "description": summary} if summary else {"name": space}]


# -- what a method takes -------------------------------------------------------------------------


def _taken(method: Method, doc: Doc, schemas: Schemas) -> _Taken:
    parameters = [
        parameter
        for parameter in parameters_of(method.function, method.name)
        if parameter.annotation is not Context
    ]
    structure, shown = _structure(parameters)
    if structure == "by-name":  # what is required comes first (OpenRPC 1.4, "Method Object")
        shown.sort(key=lambda parameter: not _is_required(parameter))
    return structure, [
        _parameter(parameter, doc.params.get(parameter.name, ""), schemas) for parameter in shown
    ]


def _structure(parameters: list[Parameter]) -> tuple[str, list[Parameter]]:
    """How parameters are to be given, and those that can be given so.

    Where neither way takes all of them, it is the one that takes those that are required.
    """
    positional = [each for each in parameters if each.kind not in _NO_POSITION]
    named = [each for each in parameters if each.kind not in _NO_NAME]
    if len(positional) == len(named) == len(parameters):
        return "either", parameters
    if any(_is_required(each) and each.kind in _NO_POSITION for each in parameters):
        return "by-name", named
    if any(_is_required(each) and each.kind in _NO_NAME for each in parameters):
        return "by-position", positional
    return ("by-name", named) if len(named) >= len(positional) else ("by-position", positional)


def _is_required(parameter: Parameter) -> bool:
    is_open = parameter.kind in _REST or parameter.annotation is Params
    return parameter.default is Parameter.empty and not is_open


def _parameter(parameter: Parameter, text: str, schemas: Schemas) -> dict[str, Any]:
    """The content descriptor of one parameter; `x-rest` is any number of further ones."""
    if parameter.annotation is Params:
        return {**_descriptor(parameter.name, {}, text), "x-rest": True}
    schema = _with_default(schemas.of(parameter.annotation), parameter.default)
    descriptor = _descriptor(parameter.name, schema, text, required=_is_required(parameter))
    if parameter.kind in _REST:
        descriptor["x-rest"] = True
    return descriptor


def _with_default(schema: Schema, default: Any) -> Schema:
    """A schema with a default; one that is no JSON is the application's own matter."""
    if default is Parameter.empty or default is msgspec.UNSET:
        return schema
    try:
        return {**schema, "default": _as_json(default)}
    except Exception:
        return schema


def _descriptor(name: str, schema: Schema, text: str, *, required: bool = False) -> dict[str, Any]:
    descriptor: dict[str, Any] = {"name": name}
    if text:
        descriptor["description"] = text
    if required:
        descriptor["required"] = True
    descriptor["schema"] = schema
    return descriptor


def _members(params: Any, schema: Schema, doc: Doc) -> _Taken:
    """The members of a type, as the parameters that they are sent as."""
    if schema.get("type") == "array":
        return "by-position", _items(params, schema, doc)
    required = schema.get("required", ())
    found = [
        _descriptor(name, member, doc.params.get(name, ""), required=name in required)
        for name, member in schema.get("properties", {}).items()
    ]
    found.sort(key=lambda each: not each.get("required", False))
    further = schema.get("additionalProperties")
    if isinstance(further, dict):
        found.append({**_descriptor("members", further, ""), "x-rest": True})
    return "by-name", found


def _items(params: Any, schema: Schema, doc: Doc) -> list[dict[str, Any]]:
    """The items of an array; those of a `NamedTuple` have names of their own."""
    items = schema.get("items", {})
    if not isinstance(items, list):
        return [{**_descriptor("items", items, ""), "x-rest": True}]
    names = getattr(params, "__struct_fields__", None) or getattr(params, "_fields", None)
    names = names or [f"item{index}" for index in range(len(items))]
    least = schema.get("minItems", 0)
    return [
        _descriptor(name, item, doc.params.get(name, ""), required=index < least)
        for index, (name, item) in enumerate(zip(names, items, strict=False))
    ]


# -- what else is said of it ---------------------------------------------------------------------


def _error(error: RPCError) -> dict[str, Any]:
    described: dict[str, Any] = _as_json(error.to_object())
    return described


def _examples(
    method: str, examples: Iterable[Example], names: list[str]
) -> Iterator[dict[str, Any]]:
    """Example Pairing Objects; parameters beyond the names are those of a rest."""
    for example in examples:
        params = _as_json(example.params)
        if isinstance(params, list):
            rest = names[-1] if names else ""
            known = [*names, *(f"{rest}{number}" for number in range(len(params)))]
            params_by_name = dict(zip(known, params, strict=False))
        else:
            params_by_name = params
        pairing: dict[str, Any] = {"name": example.name or _shown(method, params)}
        if example.description:
            pairing["description"] = example.description
        pairing["params"] = [{"name": name, "value": item} for name, item in params_by_name.items()]
        pairing["result"] = {"name": "result", "value": _as_json(example.result)}
        yield pairing


def _shown(method: str, params: Any) -> str:
    """An example without a name, such as `calc.add [2,3]`."""
    return f"{method} {codec.encode(params).decode()}"


def _as_json(value: Any) -> Any:
    """A value as a caller sees it."""
    return msgspec.json.decode(codec.encode(value))
