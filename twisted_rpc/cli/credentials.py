"""Who we are, from where nobody else can read it: never from the command line.

The arguments of a process are seen by every user of its machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import urlsplit

import click

__all__ = ["Credentials", "find_credentials", "host_of"]

USER, PASSWORD, TOKEN = "TWISTED_RPC_USER", "TWISTED_RPC_PASSWORD", "TWISTED_RPC_TOKEN"
_SAFER = f"set {PASSWORD} or {TOKEN}, or use --credentials FILE or ~/.netrc"


class Credentials(NamedTuple):
    """A user and a password, or a token, or neither."""

    user: str | None = None
    password: str | None = None
    token: str | None = None


def host_of(url: str) -> str | None:
    """The host a URL names; None where there is none, as in `unix:PATH`.

    Raises:
        UsageError: the URL has credentials in it.
    """
    if "://" not in url:
        return None
    # Before it is split, which fails with all of it; NFKC is what other signs like @ end up as.
    authority = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]
    if "@" in normalize("NFKC", authority):
        raise click.UsageError(
            f"the URL has credentials in it, which everybody sees in the process list: {_SAFER}"
        )
    try:
        return urlsplit(url).hostname
    except ValueError as error:  # brackets that do not close
        raise click.UsageError(f"the URL makes no sense: {error}") from None


def find_credentials(
    host: str | None, file: Path | None, environ: Mapping[str, str], home: Path
) -> Credentials:
    """The credentials for a host: of the file, else of the environment, else of `~/.netrc`.

    A file is in the format of netrc; an entry without a login holds a token.  A `default`
    entry counts only in a file that was named: nobody else's server is to be told a
    password by accident.

    Args:
        host: where we connect to; None for what is no host.
        file: named by the user.
        environ: the environment.
        home: the directory of `.netrc`, unless `NETRC` names another file.

    Raises:
        UsageError: a file cannot be read, or others can read it too; or the environment
            holds only half of what is needed.
    """
    if file is not None:
        found = _from_file(file, host, with_default=True)
        if found is None:
            raise click.UsageError(f"{file} has no entry for {host or 'what is no host'}")
        return found
    user, password, token = (environ.get(name) or None for name in (USER, PASSWORD, TOKEN))
    if (user is None) != (password is None):
        raise click.UsageError(f"{USER} and {PASSWORD} belong together: one of them is not set")
    if user is not None and token is not None:
        raise click.UsageError(f"{USER} and {TOKEN} are both set: it can be only one of them")
    if user is not None or token is not None:
        return Credentials(user, password, token)
    ambient = Path(environ.get("NETRC") or home / ".netrc")
    if host is None or not (environ.get("NETRC") or ambient.exists()):
        return Credentials()
    return _from_file(ambient, host, with_default=False) or Credentials()


def _from_file(path: Path, host: str | None, *, with_default: bool) -> Credentials | None:
    try:
        is_open = bool(path.stat().st_mode & 0o077)
        entries = netrc(path).hosts
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    except NetrcParseError as error:
        # What it says besides may be a part of a password.
        raise click.UsageError(f"{path}: line {error.lineno}: not in the format of netrc") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{path}: not a text file") from None
    entry = entries.get(host or "")
    if entry is None and with_default:
        entry = entries.get("default")
    if is_open and (entry is not None or with_default):
        raise click.UsageError(f"{path} may be read by others: chmod 600 {path}")
    if entry is None:
        return None
    login, _, password = entry
    return Credentials(login, password) if login else Credentials(token=password)
