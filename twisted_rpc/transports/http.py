"""HTTP/1.1: a POST carries one message or batch, its answer comes back.

Requests are parsed by llhttp (httptools), which refuses what smuggling lives on.  One
request of a connection is worked on at a time, so pipelined answers come in order.  A
path that is not RPC's goes to a `twisted.web` site; an upgrade leaves to a WebSocket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolNegotiationFactory,
)
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from zope.interface import implementer

from twisted_rpc import auth
from twisted_rpc.config import WebTable
from twisted_rpc.connection import Connection
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import Busy, RequestTimeout, ShuttingDown
from twisted_rpc.running import Answer
from twisted_rpc.transports import web
from twisted_rpc.transports.base import RPCFactory, RPCProtocol
from twisted_rpc.transports.exchange import Exchange, RequestReader
from twisted_rpc.transports.responses import Responses
from twisted_rpc.transports.routing import Router, Way
from twisted_rpc.transports.site import SiteBridge
from twisted_rpc.transports.web import Refusal, WebRules
from twisted_rpc.transports.websocket import WebSocketFactory, WebSocketProtocol

__all__ = ["HTTPConnection", "HTTPFactory", "HTTPProtocol"]


_LARGE = 4096
"""An answer of so many bytes is not kept until the next ones are ready."""


class HTTPConnection(Connection):
    """A connection that only answers.

    `headers` and `identity` are those of the request that is worked on.
    """

    transport: ClassVar[str] = "http"
    full_duplex: ClassVar[bool] = False

    def __init__(self, protocol: HTTPProtocol) -> None:
        super().__init__(protocol.endpoint, protocol.peer)
        self._protocol = protocol
        self.exchange: Exchange | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields of the request that is worked on."""
        return NO_HEADERS if self.exchange is None else self.exchange.text_headers()

    @headers.setter
    def headers(self, _: object) -> None:
        """They belong to a request, not to the connection."""

    def answer(self, exchange: Exchange) -> Answer:
        """Answer the message in a request's body."""
        self.exchange = exchange
        body, exchange.body = exchange.body, b""  # not to be kept as long as the head is
        answer = self._dispatch(body, self)
        if not self._tracing:
            return answer
        if isinstance(answer, Deferred):
            return answer.addCallback(self._traced)
        return self._traced(answer)

    def _traced(self, answer: bytes | None) -> bytes | None:
        if answer is not None:
            self._owner.trace("-->", answer, self)
        return answer

    def opened(self) -> None:
        """See `Connection.opened`; each request proves for itself who sends it."""
        self._owner.opened(self)

    def close(self) -> None:
        """See `Connection.close`."""
        self._protocol.drain()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self._protocol.abort()

    def _set_reading(self, reading: bool) -> None:
        """One request at a time: the protocol sees to it."""


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(RPCFactory):
    """Serves HTTP, and WebSocket by upgrade.

    Args:
        endpoint: what the lines belong to.
        table: what `[web]` says.
        path: the only RPC path; `/` and `/rpc` if None.
        resource: a `twisted.web` resource for all other paths, and for GET on RPC's.
        posts: whether RPC by POST is served, and not WebSocket alone.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        table: WebTable | None = None,
        path: str | None = None,
        resource: IResource | None = None,
        *,
        posts: bool = True,
    ) -> None:
        super().__init__(endpoint)
        rules = WebRules(table or WebTable(), path)
        self.site = None if resource is None else SiteBridge.site_for(resource)
        self.router = Router(endpoint, rules, has_site=resource is not None, posts=posts)
        self.responses = Responses(rules, endpoint.clock)
        self.websockets = WebSocketFactory(endpoint)

    def acceptableProtocols(self) -> list[bytes]:
        """What a TLS client may choose (ALPN, RFC 7301); without it, one that asks is refused."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A protocol for one line."""
        protocol = HTTPProtocol()
        protocol.factory = self
        return protocol


@implementer(IHalfCloseableProtocol)
class HTTPProtocol(RPCProtocol):
    """Carries requests and answers of one line.

    At any time it is idle, reading a request, busy with one (`_busy`), or done with the
    line (`_last` has been answered, what still comes is thrown away).
    """

    factory: HTTPFactory

    def begin(self) -> None:
        """See `RPCProtocol.begin`."""
        self._reader = RequestReader(self)
        self._queue: deque[Exchange] = deque()
        self._out: list[bytes] = []
        self._held: list[bytes] = []
        self._busy = False
        self._closing = False
        self._draining = False
        self._gone = False
        self._working = False
        self._congested = False
        self._at_site = False
        self._progressed = False
        self._proved: tuple[bytes, Any] | None = None
        self._known: Exchange | None = None
        self._connection: HTTPConnection | None = None
        self._bridge: SiteBridge | None = None
        self._idle = Deadline(self.endpoint.clock, self._idle_expired)
        self._arrival = Deadline(self.endpoint.clock, self._arrival_expired)
        limits = self.endpoint.limits
        stranger = self.endpoint.requires_authentication
        self._idle.set(limits.handshake_timeout if stranger else limits.idle_timeout)

    @property
    def max_body(self) -> int:
        """The longest body a request may have, in bytes."""
        return self.endpoint.limits.max_message or 1 << 62

    # -- what comes in -----------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._busy or self._congested:
            self._held.append(data)
            self.wire.set_reading(False)
        elif not self._closing:
            self._read(data)

    def _read(self, data: bytes) -> None:
        rest = self._reader.feed(data)
        if rest is not None:
            self._held.append(rest)
        self._work()

    def request_received(self, exchange: Exchange) -> None:
        """The reader has a request, or as much of it as has to be refused."""
        self._queue.append(exchange)
        self._progressed = True

    def head_received(self, exchange: Exchange) -> Refusal | None:
        """Decide, before the body is read, where a request goes; or refuse it."""
        known = self._known
        if known is not None and exchange.is_like(known):
            exchange.follow(known)
            return None
        refusal = self.factory.router.route(exchange, self._local_address())
        if refusal is None and exchange.way is Way.RPC and exchange.keep_alive:
            self._known = exchange
        return refusal

    def may_continue(self) -> None:
        """A client waits to be told that its body is wanted (RFC 9110, section 10.1.1)."""
        if not self._queue and not self._busy:
            self._flush()
            self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _local_address(self) -> str:
        return str(getattr(self.transport.getHost(), "host", ""))

    # -- one request after the other -----------------------------------------------------------

    def _work(self) -> None:
        if self._working:  # an answer that was ready at once: the loop below goes on
            return
        self._working = True
        try:
            self._work_off_queue()
        finally:
            self._working = False
        if self._gone:
            return
        self._flush()
        if self._closing:
            if self._reader.in_request:
                self.wire.close_unread()
            else:
                self.wire.close()
        elif not self._busy:
            self._watch()

    def _work_off_queue(self) -> None:
        while self._queue and self._is_free:
            exchange = self._queue.popleft()
            if exchange.refusal is not None:
                self._answer(exchange, exchange.refusal)
            elif exchange.credentials is not None:
                self._authenticate(exchange)
            else:
                self._go(exchange)

    @property
    def _is_free(self) -> bool:
        return not (self._busy or self._congested or self._closing or self._gone)

    def _go(self, exchange: Exchange) -> None:
        """Let the request go its way."""
        if exchange.way is Way.RPC:
            self._serve(exchange)
        elif exchange.way is Way.WEBSOCKET:
            self._upgrade(exchange)
        else:
            self._pass_to_site(exchange)

    def _watch(self) -> None:
        """Set the time by which something has to happen."""
        limits = self.endpoint.limits
        if not self._reader.in_request:
            self._arrival.clear()
            self._idle.set(limits.idle_timeout)
        elif self._progressed or not self._arrival.is_set:
            self._arrival.set(limits.request_timeout)
        self._progressed = False

    def _flush(self) -> None:
        if self._out:
            self.wire.write(b"".join(self._out))
            self._out.clear()

    def _begin_work(self) -> None:
        """Take no other request until `_go_on`; the answers so far leave first."""
        self._flush()
        self._busy = True
        self._arrival.clear()

    def _go_on(self) -> None:
        """The request that was worked on is answered: the next, or what has come since."""
        self._busy = False
        self._work()
        if self._held and self._is_free and not self._working:
            data = b"".join(self._held)
            self._held.clear()
            self.wire.set_reading(True)
            self._read(data)

    # -- RPC -----------------------------------------------------------------------------------

    def _serve(self, exchange: Exchange) -> None:
        if self._connection is None:
            self._connection = HTTPConnection(self)
            self._connection.opened()
        self._connection.identity = exchange.identity
        answer = self._connection.answer(exchange)
        if isinstance(answer, Deferred):
            self._begin_work()
            answer.addCallback(self._answered, exchange)
        else:
            self._succeed(exchange, answer)

    def _answered(self, answer: bytes | None, exchange: Exchange) -> None:
        if not self._gone:
            self._succeed(exchange, answer)
            self._go_on()

    def _succeed(self, exchange: Exchange, answer: bytes | None) -> None:
        responses = self.factory.responses
        if exchange.is_plain and answer is not None and not self._draining:
            self._out.append(responses.usual(answer))
            if len(answer) > _LARGE:
                self._flush()
        else:
            self._answer(exchange, responses.to_call(exchange, answer))

    def _answer(self, exchange: Exchange, answer: Refusal) -> None:
        closes = answer.closes or not exchange.keep_alive or self._draining
        self._closing = self._closing or closes
        self._out.append(self.factory.responses.whole(exchange, answer, closes=closes))
        if len(answer.body) > _LARGE:
            self._flush()

    # -- authentication ------------------------------------------------------------------------

    def _authenticate(self, exchange: Exchange) -> None:
        header = exchange.headers[b"authorization"]
        if self._proved is not None and self._proved[0] == header:
            exchange.identity = self._proved[1]
            self._go(exchange)
            return
        self._begin_work()
        proved = auth.authenticated(self.endpoint.authenticate, exchange.credentials)
        proved.addCallbacks(
            self._authenticated, self._not_authenticated, (exchange, header), {}, (exchange,)
        )

    def _authenticated(self, identity: Any, exchange: Exchange, header: bytes) -> None:
        if not self._gone:
            self._proved = (header, identity)
            exchange.credentials = None
            exchange.identity = identity
            self._queue.appendleft(exchange)
            self._go_on()

    def _not_authenticated(self, failure: Failure, exchange: Exchange) -> None:
        if failure.check(LoginFailed) is None:
            self._log.failure("authentication failed for a reason of its own", failure)
        if not self._gone:
            self._answer(exchange, web.unauthorized())
            self._go_on()

    # -- other ways ----------------------------------------------------------------------------

    def _pass_to_site(self, exchange: Exchange) -> None:
        assert self.factory.site is not None
        self._begin_work()
        self._at_site = True
        if self._bridge is None:
            self._bridge = SiteBridge(self.factory.site, self.transport, self.wire, self._site_done)
        self._bridge.forward(exchange)

    def _site_done(self, keep_alive: bool) -> None:
        self._at_site = False
        if not self._gone:
            self._closing = self._closing or self._draining or not keep_alive
            self._go_on()

    def _upgrade(self, exchange: Exchange) -> None:
        if self._draining:
            self._answer(exchange, Refusal.of(503, ShuttingDown()))
            return
        self._flush()
        headers = exchange.text_headers()
        successor = WebSocketProtocol(self.factory.websockets, headers, exchange.identity)
        rest = b"".join(self._held)
        self._end_here()
        self.wire.set_reading(True)
        self.leave_to(successor)
        successor.dataReceived(exchange.head() + rest)

    # -- the end -------------------------------------------------------------------------------

    def drain(self) -> None:
        """See `ILine.drain`."""
        if not self.begun:
            self.wire.abort()
            return
        self._draining = True
        if not self._busy and not self._queue:
            self._closing = True
            self.wire.close()

    def readConnectionLost(self) -> None:
        """The far side has closed its half: it still gets its answers, but no page."""
        if self._at_site or self._closing:
            self.wire.close()
        else:
            self.drain()

    def writeConnectionLost(self) -> None:
        """Our half is closed."""

    def congested(self, congested: bool) -> None:
        """See `RPCProtocol.congested`."""
        if not self.begun:
            return
        self._congested = congested
        if self._bridge is not None:
            self._bridge.congested(congested)
        if not congested and not self._busy:
            self._go_on()

    def too_many(self, refusal: str) -> None:
        """See `RPCProtocol.too_many`."""
        answer = Refusal.of(503, Busy(refusal), (b"Retry-After", b"5"))
        self.wire.write(self.factory.responses.whole(Exchange(), answer, closes=True))

    def _idle_expired(self) -> None:
        if not self._busy and not self._reader.in_request:
            self._closing = True
            self.wire.close()

    def _arrival_expired(self) -> None:
        seconds = self.endpoint.limits.request_timeout
        text = f"the request was not complete after {seconds:g} seconds (request_timeout)"
        self._reader.give_up(Refusal.of(408, RequestTimeout(text), closes=True))
        self._work()

    def _end_here(self) -> None:
        """This protocol has nothing to do with the line any more."""
        self._gone = True
        self._idle.stop()
        self._arrival.stop()
        if self._connection is not None:
            self._connection.lost()

    def end(self) -> None:
        """See `RPCProtocol.end`."""
        self._end_here()
        if self._bridge is not None:
            self._bridge.lost()
