"""A listener that sends every request on to another origin, and serves nothing else."""

from __future__ import annotations

import re

from twisted.cred.credentials import ICredentials

from twisted_rpc.endpoint import Endpoint
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.routing import Router
from twisted_rpc.transports.web import Reply

__all__ = ["RedirectFactory"]

_TARGET = re.compile(rb"(?:[A-Za-z]+://[^/]*)?(/[\x21-\x7e]*)")
"""Origin form, or absolute form, of which only the path is kept (RFC 9112, section 3.2)."""


class _Redirect(Router):
    """Answers 308, which keeps the method and the body (RFC 9110, section 15.4.9).

    Args:
        origin: where the requests belong; it is never taken from them.
    """

    def __init__(self, endpoint: Endpoint, router: Router, origin: str) -> None:
        super().__init__(endpoint, router.rules)
        self._origin = origin.encode("ascii")

    def route(
        self,
        exchange: Exchange,
        local_address: str,
        own: list[ICredentials],
        *,
        secure: bool = False,
    ) -> Reply | None:
        """See `Router.route`."""
        found = _TARGET.fullmatch(exchange.target)
        where = self._origin + (found[1] if found else b"/")
        return Reply.text(308, "this is served by TLS", (b"Location", where), closes=True)


class RedirectFactory(HTTPFactory):
    """Redirects.

    Args:
        endpoint: whose limits hold.
        origin: where to, such as `https://rpc.example.com`.
    """

    def __init__(self, endpoint: Endpoint, origin: str) -> None:
        super().__init__(endpoint)
        self.router = _Redirect(endpoint, self.router, origin)

    def startFactory(self) -> None:
        """There is no WebSocket here to be loaded."""
