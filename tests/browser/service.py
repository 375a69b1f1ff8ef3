"""What the daemons of these tests serve: a counter, and a page of their own."""

from __future__ import annotations

from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.static import Data

from twisted_rpc import Context, RemoteError, method


class Counter:
    """How often somebody has called `bump`; and what goes the other way."""

    def __init__(self) -> None:
        self._count = 0

    @method
    def bump(self) -> int:
        self._count += 1
        return self._count

    @method
    def read(self) -> int:
        return self._count

    @method
    async def ask(self, ctx: Context, name: str, params: list[Any]) -> Any:
        """Call the page; the code of its error if it answers with one."""
        try:
            return await ctx.connection.call(name, params)
        except RemoteError as error:
            return error.code

    @method
    def tell(self, ctx: Context, name: str, params: list[Any]) -> None:
        """Notify the page."""
        ctx.connection.notify(name, params)

    @method
    def drop(self, ctx: Context) -> None:
        """Cut the line."""
        ctx.connection.abort()


class Site(Resource):
    """The daemon's own page."""

    def __init__(self) -> None:
        super().__init__()
        self.putChild(b"page", Data(b"<!doctype html><title>own</title>", "text/html"))


class StrictSite(Resource):
    """A page that may run scripts of its own origin, and make nothing of texts."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        policy = b"default-src 'none'; script-src 'self'; connect-src 'self'"
        policy += b"; require-trusted-types-for 'script'"
        request.setHeader(b"Content-Security-Policy", policy)
        return b"<!doctype html><title>strict</title>"
