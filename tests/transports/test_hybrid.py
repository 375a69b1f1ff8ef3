"""One port for every protocol, told apart by the first bytes, however few come at a time."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers import request
from tests.transports.harness import Line, turn, until
from tests.transports.web_client import echo, get, reply_to, take_reply
from tests.transports.websocket_client import WebSocketTestCase, frame, handshake
from twisted_rpc import Limits, Server
from twisted_rpc.transports import hybrid
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.patience import LINGER

CALL = request("echo", ["hybrid"])
RESULT = b'"result":"hybrid"'


class HybridTestCase(WebSocketTestCase):
    """A hybrid port."""

    def make_factory(self, server: Server) -> Any:
        return HybridFactory(HTTPFactory(server, self.table, self.path))


class DetectionTests(HybridTestCase):
    """Which protocol it is."""

    async def _is_answered(self, data: bytes, begins: bytes) -> None:
        for bytewise in (False, True):
            line = await self.open()
            if bytewise:
                await line.send_bytewise(data)
            else:
                line.send(data)
            self.assertEqual(await line.take(len(begins)), begins)
            await line.take_through(RESULT)
            line.abort()
            await self.gone()

    async def test_lines(self) -> None:
        await self._is_answered(CALL + b"\n", b'{"')
        await self._is_answered(b"\r\n\n " + CALL + b"\n", b'{"')
        await self._is_answered(b"[" + CALL + b"]\n", b'[{"')

    async def test_values_without_delimiter(self) -> None:
        await self._is_answered(CALL, b'{"')
        await self._is_answered(CALL + CALL, b'{"')

    async def test_headers(self) -> None:
        message = b"%d\r\n\r\n%b" % (len(CALL), CALL)
        for name in (b"Content-Length: ", b"content-length:", b"CONTENT-LENGTH: "):
            await self._is_answered(name + message, b"Content-Length: ")

    async def test_netstrings(self) -> None:
        size = len(b'{"jsonrpc":"2.0","result":"hybrid","id":1}')
        await self._is_answered(b"%d:%b," % (len(CALL), CALL), b"%d:{" % size)

    async def test_http(self) -> None:
        await self._is_answered(echo("hybrid"), b"HTTP/1.1 200 OK\r\n")
        await self._is_answered(echo("hybrid", path="http://localhost/rpc"), b"HTTP/1.1 200 OK\r\n")

    async def test_other_methods_of_http(self) -> None:
        for method, status in (("OPTIONS", 204), ("DELETE", 405), ("M-SEARCH", 405)):
            line = await self.open()
            line.send(get("/rpc", method=method))
            expected = b"HTTP/1.1 %d " % status if method != "M-SEARCH" else b"{"
            self.assertEqual(await line.take(len(expected)), expected)

    async def test_websocket(self) -> None:
        await self._is_answered(handshake() + frame(CALL), b"HTTP/1.1 101 Switching Protocols")

    async def test_calls_pipelined_on_http(self) -> None:
        line = await self.open()
        line.send(echo(1) + echo(2))
        results = [(await take_reply(line)).json()["result"] for _ in range(2)]
        self.assertEqual(results, [1, 2])

    async def test_capitals_that_are_no_http_are_a_line(self) -> None:
        for text in (b"HELLO\n", b"HELLO WORLD\n", b"POST \n", b"A" * 30 + b"\n"):
            line = await self.open()
            await line.send_bytewise(text)
            self.assertEqual((await line.line())["error"]["code"], -32700)

    async def test_all_of_them_at_once(self) -> None:
        lines = [await self.open() for _ in range(4)]
        sent = (
            CALL + b"\n",
            echo("hybrid"),
            b"%d:%b," % (len(CALL), CALL),
            handshake() + frame(CALL),
        )
        for line, data in zip(lines, sent, strict=True):
            line.send(data[:3])
        await turn(5)
        for line, data in zip(lines, sent, strict=True):
            line.send(data[3:])
        for line in lines:
            await line.take_through(RESULT)
        names = sorted(c.transport for c in self.server.connections.values())
        self.assertEqual(names, ["http", "tcp", "tcp", "websocket"])


class BeginningTests(HybridTestCase):
    """Clients that do not say, or not all, what they speak."""

    async def silent(self) -> Line:
        line = await self.open()
        await until(lambda: self.server.lines)
        return line

    async def test_a_silent_one_is_closed_when_idle_for_too_long(self) -> None:
        line = await self.silent()
        await self.advance(119)
        self.assertFalse(line.ended)
        await self.advance(1)
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_one_that_stops_after_its_first_letters_is_closed(self) -> None:
        line = await self.silent()
        line.send(b"POS")
        await until(lambda: self.served()._first)
        await self.advance(20)
        line.send(b"T")
        await turn(5)
        await self.advance(10)
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_one_that_leaves_is_forgotten(self) -> None:
        (await self.silent()).abort()
        await self.gone()

    async def test_one_that_half_closes_early_is_answered(self) -> None:
        line = await self.silent()
        line.half_close()
        self.assertEqual(await line.rest(), b"")
        await self.gone()
        line = await self.silent()
        line.send(b"HELLO")
        line.half_close()
        self.assertEqual(json.loads(await line.rest())["error"]["code"], -32700)
        await self.gone()

    async def test_half_a_call_and_the_end_is_answered(self) -> None:
        line = await self.silent()
        line.send(CALL)
        line.half_close()
        self.assertIn(RESULT, await line.rest())
        await self.gone()

    async def test_an_http_client_that_half_closes_is_answered(self) -> None:
        line = await self.silent()
        line.send(echo("hybrid"))
        line.half_close()
        self.assertIn(RESULT, await line.rest())
        await self.gone()

    async def test_draining_closes_it(self) -> None:
        line = await self.silent()
        await self.server.drain()
        self.assertEqual(await line.rest(), b"")

    async def test_a_drain_that_lasts_too_long_aborts_what_is_left(self) -> None:
        line = await self.silent()
        line.send(request("wait") + b"\n")
        await self.waiting()
        drained = self.server.drain()
        await self.advance(5)
        await drained
        self.methods.waiting[0].callback(None)


class PathTests(HybridTestCase):
    """A path of the configuration."""

    path = "/api"

    async def test_it_alone_answers(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, echo(1, path="/api"))).status, 200)
        self.assertEqual((await reply_to(line, echo(1, path="/rpc"))).status, 404)


class TooManyTests(HybridTestCase):
    """More lines than there may be."""

    limits = Limits(max_connections=3, max_connections_per_address=2)

    def make_factory(self, server: Server) -> Any:
        self.factory = super().make_factory(server)
        return self.factory

    async def one_too_many(self) -> Line:
        """The third of two."""
        await self.answers(await self.open())
        await self.answers(await self.open())
        third = await self.open()
        await until(lambda: self.factory.refused, "nobody hears it")
        return third

    async def test_http_is_told_as_http_is(self) -> None:
        third = await self.one_too_many()
        third.send(b"PO")
        await turn(5)
        reply = await reply_to(third, echo(1)[2:])
        self.assertEqual((reply.status, reply.code), (503, -32009))
        self.assertEqual(reply.headers["retry-after"], "5")
        self.assertIn("(max_connections_per_address)", reply.json()["error"]["data"])
        self.assertEqual(await third.rest(), b"")
        self.assertEqual(self.server.counters.limits, {"max_connections_per_address": 1})

    async def test_a_stream_is_told_in_its_own_framing(self) -> None:
        third = await self.one_too_many()
        third.send(b"%d:%b," % (len(CALL), CALL) + b"x" * 10_000)
        answer = await third.rest()
        size, _, message = answer.partition(b":")
        self.assertEqual(int(size), len(message) - 1)
        self.assertEqual(json.loads(message[:-1])["error"]["code"], -32009)
        self.assertEqual(self.methods.ran, ["echo", "echo"])

    async def test_who_says_nothing_is_not_heard_for_long(self) -> None:
        third = await self.one_too_many()
        await self.advance(LINGER)
        self.assertEqual(await third.rest(), b"")
        await until(lambda: not self.factory.refused, "it is kept")

    async def test_who_does_not_say_what_it_speaks_is_let_go(self) -> None:
        third = await self.one_too_many()
        third.send(b"PO")
        await turn(5)
        third.abort()
        await until(lambda: not self.factory.refused, "it is kept")

    async def test_only_so_many_are_heard(self) -> None:
        await self.one_too_many()
        self.patch(hybrid, "_MOST_REFUSED", 1)
        self.assertEqual(await (await self.open()).rest(), b"")

    async def test_lines_of_all_protocols_count_together(self) -> None:
        first, second = await self.open(), await self.open()
        self.assertEqual((await reply_to(first, echo(1))).status, 200)
        await self.answers(second)
        third = await self.open()
        third.send(CALL + b"\n")
        self.assertEqual((await third.line())["error"]["code"], -32009)
        second.abort()
        await until(lambda: len(self.server.lines) == 1)
        await self.open_websocket()
        self.assertEqual(len(self.server.lines), 2)
