"""Requests that HTTP refuses by itself: malformed, ambiguous, too long, expecting too much."""

from __future__ import annotations

import pytest

from tests.helpers import request
from tests.transports.harness import turn, until
from tests.transports.web_client import JSON, HTTPTestCase, echo, head, post, reply_to, take_reply
from twisted_rpc import Limits
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.reading import MAX_FIELDS, MAX_HEAD

BODY = request("echo", [1])
LENGTH = f"Content-Length: {len(BODY)}"
HOST = "Host: localhost"


class SmugglingTests(HTTPTestCase):
    """Requests that two servers could read in two ways."""

    async def _is_malformed(self, *fields: str, body: bytes = BODY) -> None:
        reply = await self.refusal(head("POST / HTTP/1.1", *fields) + body)
        self.assertEqual(reply.status, 400, fields)

    async def test_two_lengths(self) -> None:
        await self._is_malformed(HOST, JSON, LENGTH, LENGTH)
        await self._is_malformed(HOST, JSON, LENGTH, "Content-Length: 1")
        await self._is_malformed(HOST, JSON, f"{LENGTH}, {len(BODY)}")

    async def test_a_length_that_is_none(self) -> None:
        for length in ("-1", "+5", "0x10", "1e3", "", "5 5"):
            await self._is_malformed(HOST, JSON, f"Content-Length: {length}")

    async def test_a_length_and_chunks(self) -> None:
        chunked = "Transfer-Encoding: chunked"
        await self._is_malformed(HOST, JSON, LENGTH, chunked, body=b"0\r\n\r\n")
        await self._is_malformed(HOST, JSON, chunked, LENGTH, body=b"0\r\n\r\n")

    async def test_other_encodings(self) -> None:
        for coding in ("chunked, identity", "gzip", "xchunked", "chunked, chunked"):
            await self._is_malformed(HOST, JSON, f"Transfer-Encoding: {coding}", body=b"0\r\n\r\n")

    async def test_folded_and_malformed_fields(self) -> None:
        await self._is_malformed(HOST, JSON, LENGTH, "X: 1", " folded")
        await self._is_malformed(HOST, JSON, LENGTH, "X : 1")
        await self._is_malformed(HOST, JSON, LENGTH, "no field")
        await self._is_malformed(HOST, JSON, LENGTH, "X: \0")

    async def test_bare_line_ends(self) -> None:
        data = head("POST / HTTP/1.1", HOST, JSON, LENGTH).replace(b"\r\n", b"\n") + BODY
        self.assertEqual((await self.refusal(data)).status, 400)

    async def test_malformed_chunks(self) -> None:
        top = head("POST / HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked")
        for chunks in (b"zz\r\n", b"-1\r\n", b"1\r\nab\r\n", b"1 \n{\n0\n\n"):
            self.assertEqual((await self.refusal(top + chunks)).status, 400)

    async def test_a_field_that_may_come_only_once(self) -> None:
        for field in (HOST, JSON, "Origin: http://localhost", "Authorization: Basic x"):
            await self._is_malformed(HOST, JSON, LENGTH, field, field)

    async def test_no_http_at_all(self) -> None:
        for data in (b"\x16\x03\x01\x02\x00", BODY, b"POST\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"):
            self.assertEqual((await self.refusal(data)).status, 400)


class PipeliningTests(HTTPTestCase):
    """What a malformed request does to the one before it."""

    async def test_a_whole_request_before_rubbish_is_answered(self) -> None:
        for rubbish in (b"\0\0\0", b"{}\r\n\r\n", b"POST / HTTP/1.1\r\nX : 1\r\n\r\n"):
            self.methods.ran.clear()
            line = await self.open()
            line.send(echo("whole") + rubbish)
            self.assertEqual((await take_reply(line)).json()["result"], "whole")
            self.assertEqual((await take_reply(line)).status, 400)
            self.assertEqual(await line.rest(), b"")
            self.assertEqual(self.methods.ran, ["echo"])
            line.half_close()
            await self.gone()

    async def test_rubbish_behind_a_slow_call_waits_for_its_answer(self) -> None:
        line = await self.open()
        line.send(post(request("wait")) + b"\0" + echo(1))
        await self.waiting()
        await turn(5)
        self.assertEqual(line.received, b"")
        self.methods.waiting[0].callback("slow")
        self.assertEqual((await take_reply(line)).json()["result"], "slow")
        self.assertEqual((await take_reply(line)).status, 400)
        self.assertEqual(await line.rest(), b"")
        self.assertEqual(self.methods.ran, ["wait"])


class TooLongHeadTests(HTTPTestCase):
    """Heads longer than anybody needs."""

    async def test_a_long_field_in_one_piece(self) -> None:
        data = head("POST / HTTP/1.1", HOST, "X: " + "x" * MAX_HEAD, LENGTH) + BODY
        self.assertEqual((await self.refusal(data)).status, 431)

    async def test_a_long_field_in_pieces(self) -> None:
        line = await self.open()
        line.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nX: ")
        while not line.received:
            line.send(b"x" * 1000)
            await turn(3)
        self.assertEqual((await take_reply(line)).status, 431)
        await line.rest()

    async def test_a_long_target_without_an_end(self) -> None:
        line = await self.open()
        line.send(b"GET /")
        await until(lambda: self.served()._reader.in_request)
        line.send(b"x" * (MAX_HEAD + 1))
        self.assertEqual((await take_reply(line)).status, 431)
        await line.rest()

    async def test_many_fields(self) -> None:
        fields = [f"X-{n}: 1" for n in range(MAX_FIELDS)]
        data = head("POST / HTTP/1.1", HOST, LENGTH, JSON, *fields) + BODY
        self.assertEqual((await self.refusal(data)).status, 431)

    async def test_a_long_head_behind_another_request(self) -> None:
        line = await self.open()
        line.send(echo(1) + head("POST / HTTP/1.1", HOST, "X: " + "x" * MAX_HEAD, LENGTH) + BODY)
        self.assertEqual((await take_reply(line)).json()["result"], 1)
        self.assertEqual((await take_reply(line)).status, 431)

    async def test_a_head_within_the_limit_is_served(self) -> None:
        line = await self.open()
        call = echo(1, "X: " + "x" * (MAX_HEAD - 500))
        for pieces in ((call,), (call[:9000], call[9000:])):
            for piece in pieces:
                line.send(piece)
                await turn(3)
            self.assertEqual((await take_reply(line)).json()["result"], 1)

    async def test_a_long_body_is_no_long_head(self) -> None:
        reply = await self.reply(echo("x" * 900_000))
        self.assertEqual(len(reply.json()["result"]), 900_000)


class TooLongBodyTests(HTTPTestCase):
    """Bodies longer than the limit."""

    limits = Limits(max_message=1000)

    async def test_a_length_beyond_the_limit_is_refused_before_the_body(self) -> None:
        line = await self.open()
        line.send(head("POST / HTTP/1.1", HOST, JSON, "Content-Length: 1001"))
        reply = await take_reply(line)
        self.assertEqual((reply.status, reply.code), (413, -32007))
        self.assertEqual(reply.headers["connection"], "close")
        self.assertEqual(await line.rest(), b"")

    async def test_it_can_be_read_by_a_client_that_sends_the_body_all_the_same(self) -> None:
        data = head("POST / HTTP/1.1", HOST, JSON, "Content-Length: 3000000") + b"x" * 3_000_000
        reply = await self.refusal(data)
        self.assertEqual((reply.status, reply.code), (413, -32007))

    async def test_chunks_are_refused_where_they_pass_the_limit(self) -> None:
        line = await self.open()
        line.send(head("POST / HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked"))
        for _ in range(10):
            line.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        await until(lambda: self.server.lines)
        await turn(5)
        self.assertEqual(line.received, b"")
        line.send(b"1\r\nx\r\n" + b"64\r\n" + b"x" * 100 + b"\r\n")
        reply = await take_reply(line)
        self.assertEqual((reply.status, reply.code), (413, -32007))
        await line.rest()

    async def test_the_limit_itself_is_served(self) -> None:
        value = "x" * (1000 - len(request("echo", [""])))
        self.assertEqual((await self.reply(echo(value))).json()["result"], value)

    async def test_a_refused_request_has_no_body_kept(self) -> None:
        line = await self.open()
        line.send(head("POST /other HTTP/1.1", HOST, JSON, "Content-Length: 900") + b"x" * 800)
        await until(lambda: self.server.lines)
        await turn(5)
        self.assertEqual(self.served()._reader._chunks, [])
        line.send(b"x" * 100 + echo(1))
        self.assertEqual((await take_reply(line)).status, 404)
        self.assertEqual((await take_reply(line)).json()["result"], 1)


class ExpectationTests(HTTPTestCase):
    """The Expect header."""

    async def test_a_client_that_waits_is_told_to_go_on(self) -> None:
        line = await self.open()
        for _ in range(2):
            line.send(head("POST / HTTP/1.1", HOST, JSON, LENGTH, "Expect: 100-continue"))
            self.assertEqual((await take_reply(line)).status, 100)
            line.send(BODY)
            self.assertEqual((await take_reply(line)).json()["result"], 1)

    async def test_it_is_told_behind_the_answers_before(self) -> None:
        line = await self.open()
        line.send(echo(0) + head("POST / HTTP/1.1", HOST, JSON, LENGTH, "Expect: 100-continue"))
        self.assertEqual((await take_reply(line)).json()["result"], 0)
        line.send(BODY)
        statuses = [(await take_reply(line)).status]
        while statuses[-1] == 100:
            statuses.append((await take_reply(line)).status)
        self.assertEqual(statuses[-1], 200)

    async def test_behind_a_slow_call_it_is_not_told_before_its_answer(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        line.send(head("POST / HTTP/1.1", HOST, JSON, LENGTH, "Expect: 100-continue"))
        await self.waiting()
        await turn(5)
        self.assertEqual(line.received, b"")
        self.methods.waiting[0].callback("slow")
        self.assertEqual((await take_reply(line)).json()["result"], "slow")
        line.send(BODY)
        reply = await take_reply(line)
        if reply.status == 100:
            reply = await take_reply(line)
        self.assertEqual(reply.json()["result"], 1)

    async def test_who_is_refused_is_not_told_to_go_on(self) -> None:
        for first, status in (("POST /other HTTP/1.1", 404), ("PUT / HTTP/1.1", 405)):
            line = await self.open()
            line.send(head(first, HOST, JSON, LENGTH, "Expect: 100-continue"))
            await until(lambda: self.served()._reader.in_request)
            await turn(5)
            self.assertFalse(line.received.startswith(b"HTTP/1.1 100"))
            line.send(BODY)
            self.assertEqual((await take_reply(line)).status, status)
            line.abort()
            await self.gone()

    async def test_a_body_beyond_the_limit_is_refused_instead(self) -> None:
        data = head(
            "POST / HTTP/1.1", HOST, JSON, "Content-Length: 2000000", "Expect: 100-continue"
        )
        self.assertEqual((await self.refusal(data)).status, 413)

    async def test_anything_else_cannot_be_expected(self) -> None:
        data = head("POST / HTTP/1.1", HOST, JSON, LENGTH, "Expect: miracles") + BODY
        self.assertEqual((await self.refusal(data)).status, 417)


class UpgradeTests(HTTPTestCase):
    """Upgrades to what is not served."""

    async def test_h2c_is_ignored(self) -> None:
        line = await self.open()
        h2c = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
        for value in (1, 2):
            reply = await reply_to(line, echo(value, *h2c))
            self.assertEqual((reply.status, reply.json()["result"]), (200, value))

    async def test_calls_pipelined_behind_it_are_answered(self) -> None:
        line = await self.open()
        line.send(echo(1, "Connection: Upgrade", "Upgrade: h2c") + echo(2))
        results = [(await take_reply(line)).json()["result"] for _ in range(2)]
        self.assertEqual(results, [1, 2])

    async def test_a_body_behind_it_is_no_request(self) -> None:
        inner = echo("smuggled")
        upgrade = ("Connection: Upgrade", "Upgrade: h2c")
        line = await self.open()
        line.send(post(inner, *upgrade) + echo("next"))
        self.assertEqual((await take_reply(line)).code, -32700)
        self.assertEqual((await take_reply(line)).json()["result"], "next")
        self.assertEqual(self.methods.ran, ["echo"])

    async def test_its_body_may_come_in_chunks_and_in_pieces(self) -> None:
        fields = (HOST, JSON, "Transfer-Encoding: chunked", "Connection: Upgrade", "Upgrade: h2c")
        line = await self.open()
        await line.send_bytewise(head("POST / HTTP/1.1", *fields))
        await line.send_bytewise(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        self.assertEqual((await take_reply(line)).json()["result"], 1)

    async def test_nor_is_what_follows_a_websocket_that_there_is_not(self) -> None:
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", f"Content-Length: {len(echo(1))}")
        line = await self.open()
        line.send(head("GET /nothing HTTP/1.1", HOST, *upgrade) + echo(1))
        reply = await take_reply(line)
        self.assertEqual((reply.status, reply.headers["connection"]), (404, "close"))
        self.assertEqual(await line.rest(), b"")
        self.assertEqual(self.methods.ran, [])

    async def test_nor_what_follows_a_websocket_without_connection_upgrade(self) -> None:
        line = await self.open()
        line.send(head("GET /rpc HTTP/1.1", HOST, "Upgrade: websocket") + echo(1))
        self.assertTrue((await line.rest()).startswith(b"HTTP/1.1 400 "))
        self.assertEqual(self.methods.ran, [])

    async def test_connect_is_refused(self) -> None:
        data = head("CONNECT localhost:80 HTTP/1.1", HOST) + echo(1)
        self.assertEqual((await self.refusal(data)).status, 405)

    async def test_a_long_head_is_refused_all_the_same(self) -> None:
        long = "X: " + "x" * MAX_HEAD
        data = echo(1, "Connection: Upgrade", "Upgrade: h2c", long)
        self.assertEqual((await self.refusal(data)).status, 431)


def test_an_exchange_is_written_as_it_was_read() -> None:
    exchange = Exchange()
    exchange.method, exchange.target = b"PUT", b"/x?y"
    exchange.headers = {b"host": b"h", b"transfer-encoding": b"chunked", b"expect": b"100-continue"}
    exchange.body = b"abc"
    assert exchange.whole() == (
        b"PUT /x?y HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"
    )
    assert exchange.text_headers()["host"] == "h"


@pytest.mark.parametrize(
    ("target", "form"),
    [
        (b"http://h/a?b=c://d", b"/a?b=c://d"),
        (b"http://h", b"/"),
        (b"http://h?a=/b", b"/?a=/b"),
        (b"/a://b", b"/a://b"),
        (b"*", b"*"),
    ],
)
def test_a_site_is_told_the_path_alone(target: bytes, form: bytes) -> None:
    exchange = Exchange()
    exchange.method, exchange.target = b"GET", target
    assert exchange.whole().split(b" ")[1] == form
