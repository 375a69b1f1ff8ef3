"""HTTP requests read off a line by llhttp, or known by their heads."""

from __future__ import annotations

from typing import Any, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import structs

from twisted_rpc.errors import RequestTooBig
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.repeated import KnownHead, KnownHeads, RepeatedHead
from twisted_rpc.transports.web import Reply

__all__ = ["MAX_FIELDS", "MAX_HEAD", "RequestReader"]

MAX_HEAD = 16 * 1024
"""The longest request line and header fields together, in bytes."""

MAX_FIELDS = 100
"""How many header fields a request may have."""

_ONCE = frozenset(
    {b"host", b"content-type", b"origin", b"authorization", b"sec-fetch-site", b"upgrade"}
)


class Receiver(Protocol):
    """Who the requests are for."""

    @property
    def max_body(self) -> int:
        """The longest body, in bytes."""

    def head_received(self, exchange: Exchange) -> Reply | None:
        """Decide about a request whose head is there."""

    def may_continue(self) -> None:
        """The sender waits before it sends the body."""

    def body_too_big(self) -> None:
        """A body is longer than it may be."""

    def request_received(self, exchange: Exchange) -> None:
        """A request is whole, or refused."""


class RequestReader:
    """Reads requests off a line.

    The methods named `on_…` are called by the parser.  A line has none as long as it says
    nothing but what is known.

    Args:
        receiver: who the requests are for.
        heads: those that lines of this port begin with.

    Attributes:
        in_request: whether part of a request has come and not all of it.
        max_body: the longest body, in bytes.
        known: a request whose like may go the same way.
        usual: its head, if the next may be told by that alone.
    """

    __slots__ = (
        *("_begun", "_chunks", "_deaf", "_exchange", "_fields", "_fragments", "_heads"),
        *("_in_head", "_may_be_long", "_parser", "_receiver", "_unwanted_upgrade"),
        *("in_request", "known", "max_body", "usual"),
    )

    def __init__(self, receiver: Receiver, heads: KnownHeads) -> None:
        self._receiver = receiver
        self._heads = heads
        self._parser: Any = None
        self._exchange = Exchange()
        self._chunks: list[bytes] = []
        self._in_head = False
        self.max_body = receiver.max_body
        self._fragments = 0  # bytes that came while the head was incomplete
        self._fields = 0
        self._begun = 0
        self._may_be_long = False
        self._deaf = False
        self._unwanted_upgrade = False
        self.known: Exchange | None = None
        self.usual: RepeatedHead | None = None
        self.in_request = False

    def feed(self, data: bytes) -> bytes | None:
        """Read what came.

        Returns:
            What follows a request to become a WebSocket: it is no HTTP any more.
        """
        if self.in_request or self._deaf:
            return self._parse(data)
        head = None if self._parser else self._heads.find(data, self.max_body)
        if head is not None:
            self._read_known(head, data)
            return None
        self._begun = 0
        rest = self._parse(data)
        exchange = self._exchange
        if self._begun == 1 and exchange is self.known and not self.in_request:
            chunked = b"transfer-encoding" in exchange.headers
            self.usual = None if chunked else RepeatedHead.of(data, exchange.body)
            if self.usual is not None:
                self._share(self.usual, exchange, data)
        return rest

    def _read_known(self, head: KnownHead, data: bytes) -> None:
        """Take one whole request with a head that another line has begun with."""
        begin, end = head.repeated.body(data, 0) or (0, 0)  # `find` has seen it
        exchange = self._exchange = Exchange()
        _, exchange.method, exchange.target, exchange.version, exchange.headers = head
        exchange.keep_alive = self.in_request = True
        self._route(exchange)
        if exchange is self.known:
            self.usual = head.repeated
        if exchange.refusal is None:
            exchange.body = data[begin:end]
        self.in_request = False
        self._receiver.request_received(exchange)

    def _share(self, usual: RepeatedHead, exchange: Exchange, data: bytes) -> None:
        """Let other lines begin like this one, or this one keep what they have."""
        known = self._heads.find(data, self.max_body)
        if known is None:
            parts = (exchange.method, exchange.target, exchange.version, exchange.headers)
            self._heads.add(KnownHead(usual, *parts))
        else:
            self.usual, exchange.headers = known.repeated, known.headers

    def _parse(self, data: bytes) -> bytes | None:
        if self._parser is None:
            self._parser = HttpRequestParser(self)
        # A head longer than the limit takes a longer piece, or more than one.
        self._may_be_long = len(data) > MAX_HEAD or self._in_head
        while data and not self._deaf:
            head = self._exchange if self._in_head else None
            size = self._exchange.size
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self._unwanted_upgrade:
                    data = self._without_upgrade() + data
                elif not self._deaf:
                    self._deaf = True
                    self._exchange.keep_alive = False
                    return data
            except HttpParserError as error:
                self.give_up(Reply.text(400, f"malformed: {error}", closes=True))
            else:
                if self._in_head:
                    # Of what came together with other requests, it is not known what is its own.
                    is_all_of_it = self._exchange is head or self._begun == 1
                else:  # a trailer, where there is one
                    is_all_of_it = self.in_request and self._exchange.size == size
                if is_all_of_it:
                    self._fragments += len(data)
                    self._check_head(self._fragments)
                return None
        return None

    def _without_upgrade(self) -> bytes:
        """The head for a new parser: this one would not take what follows for the body."""
        exchange = self._exchange
        del exchange.headers[b"upgrade"]
        self._parser = HttpRequestParser(self)
        return exchange.head()

    def give_up(self, refusal: Reply) -> None:
        """Answer the request that is being read like this, and read no more."""
        if not self._deaf:
            self._deaf = True
            if not self.in_request:  # what came cannot begin one; the one before it is whole
                self._exchange = Exchange()
                self.in_request = True
            self._exchange.refusal = refusal
            self._receiver.request_received(self._exchange)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begun += 1
        self._exchange = Exchange()
        self._in_head = self.in_request = True
        self._unwanted_upgrade = False
        self._fragments = self._fields = 0

    def on_url(self, url: bytes) -> None:
        """Part of the request target."""
        self._exchange.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer field, which nobody asked for."""
        if not self._in_head:
            return
        self._fields += 1
        if self._fields > MAX_FIELDS:
            self.give_up(Reply.text(431, f"more than {MAX_FIELDS} header fields", closes=True))
        headers = self._exchange.headers
        name = name.lower()
        if name in headers:
            if name in _ONCE:
                self.give_up(Reply.text(400, f"{name.decode()} twice", closes=True))
            value = headers[name] + b", " + value
        headers[name] = value

    def _check_head(self, size: int) -> None:
        if size > MAX_HEAD:
            self.give_up(Reply.text(431, f"more than {MAX_HEAD} bytes of header", closes=True))

    def on_headers_complete(self) -> None:
        """The head is there: decide before the body is."""
        self._in_head = False
        if self._deaf:
            return
        exchange = self._exchange
        headers = exchange.headers
        exchange.method = self._parser.get_method()
        exchange.version = self._parser.get_http_version().encode()
        if exchange.method == b"CONNECT":
            self.give_up(Reply.text(405, "there are no tunnels here", closes=True))
            return
        # It may be ignored (RFC 9110, section 7.8), and then the body is a body.
        self._unwanted_upgrade = self._parser.should_upgrade() and not exchange.is_websocket
        if self._unwanted_upgrade:
            return
        exchange.keep_alive = self._parser.should_keep_alive()
        # Apart from the others: it is what differs from one request of a client to the next.
        length = headers.pop(b"content-length", None)
        if self._may_be_long:
            self._check_head(len(exchange.head()))
        if self._deaf:
            return
        self._route(exchange)
        if length is not None and int(length) > self.max_body:
            self._refuse_body()
        elif b"expect" in headers:
            if exchange.refusal is None:
                self._expected(headers[b"expect"])
            else:  # its body is waited for by nobody
                self.give_up(structs.replace(exchange.refusal, closes=True))

    def _route(self, exchange: Exchange) -> None:
        if not exchange.keep_alive:  # the parser takes no other request after this one
            self.known = self.usual = None
        known = self.known
        if known is not None and exchange.is_like(known):
            exchange.follow(known)
            return
        exchange.check_request_id()
        exchange.refusal = self._receiver.head_received(exchange)
        needs_more = b"origin" in exchange.headers or b"connection" in exchange.headers
        exchange.is_plain = exchange.keep_alive and not (needs_more or exchange.request_id)
        if (
            exchange.may_repeat
            and not exchange.brings
            and exchange.keep_alive
            and exchange.refusal is None
        ):
            self.known, self.usual = exchange, None

    def _expected(self, expectation: bytes) -> None:
        if expectation.lower() == b"100-continue":
            self._receiver.may_continue()
        else:
            self.give_up(Reply.text(417, "only 100-continue can be expected", closes=True))

    def on_body(self, chunk: bytes) -> None:
        """Part of the body."""
        if self._deaf:
            return
        exchange = self._exchange
        exchange.size += len(chunk)
        if exchange.size > self.max_body:
            self._refuse_body()
        elif exchange.refusal is None:
            self._chunks.append(chunk)

    def _refuse_body(self) -> None:
        self._receiver.body_too_big()
        error = RequestTooBig(f"a message may have {self.max_body} bytes (max_message)")
        self.give_up(Reply.of(413, error, closes=True))

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._deaf or self._unwanted_upgrade:
            return
        self.in_request = False
        exchange = self._exchange
        chunks, self._chunks = self._chunks, []
        exchange.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._receiver.request_received(exchange)
