"""RPC as a `twisted.web` resource, for anybody's site."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from twisted_rpc import codec
from twisted_rpc.auth.portal import Login
from twisted_rpc.config import WebTable
from twisted_rpc.connection import Connection
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import Busy, InternalError, RequestTooBig
from twisted_rpc.interfaces import ILine
from twisted_rpc.lines import source_of
from twisted_rpc.running import Answer
from twisted_rpc.transports.base import address_name, hand_over
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.responses import RETRY_AFTER, Responses
from twisted_rpc.transports.routing import Router, Way
from twisted_rpc.transports.web import Reply, WebRules
from twisted_rpc.transports.websocket import WebSocketFactory

__all__ = ["rpc_resource"]


def rpc_resource(
    endpoint: Endpoint,
    *,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    cors_headers: Collection[str] = (),
    cors_expose: Collection[str] = (),
    cors_max_age: int = 600,
    credentials: bool = False,
) -> Resource:
    """A resource that answers RPC by POST, and by WebSocket after an upgrade.

    It goes by the same rules as a daemon's own HTTP port; what they are called there they
    are called here, see the `[web]` table.

    Args:
        endpoint: what is served.
        hosts: names the site is reached by, beside the loopback names.
        origins: web origins whose pages may call, such as `https://app.example.com`.
        cors_headers: header fields these pages may send, beside Content-Type and
            Authorization.
        cors_expose: header fields of an answer that these pages may read.
        cors_max_age: seconds for which a browser need not ask again.
        credentials: whether these pages may have the browser add cookies and passwords.

    Raises:
        ValueError: one of them is no host, origin or header name.
    """
    table = WebTable(
        hosts=tuple(hosts),
        origins=tuple(origins),
        cors_headers=tuple(cors_headers),
        cors_expose=tuple(cors_expose),
        cors_max_age=cors_max_age,
        credentials=credentials,
    )
    return _RPCResource(endpoint, table)


@implementer(ILine)
class _RequestConnection(Connection):
    """One request of a foreign site: a connection that only answers, and ends with it.

    It is a line of the endpoint's too, which is drained when it has been answered.
    """

    transport: ClassVar[str] = "http"
    full_duplex: ClassVar[bool] = False

    def answer(self, body: bytes) -> Answer:
        """Answer the message in the body."""
        self.be(self.identity)
        self._owner.opened(self)
        if self.is_closed:  # `connection_opened` has failed
            return codec.error_answer(InternalError())
        return self._dispatch(body, self)

    def close(self) -> None:
        """The site closes its lines."""

    abort = close

    def lost(self) -> None:
        """See `Connection.lost`."""
        if not self.is_closed:
            super().lost()
            self._owner.release(self)


class _Client(Struct, frozen=True):
    """Where a request of a foreign site comes from; see `Origin`."""

    address: str
    peer: str

    @property
    def source(self) -> str:
        """What its address is counted by."""
        return source_of(self.address)


class _RPCResource(Resource):
    isLeaf = True

    def __init__(self, endpoint: Endpoint, table: WebTable) -> None:
        super().__init__()
        self._endpoint = endpoint
        rules = WebRules(table)
        self._router = Router(endpoint, rules, mounted=True)
        self._responses = {
            secure: Responses(rules, endpoint.clock, secure=secure) for secure in (False, True)
        }
        self._websockets: WebSocketFactory | None = None

    def render(self, request: Request) -> int:
        """Answer a request, now or later."""
        exchange = _exchange(request)
        local_address = str(getattr(request.getHost(), "host", ""))
        secure = request.isSecure()
        refusal = self._router.route(exchange, local_address, [], secure=secure)
        refusal = refusal or self._check_size(exchange)
        if refusal is not None:
            self._finish(request, exchange, refusal)
        elif exchange.credentials:
            logins = self._endpoint.logins
            if exchange.authorization:
                asked = logins.ask(exchange.credentials[0], _client(request))
            else:
                asked = logins.ask_line(exchange.credentials, _client(request))
            request.notifyFinish().addErrback(lambda _: asked.cancel())
            arguments = (request, exchange)
            asked.addCallbacks(self._proved, self._not_proved, arguments, {}, arguments)
        else:
            self._proved(None, request, exchange)
        return NOT_DONE_YET

    def _check_size(self, exchange: Exchange) -> Reply | None:
        limit = self._endpoint.limits.max_message
        if limit is None or len(exchange.body) <= limit:
            return None
        self._endpoint.counters.hit("max_message")
        return Reply.of(413, RequestTooBig(f"a message may have {limit} bytes (max_message)"))

    def _proved(self, login: Login | None, request: Request, exchange: Exchange) -> None:
        if exchange.way is Way.WEBSOCKET:
            self._upgrade(request, exchange, login)
            return
        client = _client(request)
        headers = exchange.text_headers()
        connection = _RequestConnection(self._endpoint, client.peer, headers, login)
        connection.address = client.address
        refusal = self._endpoint.admit(connection, client.address, identity=connection.identity)
        if refusal is not None:
            self._finish(request, exchange, Reply.of(503, Busy(refusal), RETRY_AFTER))
            return
        request.notifyFinish().addErrback(lambda _: connection.lost())
        answer = connection.answer(exchange.body)
        if isinstance(answer, Deferred):
            answer.addCallback(self._answered, connection, request, exchange)
        else:
            self._answered(answer, connection, request, exchange)

    def _answered(
        self, answer: bytes | None, connection: Connection, request: Request, exchange: Exchange
    ) -> None:
        connection.lost()
        self._finish(request, exchange, Responses.to_call(answer, connection.delay))

    def _not_proved(self, failure: Failure, request: Request, exchange: Exchange) -> None:
        self._finish(request, exchange, self._router.refusal_of(failure, exchange))

    def _finish(self, request: Request, exchange: Exchange, answer: Reply) -> None:
        if request.channel is None:  # the line is down
            return
        request.setResponseCode(answer.status)
        if answer.status != 204:
            request.setHeader(b"Content-Type", answer.content_type)
            request.setHeader(b"Content-Length", b"%d" % len(answer.body))
        for name, value in self._responses[request.isSecure()].fields(exchange, answer):
            request.responseHeaders.addRawHeader(name, value)
        if exchange.method != b"HEAD":
            request.write(answer.body)
        request.finish()

    def _upgrade(self, request: Request, exchange: Exchange, login: Login | None) -> None:
        """Take the line from the site and let a WebSocket have it."""
        if not isinstance(request.channel, HTTPChannel):
            self._finish(request, exchange, Reply.text(426, "WebSocket is for HTTP/1.1 here"))
            return
        if self._websockets is None:
            self._websockets = WebSocketFactory(self._endpoint)
        protocol = self._websockets.take_over(exchange.text_headers(), login)
        transport: Any = request.channel.transport
        address, _ = address_name(transport.getPeer())
        refusal = self._endpoint.admit(
            protocol, address, identity=None if login is None else login.identity
        )
        if refusal is not None:
            self._finish(request, exchange, Reply.text(503, refusal, RETRY_AFTER))
            return
        request.channel.setTimeout(None)
        request.channel.transport = None
        transport.unregisterProducer()
        hand_over(transport, protocol)
        transport.resumeProducing()
        protocol.dataReceived(exchange.head())


def _client(request: Request) -> _Client:
    return _Client(*address_name(request.getClientAddress()))


def _exchange(request: Request) -> Exchange:
    """The request in the form that the rules look at."""
    exchange = Exchange()
    exchange.method = request.method
    exchange.target = request.uri
    headers: Mapping[bytes, bytes] = {
        name.lower(): b", ".join(values)
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    exchange.headers = dict(headers)
    exchange.check_request_id()
    assert request.content is not None
    exchange.body = request.content.read()
    return exchange
