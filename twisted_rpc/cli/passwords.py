"""The command that looks after files of hashed passwords."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from twisted_rpc.checkers.files import edit_text
from twisted_rpc.checkers.passwords import SCHEMES
from twisted_rpc.cli.output import printable
from twisted_rpc.cli.program import examples, program
from twisted_rpc.errors import ConfigError

__all__ = ["complaining", "passwd"]


@contextmanager
def complaining() -> Iterator[None]:
    """Make what is wrong with a file what is wrong with the command.

    Raises:
        UsageError: for a `ConfigError`.
    """
    try:
        yield
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


@program.command(
    epilog=examples(
        "passwd /etc/rpc/passwords ann",
        "passwd --stdin passwords ann < password.txt",
        "passwd --delete passwords ann",
    )
)
@click.argument("file", type=click.Path())
@click.argument("user")
@click.option("--stdin", is_flag=True, help="Take the first line of standard input.")
@click.option(
    "--scheme",
    type=click.Choice(list(SCHEMES)),
    default="argon2id",
    show_default=True,
    help="bcrypt if Apache reads the file as well.",
)
@click.option("--delete", is_flag=True, help="Take the user out of the file.")
def passwd(*, file: str, user: str, stdin: bool, scheme: str, delete: bool) -> None:
    """Set the password of a USER in a FILE, for --auth htpasswd:FILE.

    It is asked for twice and not shown. A FILE that is not there is made, for its owner
    alone. A daemon that runs takes the change at once.
    """
    if not user.strip() or ":" in user or user.startswith("#") or not user.isprintable():
        raise click.UsageError(f"{user!r} cannot be the name of a user")
    with complaining():
        if delete:
            edit_text(file, lambda text: _without(text, file, user))
            click.echo(f"deleted {printable(user)}")
            return
        made = SCHEMES[scheme](_line_of_stdin() if stdin else _asked())
        edit_text(file, lambda text: _with(text or "", file, f"{user}:{made}"))
        click.echo(f"set the password of {printable(user)}")


def _asked() -> bytes:
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: use --stdin")
    password: str = click.prompt(
        "Password", hide_input=True, confirmation_prompt="Once more", err=True
    )
    return password.encode("utf-8")


def _line_of_stdin() -> bytes:
    line = sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r")
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError("the password is not UTF-8") from None
    if not line:
        raise click.UsageError("there is no password on standard input")
    return line


def _place_of(lines: list[str], file: str, user: str) -> int | None:
    places = [number for number, line in enumerate(lines) if line.partition(":")[0] == user]
    if len(places) > 1:
        numbers = " and ".join(str(place + 1) for place in places)
        raise ConfigError(f"{file}: {user!r} is there more than once: lines {numbers}")
    return places[0] if places else None


def _with(text: str, file: str, line: str) -> str:
    """A text with another line for a user, or one more."""
    lines = text.removesuffix("\n").split("\n") if text else []
    place = _place_of(lines, file, line.partition(":")[0])
    if place is None:
        lines.append(line)
    else:
        lines[place] = line
    return "\n".join(lines) + "\n"


def _without(text: str | None, file: str, user: str) -> str:
    lines = (text or "").split("\n")
    place = _place_of(lines, file, user)
    if place is None:
        raise ConfigError(f"{file}: there is no {user!r}")
    del lines[place]
    return "\n".join(lines)
