"""The client's end of HTTP: each call, or batch, is a request of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from msgspec import UNSET
from OpenSSL import SSL
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    DeferredSemaphore,
    succeed,
)
from twisted.internet.error import ConnectionClosed, ConnectionDone
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    ProxyAgent,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from twisted_rpc import codec
from twisted_rpc.connection import Connection
from twisted_rpc.correlation import header_fields
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import (
    AuthenticationFailed,
    CallError,
    CallTimeout,
    ConnectionLost,
    ConnectionRefused,
    ProtocolError,
    nobody_calls,
)
from twisted_rpc.message import Invalid, Message
from twisted_rpc.outgoing import Call
from twisted_rpc.transports.bodies import AnswerBody, RequestBody
from twisted_rpc.transports.tunnel import ProxyEndpoint

__all__ = ["http_connector"]

_EXCERPT = 200
"""So much of an answer that is none is told."""

_FIELDS = {
    "Content-Type": ["application/json"],
    "Accept": ["application/json"],
    "Accept-Encoding": ["gzip"],
}
_EVENTS = "text/event-stream"
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})
"""Those of RFC 9110, section 8.4.1, that we read."""

Explain = Callable[[Failure], CallError]
"""From a failure to connect to an error that says what to do."""


class HTTPClientConnection(Connection):
    """Calls over HTTP: nothing comes but answers.

    Args:
        owner: the client.
        url: where calls are posted to.
        headers: header fields of each request.
        agent: sends requests.
        pool: its lines, which are closed with the connection.
        explain: says what a failure to connect means.
        proxy: where the proxy is that forwards them, for messages; empty without one.
    """

    transport: ClassVar[str] = "http"

    def __init__(
        self,
        owner: Endpoint,
        url: str,
        headers: Headers,
        *,
        agent: Any,
        pool: HTTPConnectionPool,
        explain: Explain,
        proxy: str,
    ) -> None:
        super().__init__(owner, url)
        self._answerer = f"{url} (by the proxy {proxy})" if proxy else url
        self._url = url.encode("ascii")
        self._fields = headers
        self._agent = agent
        self._pool = pool
        self._explain = explain
        self._requests: set[Deferred[Any]] = set()
        self._not_taken: CallError | None = None
        self._turns = DeferredSemaphore(owner.limits.max_in_flight or 1 << 31)

    def transmit(self, message: bytes, calls: Sequence[Call]) -> None:
        """See `Connection.transmit`."""
        if self._tracing:
            self._owner.traced("-->", message, self)
        asked: Deferred[Any] = self._turns.run(self._post, message, self._fields_of(calls))
        if not calls and self.call_timeout is not None:  # nobody's deadline ends it otherwise
            asked.addTimeout(self.call_timeout, self.clock, self._took_too_long)
        self._requests.add(asked)
        wanted = set(calls)
        for call in calls:
            call.forget = partial(self._unwanted, call, wanted, asked, call.forget)
        asked.addCallbacks(self._answered, self._failed, (calls,), {}, (calls,))
        asked.addBoth(lambda _: self._requests.discard(asked))

    def _unwanted(
        self, call: Call, wanted: set[Call], asked: Deferred[Any], forget: Callable[[], None]
    ) -> None:
        """A request ends with the last of its calls: it would hold up those that wait."""
        forget()
        wanted.discard(call)
        if not wanted:
            asked.cancel()

    def _took_too_long(self, _: object, seconds: float) -> Any:
        text = f"a notification was not taken within {seconds:g} seconds (call_timeout)"
        raise CallTimeout(f"{self._answerer}: {text}")

    def _fields_of(self, calls: Sequence[Call]) -> Headers:
        """The header fields of a request: what all of its calls hand on is said there, too."""
        common = calls[0].correlation if calls else None
        if common is None or any(call.correlation != common for call in calls):
            return self._fields
        fields = self._fields.copy()
        _set_fields(fields, header_fields(common))
        return fields

    def _post(self, message: bytes, fields: Headers) -> Deferred[bytes]:
        body = RequestBody(message)
        asked: Deferred[Any] = self._agent.request(b"POST", self._url, fields, body)
        return asked.addCallback(self._responded)

    def _responded(self, response: Any) -> Deferred[bytes]:
        encoding = _field(response, "Content-Encoding")
        limit = self._limits.max_message or 1 << 62
        body = AnswerBody(limit, self.peer, gzipped=encoding in ("gzip", "x-gzip"))
        status = f"{response.code} {response.phrase.decode('latin-1')}"
        if _field(response, "Content-Type").partition(";")[0].strip() == _EVENTS:
            body.refuse(ProtocolError(f"{self.peer} answered {status} with a stream, {_EVENTS}"))
        elif encoding not in _ENCODINGS:
            body.refuse(ProtocolError(f"{self.peer} answered {status} encoded as {encoding!r}"))
        response.deliverBody(body)
        return body.whole.addCallback(self._checked, response.code, status)

    def _checked(self, body: bytes, code: int, status: str) -> bytes:
        if code == 407:
            hint = "check user and password in http_proxy"
            raise AuthenticationFailed(f"{self.peer}: the proxy answered {status}: {hint}")
        excerpt = " ".join(body[:_EXCERPT].decode("utf-8", "replace").split())
        said = f": {excerpt}" if excerpt else ""
        if code in (401, 403):  # a 403 is not always for who we are, and may say what for
            why = said if code == 403 and said else ": check user, password or token"
            raise AuthenticationFailed(f"{self.peer} {status}{why}")
        told = code == 429 and body.startswith(b"{")
        if code not in (200, 204) and not told:
            raise ProtocolError(f"{self.peer} answered {status}{said}")
        return body

    def _answered(self, body: bytes, calls: Sequence[Call]) -> None:
        if self._tracing and body:
            self._owner.traced("<--", body, self)
        decoded = codec.decode(body, self._owner.dispatcher.max_depth) if body else []
        if isinstance(decoded, Message) and decoded.id is None and _is_error(decoded):
            self._refused(decoded, calls)
            return
        said = ""
        for item in decoded if isinstance(decoded, list) else [decoded]:
            message = item.meant if isinstance(item, Invalid) else item
            if message is None:
                said = f": {item.error.data}"  # type: ignore[union-attr]  # it is `Invalid`
            elif message.method is not UNSET:
                said = ": it sent a request, and nobody can be called over HTTP"
            elif (
                message.id is None or not self.take_response(message)
            ) and message.error is not UNSET:
                said = f": {bytes(message.error)[:_EXCERPT].decode('utf-8', 'replace')}"
        self._fail(calls, lambda name: ProtocolError(f"{name}: no answer from {self.peer}{said}"))

    def _refused(self, message: Message, calls: Sequence[Call]) -> None:
        """An error with id null (section 5) answers the request that it is the response to."""
        for call in calls:
            if not call.result.called and self._calls.take_back(call):
                call.answered(message)

    def _failed(self, failure: Failure, calls: Sequence[Call]) -> None:
        error = self._error(failure)
        for call in calls:
            is_lost = isinstance(error, (ConnectionLost, ConnectionRefused))
            if is_lost and call.retries and self._calls.take_back(call):
                call.retries(call)
        self._fail(calls, lambda name: type(error)(f"{name}: {error}"))
        if not calls:
            self._not_taken = error

    def _error(self, failure: Failure) -> CallError:
        if failure.check(CancelledError):
            return ConnectionLost(f"the connection to {self.peer} was closed")
        breach = _breach(failure)
        if breach:
            return ProtocolError(f"{self._answerer} {breach}")
        return self._explain(failure)

    def _fail(self, calls: Sequence[Call], error: Callable[[str], CallError]) -> None:
        for call in calls:
            if not call.result.called and self._calls.take_back(call):
                call.fail(error(call.method))

    def notify_encoded(self, notification: bytes) -> None:
        """See `Connection.notify_encoded`."""
        if self.is_closed:
            raise ConnectionLost(f"the connection to {self.peer} is closed")
        self.transmit(notification, [])

    def check_hears(self, what: str) -> None:
        """See `Connection.check_hears`: nobody is heard over HTTP."""
        raise nobody_calls(what, self.peer)

    def notified(self) -> Deferred[None]:
        """A Deferred that fires when the server has taken the notifications so far.

        It fails with a `CallError` where one was not taken since this was asked before.
        """

        def finish(_: object) -> None:
            error, self._not_taken = self._not_taken, None
            if error is not None:
                raise error

        return DeferredList([_end_of(asked) for asked in self._requests]).addCallback(finish)

    def close(self) -> None:
        """See `Connection.close`."""
        self._pool.persistent = False
        self._calls.lost(f"the connection to {self.peer} was closed")
        for asked in tuple(self._requests):
            asked.cancel()
        self._pool.closeCachedConnections()
        self.lost()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self.close()

    def _cancel_there(self, request_id: int | str) -> None:
        """Nobody could be told of it; `transmit` sees to the end of its request."""

    def _set_reading(self, reading: bool) -> None:
        """The agent reads."""


def _is_error(message: Message) -> bool:
    return message.error is not UNSET and bytes(message.error) != b"null"


def _breach(failure: Failure) -> str:
    """What a server did that HTTP (RFC 9112) does not allow; empty if the line was lost."""
    error = failure.value
    if not isinstance(error, ResponseFailed) or isinstance(error, ResponseNeverReceived):
        return ""
    reason = error.reasons[0]
    if reason.check(ConnectionDone):
        if error.response is not None:
            return "cut its answer off"
        # A line that is too long ends in the same way: it is the parser that hangs up.
        longest = LineReceiver.MAX_LENGTH
        return f"cut its answer off, or a line of its head has more than {longest} bytes"
    if reason.check(ConnectionClosed, CancelledError, SSL.Error):
        return ""
    return f"does not answer in HTTP: {_misread(reason.value)[:_EXCERPT]}"


def _misread(error: Any) -> str:
    """What the agent's parser could not read."""
    if hasattr(error, "data"):
        return f"its answer begins with {error.data!r}"
    if isinstance(error, KeyError):
        return f"its Transfer-Encoding is {error}"
    return f"a broken head: {error}" if isinstance(error, ValueError) else str(error)


def _end_of(asked: Deferred[Any]) -> Deferred[None]:
    ended: Deferred[None] = Deferred()

    def end(outcome: Any) -> Any:
        ended.callback(None)
        return outcome

    asked.addBoth(end)
    return ended


def http_connector(
    endpoint: IStreamClientEndpoint,
    url: str,
    headers: Mapping[str, str],
    explain: Explain,
    *,
    reactor: Any,
) -> Callable[[Endpoint], Deferred[Connection]]:
    """A function that makes a connection of an `Endpoint` of ours over HTTP.

    Nothing is sent before the first call.

    Args:
        endpoint: where requests are sent, TLS and a tunnel included, if any; or the proxy
            that is to forward them (RFC 9112, section 3.2.2).
        url: where calls are posted to.
        headers: header fields of each request.
        explain: says what a failure to connect means.
        reactor: has the timers of idle lines.
    """

    def connect(owner: Endpoint) -> Deferred[Connection]:
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost = owner.limits.max_in_flight or 1 << 31
        pool.retryAutomatically = False
        fields = Headers(_FIELDS)
        place = _Quiet(endpoint)
        proxy = ""
        if isinstance(endpoint, ProxyEndpoint):
            agent: Any = ProxyAgent(place, reactor, pool)
            _set_fields(fields, endpoint.headers)
            proxy = endpoint.name
        else:
            agent = Agent.usingEndpointFactory(reactor, _OnePlace(place), pool)
        _set_fields(fields, headers)
        connection = HTTPClientConnection(
            owner, url, fields, agent=agent, pool=pool, explain=explain, proxy=proxy
        )
        connection.opened()
        return succeed(connection)

    return connect


@implementer(IStreamClientEndpoint)
class _Quiet:
    """An endpoint whose factories do not log that they start and stop with each line."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        protocolFactory.noisy = False  # type: ignore[attr-defined]  # that of the agent's pool
        connecting: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connecting


@implementer(IAgentEndpointFactory)
class _OnePlace:
    """The place that every request goes to, whatever its URL says."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        return self._endpoint


def _set_fields(fields: Headers, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        fields.setRawHeaders(name, [value])


def _field(response: Any, name: str) -> str:
    """A header field in lower case; empty if it is not there."""
    return ", ".join(response.headers.getRawHeaders(name, [])).lower()
