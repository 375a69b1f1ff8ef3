"""A TLS client of another make: Python's own, blocking, in a thread."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.helpers import request

__all__ = ["Outcome", "ask", "client_context", "talk"]

_PATIENCE = 60.0


class Outcome(NamedTuple):
    """What came of a handshake and one call.

    Attributes:
        answer: a line; empty if the server closed instead.
        version: of TLS.
        cipher: its name.
        server: the common name in the server's certificate.
        protocol: what was chosen by ALPN.
        session: what a later connection may want to resume.
        resumed: whether this one did.
    """

    answer: bytes
    version: str | None
    cipher: str
    server: str
    protocol: str | None
    session: ssl.SSLSession | None
    resumed: bool | None


def client_context(trusted: Path, shown: Path | None = None) -> ssl.SSLContext:
    """What a client trusts, and the certificate that it shows if it is asked."""
    context = ssl.create_default_context(cafile=trusted)
    if shown is not None:
        context.load_cert_chain(shown, shown.with_suffix(".key"))
    return context


def talk(
    port: int,
    context: ssl.SSLContext,
    name: str = "localhost",
    session: ssl.SSLSession | None = None,
) -> Outcome:
    """Connect to a port of this machine, call `echo`, and hang up.

    Raises:
        ssl.SSLError, OSError: one side does not want the other.
    """
    plain = socket.create_connection(("127.0.0.1", port), _PATIENCE)
    with context.wrap_socket(plain, server_hostname=name, session=session) as line:
        line.sendall(request("echo", ["hello"]) + b"\n")
        answer = line.makefile("rb").readline()
        certificate: Any = line.getpeercert()
        cipher = line.cipher()
        assert cipher is not None
        return Outcome(
            answer,
            line.version(),
            cipher[0],
            certificate["subject"][0][0][1],
            line.selected_alpn_protocol(),
            line.session,
            line.session_reused,
        )


def ask(
    port: int,
    context: ssl.SSLContext,
    name: str = "localhost",
    session: ssl.SSLSession | None = None,
) -> Deferred[Outcome]:
    """See `talk`; the reactor goes on meanwhile."""
    return deferToThread(talk, port, context, name, session)
