"""One HTTP request, kept until it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.cred.credentials import ICredentials

from twisted_rpc.correlation import FIELDS, is_request_id, new_request_id
from twisted_rpc.transports.web import Reply, origin_form

__all__ = ["Exchange"]

_REQUEST_ID = b"x-request-id"
_BRINGING = frozenset(name.encode("ascii") for name in FIELDS)


class Exchange:
    """A request, and what has been decided about it.

    Attributes:
        headers: by lower-case name, without Content-Length; fields of one name are joined.
        refusal: the answer it gets at once, if it has earned one.
        way: where it goes otherwise; see `routing.Way`.
        identity: who sent it, once that is proved.
        credentials: what is to be asked about who sent it, one after the other.
        may_repeat: whether another one with this head would go the same way.
        is_plain: whether a successful answer needs nothing but the usual header fields.
    """

    __slots__ = (
        "body",
        "credentials",
        "headers",
        "identity",
        "is_plain",
        "keep_alive",
        "may_repeat",
        "method",
        "refusal",
        "size",
        "target",
        "version",
        "way",
    )

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.version = b"1.1"
        self.headers: dict[bytes, bytes] = {}
        self.keep_alive = False
        self.size = 0
        self.body = b""
        self.refusal: Reply | None = None
        self.way: Any = None
        self.identity: Any = None
        self.credentials: Sequence[ICredentials] = ()
        self.may_repeat = False
        self.is_plain = False

    @property
    def authorization(self) -> bytes:
        """Its Authorization header; empty without one."""
        return self.headers.get(b"authorization", b"")

    @property
    def brings(self) -> bool:
        """Whether it names a request or a trace; such a head is not that of the next one."""
        return not self.headers.keys().isdisjoint(_BRINGING)

    @property
    def request_id(self) -> bytes:
        """The id it was given by a client or a proxy; empty without one, or one that is none."""
        sent = self.headers.get(_REQUEST_ID, b"")
        return sent if sent and is_request_id(sent.decode("latin-1")) else b""

    @property
    def is_websocket(self) -> bool:
        """Whether it asks to become a WebSocket (RFC 6455, section 4.1)."""
        return self.method == b"GET" and self.headers.get(b"upgrade", b"").lower() == b"websocket"

    @property
    def says_keep_alive(self) -> bool:
        """Whether it has to be told that the line stays open, as HTTP/1.0 clients do."""
        return self.keep_alive and self.headers.get(b"connection", b"").lower() == b"keep-alive"

    def is_like(self, other: Exchange) -> bool:
        """Whether everything but the body is as in another request."""
        return (
            self.headers == other.headers
            and self.target == other.target
            and self.method == other.method
        )

    def follow(self, other: Exchange) -> None:
        """Go the way that a request like it went, proved by the same header."""
        self.way = other.way
        self.is_plain = other.is_plain
        self.credentials = other.credentials
        self.identity = other.identity

    def check_request_id(self) -> None:
        """Put a new request id where there is one that is none."""
        if _REQUEST_ID in self.headers and not self.request_id:
            self.headers[_REQUEST_ID] = new_request_id().encode("ascii")

    def text_headers(self) -> dict[str, str]:
        """The header fields as text, without the credentials: methods may print them."""
        return {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.headers.items()
            if name != b"authorization"
        }

    def head(self) -> bytes:
        """The request's head, written anew from what the parser made of it."""
        fields = b"".join([b"%b: %b\r\n" % field for field in self.headers.items()])
        return b"%b %b HTTP/%b\r\n%b\r\n" % (self.method, self.target, self.version, fields)

    def whole(self) -> bytes:
        """The whole request, as a server with one name gets it, its body with a plain length."""
        self.target = origin_form(self.target)
        self.headers.pop(b"transfer-encoding", None)
        self.headers.pop(b"expect", None)
        if self.body:
            self.headers[b"content-length"] = b"%d" % len(self.body)
        if not self.keep_alive:
            self.headers[b"connection"] = b"close"
        return self.head() + self.body
