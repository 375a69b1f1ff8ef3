"""How a TOML file becomes a configuration; each error names file, table and key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twisted_rpc.config import AccessRule, Config, Limits, ServerTable, WebTable
from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import CHOICES, Listener
from twisted_rpc.log_table import LOG_CHOICES, LogTable

__all__ = ["load", "parse"]


def load(path: str) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    return parse(text, path)


def parse(text: str, path: str) -> Config:
    """Make a configuration of TOML text; `path` is for messages.

    Raises:
        ConfigError: it is no TOML, or something in it is wrong.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    if isinstance(tables.get("listen"), dict):
        raise ConfigError(f"{path}: [listen]: write [[listen]], there may be several")
    limits = tables.get("limits")
    if isinstance(limits, dict):
        tables["limits"] = {k: None if v == "none" else v for k, v in limits.items()}
    server = tables.get("server")
    if isinstance(server, dict) and server.get("stall_warning") == "none":
        tables["server"] = {**server, "stall_warning": None}
    expose = tables.get("expose")
    for name, target in expose.items() if isinstance(expose, dict) else ():
        if not isinstance(target, str):
            raise ConfigError(f"{path}: [expose] {name}: expected 'MODULE:OBJECT', got {target!r}")
    access = tables.get("access")
    for name, rule in access.items() if isinstance(access, dict) else ():
        try:  # by itself, or the message would not name it
            msgspec.convert(rule, AccessRule)
        except msgspec.ValidationError as error:
            problem, _, inside = str(error).partition(" - at `$")
            said = _located(f"{problem} - at `$.access{inside or '`'}", tables)
            raise ConfigError(f"{path}: {said.replace('[access]', f'[access.{name}]')}") from error
    try:
        return msgspec.convert(tables, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_located(str(error), tables)}") from error


def _located(text: str, tables: dict[str, Any]) -> str:
    """The decoder's message with the table in TOML's words: `[limits] max_batch: …`."""
    problem, _, path = text.partition(" - at `$")
    steps = re.findall(r"\.([^.\[`]+)|\[(\d+|\.\.\.)\]", path)
    names = [name or f"#{int(index) + 1}" if index != "..." else "" for name, index in steps]
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", problem)
    table, keys = names[:1], names[1:]
    if table and isinstance(tables.get(table[0]), list):
        table, keys = [f"[[{table[0]}]] {' '.join(keys[:1])}".rstrip()], keys[1:]
    elif table:
        table = [f"[{table[0]}]"]
    if unknown:
        keys = [*keys, unknown[1]]
        problem = "unknown table" if not table else "unknown key"
        problem += f"; known: {', '.join(_known(names[:1]))}"
    if problem.startswith("Invalid enum value") and keys:
        problem += f"; one of {', '.join((CHOICES | LOG_CHOICES)[keys[-1]])}"
    place = " ".join([*table, ".".join(filter(None, keys))]).strip()
    problem = problem.replace("`", "'").replace(" | null'", "'")
    return f"{place}: {problem}" if place else problem


def _known(table: list[str]) -> list[str]:
    of: dict[str, type[Struct]] = {
        "server": ServerTable,
        "listen": Listener,
        "limits": Limits,
        "web": WebTable,
        "access": AccessRule,
        "log": LogTable,
    }
    return list((of[table[0]] if table else Config).__struct_encode_fields__)
