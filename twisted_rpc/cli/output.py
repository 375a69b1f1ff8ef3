"""What is printed: JSON, lines and tables, for a terminal or for the next program.

Nothing that came from the far side may move the cursor of who reads it: what is not
printable is written as an escape.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from twisted_rpc.errors import CallError, RemoteError

__all__ = ["Output", "OutputClosed", "error_text", "printable", "to_json"]


class OutputClosed(Exception):
    """Nobody reads our standard output any more."""


def to_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON, in one line unless `indent` is given."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def printable(text: str) -> str:
    """A text with escapes for what is not printable, line ends included."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def error_text(error: CallError) -> str:
    """What is said of an error, the data of a remote one included."""
    if isinstance(error, RemoteError) and not isinstance(error.data, str | UnsetType):
        return f"{error}: {to_json(error.data)}"
    return str(error)


def error_object(error: RemoteError) -> dict[str, Any]:
    """The `error` member of a response (JSON-RPC 2.0, section 5.1)."""
    members = {"code": error.code, "message": error.message}
    return members if error.data is UNSET else {**members, "data": error.data}


class Output:
    """Standard output, and notes on standard error.

    Args:
        as_json: whether a program reads it, even on a terminal.

    Attributes:
        as_json: as given.
        is_terminal: whether a person reads it.
    """

    def __init__(self, *, as_json: bool) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Whatever the locale says: RFC 8259, section 8.1.
            sys.stdout.reconfigure(encoding="utf-8")
        self.as_json = as_json
        self.is_terminal = sys.stdout.isatty() and not as_json

    def value(self, value: Any) -> None:
        """Print a value as JSON: coloured over several lines on a terminal, else in one."""
        if not self.is_terminal:
            self.line(to_json(value))
            return
        from rich.highlighter import JSONHighlighter

        self._rich(JSONHighlighter()(to_json(value, indent=2)), soft_wrap=True)

    def line(self, text: str) -> None:
        """Print a line, and have it out at once.

        Raises:
            OutputClosed: nobody reads.
        """
        try:
            print(text, flush=True)
        except BrokenPipeError as error:
            raise OutputClosed from error

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*[Text(printable(cell)) for cell in row])
        self._rich(table)

    def _rich(self, renderable: Any, *, soft_wrap: bool = False) -> None:
        from rich.console import Console

        try:
            Console().print(renderable, soft_wrap=soft_wrap)
        except BrokenPipeError as error:
            raise OutputClosed from error

    def note(self, text: str) -> None:
        """Say something that is no result."""
        print(f"twisted-rpc: {printable(text)}", file=sys.stderr, flush=True)
