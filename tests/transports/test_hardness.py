"""What a peer that is slow, greedy or rude cannot do: wedge a line, lose an answer, grow memory."""

from __future__ import annotations

from typing import ClassVar

from tests.helpers import request
from tests.transports.harness import AT_ONCE, turn, until
from tests.transports.stream_client import StreamTestCase
from tests.transports.web_client import HTTPTestCase, echo, head, post, take_reply
from tests.transports.websocket_client import WebSocketTestCase, frame, handshake
from twisted_rpc import Limits, Server
from twisted_rpc.transports.patience import LINGER

BASIC = "Authorization: Basic "
BAD = BASIC + "dTp4"  # u:x
GOOD = BASIC + "dTpw"  # u:p


class PipelinedLoginTests(HTTPTestCase):
    """Logins whose outcome is there at once."""

    limits = AT_ONCE

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("u", "p")
        return server

    async def test_many_wrong_ones_in_one_segment_are_each_refused(self) -> None:
        line = await self.open()
        line.send(echo(1, BAD) * 300 + echo(2, GOOD))
        for _ in range(300):
            self.assertEqual((await take_reply(line)).status, 401)
        self.assertEqual((await take_reply(line)).json()["result"], 2)

    async def test_a_silent_stranger_is_dropped_at_handshake_timeout(self) -> None:
        await self.open()
        await self.advance(9)
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(1)
        await self.gone()


class HTTPEndTests(HTTPTestCase):
    """Requests that end otherwise than most."""

    async def test_who_closes_its_half_still_gets_its_answer(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        line.half_close()
        await until(lambda: self.served()._input_ended, "its end is not noticed")
        self.methods.waiting[0].callback("late")
        reply = await take_reply(line)
        self.assertEqual(reply.json()["result"], "late")
        self.assertEqual(reply.headers["connection"], "close")
        await self.gone()

    async def test_who_closes_its_half_gets_all_its_answers(self) -> None:
        line = await self.open()
        line.send(post(request("wait")) + echo(1) + echo(2))
        await self.waiting()
        line.half_close()
        await until(lambda: self.served()._input_ended, "its end is not noticed")
        self.methods.waiting[0].callback("late")
        results = [(await take_reply(line)).json()["result"] for _ in range(3)]
        self.assertEqual(results, ["late", 1, 2])
        await self.gone()

    async def test_who_waits_behind_another_request_is_told_to_continue(self) -> None:
        line = await self.open()
        body = request("echo", ["continued"])
        line.send(
            post(request("wait"))
            + head(
                "POST / HTTP/1.1",
                "Host: localhost",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Expect: 100-continue",
            )
        )
        await self.waiting()
        self.methods.waiting[0].callback("first")
        self.assertEqual((await take_reply(line)).json()["result"], "first")
        self.assertEqual(await line.take_through(b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
        line.send(body)
        self.assertEqual((await take_reply(line)).json()["result"], "continued")

    async def test_who_did_not_wait_to_be_told_is_not_told_later(self) -> None:
        line = await self.open()
        first = echo(1, "Expect: 100-continue")
        second = echo(2)
        line.send(first)
        self.assertEqual((await take_reply(line)).json()["result"], 1)
        line.send(second[:-5])
        await turn(5)
        line.send(second[-5:])
        self.assertEqual((await take_reply(line)).json()["result"], 2)

    async def test_who_waits_to_be_told_to_continue_is_refused_at_once(self) -> None:
        line = await self.open()
        line.send(
            head(
                "POST / HTTP/1.1",
                "Host: localhost",
                "Content-Type: text/plain",
                "Content-Length: 20",
                "Expect: 100-continue",
            )
        )
        reply = await take_reply(line)
        self.assertEqual((reply.status, reply.headers["connection"]), (415, "close"))

    async def test_endless_trailers_are_refused(self) -> None:
        line = await self.open()
        fields = ("Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked")
        line.send(head("POST / HTTP/1.1", *fields) + b"2\r\n{}\r\n0\r\nX: ")
        for _ in range(3):
            line.send(b"a" * 16_000)
            await self.advance(0)
        self.assertEqual((await take_reply(line)).status, 431)

    async def test_steady_pipelining_never_runs_out_of_time(self) -> None:
        line = await self.open()
        call = echo(1)
        line.send(call[:10])
        for _ in range(5):
            await self.advance(20)
            line.send(call[10:] + call[:10])
            self.assertEqual((await take_reply(line)).json()["result"], 1)

    async def test_nobody_is_let_in_while_it_drains(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        drained = self.server.drain()
        self.assertEqual(self.server.admit(self.served(), "127.0.0.1"), "shutting down")
        self.methods.waiting[0].callback(1)
        await take_reply(line)
        await drained


class DrainTests(WebSocketTestCase):
    """What has come when the server begins to end."""

    async def test_a_websocket_that_never_closes_is_closed_once_it_has_everything(self) -> None:
        client = await self.open_websocket()
        client.line.stop_reading()
        client.send(frame(request("blob", [9_000_000])))
        await until(lambda: self.served().wire._unasked is not None, "nothing is unread")
        drained = self.server.drain()
        client.line.read_on()
        self.assertEqual(len((await client.message())["result"]), 9_000_000)
        for _ in range(2):
            await self.advance(LINGER)
        await self.gone()
        await drained

    async def test_no_websocket_begins_any_more(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(post(request("blob", [9_000_000])) + handshake())
        await until(lambda: self.served().wire._unasked is not None, "nothing is unread")
        drained = self.server.drain()
        line.read_on()
        self.assertEqual(len((await take_reply(line)).json()["result"]), 9_000_000)
        refused = await take_reply(line)
        self.assertEqual((refused.status, refused.code), (503, -32012))
        await self.gone()
        await drained


class SlowHTTPTests(HTTPTestCase):
    """Clients that take long to read what they asked for."""

    limits = Limits(idle_timeout=2, request_timeout=2)

    async def test_no_time_runs_for_what_they_have_sent_already(self) -> None:
        line = await self.open()
        line.stop_reading()
        late = echo("late")
        line.send(post(request("blob", [9_000_000])) + echo("second") + late[:40])
        await until(lambda: self.served().wire._unasked is not None, "nothing is unread")
        await self.advance(10)
        line.send(late[40:])
        line.read_on()
        self.assertEqual(len((await take_reply(line)).json()["result"]), 9_000_000)
        results = [(await take_reply(line)).json()["result"] for _ in range(2)]
        self.assertEqual(results, ["second", "late"])


class StreamEndTests(StreamTestCase):
    """Streams that end badly."""

    limits: ClassVar[Limits] = Limits(max_message=1000)

    async def test_who_still_sends_gets_its_answer_when_the_server_drains(self) -> None:
        line = await self.open()
        line.send(request("wait", id="w") + b"\n")
        await self.waiting()
        drained = self.server.drain()
        self.methods.waiting[0].callback("x" * 3_000_000)
        for _ in range(50):
            line.send((request("echo")[:-1] + b"}\n") * 100)
            await turn()
        answers = (await line.rest()).splitlines()
        self.assertEqual(
            max(map(len, answers)), 3_000_000 + len(b'{"jsonrpc":"2.0","result":"","id":"w"}')
        )
        line.half_close()
        await self.gone()
        await drained

    async def test_an_answer_under_way_survives_a_line_too_long_and_a_half_close(self) -> None:
        line = await self.open()
        line.send(request("wait", id="w") + b"\n" + b"x" * 2000 + b"\n")
        await self.waiting()
        line.half_close()
        self.methods.waiting[0].callback("late")
        self.assertEqual((await line.line())["result"], "late")
        self.assertEqual((await line.line())["error"]["code"], -32007)

    async def test_what_was_refused_as_incomplete_is_not_run_afterwards(self) -> None:
        line = await self.open()
        call = request("echo", [1]) + b"\n"
        line.send(call[:20])
        await until(lambda: self.served().connection.framer.partial)
        await self.advance(30)
        self.assertEqual((await line.line())["error"]["code"], -32002)
        line.send(call[20:])
        line.half_close()
        self.assertEqual(await line.rest(), b"")
        self.assertEqual(self.methods.ran, [])


class LargeAnswerTests(StreamTestCase):
    """Answers that are large, to a client that reads when it likes."""

    async def test_calls_of_one_segment_wait_until_the_answers_before_them_are_read(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(b"".join(request("blob", [2_000_000], i) + b"\n" for i in range(40)))
        await until(lambda: self.served().wire._unasked is not None)
        self.assertLess(len(self.methods.ran), 10)
        line.read_on()
        for number in range(40):
            self.assertEqual((await line.line())["id"], number)

    async def test_answers_that_are_read_are_never_too_many(self) -> None:
        line = await self.open()
        line.send(b"".join(request("blob", [1_500_000], i) + b"\n" for i in range(4)))
        for number in range(4):
            self.assertEqual((await line.line())["id"], number)

    async def test_a_slow_but_steady_reader_gets_everything(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(request("blob", [9_000_000]) + b"\n")
        await until(lambda: self.served().wire._unasked is not None)
        for _ in range(3):
            line.read_on()
            await line.take(1_000_000)
            line.stop_reading()
            await self.advance(19)
        line.read_on()
        self.assertGreater(len(await line.take_through(b"}\n")), 5_000_000)


class ClosedTests(StreamTestCase):
    """What is done when a line has ended."""

    async def test_what_was_not_read_is_not_kept_for_a_call_that_runs_on(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(request("wait") + b"\n" + request("blob", [9_000_000]) + b"\n")
        await until(lambda: self.served().wire._unasked is not None, "nothing is unread")
        below = self.served().transport
        line.abort()
        await self.gone()
        self.assertEqual(len(below.dataBuffer) + below._tempDataLen, 0)

    async def test_everybody_else_can_be_told_of_it(self) -> None:
        lines = [await self.open() for _ in range(4)]
        for line in lines:
            await self.answers(line)
        second = list(self.server.connections.values())[1]
        second.closed().addCallback(lambda _: self.server.notify_all("left", [second.id]))
        lines[1].abort()
        await until(lambda: self.server.broadcasts.waiting, "it is not closed")
        self.clock.advance(0)
        for line in (lines[0], *lines[2:]):
            self.assertEqual((await line.line())["params"], [second.id])
