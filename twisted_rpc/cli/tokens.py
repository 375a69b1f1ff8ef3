"""The commands that look after files of tokens."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import click

from twisted_rpc.checkers.files import edit_text, read_text
from twisted_rpc.checkers.tokens import Token, hash_of, new_token, parse_tokens
from twisted_rpc.cli.output import Output, printable
from twisted_rpc.cli.passwords import complaining
from twisted_rpc.cli.program import Group, examples, program
from twisted_rpc.errors import ConfigError

__all__ = ["token"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TABLE = re.compile(r"(?:^[ \t]*#.*\n)*^[ \t]*\[\[[ \t]*token[ \t]*\]\]", re.MULTILINE)
"""Where a table begins: with the comment above it."""


class Ending(click.ParamType[datetime]):
    """How long something is good, such as 30d, as the time when it ends."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """See `click.ParamType.convert`."""
        found = re.fullmatch(r"([1-9]\d{0,8})([mhdw])", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value} is not a time such as 90m, 12h, 30d or 4w", param, ctx)
        now = datetime.now(UTC).replace(microsecond=0)
        try:
            return now + timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            self.fail(f"{value} is longer than any calendar", param, ctx)


@program.group(cls=Group)
def token() -> None:
    """Look after files of tokens, for --auth token:FILE."""


@token.command(
    epilog=examples(
        "token new /etc/rpc/tokens.toml ci",
        "token new tokens.toml ci --role deploy --role read --expires 30d",
        "token new tokens.toml sensor --namespace weather",
    )
)
@click.argument("file", type=click.Path())
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="A role; may be repeated.")
@click.option(
    "--namespace", "namespaces", multiple=True, help="The only namespace; may be repeated."
)
@click.option("--expires", type=Ending(), help="When it ends: 90m, 12h, 30d or 4w from now.")
def new(
    *,
    file: str,
    name: str,
    roles: tuple[str, ...],
    namespaces: tuple[str, ...],
    expires: datetime | None,
) -> None:
    """Make a token for NAME, put its hash into FILE and print it: the only time it is seen.

    A FILE that is not there is made, for its owner alone. A daemon that runs takes the token
    at once.
    """
    made = new_token()
    lines = [f"name = {_quoted(name)}", f'hash = "{hash_of(made.encode("ascii"))}"']
    if roles:
        lines.append(f"roles = [{', '.join(map(_quoted, roles))}]")
    if namespaces:
        lines.append(f"namespaces = [{', '.join(map(_quoted, namespaces))}]")
    if expires is not None:
        lines.append(f"expires = {_time(expires)}")
    table = "\n".join(["[[token]]", *lines, ""])
    with complaining():
        edit_text(file, lambda text: _appended(text or "", table, file, name))
    click.echo(made)


def _quoted(text: str) -> str:
    """A string of TOML; what JSON and TOML write differently is refused when it is read."""
    return json.dumps(text, ensure_ascii=False)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _appended(text: str, table: str, file: str, name: str) -> str:
    if any(token.name == name for token in parse_tokens(text, file)):
        raise ConfigError(f"{file}: there is a {name!r} already: revoke it first")
    added = f"{text.rstrip()}\n\n{table}" if text.strip() else table
    parse_tokens(added, file)  # the name and the roles have to be words
    return added


@token.command("list", epilog=examples("token list tokens.toml", "token list --json tokens.toml"))
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print for programs: an array of objects.")
def list_tokens(*, file: str, as_json: bool) -> None:
    """List the tokens in FILE: their names, roles, namespaces and ends."""
    with complaining():
        tokens = parse_tokens(read_text(file, secret=False), file)
    output = Output(as_json=as_json)
    if as_json:
        output.value([_object(item) for item in tokens])
    elif output.is_terminal:
        output.table(("name", "roles", "namespaces", "ends"), map(_row, tokens))
    else:
        for item in tokens:
            output.line(printable(" ".join(_words(item))))


def _object(item: Token) -> dict[str, object]:
    return {
        "name": item.name,
        "roles": item.roles,
        "namespaces": item.namespaces,
        "expires": None if item.expires is None else _time(item.expires),
        "expired": item.is_expired,
    }


def _row(item: Token) -> tuple[str, str, str, str]:
    namespaces = "all" if item.namespaces is None else ", ".join(item.namespaces)
    return item.name, ", ".join(item.roles), namespaces, _end(item)


def _end(item: Token) -> str:
    if item.expires is None:
        return "never"
    return f"{_time(item.expires)}{' (over)' if item.is_expired else ''}"


def _words(item: Token) -> list[str]:
    found = [item.name]
    if item.roles:
        found.append(f"roles={','.join(item.roles)}")
    if item.namespaces is not None:
        found.append(f"namespaces={','.join(item.namespaces)}")
    return [*found, f"ends={_end(item)}"]


@token.command(epilog=examples("token revoke /etc/rpc/tokens.toml ci"))
@click.argument("file", type=click.Path())
@click.argument("name")
def revoke(*, file: str, name: str) -> None:
    """Take the token of NAME out of FILE. A daemon that runs refuses it from then on."""
    with complaining():
        edit_text(file, lambda text: _without(text or "", file, name))
    click.echo(f"revoked {printable(name)}")


def _without(text: str, file: str, name: str) -> str:
    tokens = parse_tokens(text, file)
    places = [place for place, item in enumerate(tokens) if item.name == name]
    if not places:
        raise ConfigError(f"{file}: there is no {name!r}")
    starts = [*(found.start() for found in _TABLE.finditer(text)), len(text)]
    [place] = places
    if len(starts) == len(tokens) + 1:
        left = text[: starts[place]] + text[starts[place + 1] :]
        if parse_tokens(left, file) == [item for item in tokens if item.name != name]:
            return left
    raise ConfigError(f"{file}: its tables are written in an unusual way: take it out by hand")
