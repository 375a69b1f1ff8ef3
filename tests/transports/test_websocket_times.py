"""WebSocket: the time that messages, pings and long silences may take."""

from __future__ import annotations

import os
from typing import Any

from txaio import tx

from tests.helpers import request
from tests.transports.harness import turn, until
from tests.transports.websocket_client import (
    PING,
    PONG,
    TEXT,
    Frame,
    WebSocketTestCase,
    frame,
)
from twisted_rpc import Limits


class ArrivalTests(WebSocketTestCase):
    """The time a message may take to arrive."""

    async def _is_dropped(self, sent: bytes) -> None:
        client = await self.open_websocket()
        client.send(sent)
        await until(lambda: self.served()._arrival.at is not None)
        await self.advance(29)
        self.assertEqual(client.line.received, b"")
        await self.advance(1)
        self.assertEqual((await client.message())["error"]["code"], -32002)
        self.assertEqual(await client.close_code(), 1008)
        client.line.abort()
        await self.gone()

    async def test_half_a_small_frame_is_dropped(self) -> None:
        await self._is_dropped(frame(request("echo"))[:-1])
        await self._is_dropped(frame(request("echo"))[:1])

    async def test_half_a_big_frame_is_dropped(self) -> None:
        await self._is_dropped(frame(b"x" * 100_000)[:-1])

    async def test_a_fragment_without_the_rest_is_dropped(self) -> None:
        await self._is_dropped(frame(b"{", fin=False))

    async def test_pings_do_not_buy_time(self) -> None:
        client = await self.open_websocket()
        client.send(frame(b"{", fin=False))
        await until(lambda: self.served()._arrival.at is not None)
        await self.advance(20)
        client.send(frame(b"", PING))
        self.assertEqual(await client.frame(), Frame(0x80 | PONG, b""))
        await self.advance(10)
        self.assertEqual((await client.message())["error"]["code"], -32002)

    async def test_a_message_in_time_stops_the_clock(self) -> None:
        client = await self.open_websocket()
        await client.line.send_bytewise(frame(request("echo", [1])))
        self.assertEqual((await client.message())["result"], 1)
        await self.advance(1000)
        client.send(frame(request("echo", [2])))
        self.assertEqual((await client.message())["result"], 2)


class TimedTestCase(WebSocketTestCase):
    """Autobahn's timers, on the test's clock."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(tx.config, "loop", self.clock)

    async def pass_time(self, seconds: int) -> None:
        """Second by second: Autobahn gathers its timers in buckets."""
        for _ in range(seconds):
            await self.advance(1)


class TimerTests(TimedTestCase):
    """Pings."""

    limits = Limits(ping_interval=30, ping_timeout=10, handshake_timeout=10)

    async def test_a_silent_client_is_asked_whether_it_is_there(self) -> None:
        client = await self.open_websocket()
        for _ in range(2):
            await self.pass_time(31)
            first, payload = await client.frame()
            self.assertEqual(first, 0x80 | PING)
            client.send(frame(payload, PONG))
            await turn(5)
        self.assertFalse(client.line.ended)

    async def test_without_a_reply_it_is_dropped(self) -> None:
        client = await self.open_websocket()
        await self.pass_time(42)
        self.assertEqual((await client.frame())[0], 0x80 | PING)
        await self.pass_time(12)
        await self.gone()

    async def test_a_message_is_a_reply(self) -> None:
        client = await self.open_websocket()
        await self.pass_time(31)
        self.assertEqual((await client.frame())[0], 0x80 | PING)
        client.send(frame(request("echo", [1])))
        self.assertEqual((await client.message())["result"], 1)
        await self.pass_time(15)
        client.send(frame(request("echo", [2])))
        self.assertEqual((await client.message())["result"], 2)


class LimitlessTests(WebSocketTestCase):
    """Without limits."""

    limits = Limits(
        max_message=None,
        request_timeout=None,
        handshake_timeout=None,
        ping_interval=None,
        ping_timeout=None,
    )

    async def test_a_long_message_takes_the_time_it_takes(self) -> None:
        client = await self.open_websocket()
        call: Any = frame(request("echo", [os.urandom(1_000_000).hex()]), TEXT)
        client.send(call[:1000])
        await turn(5)
        await self.advance(100_000)
        client.send(call[1000:])
        self.assertEqual(len((await client.message())["result"]), 2_000_000)


class BusyTests(TimedTestCase):
    """A client that we do not read, because it has as many calls running as it may."""

    limits = Limits(ping_interval=30, ping_timeout=10, max_in_flight=1, call_timeout=None)

    async def test_its_pong_is_not_missed(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("wait")))
        await self.waiting()
        for _ in range(2):
            await self.pass_time(45)
        self.assertEqual(len(self.server.lines), 1)
        self.methods.waiting[0].callback("late")
        frames = [await client.frame() for _ in range(3)]
        self.assertEqual([first & 0x0F for first, _ in frames], [PING, PING, TEXT])


class PausedTests(WebSocketTestCase):
    """The same, and half a message."""

    limits = Limits(ping_interval=None, max_in_flight=1, call_timeout=None)

    async def test_half_a_message_does_not_run_out_of_time_meanwhile(self) -> None:
        client = await self.open_websocket()
        second = frame(request("echo", [2], 2))
        client.send(frame(request("wait")) + second[:10])
        await self.waiting()
        await self.advance(100)
        self.methods.waiting[0].callback("late")
        self.assertEqual((await client.message())["result"], "late")
        client.send(second[10:])
        self.assertEqual((await client.message())["result"], 2)
