"""HTTP/1.1: a POST carries one message or batch, its answer comes back.

Requests are parsed by llhttp (httptools), which refuses what smuggling lives on.  One
request of a connection is worked on at a time, so pipelined answers come in order.  A
path that is not RPC's goes to a `twisted.web` site; an upgrade leaves to a WebSocket.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any, ClassVar

from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolNegotiationFactory,
    ISSLTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.auth.headers import HeaderLogin
from twisted_rpc.config import WebTable
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import Busy, ShuttingDown
from twisted_rpc.running import Answer
from twisted_rpc.transports.base import RPCFactory, line_credentials
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.http_connection import HTTPConnection
from twisted_rpc.transports.pipeline import Pipeline
from twisted_rpc.transports.repeated import KnownHeads, RepeatedHead
from twisted_rpc.transports.responses import RETRY_AFTER, Responses
from twisted_rpc.transports.routing import Pages, Router, Way
from twisted_rpc.transports.site import SiteBridge
from twisted_rpc.transports.upgrading import Upgrades
from twisted_rpc.transports.web import Reply, WebRules

__all__ = ["HTTPFactory", "HTTPProtocol"]


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(RPCFactory):
    """Serves HTTP, and WebSocket by upgrade.

    Args:
        endpoint: what the lines belong to.
        table: what `[web]` says.
        path: the only RPC path; `/` and `/rpc` if None.
        pages: what serves all other paths, and GET on RPC's.
        posts: whether RPC by POST is served, and not WebSocket alone.
        namespaces: see `RPCFactory`.

    Attributes:
        heads: those that its lines begin with.
        responses: what writes responses, by whether the line is TLS.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        table: WebTable | None = None,
        path: str | None = None,
        pages: Pages | None = None,
        *,
        posts: bool = True,
        namespaces: Collection[str] | None = None,
    ) -> None:
        super().__init__(endpoint, namespaces)
        rules = WebRules(table or WebTable(), path)
        self._pages = pages
        self.router = Router(endpoint, rules, pages=pages, posts=posts)
        self.responses = {
            secure: Responses(rules, endpoint.clock, secure=secure) for secure in (False, True)
        }
        self.upgrades = Upgrades(endpoint, namespaces, self.urls)
        self.heads = KnownHeads()

    def startFactory(self) -> None:
        """See `Upgrades.load`; it is too late for that when the first handshake comes."""
        self.upgrades.load()

    @cached_property
    def site(self) -> Any:
        """What serves the requests that are not RPC's."""
        assert self._pages is not None  # or none had been routed there
        site = SiteBridge.site_for(self._pages.resource)
        site.factory = self  # for pages that tell of it
        return site

    def acceptableProtocols(self) -> list[bytes]:
        """What a TLS client may choose (ALPN, RFC 7301); without it, one that asks is refused."""
        return [b"http/1.1"]

    def refused(self, refusal: str) -> bytes:
        """What a line is told that is one too many; before its handshake TLS is told nothing."""
        answer = Reply.of(503, Busy(refusal), RETRY_AFTER)
        return self.responses[False].whole(Exchange(), answer, closes=True)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A protocol for one line."""
        protocol = HTTPProtocol()
        protocol.factory = self
        return protocol


@implementer(IHalfCloseableProtocol)
class HTTPProtocol(Pipeline):
    """Serves each request of one line in its way: RPC, a site, or WebSocket."""

    name: ClassVar[str] = "http"
    factory: HTTPFactory

    __slots__ = ("_bridge", "_is_visit", "_known", "_login", "_logins", "_secure", "connection")

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        self.heads = self.factory.heads
        super().begin()
        self._secure = ISSLTransport.providedBy(self.transport)
        self.responses = self.factory.responses[self._secure]
        self.connection: HTTPConnection | None = None
        self._bridge: SiteBridge | None = None
        self._known: Any = None
        self._logins = 0
        endpoint = self.endpoint
        recheck = endpoint.limits.auth_recheck
        self._login = HeaderLogin(endpoint.logins, self, recheck, endpoint.clock)

    def head_received(self, exchange: Exchange) -> Reply | None:
        """See `Pipeline.head_received`."""
        local_address = str(getattr(self.transport.getHost(), "host", ""))
        own = line_credentials(self.endpoint, self.transport)
        refusal = self.factory.router.route(exchange, local_address, own, secure=self._secure)
        is_alone = not (self._busy or self._queue)
        if exchange.credentials and refusal is None and is_alone and not self._is_known(exchange):
            self._ask(exchange)  # and read no more of its body before it is known
        return refusal or exchange.refusal

    def serve(self, exchange: Exchange) -> None:
        """See `Pipeline.serve`."""
        if not self._is_proved(exchange):
            self._ask(exchange, requeue=True)
        else:
            self._go(exchange)

    def _go(self, exchange: Exchange) -> None:
        """Let the request go its way."""
        if exchange.way is Way.RPC:
            body, exchange.body = exchange.body, b""  # not to be kept as long as the head is
            self._call(exchange, body)
        elif exchange.way is Way.WEBSOCKET:
            self._upgrade(exchange)
        else:
            self._pass_to_site(exchange)

    # -- RPC -----------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """See `Pipeline.dataReceived`; calls that begin like the one before take a short way."""
        self.wire.traffic.received += len(data)
        usual = self._reader.usual
        if usual is not None and self._is_free and not self._reader.in_request:
            data = self._serve_repeated(usual, data)
        if data:
            super().dataReceived(data)

    def _serve_repeated(self, usual: RepeatedHead, data: bytes) -> bytes:
        """Serve calls whose head is that of one before them, as far as they go.

        All that is decided by a head has been decided for them, and nothing else has to be
        kept in its order: they neither become requests of their own nor wait in a queue.

        Returns:
            What is left, for the parser.
        """
        exchange, connection = self._reader.known, self.connection
        if exchange is None or connection is None or connection.is_closed:
            return data
        if not self._is_proved(exchange):
            return data
        self._be(exchange)
        at, size = 0, len(data)
        self._working = True
        try:
            while at < size and (place := usual.body(data, at)) is not None:
                begin, end = place
                if end - begin > self._reader.max_body:
                    break
                answer = connection.answer(exchange, data[begin:end])
                at = end
                self._take(exchange, answer, connection.delay)
                if not self._is_free:
                    break
        finally:
            self._working = False
        self._outbox.flush()
        if at == size and self._is_free:  # and still after that
            self._rest()
            return b""
        self._progressed = self._progressed or at > 0
        self._work()
        return data[at:]

    def _is_proved(self, exchange: Exchange) -> bool:
        """Whether what was proved about who sends it still holds."""
        return not exchange.credentials or self._is_known(exchange)

    def _call(self, exchange: Exchange, body: bytes) -> None:
        if self.connection is None:
            self.connection = HTTPConnection(self)
            self.introduce(self.connection)
            self.connection.be(exchange.identity)
            self._known, self._logins = exchange.identity, self._login.times
            self.connection.opened()
        self._be(exchange)
        if not self.connection.is_closed:  # `connection_opened` has not failed
            answer = self.connection.answer(exchange, body)
            self._take(exchange, answer, self.connection.delay)

    def _be(self, exchange: Exchange) -> None:
        """Call as who has sent the request."""
        if self._known is not exchange.identity or self._logins != self._login.times:
            assert self.connection is not None
            self.connection.be(exchange.identity)
            self._known, self._logins = exchange.identity, self._login.times

    def _take(self, exchange: Exchange, answer: Answer, delay: float | None) -> None:
        """Answer a call, at once or when it has ended."""
        usual = exchange.is_plain and delay is None and not (self._draining or self._input_ended)
        if usual and type(answer) is bytes:
            self._outbox.put(self.responses.usual(answer))
        elif isinstance(answer, Deferred):
            self.begin_work()
            answer.addCallback(self._answered, exchange)
        else:
            self.answer(exchange, self.responses.to_call(answer, delay))

    def _answered(self, answer: bytes | None, exchange: Exchange) -> None:
        if not self._gone:
            self._take(exchange, answer, None)
            self.go_on()

    # -- authentication ------------------------------------------------------------------------

    def _is_known(self, exchange: Exchange) -> bool:
        """Whether somebody on this line has proved who they are with the same header."""
        if not self._login.knows(exchange.authorization):
            return False
        exchange.identity = self._login.identity
        return True

    def _ask(self, exchange: Exchange, *, requeue: bool = False) -> None:
        """Find out who sends a request; `requeue` says that all of it is here."""
        self.begin_work()
        asked = self._login.ask(exchange.authorization, exchange.credentials)
        asked.addErrback(self._refused, exchange).addCallback(self._go_on_with, exchange, requeue)

    def _refused(self, failure: Failure, exchange: Exchange) -> None:
        router = self.factory.router
        if router.may_be_nobody(exchange):
            exchange.credentials = []
        else:
            exchange.refusal = router.refusal_of(failure, exchange)

    def _go_on_with(self, _: object, exchange: Exchange, requeue: bool) -> None:
        if self._gone:
            return
        if self._is_known(exchange):
            self.endpoint.lines.proved(self)
        if requeue:
            self._queue.insert(0, exchange)
        elif exchange.refusal is not None and self._expected:  # its body is wanted by nobody
            self._expected = False
            self._reader.give_up(structs.replace(exchange.refusal, closes=True))
        self.go_on()

    # -- other ways ----------------------------------------------------------------------------

    def _pass_to_site(self, exchange: Exchange) -> None:
        # Nobody asks who reads a page, as long as they read.
        self._is_visit = self.endpoint.lines.proved(self)
        self.begin_work()
        if self._bridge is None:
            self._bridge = SiteBridge(self.factory.site, self.transport, self.wire, self._site_done)
        self._bridge.forward(exchange)

    def _site_done(self, keep_alive: bool) -> None:
        if not self._gone:
            self._closing = self._closing or self._draining or not keep_alive
            if self._is_visit and not self._closing:
                self.endpoint.lines.doubt(self)
            self.go_on()

    def _upgrade(self, exchange: Exchange) -> None:
        if self._draining:
            self.answer(exchange, Reply.of(503, ShuttingDown()))
            return
        self._outbox.flush()
        headers = exchange.text_headers()
        is_known = bool(exchange.credentials) and self._is_known(exchange)
        login = self._login.hand_on() if is_known else None
        self._login.stop()
        successor = self.factory.upgrades.protocol(headers, login)
        rest = b"".join(self._held)
        self.end_here()
        self.wire.set_reading(True)
        self.leave_to(successor)
        data = exchange.head() + rest
        successor.dataReceived(data)
        successor.wire.traffic.received -= len(data)  # it was counted when it came

    # -- the end -------------------------------------------------------------------------------

    def readConnectionLost(self) -> None:
        """The far side has closed its half: it still gets its answers, but no page."""
        if self._closing or (self._bridge is not None and self._bridge.is_busy):
            self.wire.close()
        else:
            self.end_input()

    def writeConnectionLost(self) -> None:
        """Our half is closed."""

    def too_many(self, refusal: str) -> None:
        """See `RPCProtocol.too_many`."""
        self.wire.write(self.factory.refused(refusal))

    def congested(self, congested: bool) -> None:
        """See `RPCProtocol.congested`."""
        if self.begun and self._bridge is not None:
            self._bridge.congested(congested)
        super().congested(congested)

    def end_here(self) -> None:
        """See `Pipeline.end_here`."""
        super().end_here()
        if self.connection is not None:
            self.connection.lost()

    def end(self) -> None:
        """See `RPCProtocol.end`."""
        super().end()
        self._login.stop()
        if self._bridge is not None:
            self._bridge.lost()
