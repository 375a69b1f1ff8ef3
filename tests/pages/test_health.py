"""`/healthz` and `/readyz`, as probes and people see them."""

from __future__ import annotations

import base64
from typing import ClassVar

from twisted.internet.defer import Deferred

from tests.pages.harness import PagesTestCase
from tests.transports.harness import AT_ONCE, until
from tests.transports.web_client import Reply, get
from twisted_rpc.health import KEPT


def _login(user: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{user}:{user}".encode()).decode()


class ProbeTest(PagesTestCase):
    """Where nobody is asked who they are, and only this machine comes."""

    async def test_ready_with_details(self) -> None:
        self.server.add_check("database", lambda: None)
        reply = await self.reply(get("/readyz"))
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        report = reply.json()
        (check,) = report.pop("checks")
        assert report == {"ready": True, "reason": None}
        assert check.pop("since").endswith("Z")
        assert check == {"name": "database", "ok": True, "milliseconds": 0.0, "error": None}

    async def test_not_ready_though_alive(self) -> None:
        self.server.add_check("database", lambda: "no connection")
        reply = await self.reply(get("/readyz"))
        assert (reply.status, reply.json()["checks"][0]["error"]) == (503, "no connection")
        assert (await self.reply(get("/healthz"))).status == 200

    async def test_head(self) -> None:
        self.server.add_check("database", lambda: False)
        reply = await self.reply(get("/readyz", method="HEAD"))
        assert (reply.status, reply.body) == (503, b"")

    async def test_visitor_who_leaves_ends_no_check(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.server.add_check("slow", lambda: waiting)
        first, second = await self.open(), await self.open()
        for line in (first, second):
            line.send(get("/readyz"))
        await self.waiting_for(2)
        first.abort()
        await self.waiting_for(1)
        waiting.callback(None)
        assert b"200 OK" in await second.take_through(b"\r\n")
        self.clock.advance(KEPT)

    async def waiting_for(self, count: int) -> None:
        """Wait until so many visitors wait."""
        await until(lambda: len(self.server.health._visitors) == count)


class PublicTest(PagesTestCase):
    """Where others come, and nobody is asked who they are."""

    is_own = False

    async def test_status_and_no_more(self) -> None:
        remove = self.server.add_check("database", lambda: "no connection to db.example")
        reply = await self.reply(get("/readyz"))
        assert (reply.status, reply.body) == (503, b"not ready\n")
        remove()
        assert (await self.reply(get("/readyz"))).body == b"ok\n"


class LoginTest(PagesTestCase):
    """Where callers have to say who they are."""

    limits = AT_ONCE
    USERS: ClassVar[dict[str, tuple[str, ...]]] = {"ann": ("admin",), "bob": ("read",)}

    def setUp(self) -> None:
        super().setUp()
        for user, roles in self.USERS.items():
            self.server.enable_auth(user, user)
            self.server.set_access(user, roles=roles)

    async def get(self, *fields: str) -> Reply:
        """What is answered to somebody."""
        return await self.reply(get("/readyz", *fields))

    async def test_a_probe_needs_no_password(self) -> None:
        reply = await self.get()
        assert (reply.status, reply.body) == (200, b"ok\n")

    async def test_details_are_for_admins(self) -> None:
        assert (await self.get(_login("ann"))).json()["ready"] is True
        assert (await self.get(_login("bob"))).body == b"ok\n"

    async def test_a_wrong_password_is_told(self) -> None:
        assert (await self.get(_login("eve"))).status == 401
