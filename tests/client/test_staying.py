"""Staying connected: the line drops, and everything ends or goes on as promised."""

from __future__ import annotations

from typing import Any

from msgspec import structs
from twisted.internet.defer import Deferred, DeferredList

from tests.client.harness import URLS, ClientTestCase, until
from twisted_rpc import (
    Client,
    Connection,
    ConnectionLost,
    State,
)
from twisted_rpc.client import CLIENT_LIMITS

KILLS = 20
IN_FLIGHT = 1000


class Outcomes:
    """How calls end, and how often each does."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self.kinds: dict[str, int] = {}
        self.all: list[Deferred[Any]] = []

    def watch(self, call: Deferred[Any]) -> None:
        """Count the end of a call."""
        number = len(self.all)
        self.all.append(call)
        call.addBoth(self._end, number)

    def _end(self, outcome: Any, number: int) -> None:
        self.ended[number] = self.ended.get(number, 0) + 1
        kind = type(getattr(outcome, "value", outcome)).__name__
        self.kinds[kind] = self.kinds.get(kind, 0) + 1


class KilledTests:
    """The server is killed again and again under calls; see the classes below."""

    transport: str
    limits = structs.replace(CLIENT_LIMITS, max_in_flight=None)

    async def test_every_call_ends_once_and_the_client_comes_back(self: Any) -> None:
        client = await self.open(self.transport, limits=self.limits)
        prepared: list[Connection] = []
        client.on_connected(prepared.append)
        heard: list[Any] = []
        if self.transport != "http":
            client.on("news", heard.append)
        outcomes = Outcomes()
        for kill in range(KILLS):
            before = len(self.things.waiting)
            for number in range(IN_FLIGHT // KILLS):
                outcomes.watch(client.call("things.wait", timeout=30))
                outcomes.watch(client.call("things.echo", [number], timeout=30))
            await self.more_waiting(before)
            await self.stop()
            await self.serve()
            await self.back(client, kill, heard)
        await DeferredList(outcomes.all)
        self.assertEqual(set(outcomes.ended.values()), {1})
        self.assertEqual(len(outcomes.ended), 2 * IN_FLIGHT)
        self.assertLessEqual(set(outcomes.kinds), {"int", "ConnectionLost", "ConnectionRefused"})
        self.assertGreater(outcomes.kinds["ConnectionLost"], 0)
        self.check_prepared(len(prepared))

    async def more_waiting(self: Any, before: int) -> None:
        """Wait until calls of this round run."""
        await until(lambda: len(self.things.waiting) > before)

    async def back(self: Any, client: Client, kill: int, heard: list[Any]) -> None:
        """See that the client is there again, and hears; it may not know yet that it was cut."""
        self.assertEqual(await client.call("things.echo", [kill], retry=True), kill)
        self.server.notify_all("news", [kill])
        await until(lambda: heard and heard[-1] == kill, "it hears nothing")

    def check_prepared(self: Any, times: int) -> None:
        """`on_connected` was called after each restart."""
        self.assertEqual(times, KILLS)


class KilledTCPTests(KilledTests, ClientTestCase):
    """Over TCP."""

    transport = "tcp"


class KilledWebSocketTests(KilledTests, ClientTestCase):
    """Over WebSocket."""

    transport = "websocket"


class KilledHTTPTests(KilledTests, ClientTestCase):
    """Over HTTP, where there is no line to come back, and nothing to hear."""

    transport = "http"

    async def back(self, client: Client, kill: int, heard: list[Any]) -> None:
        self.assertEqual(await client.call("things.echo", [kill], retry=True), kill)

    def check_prepared(self, times: int) -> None:
        self.assertEqual(times, 0)


class RetryTests(ClientTestCase):
    """Calls that may run twice, where there is no line that comes back."""

    async def test_over_http_as_well(self) -> None:
        client = await self.open("http")
        call = client.call("things.wait", retry=True)
        await until(lambda: self.things.waiting)
        await self.stop()
        await self.serve()
        await until(lambda: len(self.things.waiting) == 2, "it was not sent again")
        self.things.waiting[1].callback("at last")
        self.assertEqual(await call, "at last")


class ClosingTests(ClientTestCase):
    """`close()` wins, also while a socket is being connected."""

    async def test_while_it_connects(self) -> None:
        await self.serve()
        client = self.client(URLS["tcp"].format(port=self.number))
        await client.close()
        self.assertEqual(client.state, State.CLOSED)
        with self.assertRaises(ConnectionLost):
            await client.call("things.echo")
