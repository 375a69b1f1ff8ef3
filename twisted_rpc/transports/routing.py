"""Where an HTTP request goes, decided from its head."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, IUsernamePassword
from twisted.python.failure import Failure
from twisted.web.resource import IResource

from twisted_rpc.auth.credentials import IBearerToken, header_credentials
from twisted_rpc.auth.logins import TooManyAttempts
from twisted_rpc.auth.portal import OutOfOrder
from twisted_rpc.auth.tickets import Ticket
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.transports import web
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.web import Reply, WebRules

__all__ = ["Asks", "Pages", "Router", "Site", "Way"]


class Way(Enum):
    """What works on a request."""

    RPC = "rpc"
    WEBSOCKET = "websocket"
    SITE = "site"


class Asks(Enum):
    """Whether a page asks its visitor who they are, where a server asks anybody at all."""

    NOBODY = "nobody"
    WHO_SAYS_SO = "who says so"
    EVERYBODY = "everybody"


class Pages(Protocol):
    """What a listener serves on the paths that are not RPC's."""

    @property
    def resource(self) -> IResource:
        """A `twisted.web` resource that answers, made when it is needed."""

    def asks(self, path: bytes) -> Asks | None:
        """Who has to say who they are to read a path; None if nobody serves it."""


class Site:
    """A site of the application's, which sees to everything by itself.

    Args:
        resource: what serves all its paths.
    """

    def __init__(self, resource: IResource) -> None:
        self.resource = resource

    def asks(self, path: bytes) -> Asks | None:
        """See `Pages.asks`."""
        return Asks.NOBODY


class Router:
    """Sends each request its way, or refuses it before its body is read.

    Args:
        endpoint: for whether callers have to prove who they are.
        rules: what `[web]` allows.
        pages: what serves the paths that are not RPC's, and GET on those that are.
        mounted: whether all that comes here is for RPC, whatever its path.
        posts: whether RPC by POST is served, and not WebSocket alone.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        rules: WebRules,
        *,
        pages: Pages | None = None,
        mounted: bool = False,
        posts: bool = True,
    ) -> None:
        self.rules = rules
        self._endpoint = endpoint
        self._pages = pages
        self._mounted = mounted
        self._posts = posts

    def route(
        self,
        exchange: Exchange,
        local_address: str,
        own: list[ICredentials],
        *,
        secure: bool = False,
    ) -> Reply | None:
        """Set a request's `way` and `credentials`; or say how it is refused.

        Args:
            exchange: a request whose head is there.
            local_address: where its connection came in.
            own: what its line proves its far side with; see `line_credentials`.
            secure: whether that is TLS.
        """
        headers = exchange.headers
        rules = self.rules
        refusal = rules.check_host(exchange.target, headers, local_address)
        refusal = refusal or rules.check_page(exchange.method, headers, secure=secure)
        if refusal is not None:
            return refusal
        if not self._mounted and web.path_of(exchange.target) not in rules.paths:
            return self._to_page_or(exchange, own, Reply.text(404, "there is nothing here"))
        if exchange.is_websocket:
            exchange.way = Way.WEBSOCKET
            exchange.keep_alive = False  # whatever becomes of it, HTTP ends here
            refusal = rules.check_upgrade(headers)
            return refusal or self._check_credentials(exchange, own, needed=False)
        return self._route_rpc(exchange, own)

    def _route_rpc(self, exchange: Exchange, own: list[ICredentials]) -> Reply | None:
        headers = exchange.headers
        if exchange.method == b"OPTIONS":
            return self.rules.options(headers)
        if not self._posts:
            upgrade = (b"Upgrade", b"websocket")
            return Reply.text(426, "only WebSocket is served here", upgrade)
        if exchange.method in (b"GET", b"HEAD"):
            return self._to_page_or(exchange, own, web.not_allowed())
        if exchange.method != b"POST":
            return web.not_allowed()
        exchange.way = Way.RPC
        exchange.may_repeat = True
        if b"content-type" not in headers:
            # The ancestor's client never ends a request, so Node never uses its connection
            # again and keeps it open: a hundred calls, and it is one connection too many.
            exchange.keep_alive = False
        refusal = self.rules.check_call(headers)
        return refusal or self._check_credentials(exchange, own, needed=True)

    def _to_page_or(
        self, exchange: Exchange, own: list[ICredentials], refusal: Reply
    ) -> Reply | None:
        asks = self._asks(exchange)
        if asks is None:
            return refusal
        if asks is not Asks.NOBODY and exchange.method == b"OPTIONS":
            # A browser asks beforehand, without credentials, whether a page may send them.
            return self.rules.options(exchange.headers, b"GET, HEAD")
        exchange.way = Way.SITE
        if asks is Asks.NOBODY:
            return None
        return self._check_credentials(exchange, own, needed=asks is Asks.EVERYBODY)

    def _asks(self, exchange: Exchange) -> Asks | None:
        return None if self._pages is None else self._pages.asks(web.path_of(exchange.target))

    def _check_credentials(
        self, exchange: Exchange, own: list[ICredentials], *, needed: bool
    ) -> Reply | None:
        """Refuse a request without credentials at once; who they belong to is asked later."""
        if not self._endpoint.requires_authentication:
            return None
        header = exchange.authorization
        if header:
            found = header_credentials(header.decode("latin-1"))
            if found is None:
                return self._unauthorized("the Authorization header is neither Basic nor Bearer")
            exchange.credentials = [found]
        elif exchange.is_websocket and (ticket := web.ticket_in(exchange.target)) is not None:
            # The ticket takes the header's place, so that it is not asked about twice.
            exchange.headers[b"authorization"] = b"Ticket " + ticket
            exchange.credentials = [Ticket(ticket.decode("latin-1"))]
        elif needed and self._endpoint.logins.takes(IAnonymous):
            exchange.credentials = [*own, Anonymous()]
        elif own:
            exchange.credentials = own
        elif needed:
            return self._unauthorized("send an Authorization header")
        return None

    def may_be_nobody(self, exchange: Exchange) -> bool:
        """Whether a request goes its way though its line proves nothing: it says nothing itself."""
        if exchange.authorization:
            return False
        if exchange.way is Way.WEBSOCKET:
            return True  # it may still say who it is, by a call of auth
        return exchange.way is Way.SITE and self._asks(exchange) is Asks.WHO_SAYS_SO

    def refusal_of(self, failure: Failure, exchange: Exchange) -> Reply:
        """How HTTP says that a login has failed."""
        error = failure.value
        if isinstance(error, TooManyAttempts):
            return web.too_many_attempts(error.retry_after)
        if isinstance(error, OutOfOrder):
            return web.out_of_order()
        return self._unauthorized("invalid credentials")

    def _unauthorized(self, why: str) -> Reply:
        logins = self._endpoint.logins
        return web.unauthorized(
            why, basic=logins.takes(IUsernamePassword), bearer=logins.takes(IBearerToken)
        )
