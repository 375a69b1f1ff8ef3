"""The arguments of a description such as `jwt:secret=FILE:algorithms=HS256`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection
from typing import Any

from twisted_rpc.errors import ConfigError

__all__ = ["file_argument", "imported", "keyword_arguments", "words"]

_PART = re.compile(r"(?:[^:\\]|\\.)*", re.DOTALL)


def file_argument(text: str) -> str:
    """The whole of what follows the first colon, as the name of a file.

    Raises:
        ConfigError: there is nothing.
    """
    if not text.strip():
        raise ConfigError("the name of a file is missing")
    return text


def keyword_arguments(text: str, known: Collection[str]) -> dict[str, str]:
    r"""`KEY=VALUE:KEY=VALUE` taken apart; `\:` is a colon and `\\` a backslash, as in endpoints.

    Raises:
        ConfigError: a part is no KEY=VALUE, a key is unknown or is given twice.
    """
    arguments: dict[str, str] = {}
    for part in _parts(text):
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            hint = r"; write \: for a colon that belongs to a value" if arguments else ""
            raise ConfigError(f"{part!r} is not KEY=VALUE{hint}")
        if key not in known:
            raise ConfigError(f"{key!r} is unknown; known: {', '.join(known)}")
        if key in arguments:
            raise ConfigError(f"{key!r} is given twice")
        arguments[key] = value
    return arguments


def _parts(text: str) -> list[str]:
    if not text:
        return []
    parts, position = [], 0
    while position <= len(text):
        found = _PART.match(text, position)
        assert found is not None
        position = found.end() + 1
        if position <= len(text) and text[position - 1] == "\\":
            raise ConfigError(f"{text!r} ends with a single backslash")
        parts.append(re.sub(r"\\(.)", r"\1", found[0], flags=re.DOTALL))
    return parts


def words(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


def imported(module: str, extra: str) -> Any:
    """A module that comes with an extra of this package.

    Raises:
        ConfigError: it is not installed; the text says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = f"pip install 'twisted_rpc[{extra}]'"
        raise ConfigError(f"{error.name or module} is not installed: {hint}") from error
