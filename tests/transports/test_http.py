"""HTTP: calls by POST, one after the other on lines that stay open, in every form."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tests.helpers import batch, notification, request
from tests.transports.harness import turn, until
from tests.transports.web_client import (
    JSON,
    HTTPTestCase,
    echo,
    get,
    head,
    post,
    reply_to,
    take_reply,
)
from twisted_rpc import Connection, Limits, NotFullDuplex, Server
from twisted_rpc.config import WebTable


class CallTests(HTTPTestCase):
    """Calls and their answers."""

    async def test_a_result_is_answered_with_200_and_the_fields_that_matter(self) -> None:
        reply = await self.reply(echo("häßlich"))
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.json()["result"], "häßlich")
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        self.assertIn("date", reply.headers)
        self.assertNotIn("connection", reply.headers)

    async def test_an_rpc_error_is_answered_with_200(self) -> None:
        for body, code in ((b"{", -32700), (b"[]", -32600), (request("nothing"), -32601)):
            reply = await self.reply(post(body))
            self.assertEqual((reply.status, reply.code), (200, code))

    async def test_nothing_to_answer_is_204_without_a_body(self) -> None:
        line = await self.open()
        for body in (notification("echo"), batch(notification("echo"))):
            reply = await reply_to(line, post(body))
            self.assertEqual(reply.status, 204)
            self.assertNotIn("content-length", reply.headers)
            self.assertNotIn("content-type", reply.headers)
        self.assertEqual((await reply_to(line, echo(1))).json()["result"], 1)
        self.assertEqual(self.methods.ran, ["echo"] * 3)

    async def test_both_rpc_paths_answer_with_or_without_a_query(self) -> None:
        for path in ("/", "/rpc", "/?x=1", "/rpc?x=/y"):
            self.assertEqual((await self.reply(echo(1, path=path))).status, 200, path)

    async def test_an_absolute_target_names_a_path(self) -> None:
        for path, status in (
            ("http://localhost/rpc", 200),
            ("http://localhost", 200),
            ("http://localhost/other", 404),
        ):
            self.assertEqual((await self.reply(echo(1, path=path))).status, status, path)

    async def test_a_request_may_come_byte_by_byte(self) -> None:
        line = await self.open()
        for _ in range(2):
            await line.send_bytewise(echo("slow"))
            self.assertEqual((await take_reply(line)).json()["result"], "slow")

    async def test_a_body_may_come_in_chunks(self) -> None:
        body = request("echo", ["in chunks"])
        chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
        top = head("POST / HTTP/1.1", "Host: localhost", JSON, "Transfer-Encoding: chunked")
        line = await self.open()
        for ending in (b"0\r\n\r\n", b"0\r\nHost: elsewhere\r\n\r\n"):
            line.send(top + chunks + ending)
            self.assertEqual((await take_reply(line)).json()["result"], "in chunks")

    async def test_an_answer_that_comes_later_is_an_answer(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        self.methods.waiting[0].callback("later")
        self.assertEqual((await take_reply(line)).json()["result"], "later")
        self.assertEqual((await reply_to(line, echo(2))).json()["result"], 2)

    async def test_a_late_notification_is_answered_with_204(self) -> None:
        line = await self.open()
        line.send(post(notification("wait")))
        await self.waiting()
        self.methods.waiting[0].callback("later")
        self.assertEqual((await take_reply(line)).status, 204)

    async def test_methods_see_the_header_fields_of_their_own_request(self) -> None:
        line = await self.open()
        for value in ("one", "two"):
            reply = await reply_to(line, post(request("header", ["x-tag"]), f"X-Tag: {value}"))
            self.assertEqual(reply.json()["result"], value)
        reply = await reply_to(line, post(request("header", ["x-tag"])))
        self.assertIsNone(reply.json()["result"])

    async def test_the_server_cannot_call_its_client_back(self) -> None:
        line = await self.open()
        reply = await reply_to(line, post(request("whoami")))
        self.assertEqual(reply.json()["result"], [None, "http", False])
        (connection,) = self.server.connections.values()
        self.assertRaises(NotFullDuplex, connection.notify, "n")
        self.assertEqual(dict(connection.headers)["host"], "localhost")
        connection.headers = {}
        self.assertEqual(dict(connection.headers)["host"], "localhost")

    async def test_trace_sees_every_message(self) -> None:
        seen = []

        class Watching(Server):
            def trace(self, direction: str, message: bytes, connection: Connection) -> None:
                seen.append((direction, json.loads(message).get("result")))

        watching = Watching(reactor=self.clock)
        watching.namespace = self.server.namespace
        self.server = watching
        line = await self.open()
        await reply_to(line, echo(1))
        await reply_to(line, post(notification("echo")))
        line.send(post(request("wait")))
        await self.waiting()
        self.methods.waiting[0].callback("later")
        await take_reply(line)
        results = [result for direction, result in seen if direction == "-->"]
        self.assertEqual((results, len(seen)), ([1, "later"], 5))

    async def test_a_date_is_of_today_though_heads_are_kept(self) -> None:
        line = await self.open()
        first = await reply_to(line, echo(1))
        await self.advance(1)
        second = await reply_to(line, echo(1))
        self.assertEqual(first.headers.keys(), second.headers.keys())


class KeepAliveTests(HTTPTestCase):
    """Lines that stay open, and lines that do not."""

    async def test_a_line_serves_many_requests(self) -> None:
        line = await self.open()
        for value in range(5):
            self.assertEqual((await reply_to(line, echo(value))).json()["result"], value)

    async def test_a_client_may_close_after_its_answer(self) -> None:
        line = await self.open()
        reply = await reply_to(line, echo(1, "Connection: close"))
        self.assertEqual((reply.json()["result"], reply.headers["connection"]), (1, "close"))
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_http_1_0_closes_unless_it_asks_for_more(self) -> None:
        line = await self.open()
        reply = await reply_to(line, echo(1, "Connection: keep-alive", version="1.0"))
        self.assertEqual((reply.status, reply.headers["connection"]), (200, "keep-alive"))
        reply = await reply_to(line, echo(2, version="1.0"))
        self.assertEqual((reply.status, reply.headers["connection"]), (200, "close"))
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_a_client_without_content_type_is_served_and_closed(self) -> None:
        body = request("echo", [1])
        line = await self.open()
        line.send(head("POST / HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}") + body)
        reply = await take_reply(line)
        self.assertEqual((reply.json()["result"], reply.headers["connection"]), (1, "close"))
        await line.rest()
        await self.gone()

    async def test_pipelined_calls_are_answered_in_order_behind_a_slow_one(self) -> None:
        line = await self.open()
        line.send(post(request("wait", id=1)) + b"".join(echo(n) for n in range(3)))
        await self.waiting()
        line.send(echo(3))
        await turn(10)
        self.assertEqual((self.methods.ran, line.received), (["wait"], b""))
        self.methods.waiting[0].callback("slow")
        results = [(await take_reply(line)).json()["result"] for _ in range(5)]
        self.assertEqual(results, ["slow", 0, 1, 2, 3])

    async def test_pipelined_slow_calls_are_run_one_at_a_time(self) -> None:
        line = await self.open()
        line.send(b"".join(post(request("wait", id=n)) for n in range(3)))
        for number in range(3):
            await self.waiting(number + 1)
            await turn(5)
            self.assertEqual(len(self.methods.waiting), number + 1)
            line.send(echo(number))
            self.methods.waiting[number].callback(number)
        results = [(await take_reply(line)).json()["result"] for _ in range(6)]
        self.assertEqual(results, [0, 1, 2, 0, 1, 2])

    async def test_what_follows_the_last_request_is_not_run(self) -> None:
        line = await self.open()
        line.send(echo(1, "Connection: close") + echo(2))
        self.assertEqual((await take_reply(line)).json()["result"], 1)
        self.assertEqual(await line.rest(), b"")
        self.assertEqual(self.methods.ran, ["echo"])

    async def test_a_client_that_half_closes_is_not_waited_for(self) -> None:
        line = await self.open()
        line.send(echo(1)[:-1])
        line.half_close()
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_a_client_that_left_is_not_answered(self) -> None:
        line = await self.open()
        line.send(post(request("wait")) + echo(2))
        await self.waiting()
        line.abort()
        await self.gone()
        self.methods.waiting[0].callback(1)
        self.assertEqual(self.methods.ran, ["wait"])

    async def test_connections_can_be_closed_and_aborted(self) -> None:
        for end in ("close", "abort"):
            line = await self.open()
            await reply_to(line, echo(1))
            (connection,) = self.server.connections.values()
            getattr(connection, end)()
            self.assertEqual(await line.rest(), b"")
            await self.gone()


class DrainTests(HTTPTestCase):
    """The end of the server."""

    async def test_idle_lines_are_closed(self) -> None:
        line = await self.open()
        await reply_to(line, echo(1))
        await self.server.drain()
        self.assertEqual(await line.rest(), b"")

    async def test_running_calls_are_answered_first(self) -> None:
        line = await self.open()
        line.send(post(request("wait")) + echo(2))
        await self.waiting()
        drained = self.server.drain()
        self.methods.waiting[0].callback("done")
        reply = await take_reply(line)
        self.assertEqual((reply.json()["result"], reply.headers["connection"]), ("done", "close"))
        self.assertEqual(await line.rest(), b"")
        await drained
        self.assertEqual(self.methods.ran, ["wait"])

    async def test_a_call_that_never_ends_is_cancelled(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        drained = self.server.drain()
        await self.advance(5)
        await drained
        self.assertEqual((await take_reply(line)).code, -32800)
        await line.rest()


class TimeTests(HTTPTestCase):
    """Idle lines and unfinished requests."""

    async def test_an_idle_line_is_closed(self) -> None:
        line = await self.open()
        await until(lambda: self.server.lines)
        await self.advance(100)
        await reply_to(line, echo(1))
        await self.advance(119)
        self.assertFalse(line.ended)
        await self.advance(1)
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_a_silent_client_is_closed(self) -> None:
        line = await self.open()
        await until(lambda: self.server.lines)
        await self.advance(120)
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_a_slow_call_is_no_idle_line(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        await self.advance(29)
        await self.advance(0.5)
        self.methods.waiting[0].callback(1)
        self.assertEqual((await take_reply(line)).status, 200)

    async def test_half_a_request_is_answered_with_408(self) -> None:
        for data in (b"POST /rp", echo(1)[:-1]):
            line = await self.open()
            line.send(data)
            await until(lambda: self.served()._reader.in_request)
            await self.advance(29)
            self.assertFalse(line.received)
            await self.advance(1)
            reply = await take_reply(line)
            self.assertEqual((reply.status, reply.code), (408, -32002))
            self.assertEqual(reply.headers["connection"], "close")
            line.half_close()
            await self.gone()

    async def test_more_of_it_does_not_buy_time(self) -> None:
        line = await self.open()
        line.send(b"POST /rpc HTTP/1.1\r\nX: ")
        await until(lambda: self.served()._reader.in_request)
        await self.advance(20)
        line.send(b"more")
        await turn(5)
        await self.advance(10)
        self.assertEqual((await take_reply(line)).status, 408)

    async def test_time_does_not_run_while_an_earlier_call_does(self) -> None:
        line = await self.open()
        call = echo(2)
        line.send(post(request("wait")) + call[:10])
        await self.waiting()
        await self.advance(29)
        self.methods.waiting[0].callback(1)
        await take_reply(line)
        await self.advance(29)
        line.send(call[10:])
        self.assertEqual((await take_reply(line)).json()["result"], 2)
        await self.advance(31)
        self.assertEqual((await reply_to(line, echo(3))).json()["result"], 3)


class HeadersTests(HTTPTestCase):
    """Fields of the configuration."""

    table: ClassVar[WebTable] = WebTable(headers={"X-Served-By": "me", "X-Other": "1"})

    async def test_every_answer_bears_them(self) -> None:
        for data in (echo(1), post(b"{"), get("/other"), get("/"), post(notification("echo"))):
            reply = await self.reply(data)
            self.assertEqual((reply.headers["x-served-by"], reply.headers["x-other"]), ("me", "1"))


class PathTests(HTTPTestCase):
    """A path of the configuration."""

    path: ClassVar[str | None] = "/api/v1"

    async def test_it_alone_answers(self) -> None:
        self.assertEqual((await self.reply(echo(1, path="/api/v1"))).status, 200)
        for path in ("/", "/rpc", "/api", "/api/v1/", "/API/v1"):
            self.assertEqual((await self.reply(echo(1, path=path))).status, 404, path)


class TooManyTests(HTTPTestCase):
    """One line too many."""

    limits = Limits(max_connections=1)

    async def test_it_is_answered_with_503(self) -> None:
        line = await self.open()
        await reply_to(line, echo(1))
        reply = await take_reply(await self.open())
        self.assertEqual((reply.status, reply.code), (503, -32009))
        self.assertEqual(
            (reply.headers["connection"], reply.headers["retry-after"]), ("close", "5")
        )
        self.assertEqual((await reply_to(line, echo(1))).status, 200)


class LimitlessTests(HTTPTestCase):
    """Without limits."""

    limits = Limits(max_message=None, idle_timeout=None, request_timeout=None)

    async def test_a_long_message_takes_the_time_it_takes(self) -> None:
        line = await self.open()
        call = echo("x" * 2_000_000)
        line.send(call[:1000])
        await until(lambda: self.served()._reader.in_request)
        await self.advance(100_000)
        line.send(call[1000:])
        answer: Any = (await take_reply(line)).json()
        self.assertEqual(len(answer["result"]), 2_000_000)
