"""`/healthz` and `/readyz`: whether the daemon turns, and whether it takes calls."""

from __future__ import annotations

from twisted.web.server import Request

from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.page import Page
from twisted_rpc.transports.web import Reply

__all__ = ["page"]


class _Alive(Page):
    """`/healthz`: that there is an answer says all that it says."""

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        return Reply.text(200, "ok")


def page(chosen: Chosen, path: bytes) -> Page:
    """The page of a path."""
    return _Alive(chosen.rules)
