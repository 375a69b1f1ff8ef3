"""The proxy that the environment names, and a tunnel through it (RFC 9110, section 9.3.6)."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectingCancelledError, DNSLookupError, UnknownHostError
from twisted.internet.error import ConnectionRefusedError as TwistedRefused
from twisted.internet.interfaces import IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import (
    AuthenticationFailed,
    ConnectError,
    ConnectionRefused,
    UnknownHost,
)
from twisted_rpc.transports.base import hand_over

__all__ = ["PATIENCE", "ProxyEndpoint", "TunnelEndpoint", "proxy_for"]

PATIENCE = 30.0
"""Seconds a proxy has to answer, as many as Twisted gives any address to be reached."""

_VARIABLES = {
    "http": "http_proxy",
    "https": "https_proxy",
    "ws": "http_proxy",
    "wss": "https_proxy",
}
_LONGEST_HEAD = 16 * 1024
"""Bytes of an answer to CONNECT, those before it included that are none yet."""

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d\b")
"""Heads that another follows (RFC 9110, section 15.2); 101 would leave HTTP."""


def proxy_for(scheme: str, host: str, port: int, *, reactor: Any) -> ProxyEndpoint | None:
    """The proxy on the way to a place, as curl and browsers find it in the environment.

    `http_proxy` holds for http and ws, `https_proxy` for https and wss, but for the places
    that `no_proxy` lists.

    Returns:
        None if there is none.

    Raises:
        ValueError: the variable's value is not the URL of a proxy.
    """
    variable = _VARIABLES[scheme]
    url = getproxies().get(variable.removesuffix("_proxy"))
    # A place with colons in its name is compared as it is.
    if not url or proxy_bypass(host if ":" in host else f"{host}:{port}"):
        return None
    return ProxyEndpoint(variable, url, reactor=reactor)


@implementer(IStreamClientEndpoint)
class ProxyEndpoint:
    """A proxy: whoever connects to it speaks with the proxy itself.

    Args:
        variable: of the environment, for messages.
        url: `http://[USER:PASSWORD@]HOST[:PORT]`; it is never shown.
        reactor: connects.

    Raises:
        ValueError: it is none.

    Attributes:
        name: where it is, for messages.
        headers: what is to be told it besides (RFC 9110, section 11.7.2).
    """

    def __init__(self, variable: str, url: str, *, reactor: Any) -> None:
        # Whatever is wrong with it may be a part of the password: only the variable is named.
        wrong = f"{variable} is not the URL of a proxy, such as http://proxy.example.com:3128"
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or 80
        except ValueError:
            raise ValueError(wrong) from None
        if parts.scheme != "http":
            raise ValueError(f"{wrong}: it has to begin with http://")
        if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError(wrong)
        self.variable = variable
        self.name = f"http://{_authority(parts.hostname, port)}"
        self.headers: dict[str, str] = {}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            encoded = base64.b64encode(pair).decode("ascii")
            self.headers = {"Proxy-Authorization": f"Basic {encoded}"}
        self._endpoint = HostnameEndpoint(reactor, parts.hostname, port)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """See `IStreamClientEndpoint`; what goes wrong names the proxy."""
        connecting: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connecting.addErrback(self._explained)

    def _explained(self, failure: Failure) -> Any:
        if failure.check(ConnectingCancelledError):
            return failure
        if failure.check(TwistedRefused):
            text = f"{self.name}: connection refused: does the proxy run ({self.variable})?"
            raise ConnectionRefused(text) from failure.value
        if failure.check(DNSLookupError, UnknownHostError):
            text = f"{self.name}: unknown host of the proxy: check {self.variable}"
            raise UnknownHost(text) from failure.value
        text = f"{self.name}: the proxy cannot be reached: {failure.value}"
        raise ConnectError(text) from failure.value


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """A place behind a proxy, which is asked by CONNECT to pass on whatever is said.

    Args:
        proxy: where to connect to.
        host, port: where the tunnel leads; the name in ASCII.
        reactor: where time comes from.
    """

    def __init__(self, proxy: Any, host: str, port: int, *, reactor: IReactorTime) -> None:
        self.proxy = proxy
        self.place = _authority(host, port)
        self.reactor = reactor

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """See `IStreamClientEndpoint`; fails with a `ConnectError` that names the proxy."""
        connecting: Deferred[Any] = self.proxy.connect(_TunnelFactory(self, protocolFactory))
        return connecting.addCallback(lambda protocol: protocol.established)

    def request(self) -> bytes:
        """What is asked of the proxy."""
        fields = {"Host": self.place, **self.proxy.headers}
        lines = [f"CONNECT {self.place} HTTP/1.1", *map(": ".join, fields.items())]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")


class _TunnelFactory(Factory):
    noisy = False

    def __init__(self, tunnel: TunnelEndpoint, inner: IProtocolFactory) -> None:
        self.tunnel = tunnel
        self.inner = inner

    def doStart(self) -> None:
        self.inner.doStart()

    def doStop(self) -> None:
        self.inner.doStop()

    def buildProtocol(self, addr: Any) -> _Tunnel:
        return _Tunnel(self.tunnel, self.inner)


class _Tunnel(Protocol):
    """Asks the proxy, and leaves the line to another protocol once it agrees.

    Attributes:
        established: fires with that protocol.
    """

    transport: Any

    def __init__(self, tunnel: TunnelEndpoint, inner: IProtocolFactory) -> None:
        self.established: Deferred[Any] = Deferred(lambda _: self._give_up())
        self._tunnel = tunnel
        self._inner = inner
        self._head = b""
        self._skipped = 0
        self._over = False
        self._deadline = Deadline(tunnel.reactor, self._expired)

    def connectionMade(self) -> None:
        """Ask."""
        self._deadline.set(PATIENCE)
        self.transport.write(self._tunnel.request())

    def dataReceived(self, data: bytes) -> None:
        """The proxy answers."""
        if self._over:
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        while _INTERIM.match(head) and end:
            self._skipped += len(head + end)
            self._head = rest
            head, end, rest = rest.partition(b"\r\n\r\n")
        if end:
            self._answered(head + end, rest)
        elif self._skipped + len(self._head) > _LONGEST_HEAD:
            self._fail(ConnectError, f"answered with a head of more than {_LONGEST_HEAD} bytes")

    def _answered(self, head: bytes, rest: bytes) -> None:
        """Any 2xx is a tunnel, whatever its fields say of a body (RFC 9110, section 9.3.6)."""
        found = _STATUS.match(head)
        if found is None:
            self._fail(ConnectError, "does not answer in HTTP")
        elif found[1].startswith(b"2"):
            self._establish(rest)
        else:
            reason = ascii((found[2] or b"").decode("latin-1"))[1:-1]
            said = f"answered {found[1].decode()} {reason}".rstrip()
            if found[1] == b"407":
                hint = f"check user and password in {self._tunnel.proxy.variable}"
                self._fail(AuthenticationFailed, f"{said}: {hint}")
            else:
                self._fail(ConnectError, f"{said} to CONNECT {self._tunnel.place}")

    def _establish(self, rest: bytes) -> None:
        self._deadline.stop()
        successor: Any = self._inner.buildProtocol(self.transport.getPeer())
        hand_over(self.transport, successor)
        self.established.callback(successor)
        if rest:
            successor.dataReceived(rest)

    def _expired(self) -> None:
        self._fail(ConnectError, f"did not answer within {PATIENCE:g} seconds")

    def _fail(self, kind: type[ConnectError], what: str) -> None:
        self._give_up()
        self.established.errback(kind(f"{self._tunnel.proxy.name}: the proxy {what}"))

    def _give_up(self) -> None:
        self._over = True
        self._deadline.stop()
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It hung up instead."""
        if not self._over:
            self._fail(ConnectError, f"hung up on CONNECT {self._tunnel.place}")


def _authority(host: str, port: int) -> str:
    """A host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
