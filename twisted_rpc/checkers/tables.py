"""Arrays of TOML tables, each of which is one that may come in."""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from twisted_rpc.errors import ConfigError

__all__ = ["check_name", "check_words", "parse_tables"]

T = TypeVar("T", bound=Struct)


def parse_tables(text: str, path: str, table: str, kind: type[T]) -> list[T]:
    """The tables `[[table]]` of a file that has nothing else in it.

    Args:
        text: of the file.
        path: for messages.
        table: the only name there may be.
        kind: what each becomes.

    Raises:
        ConfigError: it is no TOML, or a table is wrong; the text names it and its key.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = sorted(set(found) - {table})
    if unknown:
        raise ConfigError(f"{path}: {unknown[0]!r} is unknown; known: [[{table}]]")
    tables = found.get(table, [])
    if not (isinstance(tables, list) and all(isinstance(item, dict) for item in tables)):
        raise ConfigError(f"{path}: write [[{table}]], there may be several")
    return [
        _convert(item, kind, f"{path}: [[{table}]] #{number}")
        for number, item in enumerate(tables, 1)
    ]


def _convert(item: dict[str, Any], kind: type[T], place: str) -> T:
    name = item.get("name")
    if isinstance(name, str) and name.isprintable():
        place += f" ({name})"
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        problem, _, key = str(error).partition(" - at `$.")
        unknown = re.fullmatch(r"Object contains unknown field `(.*)`", problem)
        if unknown:
            problem = f"{unknown[1]!r} is unknown; known: {', '.join(kind.__struct_fields__)}"
        key = key.rstrip("`")
        text = f"{key}: {problem}" if key else problem
        raise ConfigError(f"{place}: {text.replace('`', chr(39))}") from error


def check_name(key: str, name: str) -> None:
    """Refuse what is no name: nothing, or what moves the cursor of who reads a log.

    Raises:
        ValueError: it is none.
    """
    if not name.strip() or not name.isprintable():
        raise ValueError(f"{key}: {name!r} is no name")


def check_words(key: str, found: tuple[str, ...] | None) -> None:
    """Refuse words that are none, and an empty list where leaving it out means something else.

    Raises:
        ValueError: one is none.
    """
    for word in found or ():
        check_name(key, word)
    if key == "namespaces" and found == ():
        raise ValueError("namespaces: none are named; leave it out for all")
