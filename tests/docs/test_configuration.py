"""docs/configuration.md names every option and every key, with its default."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from tests.installation import ROOT
from twisted_rpc.config import Limits, ServerTable, WebTable
from twisted_rpc.listener import Framing, Listener, Transport
from twisted_rpc.log_table import LogTable
from twisted_rpc.tap import Options

TEXT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
TABLES: dict[str, type[Struct]] = {
    "[server]": ServerTable,
    "[[listen]]": Listener,
    "[limits]": Limits,
    "[web]": WebTable,
    "[log]": LogTable,
}


def section(title: str) -> str:
    """What stands under a heading."""
    pattern = rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)"
    found = re.search(pattern, TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows_of(title: str) -> dict[str, list[str]]:
    """The rows of the first table there: the first cell, without its code marks, to the others."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {first.strip("`| ").split("`")[0].split()[0]: rest for first, *rest in cells}


def default_of(key: FieldInfo) -> str:
    """A default as the page writes it."""
    value: Any = key.default
    if key.required:
        return "required"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str) and value:
        return f'`"{value}"`'
    if isinstance(value, int | float):
        return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
    return "none"


@pytest.mark.parametrize(("title", "table"), TABLES.items(), ids=TABLES)
def test_every_key_stands_there_with_its_default(title: str, table: type[Struct]) -> None:
    expected = {key.encode_name: default_of(key) for key in fields(table)}
    assert {key: cells[0] for key, cells in rows_of(title).items()} == expected


def test_every_option_stands_there() -> None:
    options = Options()
    expected = {f"--{name.rstrip('=')}" for name in options.longOpt if "help" not in name}
    assert set(rows_of("Command line")) == expected - {"--version"} | {"--help", "--version"}


@pytest.mark.parametrize("word", [*get_args(Framing), *get_args(Transport)])
def test_every_word_a_listener_knows_is_explained(word: str) -> None:
    assert f"`{word}`" in section("[[listen]]")
