"""Parameters as the access log may show them: without what is secret by its name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any

from msgspec import UNSET, Raw, UnsetType

from twisted_rpc import codec
from twisted_rpc.errors import InvalidRequest
from twisted_rpc.logs.events import clean
from twisted_rpc.namespace import Method

__all__ = ["LONGEST_PARAMS", "shown_params"]

LONGEST_PARAMS = 1000
"""So many characters of the parameters of one call are logged."""

_SECRET = re.compile(
    r"(api|access)[-_ ]?key|^auth$|authenticat|authoriz|bearer|cookie|credential|jwt"
    r"|pass(code|phrase|w)|private|pwd|secret|session|ticket|token"
    r"|(^|[-_ ])(otp|pass|pin|pw)$",
    re.IGNORECASE,
)
_HIDDEN = "***"


def shown_params(
    name: str | None, raw: Raw | UnsetType, methods: Mapping[str, Method]
) -> str | None:
    """The parameters of a call as JSON, cut; None if there are none, or none to be shown.

    Args:
        name: the method's.
        raw: as they came.
        methods: those there are, which know the names of what is given by position.
    """
    if raw is UNSET or name is None or _SECRET.search(name):
        return None
    try:
        params = codec.decode_value(raw)
    except InvalidRequest:
        return None
    if isinstance(params, list):
        params = _by_position(params, methods.get(name))
    elif isinstance(params, dict):
        params = _hidden(params)
    else:
        return None
    return clean(codec.encode(params).decode("utf-8"), LONGEST_PARAMS)


def _by_position(params: list[Any], method: Method | None) -> list[Any]:
    """Of what nobody names it is not known whether it is secret."""
    if method is None:
        return [_HIDDEN for _ in params]
    names = _names_of(method.function, method.binder.context_name)
    named = [_shown(name, value) for name, value in zip(names, params, strict=False)]
    return named + [_HIDDEN] * (len(params) - len(named))


def _names_of(function: Callable[..., Any], context_name: str | None) -> list[str]:
    """What is given by position, as far as it has names of its own."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions do not tell
        return []
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in parameters if each.kind in kinds and each.name != context_name]


def _shown(name: str, value: Any) -> Any:
    return _HIDDEN if _SECRET.search(name) else _hidden(value)


def _hidden(value: Any) -> Any:
    """A value without what is secret in it."""
    if isinstance(value, dict):
        return {name: _shown(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return value
