"""`/healthz` and `/readyz`: whether the daemon turns, and whether it takes calls."""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

from twisted_rpc import codec
from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.page import Page, identity_of
from twisted_rpc.server import Server
from twisted_rpc.transports.web import JSON, Reply

__all__ = ["page"]


class _Alive(Page):
    """`/healthz`: that there is an answer says all that it says."""

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        return Reply.text(200, "ok")


class _Ready(Page):
    """`/readyz`: 200 or 503, and what the checks have found for who may see it."""

    def __init__(self, chosen: Chosen) -> None:
        super().__init__(chosen.rules)
        self._server = chosen.server
        self._is_own = chosen.is_own

    async def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        report = await self._server.health.report()
        status = 200 if report.ready else 503
        if self._shows_details(identity_of(request)):
            return Reply(status, codec.encode(report), JSON)
        return Reply.text(status, "ok" if report.ready else "not ready")

    def _shows_details(self, identity: Any) -> bool:
        server: Server = self._server
        if not (server.requires_authentication or self._is_own):
            return False
        return server.rights_of(identity).permit("rpc.health", "admin")


def page(chosen: Chosen, path: bytes) -> Page:
    """The page of a path."""
    return _Alive(chosen.rules) if path == b"/healthz" else _Ready(chosen)
