"""Files of the package: bytes, types, and what a browser that has them already is told."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tests.pages.harness import PagesTestCase
from tests.transports.web_client import Reply, get, reply_to
from twisted_rpc.config import WebTable

STATIC = files("twisted_rpc.pages") / "static"


class StaticTest(PagesTestCase):
    """The browser's client, which everybody may load."""

    async def test_script(self) -> None:
        reply = await self.reply(get("/client.js"))
        assert (reply.status, reply.body) == (200, (STATIC / "client.js").read_bytes())
        assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-cache"
        assert reply.headers["x-typescript-types"] == "./client.d.ts"

    async def test_types(self) -> None:
        reply = await self.reply(get("/client.d.ts"))
        assert (reply.status, reply.body) == (200, (STATIC / "client.d.ts").read_bytes())
        assert reply.headers["content-type"] == "application/typescript; charset=utf-8"
        assert "x-typescript-types" not in reply.headers

    async def test_what_is_known_is_not_sent_again(self) -> None:
        line = await self.open()
        tag = (await reply_to(line, get("/client.js"))).headers["etag"]
        assert tag[0] == tag[-1] == '"'
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            reply = await reply_to_known(self, known)
            assert (reply.status, reply.body) == (304, b"")
            assert reply.headers["etag"] == tag
            assert reply.headers["cache-control"] == "no-cache"
            assert not {"content-type", "content-length"} & set(reply.headers)

    async def test_what_is_not_known_is_sent(self) -> None:
        tag = (await self.reply(get("/client.js"))).headers["etag"]
        for known in ('"other"', tag[:-2] + '"', tag.strip('"'), "", "garbage"):
            assert (await reply_to_known(self, known)).status == 200

    async def test_line_goes_on_after_304(self) -> None:
        line = await self.open()
        assert (await reply_to(line, get("/client.js", "If-None-Match: *"))).status == 304
        assert (await reply_to(line, get("/healthz"))).body == b"ok\n"

    async def test_files_have_different_tags(self) -> None:
        script, types = [await self.reply(get(path)) for path in ("/client.js", "/client.d.ts")]
        assert script.headers["etag"] != types.headers["etag"]

    async def test_head(self) -> None:
        reply = await self.reply(get("/client.js", method="HEAD"))
        assert reply.headers["content-length"] == str(len((STATIC / "client.js").read_bytes()))
        assert reply.body == b""

    async def test_switched_off(self) -> None:
        self.listener["client"] = False
        assert (await self.reply(get("/client.js"))).status == 404
        assert (await self.reply(get("/client.d.ts"))).status == 404

    async def test_nothing_else_is_served(self) -> None:
        for path in ("/client.js/", "/../static.py", "/static.py", "/%63lient.js", "//client.js"):
            assert (await self.reply(get(path))).status == 404


async def reply_to_known(test: PagesTestCase, known: str) -> Reply:
    return await test.reply(get("/client.js", f"If-None-Match: {known}"))


class OriginsTest(PagesTestCase):
    """A page of a listed origin may import the client, as it may call."""

    table = WebTable(origins=("https://app.example",))

    @pytest.fixture(autouse=True)
    def _shown(self) -> None:
        self.is_own = False

    async def test_listed(self) -> None:
        reply = await self.reply(get("/client.js", "Origin: https://app.example"))
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == "https://app.example"
        assert reply.headers["vary"] == "Origin"
        assert "cross-origin-resource-policy" not in reply.headers

    async def test_listed_and_known(self) -> None:
        reply = await self.reply(
            get("/client.js", "Origin: https://app.example", "If-None-Match: *")
        )
        assert reply.status == 304
        assert reply.headers["access-control-allow-origin"] == "https://app.example"

    async def test_others(self) -> None:
        for origin in ("https://evil.example", "null"):
            reply = await self.reply(get("/client.js", f"Origin: {origin}"))
            assert reply.status == 403
            assert "access-control-allow-origin" not in reply.headers

    async def test_own_page(self) -> None:
        reply = await self.reply(get("/client.js", "Sec-Fetch-Site: same-origin"))
        assert reply.status == 200
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
