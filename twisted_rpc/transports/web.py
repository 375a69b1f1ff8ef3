"""The rules of the web, apart from any connection: who may ask, for what, in which form.

HTTP's own part of the answer is decided here from method, path and headers; both our
HTTP protocol and the `twisted.web` resource go by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from msgspec import Struct

from twisted_rpc import codec
from twisted_rpc.authority import (
    DEFAULT_PORTS,
    Authority,
    address_of,
    parse_authority,
    parse_origin,
)
from twisted_rpc.config import WebTable, canonical_host
from twisted_rpc.errors import InternalError, RateLimited, RPCError, Unauthorized
from twisted_rpc.transports.cors import CORS, Fields

__all__ = ["JSON", "RPC_PATHS", "Fields", "Headers", "Reply", "WebRules", "last_words", "path_of"]

Headers = Mapping[bytes, bytes]
"""Header fields by lower-case name."""

RPC_PATHS = frozenset({b"/", b"/rpc"})
"""Where RPC answers unless a path is configured."""

ALLOWED = b"POST, OPTIONS"
_TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BEFORE_PATH = re.compile(rb"[^/?#]*://[^/?#]*")
_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_JSON_TYPE = re.compile(
    rb'application/json(-rpc)?[ \t]*(;[ \t]*charset="?utf-?8"?[ \t]*)?', re.IGNORECASE
)
_BASIC = b'Basic realm="rpc", charset="UTF-8"'
_BEARER = b'Bearer realm="rpc"'
_TICKET = re.compile(rb"[?&]ticket=([A-Za-z0-9_-]+)(?:&|$)")

# What a browser says of a request by itself, and no page can change (Fetch Metadata).
_OWN_PAGES = (b"none", b"same-origin")
_BY_CALL = ((b"cors", b"same-origin"), (b"empty",))
_BY_WEBSOCKET = ((b"websocket",), (b"websocket", b"empty"))

_ALWAYS: Fields = ((b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff"))
_NOT_FOR_OTHERS = (b"Cross-Origin-Resource-Policy", b"same-origin")
_OF_TEXT: Fields = (
    (b"Content-Security-Policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"Referrer-Policy", b"no-referrer"),
)


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
        return cls(status, codec.error_answer(error), JSON, headers, closes)

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


def out_of_order() -> Reply:
    """503: nobody can tell whose credentials these are (RFC 9110, section 15.6.4)."""
    error = InternalError("authentication is out of order")
    return Reply.of(503, error, (b"Retry-After", b"5"))


def ticket_in(target: bytes) -> bytes | None:
    """The ticket in the query of a request target; None if there is none."""
    found = _TICKET.search(target)
    return None if found is None else found[1]


def path_of(target: bytes) -> bytes:
    """The path of a request target, in origin or absolute form (RFC 9112, section 3.2)."""
    return origin_form(target).partition(b"?")[0]


def origin_form(target: bytes) -> bytes:
    """A request target without what is in front of the path, if that is there; or `*`."""
    found = None if target.startswith(b"/") else _BEFORE_PATH.match(target)
    if found is None:
        return target
    rest = target[found.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


class WebRules:
    """What `[web]` allows.

    Args:
        web: the table.
        path: the only RPC path; `/` and `/rpc` if None.

    Attributes:
        paths: where RPC answers.
        cors: the listed origins.
    """

    def __init__(self, web: WebTable, path: str | None = None) -> None:
        self.paths = RPC_PATHS if path is None else frozenset({path.encode()})
        self.cors = CORS(web)
        self._hosts = _LOOPBACK | {canonical_host(name) for name in web.hosts}
        self._extra = tuple((name.encode(), value.encode()) for name, value in web.headers.items())
        self._said = frozenset(name.lower() for name, _ in self._extra)
        self._vary: Fields = ((b"Vary", b"Origin"),) if web.origins else ()
        self._hsts: Fields = ()
        if web.hsts is not None:
            self._hsts = ((b"Strict-Transport-Security", b"max-age=%d" % web.hsts),)

    # -- who may ask ---------------------------------------------------------------------------

    def check_host(self, target: bytes, headers: Headers, local_address: str) -> Reply | None:
        """Refuse names that are not ours: what a page uses that has rebound its own name.

        An address is ours when the connection came in on it.  A target in absolute form has
        to name the same host as the Host field does: RFC 9112, section 3.2.2, lets the
        target win, and who stands between may have let the other.
        """
        field = headers.get(b"host")
        if field is None:
            return Reply.text(400, "the Host header is missing", closes=True)
        host = parse_authority(field.decode("latin-1"))
        if host is None:
            return Reply.text(400, "the Host header is malformed", closes=True)
        if not _agrees(target, host):
            return Reply.text(400, "the target and the Host header disagree", closes=True)
        if host.host in self._hosts or host.host == address_of(local_address):
            return None
        return Reply.text(403, "this Host is not served here (hosts in the [web] table)")

    def check_page(self, method: bytes, headers: Headers, *, secure: bool) -> Reply | None:
        """Refuse what pages of other origins have a browser send (Origin, Sec-Fetch-Site).

        A page is our own if its origin has the scheme and port of the connection and the
        host that was asked for.  To follow a link from anywhere to a page here is no call.
        """
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site", b"none")
        if origin is None:
            may_ask = site in _OWN_PAGES or _is_visit(method, headers)
        elif self.cors.lists(origin):
            may_ask = True
        else:
            may_ask = site in _OWN_PAGES and _is_own(origin, headers, secure=secure)
        if may_ask:
            return None
        return Reply.text(403, "pages of this origin may not call (origins in the [web] table)")

    def options(self, headers: Headers, methods: bytes = b"POST") -> Reply:
        """The answer to OPTIONS, preflight requests included (Fetch, section 4.9).

        Args:
            headers: of the request.
            methods: what may be asked for there.
        """
        fields: Fields | None = ()
        if b"origin" in headers and b"access-control-request-method" in headers:
            fields = self.cors.preflight(headers, methods)
        if fields is None:
            return Reply.text(403, "a page may not send this (cors_headers in the [web] table)")
        return Reply(204, b"", headers=((b"Allow", methods + b", OPTIONS"), *fields))

    # -- in which form -------------------------------------------------------------------------

    def check_call(self, headers: Headers) -> Reply | None:
        """Refuse what forms, links and simple cross-origin requests can send."""
        if not _is_sent(_BY_CALL, headers):
            return Reply.text(403, "a page calls by fetch or XMLHttpRequest, with CORS")
        content_type = headers.get(b"content-type")
        if content_type is None:
            # The ancestor's client sends none; no browser can leave both of these out.
            if b"origin" in headers or b"sec-fetch-site" in headers:
                return _send_json()
        elif not _JSON_TYPE.fullmatch(content_type.strip()):
            return _send_json()
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            coding = (b"Accept-Encoding", b"identity")  # RFC 9110, section 12.5.3
            return Reply.text(415, "send the message without a Content-Encoding", coding)
        return None

    def check_upgrade(self, headers: Headers) -> Reply | None:
        """Refuse an upgrade that a browser did not begin for a WebSocket."""
        if _is_sent(_BY_WEBSOCKET, headers):
            return None
        return Reply.text(403, "a page opens a WebSocket by WebSocket alone")

    # -- what an answer bears ------------------------------------------------------------------

    def standing_fields(self, *, secure: bool) -> Fields:
        """Header fields that every answer bears; HSTS is for TLS alone (RFC 6797, section 7.2)."""
        ours = (*_ALWAYS, *(self._hsts if secure else ()), *self._vary)
        return (*self._unless_said(ours), *self._extra)

    def fields_of(self, method: bytes, headers: Headers, answer: Reply) -> Fields:
        """Header fields that an answer bears beside those, but the ones that frame it."""
        cors = () if method == b"OPTIONS" else self.cors.fields(headers)
        ours = cors or (_NOT_FOR_OTHERS,)
        if answer.content_type == _TEXT and answer.body:
            ours += _OF_TEXT
        return (*self._unless_said(ours), *answer.headers)

    def _unless_said(self, fields: Fields) -> Fields:
        """The fields for which `[web] headers` has no other value."""
        return tuple(field for field in fields if field[0].lower() not in self._said)


def not_allowed() -> Reply:
    """405 on an RPC path (RFC 9110, section 15.5.6)."""
    return Reply.text(405, "RPC takes POST", (b"Allow", ALLOWED))


def _send_json() -> Reply:
    return Reply.text(415, "send the header Content-Type: application/json")


def _agrees(target: bytes, host: Authority) -> bool:
    """Whether a target is in origin form, `*`, or names this host itself."""
    if target.startswith(b"/") or target == b"*":
        return True
    found = _ABSOLUTE.match(target.decode("latin-1"))
    named = parse_authority(found[2]) if found else None
    if found is None or named is None:
        return False
    default = DEFAULT_PORTS[found[1].lower()]
    ports = (default if port is None else port for port in (named.port, host.port))
    return named.host == host.host and len(set(ports)) == 1


def _is_own(origin: bytes, headers: Headers, *, secure: bool) -> bool:
    """Whether a page of this origin came from where its request goes to."""
    scheme = "https" if secure else "http"
    own = parse_origin(f"{scheme}://{headers[b'host'].decode('latin-1')}")
    return own is not None and own == parse_origin(origin.decode("latin-1"))


def _is_visit(method: bytes, headers: Headers) -> bool:
    """Whether a browser shows what it gets as a page of its own, in no frame of another."""
    return (
        method in (b"GET", b"HEAD")
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest") == b"document"
        and b"upgrade" not in headers
    )


def _is_sent(how: tuple[tuple[bytes, ...], tuple[bytes, ...]], headers: Headers) -> bool:
    """Whether a browser sends a request like this; programs say nothing of it."""
    modes, destinations = how
    mode, destination = headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest")
    return (mode is None or mode in modes) and (destination is None or destination in destinations)


def head(status: int, reason: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A status line and header fields, without the empty line."""
    lines = [b"%b: %b\r\n" % field for field in fields]
    return b"HTTP/1.1 %d %b\r\n%b" % (status, reason, b"".join(lines))


def last_words(answer: Reply) -> bytes:
    """An answer with which a line ends that no rules are at hand for."""
    framing = (
        (b"Content-Type", answer.content_type),
        (b"Content-Length", b"%d" % len(answer.body)),
        (b"Connection", b"close"),
    )
    fields = (*_ALWAYS, _NOT_FOR_OTHERS, *_OF_TEXT, *answer.headers, *framing)
    return head(answer.status, answer.reason, fields) + b"\r\n" + answer.body
