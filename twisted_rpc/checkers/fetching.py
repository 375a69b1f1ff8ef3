"""A set of keys from a URL, within a time and a size."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http_headers import Headers

from twisted_rpc.errors import ConfigError

__all__ = ["check_url", "fetch"]

MAX_BYTES = 256 * 1024
TIMEOUT = 8.0
"""Seconds for all of it: less than `handshake_timeout`, so that who waits for it is answered."""


def check_url(url: str) -> None:
    """See that a URL is one whose answer can be trusted.

    Raises:
        ConfigError: it is not https, nor http on the loopback interface.
    """
    try:
        split = urlsplit(url)
        host, _ = split.hostname, split.port
    except ValueError as error:
        raise ConfigError(f"{url!r}: {error}") from error
    if not host or split.username is not None or not (url.isascii() and url.isprintable()):
        raise ConfigError(f"{url!r} is no URL of a server")
    if split.scheme != "https" and not (split.scheme == "http" and _is_loopback(host)):
        raise ConfigError(f"{url!r}: keys are fetched by https alone, or from this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def fetch(url: str, *, reactor: Any) -> Deferred[str]:
    """The text that a URL answers a GET with.

    Certificates are checked against the system's authorities; redirections are not followed.

    Raises (in the Deferred):
        ConfigError: any other status than 200, more than 256 KiB, or no UTF-8.
        Exception: no connection, none that can be trusted, or not in time.
    """
    fetching = Deferred.fromCoroutine(_fetch(url, reactor))
    return fetching.addTimeout(TIMEOUT, reactor)


async def _fetch(url: str, reactor: Any) -> str:
    accepted = [b"application/jwk-set+json, application/json"]  # RFC 7517, section 8.5
    fields = Headers({b"Accept": accepted, b"User-Agent": [b"twisted_rpc"]})
    response: Any = await Agent(reactor).request(b"GET", url.encode("ascii"), fields)
    body = _Body()
    response.deliverBody(body)
    if response.code != 200:
        body.give_up()
        raise ConfigError(f"status {response.code}")
    try:
        return (await body.finished).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8") from error


class _Body(Protocol):
    """Collects what comes; closes the line when it is too much, or nobody wants it."""

    def __init__(self) -> None:
        self._data = b""
        self.finished: Deferred[bytes] = Deferred(lambda _: self._close())

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > MAX_BYTES and not self.finished.called:
            self._close()
            self.finished.errback(ConfigError(f"more than {MAX_BYTES} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.finished.called:
            return
        if reason.check(ResponseDone):
            self.finished.callback(self._data)
        else:
            self.finished.errback(reason)

    def give_up(self) -> None:
        """Close the line, whatever comes."""
        self.finished.addErrback(lambda _: None).cancel()

    def _close(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()
