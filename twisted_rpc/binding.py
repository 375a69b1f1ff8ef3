"""A function's signature, compiled once into what decodes and checks its parameters.

Binding is a step of its own before the call, so that a `TypeError` raised inside a
method is never taken for wrong parameters.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable
from inspect import Parameter
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, MsgspecError, Raw, UnsetType

from twisted_rpc.context import Context
from twisted_rpc.errors import ExposeError, InvalidParams, InvalidRequest
from twisted_rpc.params import Params
from twisted_rpc.signature import parameters_of

__all__ = ["Binder", "Bound", "check_shape"]

Bound = tuple[Any, ...] | dict[str, Any]
"""The arguments of one call: by position or by name."""

T = TypeVar("T")
R = TypeVar("R")


_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_OURS: tuple[Any, ...] = (Context, Params)
_decode_any = msgspec.json.Decoder().decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def check_shape(raw: Raw | UnsetType) -> None:
    """Raise `InvalidRequest` unless parameters are an array, an object, null or absent.

    Specification, section 4.2: a structured value.
    """
    if raw is not UNSET and bytes(raw)[:1] not in (b"[", b"{", b"n"):
        raise InvalidRequest("params must be an array or an object")


class Field(msgspec.Struct, frozen=True):
    """One parameter that a caller may give."""

    name: str
    type: Any
    required: bool
    by_position: bool
    by_name: bool


class Binder:
    """Turns the raw parameters of a call into the arguments of one function.

    Args:
        function: what will be called.
        name: its full name, for messages.

    Raises:
        ExposeError: the signature cannot be served; the text says which parameter.

    Attributes:
        quick: where every parameter is an ordinary required one, a decoder that takes them
            by position as a tuple, or by name as something that `named` turns into keywords.
        context_name: the parameter that receives the `Context`, if there is one.
        fields: what a caller may give, in the signature's order.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.quick: Callable[[Raw], Any] | None = None
        self.context_name: str | None = None
        self.fields: list[Field] = []
        self._context_index: int | None = None
        self._params_name: str | None = None
        self._rest: Callable[[Raw], Any] | None = None
        self._others: Callable[[Raw], Any] | None = None
        for parameter in parameters_of(function, name):
            self._add(parameter, name)
        if self._params_name is not None and (self.fields or self._rest or self._others):
            raise ExposeError(f"{name}: a Params parameter receives all, it stands alone")
        self._compile()

    def _add(self, parameter: Parameter, name: str) -> None:
        kind, annotation = parameter.kind, parameter.annotation
        if _mentions_ours(annotation):
            self._add_ours(parameter, name)
        elif kind is Parameter.VAR_POSITIONAL:
            self._rest = _decoder(annotation, name, parameter.name)
        elif kind is Parameter.VAR_KEYWORD:
            self._others = _decoder(annotation, name, parameter.name)
        else:
            _decoder(annotation, name, parameter.name)
            required = parameter.default is Parameter.empty
            by_name = kind is not Parameter.POSITIONAL_ONLY
            field = Field(parameter.name, annotation, required, kind in _POSITIONAL, by_name)
            self.fields.append(field)

    def _add_ours(self, parameter: Parameter, name: str) -> None:
        """A parameter that we fill in; taken from a caller, it would be forged."""
        kind, annotation = parameter.kind, parameter.annotation
        taken = self.context_name if annotation is Context else self._params_name
        if annotation not in _OURS or kind not in _BY_NAME or taken is not None:
            raise ExposeError(
                f"{name}: parameter {parameter.name!r}: Context and Params are annotated by "
                "themselves, once each, on a parameter that has a name"
            )
        if annotation is Params:
            self._params_name = parameter.name
        else:
            self.context_name = parameter.name
            self._context_index = len(self.fields) if kind in _POSITIONAL else None

    def _compile(self) -> None:
        self._positional = [field for field in self.fields if field.by_position]
        self._named = [field for field in self.fields if field.by_name]
        self._names = tuple(field.name for field in self._named)
        compiled = _compiled(tuple(self.fields))
        self._decoders = compiled.each
        self._decode_array = compiled.array
        self._completes = compiled.completes
        if not (self._rest or self._others or self._params_name):
            self.quick = compiled.quick

    def bind(self, raw: Raw | UnsetType) -> Bound:
        """The arguments for the function, in its own types.

        Raises:
            InvalidParams: they do not fit; the data says which and how.
            InvalidRequest: they are neither an array nor an object.
        """
        if self.quick is not None and raw is not UNSET:
            try:
                bound = self.quick(raw)
            except (MsgspecError, UnicodeDecodeError, RecursionError):
                pass  # the way below tells what is wrong
            else:
                return bound if isinstance(bound, tuple) else self.named(bound)
        return self._bind_any(raw)

    def named(self, decoded: msgspec.Struct) -> dict[str, Any]:
        """What `quick` made of parameters by name, as keywords."""
        return dict(zip(self._names, msgspec.structs.astuple(decoded), strict=True))

    def with_context(
        self, bound: Bound, context: Context
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with the context where the signature wants it."""
        assert self.context_name is not None
        if isinstance(bound, dict):
            return (), {**bound, self.context_name: context}
        at = self._context_index
        if at is None or len(bound) < at:
            return tuple(bound), {self.context_name: context}
        return (*bound[:at], context, *bound[at:]), {}

    def _bind_any(self, raw: Raw | UnsetType) -> Bound:
        bound = self._bind_undone(raw)
        if self._completes:
            _complete(bound)
        return bound

    def _bind_undone(self, raw: Raw | UnsetType) -> Bound:
        check_shape(raw)
        opening = b"n" if raw is UNSET else bytes(raw)[:1]
        source = Raw(b"[]") if raw is UNSET or opening == b"n" else raw
        if self._params_name is not None:
            value = None if opening == b"n" else _decode(_decode_any, source, "params")
            return {self._params_name: Params(value)}
        return self._bind_object(source) if opening == b"{" else self._bind_array(source)

    def _bind_array(self, raw: Raw) -> tuple[Any, ...]:
        items = _decode(_decode_items, raw, "params")
        self._check_count(len(items))
        if self._rest is None:
            try:
                values = msgspec.structs.astuple(self._decode_array(raw))
            except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise InvalidParams(self._explain(error)) from None
            return tuple(value for value in values if value is not UNSET)
        fixed = [
            _decode(self._decoders[field.name], item, field.name)
            for field, item in zip(self._positional, items, strict=False)
        ]
        at = len(fixed)
        rest = [_decode(self._rest, item, f"[{at + i}]") for i, item in enumerate(items[at:])]
        return (*fixed, *rest)

    def _check_count(self, count: int) -> None:
        by_name = [f.name for f in self.fields if f.required and not f.by_position]
        if by_name:
            raise InvalidParams(
                f"give the parameters by name: {', '.join(by_name)} has no position"
            )
        missing = [f.name for f in self._positional[count:] if f.required]
        if missing:
            raise InvalidParams(f"missing: {', '.join(missing)}")
        if count > len(self._positional) and self._rest is None:
            most = len(self._positional)
            raise InvalidParams(f"takes at most {most} parameters, got {count}")

    def _bind_object(self, raw: Raw) -> dict[str, Any]:
        members = _decode(_decode_members, raw, "params")
        self._check_names(members)
        bound = {
            name: _decode(self._decoders[name], members.pop(name), name)
            for name in self._names
            if name in members
        }
        if self._others is not None:
            bound.update((n, _decode(self._others, item, n)) for n, item in members.items())
        return bound

    def _check_names(self, given: dict[str, Raw]) -> None:
        by_position = [f.name for f in self.fields if f.required and not f.by_name]
        if by_position:
            raise InvalidParams(
                f"give the parameters by position: {', '.join(by_position)} has no name"
            )
        missing = [f.name for f in self._named if f.required and f.name not in given]
        if missing:
            raise InvalidParams(f"missing: {', '.join(missing)}")
        if self._others is None:
            unknown = [name for name in given if name not in self._names]
            if unknown:
                takes = f"takes {', '.join(self._names)}" if self._names else "takes none"
                raise InvalidParams(f"unknown parameter {unknown[0]!r:.80}, {takes}")
        elif self.context_name in given:
            raise InvalidParams(f"unknown parameter {self.context_name!r}")

    def _explain(self, error: Exception) -> str:
        """The decoder's message with the parameter's name in place of its index."""
        text, _, path = str(error).partition(" - at `$")
        found = re.match(r"\[(\d+)\](.*)`$", path)
        if found is None:
            return text
        return f"{self._positional[int(found[1])].name}{found[2]}: {text}"


class _Compiled(msgspec.Struct, frozen=True):
    """What decodes the parameters of all functions that have the same ones."""

    each: dict[str, Callable[[Raw], Any]]
    array: Callable[[Raw], Any]
    quick: Callable[[Raw], Any] | None
    completes: bool


def _remembered(function: Callable[[T], R]) -> Callable[[T], R]:
    """Remember what a function returned; of an argument that is no key, it is asked again.

    Compiling takes a hundred times as long as looking it up, and one signature is often
    that of many methods.
    """
    remembering = functools.lru_cache(1024)(function)

    def remember(argument: T) -> R:
        try:
            hash(argument)
        except TypeError:  # as with a list in `Annotated`
            return function(argument)
        return remembering(argument)

    return remember


@_remembered
def _compiled(fields: tuple[Field, ...]) -> _Compiled:
    completes = any(_holds_dataclass(field.type) for field in fields)
    array_type = _struct([field for field in fields if field.by_position], array_like=True)
    quick = None
    # One decoder takes both an array of known length and an object.
    if not completes and all(f.required and f.by_position and f.by_name for f in fields):
        types = tuple(field.type for field in fields)
        object_type = _struct(list(fields), array_like=False)
        either: Any = (tuple[types] if types else tuple[()]) | object_type  # type: ignore[valid-type]
        quick = msgspec.json.Decoder(either).decode
    return _Compiled(
        {field.name: _decoder_for(field.type) for field in fields},
        msgspec.json.Decoder(array_type).decode,
        quick,
        completes,
    )


def _decode(decode: Callable[[Raw], Any], raw: Raw, place: str) -> Any:
    try:
        return decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text, _, path = str(error).partition(" - at `$")
        raise InvalidParams(f"{place}{path.removesuffix('`')}: {text}") from None


def _struct(fields: list[Field], *, array_like: bool) -> type[msgspec.Struct]:
    """A struct with these fields, under names that no struct minds."""
    members: list[Any] = [
        (f"f{index}", field.type)
        if field.required
        else (f"f{index}", field.type | UnsetType, UNSET)
        for index, field in enumerate(fields)
    ]
    renamed = {f"f{index}": field.name for index, field in enumerate(fields)}
    return msgspec.defstruct(
        "Parameters", members, rename=renamed, array_like=array_like, forbid_unknown_fields=True
    )


def _mentions_ours(annotation: Any) -> bool:
    arguments = typing.get_args(annotation)
    return any(annotation is ours for ours in _OURS) or any(map(_mentions_ours, arguments))


def _schema_of_class(kind: type) -> dict[str, Any]:
    if kind is object:  # everything is one
        return {"title": "object"}
    raise TypeError(f"{kind.__qualname__} cannot be made from JSON")


@_remembered
def _decoder_for(annotation: Any) -> Callable[[Raw], Any]:
    # The decoder takes any class at all, also one that nothing decodes to.
    msgspec.json.schema(annotation, schema_hook=_schema_of_class)
    return msgspec.json.Decoder(annotation).decode


def _decoder(annotation: Any, name: str, parameter: str) -> Callable[[Raw], Any]:
    try:
        return _decoder_for(annotation)
    except (TypeError, ValueError) as error:
        raise ExposeError(
            f"{name}: parameter {parameter!r} has a type no JSON fits: {error}"
        ) from None


def _holds_dataclass(annotation: Any, seen: tuple[Any, ...] = ()) -> bool:
    """Whether values of a type may be dataclass instances, or have some inside."""
    if dataclasses.is_dataclass(annotation):
        return True
    members = typing.get_args(annotation)
    if inspect.isclass(annotation) and hasattr(annotation, "__annotations__"):
        with contextlib.suppress(Exception):  # it is only looked at, and was accepted before
            members += tuple(typing.get_type_hints(annotation).values())
    seen = (*seen, annotation)  # a type may be made of itself
    return any(_holds_dataclass(member, seen) for member in members if member not in seen)


def _complete(value: Any) -> None:
    """Give decoded dataclass instances the attributes that the decoder left to their class.

    A default that stays on the class is not in the instance's `__dict__`, and the encoder
    writes what is there: a method that returns its parameter would lose it.
    """
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            _complete(item)
    elif dataclasses.is_dataclass(value) and hasattr(value, "__dict__"):
        for field in dataclasses.fields(value):
            held: dict[str, Any] = vars(value)  # of an instance
            held.setdefault(field.name, getattr(value, field.name, None))
            _complete(held[field.name])
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _complete(getattr(value, name))
