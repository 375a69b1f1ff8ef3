"""The program that the commands belong to."""

from __future__ import annotations

import re

import click

__all__ = ["Command", "examples", "program"]

_NEGATIVE = re.compile(r"-\d[\d.eE+-]*")


class Command(click.Command):
    """A command that takes a negative number for what it is, and not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`; no number minds the space before it."""
        return super().parse_args(ctx, [f" {a}" if _NEGATIVE.fullmatch(a) else a for a in args])


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def examples(*lines: str, notes: str = "") -> str:
    """The end of a command's help: notes, and what to type."""
    shown = "\n".join(["Examples:", *[f"  twisted-rpc {line}" for line in lines]])
    return f"{notes}\n\n\b\n{shown}"  # click leaves the lines after a \b as they are


@click.group(
    cls=Group,
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
