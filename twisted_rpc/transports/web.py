"""The rules of the web, apart from any connection: who may ask, for what, in which form.

HTTP's own part of the answer is decided here from method, path and headers; both our
HTTP protocol and the `twisted.web` resource go by it.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from msgspec import Struct

from twisted_rpc import codec
from twisted_rpc.config import WebTable
from twisted_rpc.errors import RateLimited, RPCError, Unauthorized

__all__ = ["RPC_PATHS", "Headers", "Reply", "WebRules", "path_of"]

Headers = Mapping[bytes, bytes]
"""Header fields by lower-case name."""

RPC_PATHS = frozenset({b"/", b"/rpc"})
"""Where RPC answers unless a path is configured."""

ALLOWED = b"POST, OPTIONS"
_TEXT = b"text/plain; charset=utf-8"
_JSON = b"application/json"
_LOOPBACK = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
_HOST = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_JSON_TYPE = re.compile(
    rb'application/json(-rpc)?[ \t]*(;[ \t]*charset="?utf-?8"?[ \t]*)?', re.IGNORECASE
)
_BASIC = b'Basic realm="rpc", charset="UTF-8"'
_BEARER = b'Bearer realm="rpc"'
_TICKET = re.compile(rb"[?&]ticket=([A-Za-z0-9_-]+)(?:&|$)")


class Reply(Struct, frozen=True):
    """An answer that HTTP gives by itself.

    Attributes:
        status: the status code.
        body: what it says.
        content_type: of the body.
        headers: further header fields.
        closes: whether the connection cannot go on after it.
    """

    status: int
    body: bytes
    content_type: bytes = _TEXT
    headers: tuple[tuple[bytes, bytes], ...] = ()
    closes: bool = False

    @classmethod
    def text(
        cls, status: int, text: str, *headers: tuple[bytes, bytes], closes: bool = False
    ) -> Reply:
        """A refusal in words."""
        return cls(status, f"{text}\n".encode(), _TEXT, headers, closes)

    @classmethod
    def of(
        cls, status: int, error: RPCError, *headers: tuple[bytes, bytes], closes: bool = False
    ) -> Reply:
        """A refusal that has a code of its own, as a JSON-RPC error."""
        return cls(status, codec.error_answer(error), _JSON, headers, closes)

    @property
    def reason(self) -> bytes:
        """The reason phrase."""
        return HTTPStatus(self.status).phrase.encode()


def unauthorized(why: str, *, basic: bool, bearer: bool) -> Reply:
    """401: credentials are missing or prove nothing (RFC 9110, section 15.5.2).

    Args:
        why: for people to read.
        basic: whether a password could do (RFC 7617).
        bearer: whether a token could do (RFC 6750).
    """
    schemes = [_BASIC] * basic + [_BEARER] * bearer
    # There is always one to name (section 11.6.1), be it one that helps nobody.
    challenges = [(b"WWW-Authenticate", scheme) for scheme in schemes or [_BEARER]]
    return Reply.of(401, Unauthorized(why), *challenges)


def too_many_attempts(retry_after: float) -> Reply:
    """429: logins from this address have failed too often (RFC 6585, section 4)."""
    error = RateLimited({"limit": "max_auth_attempts", "retry_after": retry_after})
    return Reply.of(429, error, (b"Retry-After", b"%d" % math.ceil(retry_after)))


def ticket_in(target: bytes) -> bytes | None:
    """The ticket in the query of a request target; None if there is none."""
    found = _TICKET.search(target)
    return None if found is None else found[1]


def path_of(target: bytes) -> bytes:
    """The path of a request target, in origin or absolute form (RFC 9112, section 3.2)."""
    if not target.startswith(b"/"):
        _, separator, rest = target.partition(b"://")
        target = b"/" + rest.partition(b"/")[2] if separator else target
    return target.partition(b"?")[0]


class WebRules:
    """What `[web]` allows.

    Args:
        web: the table.
        path: the only RPC path; `/` and `/rpc` if None.
    """

    def __init__(self, web: WebTable, path: str | None = None) -> None:
        self.paths = RPC_PATHS if path is None else frozenset({path.encode()})
        self.extra_headers = tuple(
            (name.encode("ascii"), value.encode("ascii")) for name, value in web.headers.items()
        )
        self._hosts = _LOOPBACK | {_bare_host(name) for name in web.hosts}
        self._origins = frozenset(origin.rstrip("/").lower().encode() for origin in web.origins)

    def check_host(self, headers: Headers, local_address: str) -> Reply | None:
        """Refuse names that are not ours: what a page uses that has rebound its own name.

        An address is ours when the connection came in on it.
        """
        host = headers.get(b"host")
        if host is None:
            return Reply.text(400, "the Host header is missing")
        found = _HOST.fullmatch(host)
        if found is None:
            return Reply.text(400, "the Host header is malformed")
        name = found[1].lower()
        if name in self._hosts or _same_address(name, local_address):
            return None
        return Reply.text(403, "this Host is not served here (hosts in the [web] table)")

    def check_origin(self, headers: Headers) -> Reply | None:
        """Refuse calls by pages of other origins (the Origin and Sec-Fetch-Site headers)."""
        origin = headers.get(b"origin")
        if origin is not None:
            if self.allows_origin(origin) or _same_host(origin, headers.get(b"host", b"")):
                return None
        elif headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin"):
            return None
        return Reply.text(403, "pages of this origin may not call (origins in the [web] table)")

    def allows_origin(self, origin: bytes) -> bool:
        """Whether an origin is on the list."""
        return origin.lower() in self._origins

    def cors_headers(self, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
        """What lets a page of a listed origin read the answer (the Fetch standard)."""
        origin = headers.get(b"origin")
        if origin is None or not self.allows_origin(origin):
            return ()
        return ((b"Access-Control-Allow-Origin", origin), (b"Vary", b"Origin"))

    def options(self, headers: Headers) -> Reply:
        """The answer to OPTIONS, preflight requests included."""
        cors = self.cors_headers(headers)
        if cors and b"access-control-request-method" in headers:
            cors += (
                (b"Access-Control-Allow-Methods", b"POST"),
                (b"Access-Control-Allow-Headers", b"Content-Type, Authorization"),
                (b"Access-Control-Max-Age", b"600"),
            )
        return Reply(204, b"", headers=((b"Allow", ALLOWED), *cors))

    def check_content_type(self, headers: Headers) -> Reply | None:
        """Refuse what a form or a simple cross-origin request can send."""
        content_type = headers.get(b"content-type")
        if content_type is None:
            # The ancestor's client sends none; no browser can leave both of these out.
            if b"origin" not in headers and b"sec-fetch-site" not in headers:
                return None
        elif _JSON_TYPE.fullmatch(content_type.strip()):
            return None
        return Reply.text(415, "send the header Content-Type: application/json")


def not_allowed() -> Reply:
    """405 on an RPC path (RFC 9110, section 15.5.6)."""
    return Reply.text(405, "RPC takes POST", (b"Allow", ALLOWED))


def _bare_host(name: str) -> bytes:
    address = name.strip("[]")
    return f"[{address}]".lower().encode() if ":" in address else address.lower().encode()


def _same_address(name: bytes, local: str) -> bool:
    try:
        return ipaddress.ip_address(name.strip(b"[]").decode()) == ipaddress.ip_address(local)
    except ValueError:
        return False


def _same_host(origin: bytes, host: bytes) -> bool:
    return origin.lower() in (b"http://" + host.lower(), b"https://" + host.lower())


def head(status: int, reason: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A status line and header fields, without the empty line."""
    lines = [b"%b: %b\r\n" % field for field in fields]
    return b"HTTP/1.1 %d %b\r\n%b" % (status, reason, b"".join(lines))
