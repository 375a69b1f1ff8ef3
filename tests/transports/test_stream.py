"""TCP in every framing: messages in pieces and in heaps, the ends of a line, its limits."""

from __future__ import annotations

import json

from tests.helpers import batch, notification, request, response
from tests.transports.harness import turn, until
from tests.transports.stream_client import StreamTestCase, code_of
from twisted_rpc import Limits, Server
from twisted_rpc.errors import ConnectionLost
from twisted_rpc.transports.wire import LOOK


class LineTests(StreamTestCase):
    """One message a line."""

    async def test_a_call_is_answered_on_one_line(self) -> None:
        line = await self.open()
        line.send(request("echo", ["häßlich"]) + b"\r\n")
        self.assertEqual(json.loads(await line.take_through(b"\n"))["result"], "häßlich")

    async def test_a_call_may_come_byte_by_byte(self) -> None:
        line = await self.open()
        await line.send_bytewise(request("echo", [[1, "ä"]]) + b"\n")
        self.assertEqual((await line.line())["result"], [1, "ä"])

    async def test_three_calls_in_one_segment_are_answered_in_their_order(self) -> None:
        line = await self.open()
        line.send(b"\n".join(request("echo", [n], n) for n in (1, 2, 3)) + b"\n\r\n\n")
        self.assertEqual([(await line.line())["id"] for _ in range(3)], [1, 2, 3])

    async def test_notifications_are_run_and_not_answered(self) -> None:
        line = await self.open()
        line.send(notification("echo", [1]) + b"\n" + batch(notification("echo")) + b"\n")
        await self.answers(line)
        self.assertEqual(self.methods.ran, ["echo"] * 3)

    async def test_a_line_of_rubbish_is_answered_and_the_next_one_read(self) -> None:
        line = await self.open()
        line.send(b"{nonsense}\n")
        self.assertEqual(code_of(await line.line()), -32700)
        await self.answers(line)

    async def test_nesting_without_end_is_a_parse_error_and_no_crash(self) -> None:
        line = await self.open()
        line.send(b"[" * 100_000 + b"]" * 100_000 + b"\n")
        self.assertEqual(code_of(await line.line()), -32700)
        await self.answers(line)

    async def test_other_clients_are_served_while_one_is_slow(self) -> None:
        slow, quick = await self.open(), await self.open()
        slow.send(request("wait") + b"\n" + request("echo")[:10])
        await self.waiting()
        await self.answers(quick)

    async def test_a_method_calls_its_client_back(self) -> None:
        line = await self.open()
        line.send(request("ask", [2]) + b"\n")
        for number in range(2):
            asked = await line.line()
            self.assertEqual((asked["method"], asked["params"]), ("client.ask", [number]))
            line.send(response(number * 10, asked["id"]) + b"\n")
        self.assertEqual((await line.line())["result"], [0, 10])


class EndTests(StreamTestCase):
    """How a line ends."""

    async def test_half_a_call_and_the_end_are_answered_with_a_parse_error_then_close(self) -> None:
        line = await self.open()
        line.send(request("echo")[:20])
        line.half_close()
        answer = json.loads(await line.rest())
        self.assertEqual(code_of(answer), -32700)
        await self.gone()

    async def test_a_last_call_needs_no_line_end(self) -> None:
        line = await self.open()
        line.send(request("echo", ["last"]))
        line.half_close()
        self.assertEqual(json.loads(await line.rest())["result"], "last")

    async def test_calls_to_a_client_that_has_closed_its_half_end_at_once(self) -> None:
        line = await self.open()
        line.send(request("ask", id="a") + b"\n")
        question = await line.line()
        self.assertEqual(question["method"], "client.ask")
        line.half_close()
        answer = await line.line()
        self.assertEqual((answer["id"], answer["error"]["code"]), ("a", -32000))
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_the_last_thing_a_client_says_may_be_an_answer(self) -> None:
        line = await self.open()
        line.send(request("ask", [2], id="a") + b"\n")
        question = await line.line()
        line.send(response("yes", question["id"]) + b"\n")
        line.half_close()
        again = await line.line()
        self.assertEqual(again["method"], "client.ask")
        self.assertEqual((await line.line())["error"]["code"], -32000)
        await self.gone()

    async def test_a_half_closed_client_gets_the_answers_still_to_come(self) -> None:
        line = await self.open()
        line.send(request("wait", id=1) + b"\n" + request("wait", id=2) + b"\n")
        line.half_close()
        await self.waiting(2)
        self.methods.waiting[1].callback("b")
        self.assertEqual((await line.line())["id"], 2)
        self.assertFalse(line.ended)
        self.methods.waiting[0].callback("a")
        self.assertEqual(json.loads(await line.rest())["id"], 1)
        await self.gone()

    async def test_a_silent_client_that_leaves_gets_nothing(self) -> None:
        line = await self.open()
        line.half_close()
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_a_call_of_ours_fails_when_the_line_drops(self) -> None:
        line = await self.open()
        await until(lambda: self.server.connections)
        (connection,) = self.server.connections.values()
        call = connection.call("client.ask")
        await line.line()
        line.abort()
        with self.assertRaises(ConnectionLost):
            await call
        self.assertTrue(connection.is_closed)

    async def test_an_answer_to_a_client_that_left_goes_nowhere(self) -> None:
        line = await self.open()
        line.send(request("wait") + b"\n")
        await self.waiting()
        line.abort()
        await until(lambda: not self.server.lines)
        self.methods.waiting[0].callback(1)

    async def test_a_connection_is_closed_once_its_answers_are_out(self) -> None:
        line = await self.open()
        await until(lambda: self.server.connections)
        (connection,) = self.server.connections.values()
        connection.notify("bye")
        connection.close()
        connection.close()
        self.assertEqual(json.loads(await line.rest()), {"jsonrpc": "2.0", "method": "bye"})
        await self.gone()

    async def test_an_aborted_connection_is_closed_at_once(self) -> None:
        line = await self.open()
        line.send(request("wait") + b"\n")
        await self.waiting()
        (connection,) = self.server.connections.values()
        connection.abort()
        await self.gone()
        self.methods.waiting[0].callback(1)

    async def test_draining_lets_running_calls_end(self) -> None:
        line = await self.open()
        line.send(request("wait") + b"\n")
        await self.waiting()
        drained = self.server.drain()
        line.send(request("echo", id=2) + b"\n")
        await turn(5)
        self.methods.waiting[0].callback("done")
        answers = [json.loads(text) for text in (await line.rest()).splitlines()]
        await drained
        self.assertEqual(answers[-1]["result"], "done")
        self.assertEqual([code_of(answer) for answer in answers[:-1]], [-32012])


class TooBigTests(StreamTestCase):
    """Messages longer than the limit."""

    async def test_a_mebibyte_without_a_line_end_is_refused_and_the_client_can_read_it(
        self,
    ) -> None:
        line = await self.open()
        line.send(b"x" * (1024 * 1024 + 1))
        answer = json.loads(await line.rest())
        self.assertEqual((code_of(answer), answer["id"]), (-32007, None))
        line.half_close()
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_what_is_sent_after_it_is_thrown_away(self) -> None:
        line = await self.open()
        line.send(b"x" * (1024 * 1024 + 1))
        for _ in range(20):
            line.send(b"y" * 200_000 + b"\n" + request("echo") + b"\n")
        answer = json.loads(await line.rest())
        self.assertEqual(code_of(answer), -32007)
        line.half_close()
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_calls_before_it_are_answered_before_it(self) -> None:
        line = await self.open()
        line.send(request("wait", id="slow") + b"\n" + b"x" * (1024 * 1024 + 1))
        await self.waiting()
        await turn(5)
        self.methods.waiting[0].callback("answer")
        first, second = (await line.rest()).splitlines()
        self.assertEqual(json.loads(first)["id"], "slow")
        self.assertEqual(code_of(json.loads(second)), -32007)
        line.half_close()
        await self.gone()

    async def test_a_client_that_never_leaves_is_cut_off(self) -> None:
        line = await self.open()
        line.send(b"x" * (1024 * 1024 + 1))
        await line.rest()
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(2)
        await self.gone()

    async def test_a_message_of_the_limit_is_answered(self) -> None:
        line = await self.open()
        call = request("echo", [""])
        value = "x" * (1024 * 1024 - len(call))
        line.send(request("echo", [value]) + b"\n")
        self.assertEqual((await line.line())["result"], value)


class BatchAnswerTests(StreamTestCase):
    """Limits of a size that is quick to reach."""

    limits = Limits(max_message=100, max_connections=2)

    async def test_one_line_over_the_limit_among_others_ends_the_line(self) -> None:
        line = await self.open()
        line.send(request("echo", [1]) + b"\n" + b"x" * 101 + b"\n" + request("echo") + b"\n")
        first, second = (await line.rest()).splitlines()
        self.assertEqual(json.loads(first)["result"], 1)
        self.assertEqual(code_of(json.loads(second)), -32007)
        self.assertEqual(self.methods.ran, ["echo"])

    async def test_one_connection_too_many_is_told_so_and_closed(self) -> None:
        lines = [await self.open() for _ in range(2)]
        for line in lines:
            await self.answers(line)
        third = await self.open()
        self.assertEqual(code_of(json.loads(await third.rest())), -32009)
        self.assertEqual(self.methods.ran, ["echo"] * 2)
        await third.reset()
        lines[0].abort()
        await until(lambda: len(self.server.lines) == 1)
        await self.answers(await self.open())


class ArrivalTests(StreamTestCase):
    """The time a message may take to arrive."""

    async def test_half_a_call_is_dropped_at_request_timeout(self) -> None:
        line = await self.open()
        line.send(request("echo")[:10])
        await until(lambda: self.served().connection.framer.partial)
        await self.advance(29)
        self.assertFalse(line.ended)
        await self.advance(1)
        answer = json.loads(await line.rest())
        self.assertEqual((code_of(answer), answer["id"]), (-32002, None))
        line.half_close()
        await self.gone()

    async def test_more_of_it_does_not_buy_time(self) -> None:
        line = await self.open()
        line.send(b'{"jsonrpc"')
        await until(lambda: self.served().connection.framer.partial)
        await self.advance(20)
        line.send(b': "2.0", ')
        await turn(5)
        await self.advance(10)
        self.assertEqual(code_of(json.loads(await line.rest())), -32002)

    async def test_each_message_has_its_own_time(self) -> None:
        line = await self.open()
        call = request("echo", [1])
        line.send(call[:10])
        await until(lambda: self.served().connection.framer.partial)
        await self.advance(20)
        line.send(call[10:] + b"\n" + call[:10])
        self.assertEqual((await line.line())["result"], 1)
        await self.advance(20)
        line.send(call[10:] + b"\n")
        self.assertEqual((await line.line())["result"], 1)
        await self.advance(1000)
        await self.answers(line)

    async def test_a_call_in_time_stops_the_clock(self) -> None:
        line = await self.open()
        await line.send_bytewise(request("echo") + b"\n")
        await line.line()
        await self.advance(10_000)
        await self.answers(line)


class BackpressureTests(StreamTestCase):
    """A connection with as many calls running as it may have."""

    limits = Limits(max_in_flight=2)

    async def test_it_is_not_read_from_until_a_call_ends(self) -> None:
        line = await self.open()
        line.send(b"".join(request("wait", id=n) + b"\n" for n in range(3)))
        await self.waiting(2)
        line.send(request("echo", id="late") + b"\n")
        await turn(10)
        self.assertEqual(self.methods.ran, ["wait", "wait"])
        for number in range(2):
            self.methods.waiting[number].callback(number)
        await until(lambda: self.methods.ran == ["wait", "wait", "wait", "echo"])
        self.methods.waiting[2].callback(2)
        ids = [(await line.line())["id"] for _ in range(4)]
        self.assertEqual(sorted(map(str, ids)), ["0", "1", "2", "late"])

    async def test_time_to_arrive_does_not_run_while_nobody_reads(self) -> None:
        line = await self.open()
        call = request("echo", id="late")
        line.send(request("wait", id=1) + b"\n" + call[:10])
        await self.waiting()
        line.send(call[10:] + b"\n" + request("wait", id=2) + b"\n" + call[:10])
        await self.waiting(2)
        await turn(5)
        await self.advance(29)
        line.send(call[10:] + b"\n")
        await turn(5)
        for waiting in self.methods.waiting:
            waiting.callback(None)
        ids = {(await line.line())["id"] for _ in range(4)}
        self.assertEqual(ids, {1, 2, "late"})
        self.assertFalse(line.ended)

    async def test_that_it_is_reset_meanwhile_is_noticed(self) -> None:
        line = await self.open()
        line.send(b"".join(request("wait") + b"\n" for _ in range(3)))
        await self.waiting(2)
        line.abort()
        await until(lambda: line.lost)
        await self.advance(LOOK - 1)
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(1)
        await self.gone()

    async def test_it_is_kept_as_long_as_the_client_is_there(self) -> None:
        line = await self.open()
        line.send(b"".join(request("wait", id=n) + b"\n" for n in range(2)))
        await self.waiting(2)
        await self.advance(LOOK)
        await self.advance(LOOK)
        self.methods.waiting[0].callback("there")
        self.assertEqual((await line.line())["result"], "there")
        await self.answers(line)

    async def test_it_is_read_while_the_server_waits_for_its_answer(self) -> None:
        line = await self.open()
        line.send(request("ask", id=1) + b"\n" + request("ask", id=2) + b"\n")
        asked = [await line.line() for _ in range(2)]
        line.send(request("echo", id="busy") + b"\n")
        self.assertEqual(code_of(await line.line()), -32009)
        for call in asked:
            line.send(response("yes", call["id"]) + b"\n")
        self.assertEqual([(await line.line())["result"] for _ in asked], [["yes"], ["yes"]])


class CrossProtocolTests(StreamTestCase):
    """Web pages that send requests to a port that is not for them."""

    async def _is_closed(self, data: bytes) -> None:
        line = await self.open()
        line.send(data)
        self.assertEqual(await line.rest(), b"")
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_an_http_request_is_closed_and_nothing_run(self) -> None:
        body = b"\n" + request("echo") + b"\n"
        await self._is_closed(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n" + body)
        await self._is_closed(b"OPTIONS * HTTP/1.1\r\n\r\n" + body)
        await self._is_closed(b"GET http://localhost/ HTTP/1.1\r\n\r\n" + body)

    async def test_an_http_request_in_pieces_is_closed_too(self) -> None:
        line = await self.open()
        await line.send_bytewise(b"POST /")
        self.assertEqual(await line.rest(), b"")

    async def test_what_begins_like_json_is_served(self) -> None:
        line = await self.open()
        await line.send_bytewise(b'{"POST /": 1}             ')
        line.send(b"\n")
        self.assertEqual(code_of(await line.line()), -32600)
        line.send(b"POST / HTTP/1.1\r\n")
        self.assertEqual(code_of(await line.line()), -32700)


class AuthenticationTests(StreamTestCase):
    """Callers that have to prove who they are."""

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def test_the_first_call_is_auth(self) -> None:
        line = await self.open()
        line.send(request("echo") + b"\n")
        self.assertEqual(code_of(await line.line()), -32001)
        line.send(request("auth", ["ann", "secret"]) + b"\n" + request("whoami") + b"\n")
        self.assertIs((await line.line())["result"], True)
        self.assertEqual((await line.line())["result"], ["ann", "tcp", True])
        await self.advance(100)
        await self.answers(line)

    async def test_who_does_not_say_is_dropped_at_handshake_timeout(self) -> None:
        line = await self.open()
        await until(lambda: self.server.connections)
        await self.advance(10)
        self.assertEqual(code_of(json.loads(await line.rest())), -32001)
        await self.gone()
