"""What `@method` and an `api` mapping say of a function, and how it is found again."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import force_setattr

from twisted_rpc import codec
from twisted_rpc.errors import ExposeError, RPCError

__all__ = ["MARK_IT", "Example", "Marker", "describe", "marked", "marker_of", "method"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_MARK = "__rpc_method__"
MARK_IT = (
    "mark what may be called with @twisted_rpc.method, "
    "or list it in an `api` mapping of method names to access levels"
)
"""What to do about an object of which nothing may be called."""


class Example(Struct, frozen=True):
    """A call as it may be made, and what comes of it, for readers and for tests.

    Args:
        params: by position or by name, as they are sent.
        result: what the call comes to, as the method returns it.
        name: a word or two; without one, it is shown as the call that it is.
        description: what it shows.

    Raises:
        TypeError: the parameters are neither, or there is something in it that is no JSON.
    """

    params: list[Any] | dict[str, Any]
    result: Any
    name: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.params, list | dict):
            raise TypeError(f"params of an example are a list or a dict, not {self.params!r}")
        _check_json("an example", [self.params, self.result])


class Marker(Struct, frozen=True, forbid_unknown_fields=True):
    """What `@method` or an `api` mapping says of one function."""

    name: str | None = None
    access: str | None = None
    timeout: float | None | UnsetType = UNSET
    thread: bool = False
    rate: float | None = None
    burst: int | None = None
    errors: Sequence[RPCError] = ()
    examples: Sequence[Example] = ()
    deprecated: str | None = None

    def __post_init__(self) -> None:
        self._check_rate()
        force_setattr(self, "errors", _all(RPCError, "errors", self.errors))
        force_setattr(self, "examples", _all(Example, "examples", self.examples))
        codes = [error.code for error in self.errors]
        if len(set(codes)) < len(codes):
            raise ValueError(f"errors: two of them have one code, of {codes}")
        for error in self.errors:
            _check_json(f"the error {error}", error.to_object())
        if self.deprecated is not None and not isinstance(self.deprecated, str):
            raise TypeError(f"deprecated says what to use instead, not {self.deprecated!r}")

    def _check_rate(self) -> None:
        for name, value in (("rate", self.rate), ("burst", self.burst)):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{name} is a number of calls, not {value!r}")
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be greater than 0 (None for no limit), not {value}")
        if self.burst is not None and self.rate is None:
            raise ValueError("burst is for a method with a rate")


def _all(kind: type[T], name: str, values: Any) -> tuple[T, ...]:
    if isinstance(values, list | tuple) and all(isinstance(value, kind) for value in values):
        return tuple(values)
    raise TypeError(f"{name} is a list of {kind.__name__} objects, not {values!r}")


def _check_json(what: str, value: Any) -> None:
    try:
        codec.encode(value)
    except Exception as error:
        raise TypeError(f"{what} is no JSON: {error}") from None


@overload
def method(function: F, /) -> F: ...


@overload
def method(
    *,
    name: str | None = None,
    access: str | None = None,
    timeout: float | None | UnsetType = UNSET,
    thread: bool = False,
    rate: float | None = None,
    burst: int | None = None,
    errors: Sequence[RPCError] = (),
    examples: Sequence[Example] = (),
    deprecated: str | None = None,
) -> Callable[[F], F]: ...


def method(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    access: str | None = None,
    timeout: float | None | UnsetType = UNSET,
    thread: bool = False,
    rate: float | None = None,
    burst: int | None = None,
    errors: Sequence[RPCError] = (),
    examples: Sequence[Example] = (),
    deprecated: str | None = None,
) -> F | Callable[[F], F]:
    """Mark a function as callable from outside, once its object is exposed.

    Args:
        function: the function, when nothing else is said of it.
        name: what it is called there, if not by its own name.
        access: an access level, a word of the application's such as "read".
        timeout: seconds it may take; None for as long as it likes.
        thread: run it in the reactor's thread pool, because it blocks.
        rate: calls a second that one caller may make of it; None for any number.
        burst: calls that it may make at once after a pause; those of a second unless given.
        errors: those that it may raise, one for each code; it is documentation, nothing more.
        examples: calls and their results, see `Example`.
        deprecated: what to use instead, if it is to be used no longer.

    Raises:
        TypeError, ValueError: the timeout is no number of seconds, the rate none of calls, or
            one of the others nothing that can be shown.
    """
    if timeout is not UNSET and timeout is not None:
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            raise TypeError(f"timeout is a number of seconds or None, not {timeout!r}")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be greater than 0 (None for no limit), not {timeout}")

    marker = Marker(name, access, timeout, thread, rate, burst, errors, examples, deprecated)

    def mark(marked: F) -> F:
        setattr(marked, _MARK, marker)
        return marked

    return mark if function is None else mark(function)


def marker_of(function: Any) -> Marker:
    """What is said of a function that is exposed by itself."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Marker) else Marker()


def marked(target: Any) -> Iterator[tuple[str, Marker]]:
    """The attributes of an object or module that may be called, by their own names."""
    api = getattr(target, "api", None)
    if isinstance(api, Mapping):
        for attribute, value in api.items():
            if not callable(getattr(target, str(attribute), None)):
                raise ExposeError(
                    f"{describe(target)}: api lists {attribute!r}, which is no method"
                )
            yield str(attribute), _api_marker(attribute, value)
    for attribute in dir(target):
        marker = _mark_on(target, attribute)
        if marker is not None and not (isinstance(api, Mapping) and attribute in api):
            yield attribute, marker


def _api_marker(attribute: str, value: Any) -> Marker:
    if isinstance(value, str):
        return Marker(access=value)
    if isinstance(value, Mapping):
        try:
            return Marker(**value)
        except (TypeError, ValueError) as error:
            raise ExposeError(f"api of {attribute!r}: {error}") from None
    raise ExposeError(f"api of {attribute!r}: give an access level or a mapping, not {value!r}")


def _mark_on(target: Any, attribute: str) -> Marker | None:
    """The mark on an attribute, found without running a property or a descriptor.

    A method that overrides a marked one is marked as well: the class it extends has
    promised it.
    """
    if isinstance(target, types.ModuleType):
        holders: tuple[Any, ...] = (target,)
    else:
        holders = (target, *type(target).__mro__[:-1])  # nothing of `object` is marked
    for holder in holders:
        found = getattr(holder, "__dict__", {}).get(attribute)
        if found is None:
            continue
        # Above @staticmethod or @classmethod the mark is on the wrapper, below on the function.
        if isinstance(found, staticmethod | classmethod) and not hasattr(found, _MARK):
            found = found.__func__
        marker = getattr(found, _MARK, None) if inspect.isroutine(found) else None
        if isinstance(marker, Marker):
            return marker
    return None


def describe(target: Any) -> str:
    """What an object is called in messages."""
    if isinstance(target, types.ModuleType):
        return f"module {target.__name__}"
    return f"{type(target).__name__} object"
