"""WebSocket: handshakes, messages there and back, and how a connection ends."""

from __future__ import annotations

import json
from typing import ClassVar

from tests.helpers import batch, notification, request, response
from tests.transports.harness import AT_ONCE, turn, until
from tests.transports.test_web import basic
from tests.transports.web_client import echo, get, post, reply_to, take_reply
from tests.transports.websocket_client import (
    CLOSE,
    Frame,
    WebSocketTestCase,
    frame,
    handshake,
)
from twisted_rpc import Connection, ConnectionLost, Server
from twisted_rpc.transports.patience import LINGER


class HandshakeTests(WebSocketTestCase):
    """How a line becomes a WebSocket."""

    async def test_both_rpc_paths_can_be_upgraded(self) -> None:
        for path in ("/", "/rpc", "/rpc?token=1"):
            client = await self.open_websocket(path)
            client.send(frame(request("echo", [path])))
            self.assertEqual((await client.message())["result"], path)

    async def test_other_paths_cannot(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, handshake("/other"))).status, 404)

    async def test_it_may_come_byte_by_byte(self) -> None:
        line = await self.open()
        await line.send_bytewise(handshake())
        self.assertEqual((await take_reply(line)).status, 101)

    async def test_messages_may_come_with_it(self) -> None:
        line = await self.open()
        line.send(handshake() + frame(request("echo", [1])) + frame(request("echo", [2])))
        self.assertEqual((await take_reply(line)).status, 101)
        for value in (1, 2):
            size = (await line.take(2))[1]
            self.assertEqual(json.loads(await line.take(size))["result"], value)

    async def test_a_line_may_serve_calls_by_post_before(self) -> None:
        line = await self.open()
        line.send(post(request("wait")) + handshake() + frame(request("echo", [1])))
        await self.waiting()
        await turn(5)
        self.assertEqual(line.received, b"")
        self.methods.waiting[0].callback("slow")
        self.assertEqual((await take_reply(line)).json()["result"], "slow")
        self.assertEqual((await take_reply(line)).status, 101)
        size = (await line.take(2))[1]
        self.assertEqual(json.loads(await line.take(size))["result"], 1)
        self.assertEqual([c.transport for c in self.server.connections.values()], ["websocket"])

    async def test_a_malformed_one_is_refused(self) -> None:
        for spoiled in (
            handshake().replace(b"Version: 13", b"Version: 7"),
            handshake().replace(b"Version: 13", b"Version: 8"),
            handshake().replace(b"Sec-WebSocket-Key", b"X-Key"),
            handshake().replace(b"dGhl", b""),
            handshake("/rpc", "Sec-WebSocket-Protocol: <b>, <b>"),
        ):
            line = await self.open()
            line.send(spoiled)
            reply = await take_reply(line)
            self.assertEqual((reply.status, reply.headers["connection"]), (400, "close"))
            self.assertEqual(
                reply.body, b"this is no WebSocket handshake (RFC 6455, section 4.2.1)\n"
            )
            await line.rest()
            await self.gone()

    async def test_a_version_that_is_not_served_is_told_which_is(self) -> None:
        reply = await self.reply(handshake().replace(b"Version: 13", b"Version: 8"))
        self.assertEqual(reply.headers["sec-websocket-version"], "13")

    async def test_it_does_not_say_what_serves(self) -> None:
        self.assertNotIn("server", (await self.reply(handshake())).headers)

    async def test_pages_open_it_as_a_websocket_or_not_at_all(self) -> None:
        for fields, status in (
            (("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: websocket"), 101),
            (("Sec-Fetch-Mode: websocket", "Sec-Fetch-Dest: empty"), 101),
            (("Sec-Fetch-Mode: websocket", "Sec-Fetch-Dest: websocket"), 101),
            (("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: websocket"), 403),
            (("Sec-Fetch-Site: same-site",), 403),
            (("Sec-Fetch-Mode: navigate",), 403),
            (("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors"), 403),
            (("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"), 403),
            (("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"), 403),
            (("Origin: null",), 403),
            (("Origin: https://localhost",), 403),
            (("Origin: http://localhost", "Sec-Fetch-Site: cross-site"), 403),
        ):
            reply = await self.reply(handshake("/rpc", *fields))
            self.assertEqual(reply.status, status, fields)

    async def test_pages_of_other_origins_and_hosts_may_not(self) -> None:
        line = await self.open()
        reply = await reply_to(line, handshake("/rpc", "Origin: https://evil.example"))
        self.assertEqual(reply.status, 403)
        line = await self.open()
        line.send(handshake().replace(b"localhost", b"evil.example"))
        self.assertEqual((await take_reply(line)).status, 403)
        await self.open_websocket("/rpc", "Origin: http://localhost")

    async def test_no_compression_is_agreed_on(self) -> None:
        await self.open_websocket("/rpc", "Sec-WebSocket-Extensions: permessage-deflate")

    async def test_methods_see_its_header_fields(self) -> None:
        client = await self.open_websocket("/rpc", "X-Tag: seen")
        client.send(frame(request("header", ["x-tag"])))
        self.assertEqual((await client.message())["result"], "seen")


class OwnPortTests(WebSocketTestCase):
    """A port for WebSocket alone."""

    posts: ClassVar[bool] = False

    async def test_it_serves_websockets(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("whoami")))
        self.assertEqual((await client.message())["result"], [None, "websocket", True])

    async def test_it_serves_nothing_else(self) -> None:
        line = await self.open()
        for data in (echo(1), get("/")):
            reply = await reply_to(line, data)
            self.assertEqual((reply.status, reply.headers["upgrade"]), (426, "websocket"))
        self.assertEqual(self.methods.ran, [])


class MessageTests(WebSocketTestCase):
    """Messages there and back."""

    async def test_answers_come_as_text(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("echo", ["häßlich"])))
        self.assertEqual((await client.message())["result"], "häßlich")

    async def test_a_parse_error_is_answered_and_the_connection_stays(self) -> None:
        client = await self.open_websocket()
        for text in (b"{", b"", b"\xef\xbb\xbf{}", b"[" * 100_000):
            client.send(frame(text))
            self.assertEqual((await client.message())["error"]["code"], -32700)
        client.send(frame(request("echo", [1])))
        self.assertEqual((await client.message())["result"], 1)

    async def test_notifications_are_not_answered(self) -> None:
        client = await self.open_websocket()
        client.send(frame(notification("echo")), frame(batch(notification("echo"))))
        client.send(frame(request("echo", [1])))
        self.assertEqual((await client.message())["result"], 1)

    async def test_answers_of_every_size_arrive(self) -> None:
        client = await self.open_websocket()
        bare = len(json.dumps({"jsonrpc": "2.0", "result": "", "id": 1}, separators=(",", ":")))
        for size in (bare, 125, 126, 127, 65535, 65536, 1_000_000):
            client.send(frame(request("blob", [size - bare])))
            self.assertEqual(len((await client.frame()).payload), size)

    async def test_the_server_calls_its_client_back(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("ask", [2], "q")))
        for number in range(2):
            asked = await client.message()
            self.assertEqual(asked["params"], [number])
            client.send(frame(response(number, asked["id"])))
        self.assertEqual((await client.message())["result"], [0, 1])

    async def test_several_at_once_are_answered_in_their_order(self) -> None:
        client = await self.open_websocket()
        client.send(*(frame(request("echo", [n])) for n in range(50)))
        self.assertEqual([(await client.message())["result"] for _ in range(50)], [*range(50)])

    async def test_who_reads_slowly_receives_everything(self) -> None:
        client = await self.open_websocket()
        client.line.stop_reading()
        client.send(*(frame(request("blob", [3_000_000], n)) for n in range(3)))
        await until(lambda: self.served().wire._unasked is not None)
        client.line.read_on()
        self.assertEqual([(await client.message())["id"] for _ in range(3)], [0, 1, 2])

    async def test_who_reads_nothing_is_aborted(self) -> None:
        client = await self.open_websocket()
        client.line.stop_reading()
        client.send(frame(request("blob", [9_000_000])))
        await until(lambda: self.served().wire._unasked is not None)
        await self.advance(20)
        await self.gone()

    async def test_it_is_not_read_from_while_too_many_calls_run(self) -> None:
        client = await self.open_websocket()
        client.send(*(frame(request("wait", id=n)) for n in range(20)))
        await self.waiting(20)
        client.send(frame(request("echo", id="late")))
        await turn(10)
        self.assertNotIn("echo", self.methods.ran)
        self.methods.waiting[7].callback(None)
        self.assertEqual((await client.message())["id"], 7)
        self.assertEqual((await client.message())["id"], "late")


class EndTests(WebSocketTestCase):
    """How a connection ends."""

    async def connection(self) -> Connection:
        await until(lambda: self.server.connections)
        (connection,) = self.server.connections.values()
        return connection

    async def test_the_client_closes(self) -> None:
        client = await self.open_websocket()
        client.send(frame((4000).to_bytes(2, "big") + b"bye", CLOSE))
        self.assertEqual(
            await client.frame(), Frame(0x80 | CLOSE, (4000).to_bytes(2, "big") + b"bye")
        )
        self.assertEqual(await client.line.rest(), b"")
        client.line.half_close()
        await self.gone()

    async def test_who_closes_and_goes_on_sending_is_not_reset(self) -> None:
        client = await self.open_websocket()
        client.send(frame(b"", CLOSE))
        self.assertEqual(await client.frame(), Frame(0x80 | CLOSE, b""))
        client.send(frame(request("echo", [1])))
        self.assertEqual(await client.line.rest(), b"")
        await turn(5)
        self.assertFalse(client.line.lost)
        for _ in range(2):  # once all is out
            await self.advance(LINGER)
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_the_server_closes(self) -> None:
        client = await self.open_websocket()
        connection = await self.connection()
        connection.notify("bye")
        connection.close()
        connection.close()
        connection.notify("too late")
        self.assertEqual((await client.message())["method"], "bye")
        await self.closed_with(1000, client)

    async def test_the_server_aborts(self) -> None:
        client = await self.open_websocket()
        (await self.connection()).abort()
        self.assertEqual(await client.line.rest(), b"")
        await self.gone()

    async def test_a_call_of_ours_fails_when_the_line_drops(self) -> None:
        client = await self.open_websocket()
        call = (await self.connection()).call("client.ask")
        await client.message()
        client.line.abort()
        with self.assertRaises(ConnectionLost):
            await call

    async def test_draining_closes_it_as_going_away(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("wait")))
        await self.waiting()
        drained = self.server.drain()
        client.send(frame(request("echo", id=2)))
        await turn(5)
        self.methods.waiting[0].callback("done")
        answers = {answer["id"]: answer for answer in [await client.message()]}
        if 2 in answers:
            answers[1] = await client.message()
        self.assertEqual(answers[1]["result"], "done")
        await self.closed_with(1001, client)
        await drained

    async def test_draining_does_not_wait_for_a_handshake(self) -> None:
        line = await self.open()
        line.send(handshake()[:-2])
        await until(lambda: self.server.lines)
        drained = self.server.drain()
        await line.rest()
        await drained

    async def test_one_that_does_not_reply_to_the_close_is_cut_off_in_the_end(self) -> None:
        client = await self.open_websocket()
        drained = self.server.drain()
        await client.frame()
        await self.advance(5)
        await self.gone()
        await drained

    async def test_an_answer_after_the_end_goes_nowhere(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("wait")))
        await self.waiting()
        client.send(frame((1000).to_bytes(2, "big"), CLOSE))
        self.assertEqual((await client.frame())[0], 0x80 | CLOSE)
        client.line.half_close()
        await self.gone()
        self.methods.waiting[0].callback("late")
        self.assertEqual(await client.line.rest(), b"")


class PasswordTests(WebSocketTestCase):
    """Callers that have to prove who they are."""

    limits = AT_ONCE

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def test_by_the_handshake(self) -> None:
        client = await self.open_websocket("/rpc", basic("ann", "secret"))
        client.send(frame(request("whoami")))
        self.assertEqual((await client.message())["result"], ["ann", "websocket", True])

    async def test_by_the_first_message(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("whoami")))
        self.assertEqual((await client.message())["error"]["code"], -32001)
        client.send(frame(request("auth", ["ann", "secret"])), frame(request("whoami")))
        self.assertIs((await client.message())["result"], True)
        self.assertEqual((await client.message())["result"], ["ann", "websocket", True])

    async def test_wrong_credentials_are_401(self) -> None:
        line = await self.open()
        reply = await reply_to(line, handshake("/rpc", basic("ann", "wrong")))
        self.assertEqual(reply.status, 401)
        self.assertEqual(await line.rest(), b"")

    async def test_who_does_not_say_is_dropped_at_handshake_timeout(self) -> None:
        client = await self.open_websocket()
        await until(lambda: self.server.connections)
        await self.advance(10)
        self.assertEqual((await client.message())["error"]["code"], -32001)
        await self.closed_with(1000, client)
