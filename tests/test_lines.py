"""How many lines there may be, from where, and which of those that have proved nothing."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from tests.helpers import MemoryConnection, ServerTestCase, request
from tests.transports.harness import Line, TransportTestCase, until
from tests.transports.stream_client import StreamTestCase
from tests.transports.web_client import HTTPTestCase, echo, get, reply_to, take_reply
from tests.transports.websocket_client import WebSocketTestCase, frame, handshake
from twisted_rpc import Limits, Server
from twisted_rpc.answers import Counters
from twisted_rpc.lines import Lines, source_of

BASIC = "Authorization: Basic "
GOOD = BASIC + "dTpw"  # u:p


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
        ("2a00:1450:4001:81b:ffff::1", "2a00:1450:4001:81b::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "loopback"),
        ("127.0.0.1", "loopback"),
        ("::ffff:127.1.2.3", "loopback"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fd00::1", "fd00::/64"),
        ("unix", "unix"),
        ("process", "process"),
    ],
)
def test_a_host_counts_as_one_whichever_of_its_addresses_it_uses(address: str, source: str) -> None:
    assert source_of(address) == source


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
        ("unix", "unix"),
    ],
)
def test_a_connection_knows_what_its_address_is_counted_by(address: str, source: str) -> None:
    connection = MemoryConnection(Server(reactor=Clock()))
    connection.address = address
    assert connection.source == source


class Admission(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.counters = Counters()
        limits = Limits(max_connections=6, max_connections_per_address=4, max_unauthenticated=3)
        self.lines = Lines(limits, self.counters)

    def admit(self, address: str, *, stranger: bool = True) -> MemoryConnection:
        """One more line."""
        line = MemoryConnection(self.server)
        self.assertIsNone(self.lines.admit(line, address, stranger=stranger))
        return line

    def test_addresses_of_one_network_share_what_one_may_have(self) -> None:
        for last in range(4):
            self.admit(f"2a00:1450:4001:81b::{last}", stranger=False)
        refusal = self.lines.admit(MemoryConnection(self.server), "2a00:1450:4001:81b:9::9")
        self.assertEqual(refusal, "4 connections from one address (max_connections_per_address)")
        self.assertEqual(self.lines.sources, 1)

    def test_one_stranger_too_many_costs_the_oldest_its_line(self) -> None:
        lines = [self.admit(address) for address in "abc"]
        self.admit("d")
        self.assertEqual([line.aborted for line in lines], [True, False, False])
        self.assertEqual(self.counters.limits, {"max_unauthenticated": 1})

    def test_strangers_of_an_address_keep_nobody_out_from_there(self) -> None:
        silent = [self.admit("a") for _ in range(2)]
        for _ in range(2):
            self.lines.proved(self.admit("a"))
        self.admit("a")
        self.assertEqual([line.aborted for line in silent], [True, False])
        self.assertEqual(self.counters.limits, {"max_connections_per_address": 1})

    def test_the_source_with_most_strangers_pays(self) -> None:
        lines = [self.admit(address) for address in "abb"]
        self.admit("c")
        self.assertEqual([line.aborted for line in lines], [False, True, False])

    def test_who_has_proved_who_it_is_counts_no_more(self) -> None:
        lines = [self.admit(address) for address in "abc"]
        self.lines.proved(lines[0])
        self.lines.release(lines[1])
        self.assertEqual(self.lines.strangers, 1)
        self.admit("d")
        self.admit("e")
        self.assertEqual([line.aborted for line in lines], [False, False, False])

    def test_a_successor_is_the_stranger_it_succeeds(self) -> None:
        line, successor = self.admit("a"), MemoryConnection(self.server)
        self.lines.succeed(line, successor)
        self.assertIn(successor, self.lines)
        self.assertEqual((len(self.lines), self.lines.strangers), (1, 1))
        self.lines.proved(successor)
        self.lines.release(successor)
        self.assertEqual((len(self.lines), self.lines.strangers, self.lines.sources), (0, 0, 0))


class StrangersCase(TransportTestCase):
    """A server that asks who calls, and has room for two that have not said so."""

    limits = Limits(max_unauthenticated=2)

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("u", "p")
        return server


class StreamStrangers(StrangersCase, StreamTestCase):
    """`auth` as the first message."""

    async def prove(self) -> Line:
        line = await self.open()
        line.send(request("auth", ["u", "p"]) + b"\n")
        self.assertTrue((await line.line())["result"])
        return line

    async def test_silent_lines_lock_nobody_out(self) -> None:
        friend = await self.prove()
        silent = [await self.open() for _ in range(2)]
        await until(lambda: self.server.lines.strangers == 2, "nobody counts them")
        self.assertEqual(self.server.counters.limits, {})
        await self.prove()
        await until(lambda: silent[0].lost, "the oldest is kept")
        self.assertFalse(silent[1].lost)
        await self.answers(friend)
        self.assertEqual(self.server.counters.limits, {"max_unauthenticated": 1})


class _Page(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"to read"


class HTTPStrangers(StrangersCase, HTTPTestCase):
    """An Authorization header."""

    def make_resource(self) -> IResource:
        return _Page()

    async def prove(self) -> Line:
        line = await self.open()
        line.send(echo(1, GOOD))
        self.assertEqual((await take_reply(line)).status, 200)
        return line

    async def test_silent_lines_lock_nobody_out(self) -> None:
        friend = await self.prove()
        self.assertEqual(self.server.lines.strangers, 0)
        silent = [await self.open() for _ in range(2)]
        await until(lambda: self.server.lines.strangers == 2, "nobody counts them")
        await self.prove()
        await until(lambda: silent[0].lost, "the oldest is kept")
        friend.send(echo(2, GOOD))
        self.assertEqual((await take_reply(friend)).json()["result"], 2)

    async def test_who_has_read_a_page_is_a_stranger_as_before(self) -> None:
        friend = await self.prove()
        readers = [await self.open() for _ in range(2)]
        for reader in readers:
            self.assertEqual((await reply_to(reader, get("/page"))).body, b"to read")
        self.assertEqual(self.server.lines.strangers, 2)
        await self.open()
        await until(lambda: readers[0].lost, "the oldest is kept")
        self.assertEqual((await reply_to(friend, get("/page"))).status, 200)
        self.assertEqual(self.server.lines.strangers, 2)


class WebSocketStrangers(StrangersCase, WebSocketTestCase):
    """A header of the handshake, or `auth` as the first message."""

    async def test_the_handshake_proves_it(self) -> None:
        line = await self.open()
        line.send(handshake("/rpc", GOOD))
        await line.take_through(b"\r\n\r\n")
        self.assertEqual(self.server.lines.strangers, 0)

    async def test_the_first_message_proves_it(self) -> None:
        client = await self.open_websocket()
        self.assertEqual(self.server.lines.strangers, 1)
        client.send(frame(request("auth", ["u", "p"])))
        self.assertTrue((await client.message())["result"])
        self.assertEqual(self.server.lines.strangers, 0)
