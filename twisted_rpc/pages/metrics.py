"""`/metrics`: what Prometheus reads, in its own format or in that of OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from twisted.web.server import Request

from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.figures import complete
from twisted_rpc.pages.page import Page, identity_of
from twisted_rpc.transports.web import Reply

__all__ = ["page"]


class _Metrics(Page):
    """Shows the metrics of a server to who may see them.

    Args:
        chosen: what else the listener shows.
    """

    def __init__(self, chosen: Chosen) -> None:
        super().__init__(chosen.rules)
        self._chosen = chosen
        self._registry = complete(chosen.server)

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        if not self._chosen.shows_metrics_to(identity_of(request)):
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
    return _Metrics(chosen)
