"""Every limit is hit by a real connection: it counts under its name, and its error names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from txaio import tx

from tests.helpers import batch, notification, request
from tests.transports.harness import (
    Line,
    TransportTestCase,
    listening_port,
    reactor,
    turn,
    until,
)
from tests.transports.web_client import HTTPTestCase, post, take_reply
from tests.transports.websocket_client import CLOSE, WebSocketTestCase, frame
from twisted_rpc import (
    Connection,
    Context,
    Limits,
    RemoteError,
    Server,
    TooManyCalls,
    connect,
)
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.stream import StreamFactory

NO_LIMITS_BY_THEMSELVES = {
    *("ping_interval", "calls_burst", "error_cost"),
    *("auth_delay", "auth_recheck", "drain_delay"),
}
"""They say when another one is hit, or something happens."""


class LimitsTestCase(TransportTestCase):
    """Servers of one limit after the other."""

    def serve(self, **limits: Any) -> Server:
        """A server with these limits instead of the usual ones."""
        self.server = self.make_server(Limits(**limits))
        return self.server

    def make_server(self, limits: Limits | None = None) -> Server:
        server = super().make_server()
        if limits is None:
            return server
        made = Server(limits=limits, reactor=self.clock)
        for name, exposed in server.methods.items():
            made.expose(name, exposed.function)
        return made

    async def open(self, kind: Callable[[Server], Any] = StreamFactory) -> Line:
        """A client; the first one opens the port."""
        if not self.ports:
            await self.listen(kind(self.server))
        return await self.connect()

    def assert_hit(self, name: str, times: int = 1) -> None:
        """See that this limit was hit, and no other."""
        self.assertEqual(self.server.counters.limits, {name: times})

    def assert_names(self, answer: Any, code: int, name: str) -> None:
        """See that an error has this code and names the limit."""
        self.assertEqual(answer["error"]["code"], code)
        self.assertIn(f"({name})", answer["error"]["data"])


class StreamLimits(LimitsTestCase):
    """Over TCP."""

    async def refused(self, message: bytes, code: int, name: str) -> Line:
        """A message that this limit refuses."""
        line = await self.open()
        line.send(message + b"\n")
        self.assert_names(await line.line(), code, name)
        self.assert_hit(name)
        return line

    async def test_max_message(self) -> None:
        self.serve(max_message=100)
        await self.refused(request("echo", ["x" * 100]), -32007, "max_message")

    async def test_max_response(self) -> None:
        self.serve(max_response=200)
        await self.refused(request("blob", [300]), -32008, "max_response")

    async def test_max_response_of_a_batch(self) -> None:
        self.serve(max_response=100)
        line = await self.open()
        line.send(batch(request("blob", [60]), request("blob", [60])) + b"\n")
        first, second = await line.line()
        self.assertEqual(len(first["result"]), 60)
        self.assert_names(second, -32011, "max_response")
        self.assert_hit("max_response")

    async def test_max_batch(self) -> None:
        self.serve(max_batch=2)
        await self.refused(batch(*[request("echo")] * 3), -32010, "max_batch")

    async def test_max_batch_before_authentication(self) -> None:
        self.serve(max_batch=2).enable_auth("u", "p")
        await self.refused(batch(*[request("echo")] * 3), -32010, "max_batch")

    async def test_max_depth(self) -> None:
        self.serve(max_depth=3)
        await self.refused(request("echo", [[[[1]]]]), -32700, "max_depth")

    async def test_max_in_flight(self) -> None:
        self.serve(max_in_flight=2)
        line = await self.open()
        line.send((request("wait") + b"\n") * 5)
        await self.waiting(2)
        await turn(3)
        self.assertEqual(len(self.methods.waiting), 2)
        self.assert_hit("max_in_flight")

    async def test_max_calls(self) -> None:
        self.serve(max_calls=2)
        for _ in range(2):
            (await self.open()).send(request("wait") + b"\n")
        await self.waiting(2)
        line = await self.refused(request("echo"), -32009, "max_calls")
        self.methods.waiting[0].callback(None)
        await self.answers(line)
        self.assertEqual(self.methods.ran, ["wait", "wait", "echo"])

    async def test_max_errors(self) -> None:
        self.serve(max_errors=3)
        line = await self.open()
        line.send(b"{rubbish\n{}\n" + request("echo", id=9) + b"\n" + b"rubbish\n" * 9)
        codes = [(await line.line()).get("error", {}).get("code") for _ in range(5)]
        self.assertEqual(codes, [-32700, -32600, None, -32700, -32700])
        self.assert_names(await line.line(), -32700, "max_errors")
        self.assertEqual(await line.rest(), b"")
        self.assert_hit("max_errors")
        line.abort()
        await self.gone()

    async def test_max_errors_counts_items_of_batches(self) -> None:
        self.serve(max_errors=3)
        line = await self.open()
        line.send(b"[1,2,3,4]\n" + request("echo") + b"\n")
        answers = await line.line()
        self.assertEqual([answer["error"]["code"] for answer in answers], [-32600] * 3)
        self.assert_names(answers[2], -32600, "max_errors")
        self.assertEqual(await line.rest(), b"")
        self.assertEqual(self.methods.ran, [])

    async def test_max_errors_of_a_stranger(self) -> None:
        self.serve(max_errors=2).enable_auth("u", "p")
        line = await self.open()
        line.send(b"{rubbish\n" * 9)
        await line.line()
        self.assert_names(await line.line(), -32700, "max_errors")
        self.assertEqual(await line.rest(), b"")

    async def test_max_connections(self) -> None:
        self.serve(max_connections=1)
        await self.answers(await self.open())
        self.assert_names(await (await self.open()).line(), -32009, "max_connections")
        self.assert_hit("max_connections")

    async def test_max_connections_per_address(self) -> None:
        self.serve(max_connections_per_address=1)
        await self.answers(await self.open())
        answer = await (await self.open()).line()
        self.assert_names(answer, -32009, "max_connections_per_address")
        self.assert_hit("max_connections_per_address")

    async def test_max_unauthenticated(self) -> None:
        self.serve(max_unauthenticated=1).enable_auth("u", "p")
        first = await self.open()
        await until(lambda: self.server.lines.strangers, "nobody counts it")
        await self.open()
        self.assertEqual(await first.rest(), b"")
        self.assert_hit("max_unauthenticated")

    async def test_max_outgoing(self) -> None:
        server = self.serve(max_outgoing=2)

        def ask(context: Context, times: int) -> None:
            asked.extend(context.connection.call("ask") for _ in range(times))

        asked: list[Deferred[Any]] = []
        server.expose("begin", ask)
        line = await self.open()
        line.send(request("begin", [3]) + b"\n")
        await until(lambda: len(asked) == 3, "nothing is asked")
        error = self.failureResultOf(asked.pop(), TooManyCalls).value
        expected = r"^ask: 2 calls at most wait for 127.0.0.1:\d+ \(max_outgoing\)$"
        self.assertRegex(str(error), expected)
        self.assert_hit("max_outgoing")
        for each in asked:
            each.addErrback(lambda _: None)

    async def test_calls_per_second(self) -> None:
        self.serve(calls_per_second=1, calls_burst=1)
        await self.answers(await self.open())
        line = await self.open()  # of the same address
        line.send(request("echo") + b"\n")
        error = (await line.line())["error"]
        data = {"limit": "calls_per_second", "retry_after": 1.0}
        self.assertEqual((error["code"], error["data"]), (-32005, data))
        self.assert_hit("calls_per_second")
        await self.advance(1)
        await self.answers(line)

    async def test_calls_per_second_per_address(self) -> None:
        self.serve(calls_per_second_per_address=1, calls_burst=1)
        await self.answers(await self.open())
        line = await self.open()
        line.send(b"{rubbish\n")
        error = (await line.line())["error"]
        self.assertEqual(error["code"], -32005)
        self.assertEqual(error["data"]["limit"], "calls_per_second_per_address")
        self.assert_hit("calls_per_second_per_address")

    async def test_max_auth_message(self) -> None:
        self.serve(max_auth_message=500).enable_auth("u", "p")
        line = await self.open()
        line.send(request("echo", ["x" * 300]) + b"\n" + request("echo", ["x" * 300]) + b"\n")
        self.assertEqual((await line.line())["error"]["code"], -32001)
        self.assert_names(await line.line(), -32007, "max_auth_message")
        self.assertEqual(await line.rest(), b"")
        self.assert_hit("max_auth_message")

    async def test_max_auth_attempts(self) -> None:
        self.serve(max_auth_attempts=1, auth_delay=None).enable_auth("u", "p")
        line = await self.open()
        line.send((request("auth", ["u", "wrong"]) + b"\n") * 2)
        self.assertEqual((await line.line())["error"]["code"], -32001)
        error = (await line.line())["error"]
        self.assertEqual((error["code"], error["data"]["limit"]), (-32005, "max_auth_attempts"))
        self.assert_hit("max_auth_attempts")

    async def test_ticket_timeout(self) -> None:
        self.serve(ticket_timeout=3, auth_delay=None).enable_auth("u", "p")
        ticket = self.server.logins.tickets.issue("u")
        await self.advance(4)
        line = await self.open()
        line.send(request("auth", {"ticket": ticket}) + b"\n")
        self.assertEqual((await line.line())["error"]["code"], -32001)
        self.assert_hit("ticket_timeout")

    async def test_call_timeout(self) -> None:
        self.serve(call_timeout=3)
        line = await self.open()
        line.send(request("wait") + b"\n")
        await self.waiting()
        await self.advance(3)
        self.assert_names(await line.line(), -32002, "call_timeout")
        self.assert_hit("call_timeout")

    async def test_call_timeout_of_a_call_of_ours(self) -> None:
        self.serve(call_timeout=3)
        await self.open()
        await until(lambda: self.server.connections, "it has not come")
        (connection,) = self.server.connections.values()
        asked = connection.call("ask")
        await self.advance(3)
        self.failureResultOf(asked)
        self.assert_hit("call_timeout")

    async def test_request_timeout(self) -> None:
        self.serve(request_timeout=3)
        line = await self.open()
        line.send(b"{")
        await until(lambda: self.served().connection._arrival.at is not None, "it has not come")
        await self.advance(3)
        self.assert_names(await line.line(), -32002, "request_timeout")
        self.assert_hit("request_timeout")

    async def test_handshake_timeout(self) -> None:
        self.serve(handshake_timeout=3).enable_auth("u", "p")
        line = await self.open()
        await until(lambda: self.server.lines, "it has not come")
        await self.advance(3)
        self.assert_names(await line.line(), -32001, "handshake_timeout")
        self.assert_hit("handshake_timeout")

    async def test_idle_timeout(self) -> None:
        self.serve(idle_timeout=3)
        line = await self.open(lambda server: HybridFactory(HTTPFactory(server)))
        await until(lambda: self.server.lines, "it has not come")
        await self.advance(3)
        self.assertEqual(await line.rest(), b"")
        self.assert_hit("idle_timeout")

    async def congest(self) -> Connection:
        """A client that reads nothing of what it has asked for."""
        line = await self.open()
        line.stop_reading()
        line.send(request("blob", [9_000_000]) + b"\n")
        await until(lambda: self.methods.ran == ["blob"], "it has not come")
        await until(lambda: self.served().wire._unasked is not None, "nothing is unread")
        (connection,) = self.server.connections.values()
        return connection

    async def test_unread_timeout(self) -> None:
        self.serve()
        await self.congest()
        for _ in range(20):
            await self.advance(20)
        await self.gone()
        self.assert_hit("unread_timeout")

    async def test_max_unread(self) -> None:
        self.serve(max_unread=1000)
        connection = await self.congest()
        for _ in range(3):
            connection.notify("news", ["x" * 900])
        await self.gone()
        self.assert_hit("max_unread")

    async def test_drain_timeout(self) -> None:
        self.serve(drain_timeout=3)
        line = await self.open()
        line.send(request("wait") + b"\n")
        await self.waiting()
        drained = self.server.drain()
        await self.advance(3)
        await drained
        self.assert_hit("drain_timeout")


class HTTPLimits(LimitsTestCase, HTTPTestCase):
    """Over HTTP."""

    async def open(self, kind: Callable[[Server], Any] = HTTPFactory) -> Line:
        return await super().open(kind)

    async def refused_with(self, status: int, data: bytes, code: int, name: str) -> None:
        """A request that this limit refuses."""
        line = await self.open()
        line.send(data)
        reply = await take_reply(line)
        self.assertEqual(reply.status, status)
        self.assert_names(reply.json(), code, name)
        self.assert_hit(name)

    async def test_max_message(self) -> None:
        self.serve(max_message=100)
        await self.refused_with(413, post(request("echo", ["x" * 100])), -32007, "max_message")

    async def test_max_batch(self) -> None:
        self.serve(max_batch=2)
        data = post(batch(*[request("echo")] * 3))
        await self.refused_with(200, data, -32010, "max_batch")

    async def test_calls_per_second(self) -> None:
        self.serve(calls_per_second=0.4, calls_burst=1)
        line = await self.open()
        line.send(post(request("echo", [1])) + post(request("echo", [2])))
        self.assertEqual((await take_reply(line)).status, 200)
        reply = await take_reply(line)
        self.assertEqual((reply.status, reply.headers["retry-after"]), (429, "3"))
        data = {"limit": "calls_per_second", "retry_after": 2.5}
        error = {"code": -32005, "message": "Rate limited", "data": data}
        self.assertEqual(reply.json(), {"jsonrpc": "2.0", "error": error, "id": 1})
        self.assert_hit("calls_per_second")
        await self.advance(2.5)
        line.send(post(batch(request("echo", [3]), request("echo", [4]))))
        reply = await take_reply(line)
        self.assertEqual(reply.status, 200)
        self.assertEqual([answer.get("result") for answer in reply.json()], [3, None])

    async def test_calls_per_second_as_our_client_sees_it(self) -> None:
        self.serve(calls_per_second=1, calls_burst=1)
        port = await self.listen(HTTPFactory(self.server))
        client = connect(f"http://127.0.0.1:{listening_port(port)}/", reactor=reactor)
        self.addCleanup(client.close)
        self.assertEqual(await client.call("echo", [1]), 1)
        error = await self.assertFailure(client.call("echo", [1]), RemoteError)
        self.assertEqual((error.code, error.data["limit"]), (-32005, "calls_per_second"))

    async def test_max_errors(self) -> None:
        self.serve(max_errors=2)
        line = await self.open()
        line.send(post(b"rubbish") * 5)
        self.assertEqual((await take_reply(line)).code, -32700)
        reply = await take_reply(line)
        self.assert_names(reply.json(), -32700, "max_errors")
        self.assertEqual(reply.headers["connection"], "close")
        self.assertEqual(await line.rest(), b"")
        self.assert_hit("max_errors")

    async def test_max_in_flight_of_a_batch(self) -> None:
        self.serve(max_in_flight=2)
        line = await self.open()
        line.send(post(batch(*[request("wait")] * 3)))
        await self.waiting(2)
        self.assert_hit("max_in_flight")
        for each in tuple(self.methods.waiting):
            each.callback(1)
        await self.waiting(3)

    async def test_max_connections(self) -> None:
        self.serve(max_connections=1)
        first = await self.open()
        first.send(post(request("echo")))
        await take_reply(first)
        reply = await take_reply(await self.open())
        self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "5"))
        self.assert_names(reply.json(), -32009, "max_connections")
        self.assert_hit("max_connections")

    async def test_request_timeout(self) -> None:
        self.serve(request_timeout=3)
        line = await self.open()
        line.send(b"POST / HT")
        await until(lambda: self.server.lines and self.served()._reader.in_request, "nothing came")
        await self.advance(3)
        reply = await take_reply(line)
        self.assertEqual(reply.status, 408)
        self.assert_names(reply.json(), -32002, "request_timeout")
        self.assert_hit("request_timeout")

    async def test_idle_timeout(self) -> None:
        self.serve(idle_timeout=3)
        line = await self.open()
        line.send(post(request("echo")))
        await take_reply(line)
        await self.advance(3)
        self.assertEqual(await line.rest(), b"")
        self.assert_hit("idle_timeout")

    async def test_handshake_timeout_of_a_silent_stranger(self) -> None:
        self.serve(handshake_timeout=3).enable_auth("u", "p")
        line = await self.open()
        await until(lambda: self.server.lines, "it has not come")
        await self.advance(3)
        self.assertEqual(await line.rest(), b"")
        self.assert_hit("handshake_timeout")


class WebSocketLimits(LimitsTestCase, WebSocketTestCase):
    """Over WebSocket."""

    async def open(self, kind: Callable[[Server], Any] = HTTPFactory) -> Line:
        return await super().open(kind)

    async def test_max_message(self) -> None:
        self.serve(max_message=100)
        client = await self.open_websocket()
        client.send(frame(request("echo", ["x" * 100])))
        first, payload = await client.frame()
        self.assertEqual((first, payload[:2]), (0x80 | CLOSE, (1009).to_bytes(2, "big")))
        self.assertIn(b"(max_message)", payload)
        self.assert_hit("max_message")

    async def test_max_errors(self) -> None:
        self.serve(max_errors=2)
        client = await self.open_websocket()
        client.send(frame(b"rubbish") * 5)
        self.assertEqual((await client.message())["error"]["code"], -32700)
        self.assert_names(await client.message(), -32700, "max_errors")
        self.assertEqual(await client.close_code(), 1008)
        self.assert_hit("max_errors")

    async def test_request_timeout(self) -> None:
        self.serve(request_timeout=3)
        client = await self.open_websocket()
        client.send(frame(b"{")[:4])
        await until(lambda: self.served()._arrival.at is not None, "it has not come")
        await self.advance(3)
        self.assert_names(await client.message(), -32002, "request_timeout")
        self.assert_hit("request_timeout")

    async def test_handshake_timeout(self) -> None:
        self.serve(handshake_timeout=3).enable_auth("u", "p")
        client = await self.open_websocket()
        await self.advance(3)
        self.assert_names(await client.message(), -32001, "handshake_timeout")
        self.assert_hit("handshake_timeout")

    async def test_ping_timeout(self) -> None:
        self.patch(tx.config, "loop", self.clock)
        self.serve(ping_interval=5, ping_timeout=3)
        client = await self.open_websocket()
        for _ in range(10):
            await self.advance(1)
        await self.gone()
        self.assert_hit("ping_timeout")
        client.line.abort()

    async def test_notifications_in_a_row_are_messages(self) -> None:
        self.serve(max_errors=2)
        client = await self.open_websocket()
        client.send((frame(b"rubbish") + frame(notification("echo"))) * 5)
        codes = [(await client.message())["error"]["code"] for _ in range(5)]
        self.assertEqual(codes, [-32700] * 5)
        self.assertEqual(self.server.counters.limits, {})


TESTED = [name for kind in (StreamLimits, HTTPLimits, WebSocketLimits) for name in vars(kind)]


@pytest.mark.parametrize("limit", sorted({*Limits.__struct_fields__} - NO_LIMITS_BY_THEMSELVES))
def test_every_limit_there_is_has_a_test(limit: str) -> None:
    assert f"test_{limit}" in TESTED
