"""Our pages, the application's site, and what is neither."""

from __future__ import annotations

import pytest
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.pages.harness import PagesTestCase
from tests.transports.web_client import get, reply_to


class _Leaf(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        assert request.postpath is not None
        return b"leaf " + b"|".join(request.postpath)


class TreeTest(PagesTestCase):
    """Without a site of the application's."""

    async def test_page(self) -> None:
        reply = await self.reply(get("/healthz"))
        assert (reply.status, reply.body) == (200, b"ok\n")
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"

    async def test_what_nobody_serves_is_refused_as_ever(self) -> None:
        assert (await self.reply(get("/nothing"))).status == 404
        assert (await self.reply(get("/rpc"))).status == 405

    async def test_page_that_is_switched_off(self) -> None:
        self.listener["health"] = False
        assert (await self.reply(get("/healthz"))).status == 404

    async def test_head_has_no_body(self) -> None:
        line = await self.open()
        assert (await reply_to(line, get("/healthz", method="HEAD"))).body == b""
        assert (await reply_to(line, get("/healthz"))).body == b"ok\n"

    async def test_target_in_absolute_form(self) -> None:
        line = await self.open()
        reply = await reply_to(line, get("http://localhost/healthz?x"))
        assert (reply.status, reply.body) == (200, b"ok\n")
        version = get("http://localhost/openrpc.json?version=1.4")
        assert (await reply_to(line, version)).json()["openrpc"] == "1.4.1"

    async def test_other_methods_are_refused(self) -> None:
        reply = await self.reply(get("/healthz", method="PUT"))
        assert reply.status == 405


class SiteTest(PagesTestCase):
    """Before a site of the application's."""

    @pytest.fixture(autouse=True)
    def _site(self) -> None:
        self.site = _Leaf()

    async def test_ours_comes_first(self) -> None:
        assert (await self.reply(get("/healthz"))).body == b"ok\n"

    async def test_leaf_sees_its_whole_path(self) -> None:
        assert (await self.reply(get("/a/b"))).body == b"leaf a|b"

    async def test_root(self) -> None:
        assert (await self.reply(get("/"))).body == b"leaf "
