"""`/openrpc.json`: what `rpc.discover` answers, for who asks by GET."""

from __future__ import annotations

from twisted.web.server import Request

from twisted_rpc.context import Context
from twisted_rpc.discovery import Described
from twisted_rpc.errors import InvalidParams
from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.page import Page, factory_of, identity_of, is_known
from twisted_rpc.server import DISCOVER, Server
from twisted_rpc.transports.web import JSON, Reply, WebRules

__all__ = ["page"]


class _OpenRPC(Page):
    """The document as its visitor sees it; `?version=1.4` asks for another edition."""

    def __init__(self, server: Server, rules: WebRules) -> None:
        super().__init__(rules)
        self._server = server

    async def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        dispatcher = self._server.dispatcher
        factory = factory_of(request)
        identity = identity_of(request)
        view = dispatcher.views.of(identity, factory.namespaces)
        context = Context(method=DISCOVER, identity=identity, view=view)
        if not await dispatcher.invoker.known([DISCOVER], context):
            return Reply.text(404, "there is nothing here")
        version = (request.args or {}).get(b"version", [b"1.3"])[0].decode("utf-8", "replace")
        try:
            described = await self._server.discovery.describe(context, version, factory.urls)
        except InvalidParams as error:
            return Reply.text(400, str(error.data))
        return self._found(described, request)

    def _found(self, described: Described, request: Request) -> Reply:
        """The document, or that the visitor has it already."""
        tag = f'"{described.tag}"'.encode("ascii")
        private = "private, " if self._server.requires_authentication else ""
        headers = (
            (b"ETag", tag),
            (b"Cache-Control", f"{private}no-cache".encode()),
            (b"Vary", b"Authorization, Origin"),
        )
        if is_known(request, tag):
            return Reply(304, b"", JSON, headers)
        return Reply(200, described.text, JSON, headers)


def page(chosen: Chosen, path: bytes) -> Page:
    """The page of a path."""
    return _OpenRPC(chosen.server, chosen.rules)
