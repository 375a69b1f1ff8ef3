"""The program that the commands belong to."""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import Any

import click

from twisted_rpc.cli.loading import ending_at_once

__all__ = ["Command", "Seconds", "examples", "program"]

_NEGATIVE = re.compile(r"-(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
"""A number of JSON (RFC 8259, section 6) below zero."""

_MARK = "\0"
"""Before what is no option; no argument of a process can hold it."""


class Command(click.Command):
    """A command that takes a negative number for what it is, and not for an option."""

    def make_parser(self, ctx: click.Context) -> Any:
        """See `click.Command.make_parser`: negative numbers are marked while it parses."""
        parser: Any = super().make_parser(ctx)
        parse = parser.parse_args

        def parse_marked(args: list[str]) -> tuple[dict[str, Any], list[str], list[Any]]:
            marked = [_MARK + arg if _NEGATIVE.fullmatch(arg) else arg for arg in args]
            values, rest, order = parse(marked)
            return {name: _unmarked(value) for name, value in values.items()}, rest, order

        parser.parse_args = parse_marked
        return parser


def _unmarked(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_unmarked, value))
    return value.removeprefix(_MARK) if isinstance(value, str) else value


class Seconds(click.FloatRange):
    """A time that ends: `inf` and `nan` are numbers for Python."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See `click.ParamType.convert`."""
        seconds: float = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a finite number", param, ctx)
        return seconds


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


_COMMANDS = {
    "commands": {
        "batch": "Send the requests in FILE (- for standard input), and print the answers.",
        "call": "Call a METHOD and print its result as JSON.",
        "listen": "Print notifications as they come: all of them, or those of the methods NAME.",
        "methods": "List the methods of a server that tells them.",
        "notify": "Send a notification: a METHOD is told something, and nobody answers.",
    },
    "configuring": {
        "completion": "Print what makes a SHELL complete the commands and options of twisted-rpc.",
        "config": "Look after configuration files of the daemon.",
    },
    "measuring": {
        "bench": "Call a METHOD over and over, and report calls a second and latencies.",
        "ping": "Measure how long a call there and back takes.",
    },
    "passwords": {"passwd": "Set the password of a USER in a FILE, for --auth htpasswd:FILE."},
    "tokens": {"token": "Look after files of tokens, for --auth token:FILE."},
}
"""The commands by the modules of `cli` that hold them, and the first line of their help."""

_MODULES = {name: module for module, names in _COMMANDS.items() for name in names}


class Program(Group):
    """The commands of the program: one is imported when it is asked for.

    Help and completion list stand-ins, so that they do not wait for Twisted.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for names in _COMMANDS.values():
            for name, summary in names.items():
                self.add_command(Command(name, help=summary))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group.resolve_command`: the module puts its commands in their places."""
        if args[0] in _MODULES:
            with ending_at_once():
                import_module(f"twisted_rpc.cli.{_MODULES[args[0]]}")
        return super().resolve_command(ctx, args)


def examples(*lines: str, notes: str = "") -> str:
    """The end of a command's help: notes, and what to type."""
    shown = "\n".join(["Examples:", *[f"  twisted-rpc {line}" for line in lines]])
    return f"{notes}\n\n\b\n{shown}"  # click leaves the lines after a \b as they are


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["--help"]},
    epilog=examples(
        "call http://127.0.0.1:7080 calc.add 1 2",
        "methods ws://127.0.0.1:7080",
        "listen tcp://127.0.0.1:7080",
    ),
)
@click.version_option(package_name="twisted_rpc", prog_name="twisted-rpc")
def program() -> None:
    """Call, notify and measure JSON-RPC 2.0 servers.

    URL is tcp://HOST:PORT, tcps://HOST:PORT, http://HOST/PATH, https://..., ws://..., wss://...,
    unix:PATH, exec:COMMAND or a Twisted client endpoint description.

    Credentials come from TWISTED_RPC_USER and TWISTED_RPC_PASSWORD, or TWISTED_RPC_TOKEN, from
    --credentials FILE or from ~/.netrc, and never from the command line.

    \b
    Exit status:
      0  it went well
      1  the server answered with an error, or not in time, or not in JSON-RPC
      2  the command makes no sense
      3  no connection: refused, unknown, not trusted, not let in, or lost
    """  # noqa: D301  # click's mark for lines that stay as they are
