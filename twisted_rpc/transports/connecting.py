"""From a URL, or a Twisted client endpoint description, to a client that is connecting."""

from __future__ import annotations

import base64
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    ProcessEndpoint,
    UNIXClientEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.error import (
    ConnectError as TwistedConnectError,
)
from twisted.internet.error import (
    ConnectionRefusedError as TwistedRefused,
)
from twisted.internet.error import (
    DNSLookupError,
    UnknownHostError,
)
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS
from twisted.python.failure import Failure

from twisted_rpc.client import CLIENT_LIMITS, Client
from twisted_rpc.config import Limits
from twisted_rpc.connection import Connection
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import (
    AuthenticationFailed,
    CallError,
    CertificateRefused,
    ConnectError,
    ConnectionLost,
    ConnectionRefused,
    ErrorCode,
    RemoteError,
    UnknownHost,
)
from twisted_rpc.keeping import Backoff, Connect
from twisted_rpc.listener import Framing
from twisted_rpc.offline import Offline
from twisted_rpc.transports.stream_client import stream_connector
from twisted_rpc.transports.tunnel import TunnelEndpoint, proxy_for
from twisted_rpc.transports.urls import EXAMPLES, PORTS, parse_url, without_user

__all__ = ["Connector", "connect", "connector"]

_SECURE = frozenset({"https", "wss", "tcps"})
_LONGEST_SOCKET = 107 if sys.platform == "linux" else 103
"""Bytes of the path of a Unix socket, as the system's `sockaddr_un` has room for them."""


def connect(
    to: str | IStreamClientEndpoint,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    framing: Framing = "line",
    trust: str | None = None,
    certificate: str | None = None,
    limits: Limits = CLIENT_LIMITS,
    reconnect: bool = True,
    offline: Offline | None = None,
    backoff: Backoff | None = None,
    ids: Callable[[], Iterator[int | str]] | None = None,
    debug: bool = False,
    reactor: Any = None,
) -> Client:
    """A client that is connecting; `await` it to have it connected, or to learn why not.

    Args:
        to: `tcp://HOST:PORT`, `tcps://HOST:PORT` (TLS), `unix:PATH`, `http://…`,
            `https://…`, `ws://…`, `wss://…`, `exec:COMMAND` (a child process, over its
            standard input and output), a Twisted client endpoint description, or such an
            endpoint.  The latter carry a stream.
        user: who we are: said by Basic authentication, or on streams by a call of `auth`.
        password: the user's.
        token: a bearer token instead.
        headers: further header fields, for HTTP and WebSocket.
        framing: how messages are told apart on streams.
        trust: a PEM file of the only certificates that are trusted, instead of the
            system's authorities.
        certificate: a PEM file with our own certificate and its key.
        limits: what the far side may use up, and `call_timeout`.
        reconnect: whether the client comes back after its line was lost.
        offline: what waits while there is no connection.
        backoff: seconds to wait after so many failures.
        ids: makes an iterator of ids for each connection; 1, 2, 3 unless given.
        debug: print every message.
        reactor: the installed one unless given.

    Raises:
        ValueError: the URL, what was given with it, or the environment's proxy makes no sense.
    """
    if reactor is None:
        from twisted.internet import reactor
    way = connector(
        to,
        user=user,
        password=password,
        token=token,
        headers=headers,
        framing=framing,
        trust=trust,
        certificate=certificate,
        reactor=reactor,
    )
    return Client(
        way,
        way.peer,
        one_way=way.one_way,
        limits=limits,
        reconnect=reconnect,
        offline=offline,
        backoff=backoff,
        ids=ids,
        debug=debug,
        reactor=IReactorTime(reactor),
    ).start()


class Connector:
    """Makes connections of an endpoint to one place, ready for calls.

    Args:
        connect: makes them.
        peer: where that is, for messages.
        explain: says what a failure means.
        one_way: whether nothing but answers comes from there.
    """

    def __init__(
        self,
        connect: Connect,
        peer: str,
        explain: Callable[[Failure], CallError],
        *,
        one_way: bool,
    ) -> None:
        self.peer = peer
        self.one_way = one_way
        self._connect = connect
        self._explain = explain

    def __call__(self, owner: Endpoint) -> Deferred[Connection]:
        """Make one; the Deferred fails with a `CallError`."""
        return self._connect(owner).addErrback(self._failed)

    def _failed(self, failure: Failure) -> Any:
        raise self._explain(failure) from failure.value


def connector(
    to: str | IStreamClientEndpoint,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    framing: Framing = "line",
    trust: str | None = None,
    certificate: str | None = None,
    reactor: Any = None,
) -> Connector:
    """What makes connections to a place, for a `Peer` or a `Client` of one's own.

    Args and errors are those of `connect`.
    """
    if reactor is None:
        from twisted.internet import reactor
    place = _Place(to, trust, certificate, reactor)
    for name, value in (headers or {}).items():
        _check_field(f"header field {name!r}", name + value)
    login = _Login(user or place.user, password or place.password, token)
    return Connector(
        place.connector(login, headers or {}, framing),
        place.name,
        place.explain,
        one_way=place.is_http,
    )


class _Login:
    """Credentials, as a transport sends them."""

    def __init__(self, user: str | None, password: str | None, token: str | None) -> None:
        if (user is None) != (password is None):
            raise ValueError("user and password belong together")
        if token is not None and user is not None:
            raise ValueError("either user and password, or a token")
        for name, value in (("user", user), ("password", password), ("token", token)):
            _check_field(name, value)
        self.pair = None if user is None or password is None else (user, password)
        self.token = token

    def headers(self) -> dict[str, str]:
        """The Authorization header (RFC 7617, RFC 6750); none without credentials."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        if self.pair is None:
            return {}
        encoded = base64.b64encode(":".join(self.pair).encode("utf-8")).decode("ascii")
        return {"Authorization": f"Basic {encoded}"}

    async def by_call(self, connection: Connection, name: str) -> Connection:
        """Prove who we are on a stream, by the ancestor's first message."""
        if self.pair is None and self.token is None:
            return connection
        try:
            await connection.call("auth", self.pair or {"token": self.token})
        except RemoteError as error:
            connection.abort()
            if error.code == ErrorCode.RATE_LIMITED:  # no verdict on the credentials
                raise ConnectError(f"{name}: {error.message}: {error.data}") from error
            reason = f"{error.message} ({error.code}): check user, password or token"
            if error.code == ErrorCode.METHOD_NOT_FOUND:
                reason = "it asks for no credentials"
            raise AuthenticationFailed(f"{name}: {reason}") from error
        except BaseException:  # it was closed, or takes too long
            connection.abort()
            raise
        return connection


class _Place:
    """Where to connect to, and how."""

    def __init__(
        self,
        to: str | IStreamClientEndpoint,
        trust: str | None,
        certificate: str | None,
        reactor: Any,
    ) -> None:
        self._reactor = reactor
        self._trust = None if trust is None else Certificate.loadPEM(Path(trust).read_bytes())
        self._own = _own_certificate(certificate)
        self.user: str | None = None
        self.password: str | None = None
        self._scheme = ""
        self._endpoint: IStreamClientEndpoint | None = None
        if not isinstance(to, str):
            self._endpoint, self.name = to, type(to).__name__
        elif "://" in to:
            self._take_url(to)
        else:
            self.name = to
            self._endpoint = self._described(to)

    @property
    def is_http(self) -> bool:
        """Whether it is one of HTTP, WebSocket apart."""
        return self._scheme in ("http", "https")

    def _take_url(self, text: str) -> None:
        url = parse_url(text)
        self.user, self.password, self.name = url.user, url.password, url.text
        self._scheme = url.scheme
        endpoint = self._way_to(url.scheme, url.host, url.port)
        if url.scheme in _SECURE:
            endpoint = wrapClientTLS(self._tls(url.host), endpoint)
        self._endpoint = endpoint

    def _way_to(self, scheme: str, host: str, port: int) -> IStreamClientEndpoint:
        """The place itself, or what the environment's proxy makes of it; TLS comes on top."""
        proxy = proxy_for(scheme, host, port, reactor=self._reactor) if scheme in PORTS else None
        if proxy is None:
            return HostnameEndpoint(self._reactor, host, port)
        if scheme == "http":  # such requests a proxy forwards without a tunnel
            return proxy
        return TunnelEndpoint(proxy, host, port, reactor=self._reactor)

    def _described(self, description: str) -> IStreamClientEndpoint:
        kind, _, rest = description.partition(":")
        if kind == "exec":
            command = shlex.split(rest)
            executable = shutil.which(command[0]) if command else None
            if executable is None:
                raise ValueError(f"{description!r}: there is no such command")
            return ProcessEndpoint(self._reactor, executable, command, env=None)
        if kind == "unix":
            _check_socket(rest)
        if kind == "unix" and "=" not in rest:
            return UNIXClientEndpoint(self._reactor, rest)
        try:
            endpoint: IStreamClientEndpoint = clientFromString(self._reactor, description)
        except Exception as error:
            reason = str(error) or type(error).__name__
            shown = without_user(description)
            raise ValueError(f"{shown!r}: {reason}; such as {EXAMPLES}") from error
        return endpoint

    def _tls(self, host: str) -> Any:
        return optionsForClientTLS(host, trustRoot=self._trust, clientCertificate=self._own)

    def connector(self, login: _Login, headers: Mapping[str, str], framing: str) -> Connect:
        """What makes a connection, ready for calls."""
        assert self._endpoint is not None
        scheme = self._scheme
        if scheme in ("ws", "wss"):
            from twisted_rpc.transports.websocket_client import websocket_connector

            fields = {**login.headers(), **headers}
            return websocket_connector(self._endpoint, self.name, fields)
        if self.is_http:
            from twisted_rpc.transports.http_client import http_connector

            fields = {**login.headers(), **headers}
            return http_connector(
                self._endpoint, self.name, fields, self.explain, reactor=self._reactor
            )
        if headers:
            raise ValueError(f"{self.name}: headers are for HTTP and WebSocket")
        plain = stream_connector(self._endpoint, framing)

        def connect_and_log_in(owner: Endpoint) -> Deferred[Connection]:
            return plain(owner).addCallback(
                lambda connection: Deferred.fromCoroutine(login.by_call(connection, self.name))
            )

        return connect_and_log_in

    def _refused_tls(self, reason: str) -> ConnectError:
        if "certificate" in reason or "Mismatch" in reason:
            hint = "check the host name, or give `trust`"
            return CertificateRefused(
                f"{self.name}: the certificate is not trusted: {reason}: {hint}"
            )
        return ConnectError(f"{self.name}: no TLS: {reason}: does it speak TLS on this port?")

    def explain(self, failure: Failure) -> CallError:
        """What a failure to connect means, and what can be done."""
        error = failure.value
        reasons = getattr(error, "reasons", None)  # the agent's ResponseFailed wraps others
        if reasons:
            return self.explain(reasons[0])
        if isinstance(error, CallError):
            return error
        if isinstance(error, TwistedRefused):
            return ConnectionRefused(
                f"{self.name}: connection refused: is the server running, and listening there?"
            )
        if isinstance(error, (DNSLookupError, UnknownHostError)):
            return UnknownHost(f"{self.name}: unknown host: check the name")
        if isinstance(error, SSL.Error) or "Verification" in type(error).__name__:
            return self._refused_tls(_reason_of(error))
        if isinstance(error, TwistedConnectError):
            number = error.osError
            reason = os.strerror(number) if isinstance(number, int) else str(number or error)
            return ConnectError(f"{self.name}: {reason}")
        return ConnectionLost(f"the connection to {self.name} was lost: {_reason_of(error)}")


def _reason_of(error: BaseException | None) -> str:
    text = str(error)
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        text = str(error.args[0][0][-1])
    return text or type(error).__name__


def _check_socket(path: str) -> None:
    """Refuse the path of a Unix socket, or a description's rest, that is too long."""
    for field in re.split(r"(?<!\\):", path):
        name, _, value = field.rpartition("=")
        length = len(os.fsencode(value))
        if name in ("", "path") and length > _LONGEST_SOCKET:
            raise ValueError(
                f"unix:{path}: the path has {length} bytes, and may have {_LONGEST_SOCKET}"
            )


def _check_field(name: str, value: str | None) -> None:
    """Refuse what could be read as another header field (RFC 9110, section 5.5)."""
    if value is not None and re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError(f"{name}: control characters are not allowed")


def _own_certificate(path: str | None) -> PrivateCertificate | None:
    return None if path is None else PrivateCertificate.loadPEM(Path(path).read_bytes())
