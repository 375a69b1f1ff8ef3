"""What a function takes, as its signature and its annotations say."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable
from inspect import Parameter
from typing import Any

from twisted_rpc.errors import ExposeError

__all__ = ["doc_of", "parameters_of", "result_of"]


def parameters_of(function: Callable[..., Any], name: str) -> list[Parameter]:
    """The parameters with their annotations evaluated; `Any` where there is none.

    Args:
        function: which is not called.
        name: its full name, for messages.

    Raises:
        ExposeError: an annotation cannot be evaluated.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return [Parameter("args", Parameter.VAR_POSITIONAL, annotation=Any)]
    try:
        hints = _hints_of(_annotated(function))
    except Exception as error:  # whatever evaluating the application's annotations raises
        raise ExposeError(f"{name}: an annotation cannot be evaluated: {error}") from error
    return [
        parameter.replace(annotation=hints.get(parameter.name, Any))
        for parameter in signature.parameters.values()
    ]


def _annotated(function: Callable[..., Any]) -> Any:
    """The object that carries the annotations: an instance keeps them on `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        found = inspect.unwrap(function)
        return found.__func__ if inspect.ismethod(found) else found
    return type(function).__call__


def _hints_of(function: Any) -> dict[str, Any]:
    """The annotations, evaluated."""
    if inspect.isfunction(function):
        return _remembered(function)
    return typing.get_type_hints(function, include_extras=True)


@functools.lru_cache(maxsize=256)
def _remembered(function: Any) -> dict[str, Any]:
    """The same for a function: it may be a method of many objects, one exposed after the other."""
    return typing.get_type_hints(function, include_extras=True)


def result_of(function: Callable[..., Any]) -> Any:
    """The type of what a call of a function comes to; `Any` where nothing says it.

    Of an awaitable (`Deferred[int]`) it is the type of what it brings.
    """
    try:
        found = _hints_of(_annotated(function)).get("return", Any)
    except Exception:  # a built-in function, or annotations that its parameters have told of
        return Any
    origin, arguments = typing.get_origin(found), typing.get_args(found)
    if inspect.isclass(origin) and issubclass(origin, Awaitable) and arguments:
        return arguments[-1]
    return found


def doc_of(function: Callable[..., Any]) -> str | None:
    """The docstring of a function, or of the one that it overrides."""
    return inspect.getdoc(_annotated(function))
