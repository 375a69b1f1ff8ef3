"""`/metrics`: what Prometheus reads, in its own format or in that of OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from twisted.web.server import Request

from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.figures import complete
from twisted_rpc.pages.page import Page, identity_of
from twisted_rpc.server import Server
from twisted_rpc.transports.web import Reply, WebRules

__all__ = ["page"]

_NAME = "rpc.metrics"
"""What access rules call it."""


class _Metrics(Page):
    """Shows the metrics of a server to who may see them.

    Args:
        rules: what `[web]` says.
        server: whose metrics.
    """

    def __init__(self, rules: WebRules, server: Server) -> None:
        super().__init__(rules)
        self._server = server
        self._registry = complete(server)

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        rights = self._server.rights_of(identity_of(request))
        if not (rights.permit(_NAME, "metrics") or rights.permit(_NAME, "admin")):
            return Reply.text(403, "the access level metrics is needed")
        encode, content_type = _format_for(request.getHeader(b"accept") or b"")
        return Reply(200, encode(self._registry), content_type)


def _format_for(accept: bytes) -> tuple[Callable[[Collector], bytes], bytes]:
    """What writes the format that somebody wants, and its content type.

    The library fails at versions that are no numbers: these are taken for none.
    """
    try:
        encode, content_type = choose_encoder(accept.decode("ascii"))
    except (TypeError, ValueError):
        encode, content_type = choose_encoder("")
    return encode, content_type.encode("ascii")


def page(chosen: Chosen, path: bytes) -> Page:
    """The page of a path."""
    return _Metrics(chosen.rules, chosen.server)
