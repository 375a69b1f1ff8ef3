"""What a docstring in Google's style tells a caller: a summary, a description, each parameter.

What it raises is left out: that is the application's own matter, unless it is declared.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from msgspec import Struct

__all__ = ["Doc", "class_doc", "parse_doc"]

_ARGUMENTS = frozenset({"Args", "Arguments", "Parameters", "Keyword Args", "Attributes"})
_RESULTS = frozenset({"Returns", "Return"})
_DROPPED = frozenset({"Raises", "Yields", "Warns", "See Also"})
_HEADING = re.compile(r"([A-Z][A-Za-z ]*):\s*")
_ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))?: *(.*)")


class Doc(Struct, frozen=True):
    """A docstring, taken apart.

    Attributes:
        summary: its first line.
        description: the rest, without the sections that are found elsewhere.
        params: what it says of parameters or attributes, by their names.
        result: what it says of what is returned.
    """

    summary: str = ""
    description: str = ""
    params: Mapping[str, str] = {}
    result: str = ""


def parse_doc(text: str | None) -> Doc:
    """Take a docstring apart; without one, nothing is said."""
    summary, _, rest = inspect.cleandoc(text or "").partition("\n")
    kept: list[str] = []
    params: dict[str, str] = {}
    result: list[str] = []
    for heading, lines in _sections(rest.splitlines()):
        if heading in _ARGUMENTS:
            params.update(_entries(lines))
        elif heading in _RESULTS:
            result += lines
        elif heading not in _DROPPED:
            kept += [f"{heading}:", *lines] if heading else lines
    return Doc(summary.strip(), "\n".join(kept).strip(), params, _joined(result))


def class_doc(kind: type) -> str | None:
    """The docstring of a class, if somebody wrote it.

    Dataclasses make one, in which all defaults stand, be they passwords.
    """
    text = kind.__doc__
    if not isinstance(text, str):
        return None
    is_made = text.startswith(f"{kind.__name__}(") and text.endswith(")")
    return None if is_made else text


def _sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """The lines by the headings they stand under; those before the first have none.

    A section ends where a line is no longer indented.
    """
    sections: list[tuple[str, list[str]]] = [("", [])]
    for index, line in enumerate(lines):
        found = _HEADING.fullmatch(line)
        following = lines[index + 1 : index + 2]
        if found and following and following[0].startswith(" "):
            sections.append((found[1], []))
            continue
        if line and not line.startswith(" ") and sections[-1][0]:
            sections.append(("", []))
        sections[-1][1].append(line)
    return sections


def _entries(lines: list[str]) -> dict[str, str]:
    """`name: text`, or `name, name (type): text`, each with the deeper lines that follow it."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    body = inspect.cleandoc("\n" + "\n".join(lines)).splitlines()
    for line in body:
        entry = None if line.startswith(" ") else _ENTRY.fullmatch(line)
        if entry is not None:
            names = [name.lstrip("*") for name in entry[1].split(", ")]
            found.update((name, []) for name in names)
        for name in names:
            found[name].append(line if entry is None else entry[2])
    return {name: _joined(text) for name, text in found.items()}


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())
