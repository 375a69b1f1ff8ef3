"""What the console is served as; what it does is tried in a browser, in tests/console."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.pages.harness import PagesTestCase
from tests.transports.harness import AT_ONCE
from tests.transports.web_client import get
from twisted_rpc import __version__
from twisted_rpc.listener import Listener

STATIC = files("twisted_rpc.pages") / "static" / "console"


class ConsoleTest(PagesTestCase):
    """Where only this machine reaches it."""

    async def test_page(self) -> None:
        reply = await self.reply(get("/console/"))
        assert (reply.status, reply.body) == (200, (STATIC / "index.html").read_bytes())
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        policy = dict(
            part.strip().split(" ", 1)
            for part in reply.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"

    async def test_files(self) -> None:
        for name, kind in {
            "main.js": "text/javascript",
            "console.css": "text/css",
            "icon.svg": "image/svg+xml",
            "vendor/preact.js": "text/javascript",
        }.items():
            reply = await self.reply(get(f"/console/{name}"))
            assert (reply.status, reply.body) == (200, (STATIC / name).read_bytes())
            assert reply.headers["content-type"].startswith(kind)

    async def test_nothing_else_is_served(self) -> None:
        for name in (
            "nothing.js",
            "vendor/",
            "vendor/LICENSE-htm.txt",
            "../client.js",
            "..%2fclient.js",
            "vendor/../main.js",
            "/main.js",
            "main.js/",
            "%ff.js",
        ):
            reply = await self.reply(get(f"/console/{name}"))
            assert reply.status == 404, name

    async def test_redirection(self) -> None:
        for path in ("/", "/console"):
            reply = await self.reply(get(path))
            assert (reply.status, reply.headers["location"]) == (303, "/console/")

    async def test_switched_off(self) -> None:
        self.listener["console"] = False
        await self.check_absent()

    async def test_absent_without_the_client_it_calls_by(self) -> None:
        self.listener["client"] = False
        await self.check_absent()

    async def check_absent(self) -> None:
        for path in ("/console/", "/console/main.js", "/console"):
            assert (await self.reply(get(path))).status == 404
        assert (await self.reply(get("/"))).status == 405

    async def test_settings(self) -> None:
        assert await self.settings() == {
            "version": __version__,
            "path": "/",
            "requires_login": False,
            "kinds": [],
            "identity": None,
            "metrics": True,
        }

    async def test_settings_of_a_port_without_metrics(self) -> None:
        self.listener["metrics"] = False
        assert (await self.settings())["metrics"] is False

    async def settings(self, *fields: str) -> Any:
        reply = await self.reply(get("/console/settings.json", *fields))
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        return msgspec.json.decode(reply.body)


def basic(user: str, password: str) -> str:
    return "Authorization: Basic " + b64encode(f"{user}:{password}".encode()).decode()


class PathTest(ConsoleTest):
    """On a port where RPC has a path of its own."""

    path = "/api"

    async def test_settings(self) -> None:
        assert (await self.settings())["path"] == "/api"

    async def check_absent(self) -> None:
        for path in ("/console/", "/console/main.js", "/console", "/"):
            assert (await self.reply(get(path))).status == 404


class GuardedTest(ConsoleTest):
    """Where callers have to log in, the page itself is for everybody."""

    limits = AT_ONCE

    def setUp(self) -> None:
        super().setUp()
        self.server.enable_auth(InMemoryUsernamePasswordDatabaseDontUse(alice=b"wonderland"))
        self.server.enable_auth(AllowAnonymousAccess())

    async def test_settings(self) -> None:
        settings = await self.settings()
        assert settings["requires_login"] is True
        assert settings["kinds"] == ["password", "anonymous"]
        assert (settings["identity"], settings["metrics"]) == (None, False)

    async def test_settings_of_who_logs_in(self) -> None:
        settings = await self.settings(basic("alice", "wonderland"))
        assert (settings["identity"], settings["metrics"]) == ("alice", False)
        for role in ("metrics", "admin"):
            self.server.set_access("alice", roles=[role])
            login = basic("alice", "wonderland")
            assert (await self.reply(get("/metrics", login))).status == 200
            assert (await self.settings(login))["metrics"] is True

    async def test_wrong_password(self) -> None:
        reply = await self.reply(get("/console/settings.json", basic("alice", "wrong")))
        assert reply.status == 401


class _Own(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"own"


class SiteTest(PagesTestCase):
    """Beside a site of the application's."""

    @pytest.fixture(autouse=True)
    def _site(self) -> None:
        self.site = _Own()

    async def test_root_is_the_site_s(self) -> None:
        assert (await self.reply(get("/"))).body == b"own"
        assert (await self.reply(get("/console/"))).status == 200


class PublicTest(PagesTestCase):
    """Where others reach it, there is none unless the listener says so."""

    is_own = False

    async def test_page(self) -> None:
        assert (await self.reply(get("/console/"))).status == 404
        assert (await self.reply(get("/"))).status == 405

    async def test_page_that_is_asked_for(self) -> None:
        self.listener["console"] = True
        assert (await self.reply(get("/console/"))).status == 200


def test_console_needs_the_client() -> None:
    with pytest.raises(ValueError, match="console needs client"):
        Listener(transport="http", endpoint="tcp:0", console=True, client=False)
