"""A WebSocket client's pings, answered or not; Autobahn's timers go by the test's clock."""

from __future__ import annotations

from collections import deque
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from msgspec import structs
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock
from txaio import tx

from tests.client.harness import ClientTestCase, reactor, until
from tests.helpers import response
from tests.transports.harness import listening_port, turn
from twisted_rpc import Client, State
from twisted_rpc.client import CLIENT_LIMITS

LIMITS = structs.replace(CLIENT_LIMITS, ping_interval=30, ping_timeout=10)


class MuteServer(WebSocketServerProtocol):
    """Keeps what comes: pings and messages are the test's to answer."""

    def onOpen(self) -> None:
        self.pings: deque[bytes] = deque()
        self.messages: list[bytes] = []
        self.factory.lines.append(self)

    def onPing(self, payload: bytes) -> None:
        self.pings.append(payload)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.messages.append(payload)


def the_line(client: Client) -> Any:
    """The client's own protocol."""
    (line,) = client.lines
    return line


class PingTests(ClientTestCase):
    """Against a server that does nothing by itself."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.patch(tx.config, "loop", self.clock)
        self.mute: list[MuteServer] = []

    async def to_mute(self) -> Client:
        """A client of such a server."""
        factory: Any = WebSocketServerFactory(reactor=reactor)
        factory.protocol = MuteServer
        factory.lines = self.mute
        # What the server drops by itself is none of the test's business.
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(factory)
        url = f"ws://127.0.0.1:{listening_port(self.port)}/"
        return await self.client(url, limits=LIMITS)

    async def pass_time(self, seconds: int) -> None:
        """Second by second: Autobahn gathers its timers in buckets."""
        for _ in range(seconds):
            self.clock.advance(1)
            await turn(3)

    async def ping(self) -> bytes:
        """The payload of the next ping on the last line."""
        pings = self.mute[-1].pings
        await until(lambda: pings, "no ping came")
        return pings.popleft()

    async def ponged(self, client: Client) -> None:
        """Wait until the client has its pong."""
        line = the_line(client)
        await until(lambda: line.autoPingTimeoutCall is None, "the pong is ignored")

    async def test_a_pong_keeps_the_line(self) -> None:
        client = await self.to_mute()
        for _ in range(3):
            await self.pass_time(31)
            self.mute[0].sendPong(await self.ping())
            await self.ponged(client)
        await self.pass_time(20)
        self.assertEqual(client.state, State.CONNECTED)
        self.assertEqual(len(self.mute), 1)

    async def test_without_a_pong_it_drops_the_line_and_comes_back(self) -> None:
        client = await self.to_mute()
        lost = client.connection
        await self.pass_time(31)
        await self.ping()
        self.assertEqual(client.state, State.CONNECTED)
        await self.pass_time(12)
        await until(lambda: len(self.mute) == 2, "it has not come back")
        await client.connected()
        self.assertIsNot(client.connection, lost)

    async def test_a_server_busy_with_a_call_is_excused_and_asked_again(self) -> None:
        client = await self.to_mute()
        call = client.call("long", timeout=None)
        for _ in range(3):  # each time without a pong
            await self.pass_time(31)
            await self.ping()
            await self.pass_time(12)
            self.assertEqual((client.state, len(self.mute)), (State.CONNECTED, 1))
        self.mute[0].sendMessage(response("done"))
        self.assertEqual(await call, "done")
        # From then on there is no excuse.
        await self.pass_time(31)
        await self.ping()
        await self.pass_time(12)
        await until(lambda: len(self.mute) == 2, "it was excused once more")

    async def test_so_is_one_that_we_do_not_read(self) -> None:
        client = await self.to_mute()
        line = the_line(client)
        line.set_reading(False)
        await self.pass_time(31)
        self.mute[0].sendPong(await self.ping())
        await self.pass_time(12)
        self.assertEqual(client.state, State.CONNECTED)
        line.set_reading(True)
        await self.pass_time(31)
        self.mute[0].sendPong(await self.ping())
        await self.ponged(client)
