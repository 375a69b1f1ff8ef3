"""`/openrpc.json`: the document of `rpc.discover`, by GET."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from tests.helpers import request
from tests.pages.harness import PagesTestCase
from tests.transports.web_client import get, post, reply_to
from twisted_rpc import Server
from twisted_rpc.config import WebTable
from twisted_rpc.transports.http import HTTPFactory

PATH = "/openrpc.json"
ORIGIN = "https://app.example.com"


def as_user(name: str) -> str:
    """The header field of somebody whose password is `secret`."""
    return f"Authorization: Basic {base64.b64encode(f'{name}:secret'.encode()).decode()}"


class DocumentTest(PagesTestCase):
    """Where nobody has to say who they are."""

    async def test_it_is_what_rpc_discover_answers(self) -> None:
        line = await self.open()
        page = await reply_to(line, get(PATH))
        call = await reply_to(line, post(request("rpc.discover")))
        assert page.json() == call.json()["result"]
        assert page.status == 200
        assert page.headers["content-type"] == "application/json"
        assert page.headers["cache-control"] == "no-cache"
        assert page.headers["vary"] == "Authorization, Origin"

    async def test_version(self) -> None:
        line = await self.open()
        assert (await reply_to(line, get(f"{PATH}?version=1.4"))).json()["openrpc"] == "1.4.1"
        refused = await reply_to(line, get(f"{PATH}?version=%ff"))
        assert (refused.status, refused.body[:24]) == (400, b"version: unknown, there ")

    async def test_who_has_it_is_told_so(self) -> None:
        line = await self.open()
        tag = (await reply_to(line, get(PATH))).headers["etag"]
        assert tag.startswith('"')
        for known in (tag, f'"other", W/{tag}', "*"):
            reply = await reply_to(line, get(PATH, f"If-None-Match: {known}"))
            assert (reply.status, reply.body) == (304, b"")
            assert reply.headers["etag"] == tag
            assert reply.headers["cache-control"] == "no-cache"
            assert "content-length" not in reply.headers
        for other in ('"other"', "\xff", f"x{tag[1:]}"):
            assert (await reply_to(line, get(PATH, f"If-None-Match: {other}"))).status == 200
        self.server.expose("more", lambda: 1)
        reply = await reply_to(line, get(PATH, f"If-None-Match: {tag}"))
        assert reply.status == 200
        assert reply.headers["etag"] != tag

    async def test_head_and_others(self) -> None:
        line = await self.open()
        head = await reply_to(line, get(PATH, method="HEAD"))
        assert (head.status, head.body) == (200, b"")
        assert (await reply_to(line, get(PATH, method="PUT"))).status == 405

    async def test_listener_without_it(self) -> None:
        self.listener["openrpc"] = False
        assert (await self.reply(get(PATH))).status == 404

    async def test_server_that_conceals_what_it_has(self) -> None:
        self.server.conceal()
        assert (await self.reply(get(PATH))).status == 404

    async def test_failure_is_no_traceback(self) -> None:
        self.server.title = "\ud800"
        reply = await self.reply(get(PATH))
        assert reply.status == 500
        assert len(self.flushLoggedErrors()) == 1


class _Closed(Server):
    def authorize(self, identity: Any, method: str, params: Any) -> bool:
        return method != "rpc.discover"


class ClosedTest(PagesTestCase):
    """Where `authorize` keeps the document from everybody."""

    async def test_there_is_no_page(self) -> None:
        self.server = _Closed(reactor=self.server.clock)
        assert (await self.reply(get(PATH))).status == 404


class NamespacesTest(PagesTestCase):
    """On a listener that serves some namespaces alone."""

    def make_factory(self, server: Server) -> HTTPFactory:
        factory = super().make_factory(server)
        factory.namespaces = ["deep"]
        factory.urls.append("http://127.0.0.1:1/")
        return factory

    async def test_nothing_else_is_in_it(self) -> None:
        self.server.expose("deep", {"one": lambda: 1})
        line = await self.open()
        page = (await reply_to(line, get(PATH))).json()
        assert [method["name"] for method in page["methods"]] == ["deep.one"]
        assert page["servers"] == [{"url": "http://127.0.0.1:1/"}]
        call = await reply_to(line, post(request("rpc.discover")))
        assert page == call.json()["result"]


class GuardedTest(PagesTestCase):
    """Where callers have to say who they are."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("ann", "bob"):
            self.server.enable_auth(name, "secret")
        self.server.set_access("bob", deny=["echo"])

    async def test_everybody_has_to(self) -> None:
        line = await self.open()
        assert (await reply_to(line, get(PATH))).status == 401
        reply = await reply_to(line, get(PATH, as_user("ann")))
        assert reply.headers["cache-control"] == "private, no-cache"
        assert "echo" in [method["name"] for method in reply.json()["methods"]]

    async def test_each_sees_what_it_may_call(self) -> None:
        line = await self.open()
        ann = await reply_to(line, get(PATH, as_user("ann")))
        bob = await reply_to(line, get(PATH, as_user("bob")))
        assert b'"echo"' in ann.body
        assert b'"echo"' not in bob.body
        assert ann.headers["etag"] != bob.headers["etag"]


class OriginTest(PagesTestCase):
    """For the pages of another origin that is listed."""

    table: ClassVar[WebTable] = WebTable(origins=(ORIGIN,))

    async def test_listed_origin_may_read_it(self) -> None:
        line = await self.open()
        reply = await reply_to(line, get(PATH, f"Origin: {ORIGIN}", "Sec-Fetch-Site: cross-site"))
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in reply.headers["vary"]

    async def test_other_may_not(self) -> None:
        reply = await self.reply(get(PATH, "Origin: https://evil.example"))
        assert reply.status == 403

    async def test_browser_asks_beforehand(self) -> None:
        self.server.enable_auth("ann", "secret")
        asked = (
            f"Origin: {ORIGIN}",
            "Access-Control-Request-Method: GET",
            "Access-Control-Request-Headers: authorization",
        )
        line = await self.open()
        reply = await reply_to(line, get(PATH, *asked, method="OPTIONS"))
        assert (reply.status, reply.body) == (204, b"")
        assert reply.headers["access-control-allow-methods"] == "GET, HEAD"
        assert "Authorization" in reply.headers["access-control-allow-headers"]
        assert reply.headers["allow"] == "GET, HEAD, OPTIONS"
        refused = await reply_to(line, get("/rpc", *asked, method="OPTIONS"))
        assert refused.status == 403
        assert (await reply_to(line, get("/healthz", *asked, method="OPTIONS"))).status == 405
        refusal = await reply_to(line, get(PATH, f"Origin: {ORIGIN}"))
        assert refusal.status == 401
        assert refusal.headers["access-control-allow-origin"] == ORIGIN
