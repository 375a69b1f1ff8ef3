"""From arguments of a command line to the parameters of a call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from twisted_rpc import codec
from twisted_rpc.errors import RPCError

__all__ = ["HELP", "parse_parameters"]

HELP = """\
Each PARAM is a JSON value if it can be read as one, else a string. NAME=VALUE gives a
parameter by name. @FILE stands for the JSON in a file, - for the JSON on standard input;
either of them alone holds all parameters if it is an array or an object. A string that looks
like something else is quoted as in JSON: '"a=b"', '"42"', '"@home"'."""
"""What the help of a command says of its parameters."""

_NAMED = re.compile(r"([^\W\d][\w.-]*)=(.*)", re.DOTALL)


def parse_parameters(
    arguments: Sequence[str], stdin: BinaryIO
) -> list[Any] | dict[str, Any] | None:
    """The parameters that arguments stand for; see `HELP`.

    Args:
        arguments: as they came from the shell.
        stdin: read where an argument is `-`, or `NAME=-`.

    Returns:
        A list, or a dict where they have names; None where there is no argument.

    Raises:
        UsageError: names and positions are mixed, a name is given twice, standard input is
            read twice, or a file cannot be read or holds no JSON.
    """
    values = _Values(stdin)
    if not arguments:
        return None
    if len(arguments) == 1 and _is_read(arguments[0]):
        whole = values.of(arguments[0])
        return whole if isinstance(whole, list | dict) else [whole]
    named = [_NAMED.fullmatch(argument) for argument in arguments]
    if not any(named):
        return [values.of(argument) for argument in arguments]
    params: dict[str, Any] = {}
    for argument, match in zip(arguments, named, strict=True):
        if match is None:
            raise click.UsageError(
                f"{_shown(argument)} has no name, and others have one: "
                "give parameters by position or by name, not both"
            )
        name, text = match.groups()
        if name in params:
            raise click.UsageError(f"the parameter {name!r} is given twice")
        params[name] = values.of(text)
    return params


def _is_read(argument: str) -> bool:
    return argument == "-" or argument.startswith("@")


def _shown(argument: str) -> str:
    return ascii(argument) if len(argument) <= 40 else f"{argument[:40]!a}..."


class _Values:
    """What single arguments stand for; standard input can be read once."""

    def __init__(self, stdin: BinaryIO) -> None:
        self._stdin = stdin
        self._is_read = False

    def of(self, text: str) -> Any:
        if text == "-":
            return self._from_stdin()
        if text.startswith("@"):
            return _from_file(text)
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError:
            raise click.UsageError(f"{_shown(text)} is not UTF-8") from None
        try:
            return codec.decode_value(data)
        except RPCError:
            return text

    def _from_stdin(self) -> Any:
        if self._is_read:
            raise click.UsageError("'-' is given twice: standard input can be read once")
        self._is_read = True
        try:
            data = self._stdin.read()
        except OSError as error:
            raise click.UsageError(f"standard input: {error.strerror}") from None
        return _decoded(data, "standard input")


def _from_file(argument: str) -> Any:
    try:
        data = Path(argument[1:]).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{argument}: {error.strerror}") from None
    return _decoded(data, argument)


def _decoded(data: bytes, name: str) -> Any:
    try:
        return codec.decode_value(data)
    except RPCError as error:
        raise click.UsageError(f"{name}: not JSON: {error.data}") from None
