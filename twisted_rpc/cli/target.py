"""The far side of a command: its URL, and the options that say how to reach it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import click
import msgspec
from OpenSSL import crypto
from twisted.internet.ssl import Certificate, PrivateCertificate
from twisted.internet.task import deferLater

from twisted_rpc.cli.credentials import find_credentials, host_of
from twisted_rpc.cli.output import Output
from twisted_rpc.cli.program import Seconds
from twisted_rpc.client import CLIENT_LIMITS, Client
from twisted_rpc.connection import Connection
from twisted_rpc.errors import CallTimeout, ConnectionLost
from twisted_rpc.listener import Framing
from twisted_rpc.transports.connecting import connect

__all__ = ["Target", "calls_a_server"]

_FAREWELL = 1.0
"""Seconds a far side has to close the line after us, when nothing is on its way any more."""

_LOOK = 0.01
"""Seconds between two looks whether a far side reads again."""

_LONGEST_PATH = 107 if sys.platform == "linux" else 103
"""Bytes of a Unix socket's path: `sun_path` has one more (unix(7)), four less elsewhere."""

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)")
"""A header field (RFC 9110, section 5), in ASCII."""

_SECRET = frozenset({"authorization", "proxy-authorization"})


class Target:
    """Makes clients for a command, and knows how their results are printed.

    Args:
        url: where to; see `twisted_rpc.connect`.
        timeout: seconds for a connection, and for each call.
        as_json: whether a program reads what is printed.
        debug: print every message.
        credentials: a file of them.
        headers: header fields as `Name: value`.
        options: further ones for `twisted_rpc.connect`.

    Raises:
        UsageError: something of it makes no sense.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        as_json: bool,
        debug: bool,
        credentials: Path | None,
        headers: tuple[str, ...],
        options: dict[str, str],
    ) -> None:
        _check_path(url)
        self.url = url
        self.timeout = timeout
        self.debug = debug
        self.output = Output(as_json=as_json)
        found = find_credentials(host_of(url), credentials, os.environ, Path.home())
        self._options = {**options, **found._asdict(), "headers": _headers(headers)}

    @property
    def only_answers(self) -> bool:
        """Whether nothing but answers comes from there."""
        return urlsplit(self.url).scheme in ("http", "https")

    def connect(self, reactor: Any, *, reconnect: bool = False, calls: int = 1) -> Client:
        """A client that is connecting.

        Args:
            reactor: connects.
            reconnect: whether it comes back after its line was lost.
            calls: how many may be under way at once.

        Raises:
            UsageError: the URL, or an option beside it, makes no sense.
        """
        limits = msgspec.structs.replace(
            CLIENT_LIMITS,
            call_timeout=self.timeout,
            handshake_timeout=self.timeout,
            drain_timeout=_FAREWELL,
            max_in_flight=max(calls, CLIENT_LIMITS.max_in_flight or 0),
        )
        options: dict[str, Any] = {"limits": limits, "reconnect": reconnect, **self._options}
        try:
            return connect(self.url, debug=self.debug, reactor=reactor, **options)
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    async def keep_pace(self, client: Client, reactor: Any) -> None:
        """Wait until the far side has taken most of what was notified, so that it does not pile up.

        Raises:
            CallError: it has not, or is lost.
        """
        connection = _open_connection(client)
        if self.only_answers:
            await _notified(connection)
        end = reactor.seconds() + self.timeout
        while connection.is_congested and not connection.is_closed:
            if reactor.seconds() > end:
                raise self._not_taken(client)
            await deferLater(reactor, _LOOK)

    async def deliver(self, client: Client, reactor: Any) -> None:
        """Wait until what was notified has left; the line is closed by that.

        Raises:
            CallError: it has not.
        """
        connection = _open_connection(client)
        if self.only_answers:
            await _notified(connection)
            return

        def too_long(*_: Any) -> Any:
            connection.abort()
            raise self._not_taken(client)

        closed = connection.closed()
        connection.close()  # lets everything out before
        await closed.addTimeout(self.timeout, reactor, too_long)

    def _not_taken(self, client: Client) -> CallTimeout:
        seconds = self.timeout
        return CallTimeout(f"{client.peer} has not taken what was sent within {seconds:g} seconds")


def _open_connection(client: Client) -> Connection:
    connection = client.connection
    if connection is None or connection.is_closed:
        raise ConnectionLost(f"the connection to {client.peer} was lost")
    return connection


async def _notified(connection: Connection) -> None:
    """Wait until what was notified over HTTP has been taken."""
    from twisted_rpc.transports.http_client import HTTPClientConnection

    assert isinstance(connection, HTTPClientConnection)
    await connection.notified()


def calls_a_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its URL and the options that say how to reach it.

    It is called with a `Target` for them, and its own parameters by name.
    """

    @wraps(command)
    def with_target(
        *,
        url: str,
        timeout: float,
        framing: str | None,
        trust: Path | None,
        certificate: Path | None,
        headers: tuple[str, ...],
        credentials: Path | None,
        as_json: bool,
        debug: bool,
        **own: Any,
    ) -> Any:
        if framing is not None and urlsplit(url).scheme in ("http", "https", "ws", "wss"):
            raise click.UsageError(f"--framing is for streams, and {url} is none")
        given = {"framing": framing, "trust": trust, "certificate": certificate}
        target = Target(
            url,
            timeout=timeout,
            as_json=as_json,
            debug=debug,
            credentials=credentials,
            headers=headers,
            options={name: str(value) for name, value in given.items() if value is not None},
        )
        return command(target, **own)

    decorated: Any = with_target
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def _check_path(url: str) -> None:
    scheme, _, path = url.partition(":")
    length = len(os.fsencode(path))
    if scheme == "unix" and "=" not in path and length > _LONGEST_PATH:
        raise click.UsageError(
            f"the path of a Unix socket has {_LONGEST_PATH} bytes at most, and this one {length}"
        )


def _headers(fields: tuple[str, ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for field in fields:
        match = _HEADER.fullmatch(field)
        if match is None:
            raise click.UsageError(f"--header {field!r} is not 'Name: value' in ASCII")
        name, value = match.groups()
        if name.lower() in _SECRET:
            raise click.UsageError(
                f"--header: {name} on the command line is seen by everybody in the process "
                "list: set TWISTED_RPC_TOKEN or use --credentials FILE"
            )
        if name.lower() in {known.lower() for known in headers}:
            raise click.UsageError(f"--header: {name} is given twice")
        headers[name] = value.strip()
    return headers


def _checked_by(loads: Callable[[bytes], object], wanted: str) -> Callable[..., Path | None]:
    """A callback for an option that refuses a file in which `loads` finds nothing."""

    def check(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
        if path is not None:
            try:
                loads(path.read_bytes())
            except crypto.Error:
                raise click.UsageError(f"--{option.name}: no {wanted} in {path}") from None
        return path

    return check


_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

_OPTIONS = (
    click.argument("url"),
    click.option("--json", "as_json", is_flag=True, help="Print for programs: compact JSON."),
    click.option(
        "--timeout",
        type=Seconds(min=0, min_open=True),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="For the connection, and for each call.",
    ),
    click.option(
        "--framing",
        type=click.Choice(get_args(Framing)),
        help="How messages are told apart on a stream; line unless given.",
    ),
    click.option(
        "--trust",
        type=_FILE,
        callback=_checked_by(Certificate.loadPEM, "certificate"),
        help="PEM file of the only certificate that is trusted.",
    ),
    click.option(
        "--certificate",
        type=_FILE,
        callback=_checked_by(PrivateCertificate.loadPEM, "certificate with its key"),
        help="PEM file of our own certificate and its key.",
    ),
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="'NAME: VALUE'",
        help="Header field for HTTP and WebSocket; may be repeated.",
    ),
    click.option(
        "--credentials",
        type=_FILE,
        help="File of passwords and tokens, as netrc, that only its owner can read.",
    ),
    click.option("--debug", is_flag=True, help="Print every message to standard error."),
)
