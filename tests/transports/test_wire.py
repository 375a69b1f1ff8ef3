"""Writing to clients that read slowly, late or never, and closing on those that still send."""

from __future__ import annotations

import json
import socket
from typing import Any

from twisted.internet.testing import StringTransport

from tests.helpers import request
from tests.transports.harness import Line, TransportTestCase, turn, until
from twisted_rpc import Connection, Limits
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.patience import LINGER, SETTLING, SLOWEST
from twisted_rpc.transports.stream import StreamFactory
from twisted_rpc.transports.wire import Wire

MEGABYTE = 1_000_000


class WireTestCase(TransportTestCase):
    """Clients with a small receive buffer, so that the server's fills soon."""

    async def open(self) -> Line:
        if not self.ports:
            await self.listen(StreamFactory(self.server))
        line = await self.connect()
        line.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        return line

    async def connection(self) -> Connection:
        """The server's end of the only line."""
        await until(lambda: self.server.connections)
        (connection,) = self.server.connections.values()
        return connection

    async def congest(self, line: Line) -> Connection:
        """Ask for more than the sockets hold, and read nothing of it."""
        line.stop_reading()
        line.send(request("blob", [9 * MEGABYTE], "big") + b"\n")
        await until(lambda: self.methods.ran == ["blob"])
        await until(lambda: self.served().wire._unasked is not None, "nothing is unread")
        return await self.connection()

    async def gone_in_time(self) -> None:
        """It is aborted once nothing is taken any more; what sockets take looks like reading."""
        for _ in range(20):
            await self.advance(20)
            if not self.server.lines:
                break
        await self.gone()


class SlowReaderTests(WireTestCase):
    """A client that takes its time."""

    async def test_it_receives_everything_in_order(self) -> None:
        line = await self.open()
        line.stop_reading()
        sizes = [300_000, 1, 2_000_000, 2, 500_000]
        line.send(b"".join(request("blob", [n], n) + b"\n" for n in sizes))
        await until(lambda: len(self.methods.ran) >= 3)
        line.read_on()
        for size in sizes:
            self.assertEqual(
                await line.line(), {"jsonrpc": "2.0", "result": "x" * size, "id": size}
            )

    async def test_it_is_not_read_from_until_it_has_caught_up(self) -> None:
        line = await self.open()
        await self.congest(line)
        line.send(request("echo", id="next") + b"\n")
        await turn(20)
        self.assertEqual(self.methods.ran, ["blob"])
        line.read_on()
        self.assertEqual([(await line.line())["id"] for _ in range(2)], ["big", "next"])

    async def test_in_time_it_may_go_on_for_ever(self) -> None:
        line = await self.open()
        for _ in range(2):
            self.methods.ran.clear()
            await self.congest(line)
            await self.advance(19)
            line.read_on()
            self.assertEqual((await line.line())["id"], "big")
            await until(lambda: self.served().wire._unasked is None)
        await self.advance(1000)
        await self.answers(line)

    async def test_what_does_not_fit_the_socket_is_sent_after_it(self) -> None:
        line = await self.open()
        connection = await self.connection()
        line.stop_reading()
        texts = [f"{n}" * 50_000 for n in range(1, 10)]
        for text in texts:
            connection.notify("n", [text])
        line.read_on()
        for text in texts:
            self.assertEqual((await line.line())["params"], [text])


class NeverReaderTests(WireTestCase):
    """A client that reads nothing."""

    async def test_it_is_aborted_at_unread_timeout(self) -> None:
        line = await self.open()
        await self.congest(line)
        await self.advance(19)
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(1)
        await self.gone_in_time()

    async def test_what_fills_the_buffers_at_the_beginning_does_not_look_like_reading(self) -> None:
        line = await self.open()
        await self.congest(line)
        line.read_on()
        await line.take(3 * SLOWEST)
        line.stop_reading()
        held, quiet = 0, 0
        while quiet < 50:
            await turn()
            quiet = quiet + 1 if held == self.served().wire.holds() else 0
            held = self.served().wire.holds()
        await self.advance(20 * SETTLING)
        await self.advance(20 * (1 - SETTLING) - 0.1)
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(0.1)
        await self.gone()

    async def test_notifications_are_not_kept_beyond_max_unread(self) -> None:
        line = await self.open()
        connection = await self.congest(line)
        for _ in range(4):
            connection.notify("n", ["x" * 400_000])
        self.assertEqual(len(self.server.lines), 1)
        connection.notify("n")
        await self.gone()

    async def test_it_is_closed_at_unread_timeout_even_if_its_answers_are_not_out(self) -> None:
        line = await self.open()
        (await self.congest(line)).close()
        await self.advance(19)
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(1)
        await self.gone_in_time()

    async def test_a_closed_line_that_is_read_to_the_end_is_closed_then(self) -> None:
        line = await self.open()
        (await self.congest(line)).close()
        line.read_on()
        self.assertEqual(len(json.loads(await line.rest())["result"]), 9 * MEGABYTE)
        for _ in range(2):
            await self.advance(LINGER)
        await self.gone()


class NeverReaderOfHTTPTests(WireTestCase):
    """The same over HTTP."""

    async def test_it_is_aborted_at_unread_timeout(self) -> None:
        await self.listen(HTTPFactory(self.server))
        line = await self.open()
        line.stop_reading()
        body = request("blob", [9 * MEGABYTE])
        line.send(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await until(lambda: self.methods.ran)
        await self.gone_in_time()


class BoundlessTests(WireTestCase):
    """Without limits."""

    limits = Limits(max_unread=None, unread_timeout=None)

    async def test_all_waits_for_the_reader(self) -> None:
        line = await self.open()
        connection = await self.congest(line)
        for _ in range(4):
            connection.notify("n", ["x" * MEGABYTE])
        connection.close()
        await self.advance(10_000)
        line.read_on()
        self.assertEqual(len((await line.rest()).splitlines()), 5)
        for _ in range(2):
            await self.advance(LINGER)
        await self.gone()


class LingerTests(WireTestCase):
    """A client that was answered for the last time and still sends."""

    async def refused(self) -> Line:
        line = await self.open()
        line.send(b"x" * (self.server.limits.max_message or 0) + b"x")
        self.assertIn(b"-32007", await line.rest())
        return line

    async def test_it_is_heard_out_until_it_closes(self) -> None:
        line = await self.refused()
        for _ in range(5):
            line.send(b"x" * 100_000)
            await turn(2)
        self.assertFalse(line.lost)
        line.half_close()
        await self.gone()

    async def test_but_not_for_long(self) -> None:
        await self.refused()
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(LINGER)
        await self.gone()

    async def test_closing_it_again_changes_nothing(self) -> None:
        await self.refused()
        wire = self.served().wire
        wire.close_unread()
        self.assertEqual(len(self.server.lines), 1)
        wire.close()
        await self.gone()

    async def test_draining_waits_no_longer_for_it(self) -> None:
        await self.refused()
        drained = self.server.drain()
        await self.advance(LINGER)
        await self.gone()
        await drained


class BareTransport:
    """A transport that cannot do anything but write and close."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def resumeProducing(self) -> None:
        self.done.append("resume")

    def loseConnection(self) -> None:
        self.done.append("lose")


class OtherTransportTests(TransportTestCase):
    """Transports that are no sockets."""

    def wire(self, transport: Any) -> Wire:
        self.told: list[bool] = []
        wire = Wire(transport, self.server, self.told.append)
        self.addCleanup(wire.stop)
        return wire

    async def test_the_least_of_a_transport_will_do(self) -> None:
        transport = BareTransport()
        wire = self.wire(transport)
        wire.write(b"a")
        wire.close_unread()
        wire.abort()
        self.assertEqual(transport.done, [b"a", "lose", "lose"])

    async def test_a_transport_says_when_it_holds_too_much(self) -> None:
        transport: Any = StringTransport()
        wire = self.wire(transport)
        self.assertIs(transport.producer, wire)
        wire.pauseProducing()
        wire.pauseProducing()
        wire.resumeProducing()
        wire.resumeProducing()
        wire.stopProducing()
        self.assertEqual(self.told, [True, False])

    async def test_a_closing_line_is_not_reported_congested(self) -> None:
        transport: Any = StringTransport()
        wire = self.wire(transport)
        wire.pauseProducing()
        wire.close()
        wire.resumeProducing()
        wire.pauseProducing()
        self.assertEqual(self.told, [True])
        self.assertIsNone(transport.producer)
