"""Every framing over TCP, from both ends."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from twisted.internet.endpoints import TCP4ClientEndpoint

from tests.helpers import request, response
from tests.transports.harness import Line, listening_port, reactor, until
from tests.transports.stream_client import StreamTestCase, code_of
from twisted_rpc import Peer
from twisted_rpc.transports.stream import StreamFactory
from twisted_rpc.transports.stream_client import stream_connector


class StreamOfValuesTests(StreamTestCase):
    """Values with nothing between them."""

    framing: ClassVar[str] = "stream"

    async def test_values_need_no_delimiter(self) -> None:
        line = await self.open()
        line.send(request("echo", ["}{"], 1) + request("echo", id=2))
        self.assertEqual((await line.line())["result"], "}{")
        self.assertEqual((await line.line())["id"], 2)

    async def test_byte_by_byte(self) -> None:
        line = await self.open()
        await line.send_bytewise(request("echo", ['"{\\']))
        self.assertEqual((await line.line())["result"], '"{\\')


class HeaderTests(StreamTestCase):
    """Content-Length frames."""

    framing: ClassVar[str] = "header"

    def frame(self, message: bytes) -> bytes:
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)

    async def answer(self, line: Line) -> Any:
        head = await line.take_through(b"\r\n\r\n")
        self.assertEqual(head[:16], b"Content-Length: ")
        return json.loads(await line.take(int(head[16:])))

    async def test_frames_come_and_go(self) -> None:
        line = await self.open()
        line.send(self.frame(request("echo", id=1)) + self.frame(request("echo", id=2)))
        self.assertEqual([(await self.answer(line))["id"] for _ in range(2)], [1, 2])
        await line.send_bytewise(self.frame(request("echo", [3])))
        self.assertEqual((await self.answer(line))["result"], 3)

    async def test_rubbish_is_answered_then_closed(self) -> None:
        line = await self.open()
        line.send(b"{}\r\n\r\n")
        self.assertEqual(code_of(await self.answer(line)), -32700)
        self.assertEqual(await line.rest(), b"")

    async def test_a_length_without_its_message_runs_out_of_time(self) -> None:
        line = await self.open()
        line.send(b"Content-Length: 10\r\n\r\n")
        await until(lambda: self.served().connection.framer.partial)
        await self.advance(30)
        self.assertEqual(code_of(await self.answer(line)), -32002)


class NetstringTests(StreamTestCase):
    """`LENGTH:MESSAGE,`."""

    framing: ClassVar[str] = "netstring"

    async def test_frames_come_and_go(self) -> None:
        line = await self.open()
        call = request("echo", [1])
        line.send(b"%d:%b," % (len(call), call) * 2)
        for _ in range(2):
            size = int((await line.take_through(b":"))[:-1])
            self.assertEqual(json.loads(await line.take(size))["result"], 1)
            self.assertEqual(await line.take(1), b",")

    async def test_too_long_is_refused_before_it_comes(self) -> None:
        line = await self.open()
        line.send(b"1048577:")
        self.assertIn(b"-32007", await line.rest())


class AutoTests(StreamTestCase):
    """Every framing on one port."""

    framing: ClassVar[str] = "auto"

    async def test_each_client_is_answered_as_it_speaks(self) -> None:
        call = request("echo", [1])
        size = len(call)
        for sent, begins in (
            (call + b"\n", b'{"'),
            (call + call, b'{"'),
            (b"Content-Length: %d\r\n\r\n%b" % (size, call), b"Content-Length: "),
            (
                b"%d:%b," % (size, call),
                b"%d" % len(response(1).replace(b": ", b":").replace(b", ", b",")),
            ),
        ):
            line = await self.open()
            await line.send_bytewise(sent)
            self.assertEqual(await line.take(len(begins)), begins)
            await line.take_through(b'"result":1')

    async def test_what_looks_like_none_of_them_is_a_line(self) -> None:
        line = await self.open()
        line.send(b"nonsense\n")
        self.assertEqual(code_of(await line.line()), -32700)


class ConnectorTests(StreamTestCase):
    """Our own end that connects."""

    async def connect_peer(self, framing: str) -> Peer:
        port = await self.listen(StreamFactory(self.server, framing))
        peer = Peer(reactor=self.clock)
        peer.expose("client.ask", lambda number: number + 100)
        self.addCleanup(until, lambda: not peer.lines)
        await peer.open(
            stream_connector(
                TCP4ClientEndpoint(reactor, "127.0.0.1", listening_port(port)), framing
            )
        )
        return peer

    async def test_both_ends_call_each_other(self) -> None:
        for framing in ("line", "stream", "header", "netstring"):
            peer = await self.connect_peer(framing)
            self.assertEqual(await peer.call("ask", [2]), [100, 101])
            peer.close()

    async def test_the_server_sees_who_it_is(self) -> None:
        peer = await self.connect_peer("line")
        self.assertEqual(await peer.call("whoami"), [None, "tcp", True])
        (connection,) = self.server.connections.values()
        self.assertRegex(connection.peer, r"^127\.0\.0\.1:\d+$")
        peer.close()
