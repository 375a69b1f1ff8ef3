"""`notify_all` over real sockets: nobody is told out of order, and each framing is right."""

from __future__ import annotations

from tests.helpers import request
from tests.transports.harness import until
from tests.transports.stream_client import StreamTestCase
from tests.transports.websocket_client import CLOSE, WebSocketTestCase
from twisted_rpc import Context, Server
from twisted_rpc.transports.stream import StreamFactory


class OrderTests(StreamTestCase):
    """What was told first comes first."""

    def make_server(self) -> Server:
        server = super().make_server()

        def publish(ctx: Context, first: int, count: int) -> str:
            for number in range(first, first + count):
                server.notify_all("news", [number])
            assert ctx.connection is not None
            ctx.connection.notify("own", [])
            server.notify_all("news", ["last"])
            return "told"

        def leave(ctx: Context) -> None:
            server.notify_all("news", ["bye"])
            assert ctx.connection is not None
            ctx.connection.close()

        server.expose("publish", publish)
        server.expose("leave", leave)
        return server

    async def test_before_what_is_sent_later_to_the_same_far_side(self) -> None:
        line, other = await self.open(), await self.open()
        await self.answers(other)
        line.send(request("publish", [1, 3]) + b"\n")
        heard = [await line.line() for _ in range(6)]
        self.assertEqual(
            [message.get("params", message.get("result")) for message in heard],
            [[1], [2], [3], [], ["last"], "told"],
        )
        self.assertEqual(
            [(await other.line())["params"] for _ in range(4)], [[1], [2], [3], ["last"]]
        )

    async def test_before_the_line_is_closed(self) -> None:
        line, other = await self.open(), await self.open()
        await self.answers(other)
        line.send(request("leave") + b"\n")
        self.assertEqual((await line.line())["params"], ["bye"])
        self.assertEqual((await other.line())["params"], ["bye"])

    async def test_who_has_just_shown_its_framing_is_told_in_it(self) -> None:
        def join() -> str:
            server.notify_all("joined", [])
            return "welcome"

        server = self.server
        server.expose("join", join)
        port = await self.listen(StreamFactory(server, "auto"))
        silent = await self.connect(port)
        await until(lambda: len(server.connections) == 1, "it is not there")
        line = await self.connect(port)
        call = request("join", id=1)
        line.send(b"Content-Length: %d\r\n\r\n%b" % (len(call), call))
        told = b'{"jsonrpc":"2.0","method":"joined","params":[]}'
        frame = b"Content-Length: %d\r\n\r\n%b" % (len(told), told)
        self.assertEqual(await line.take(len(frame)), frame)
        self.assertEqual(await silent.take_through(b"\n"), told + b"\n")

    async def test_everybody_in_their_own_framing(self) -> None:
        lines = {}
        for number, framing in enumerate(("line", "netstring", "header"), 1):
            port = await self.listen(StreamFactory(self.server, framing))
            lines[framing] = await self.connect(port)
            await until(lambda: len(self.server.connections) == number, framing)  # noqa: B023
        self.server.notify_all("news", ["ä"])
        self.server.notify_all("news", [2])
        self.clock.advance(0)
        first = '{"jsonrpc":"2.0","method":"news","params":["ä"]}'.encode()
        second = b'{"jsonrpc":"2.0","method":"news","params":[2]}'
        frames = {
            "line": b"%b\n",
            "netstring": b"%d:%b,",
            "header": b"Content-Length: %d\r\n\r\n%b",
        }
        for framing, frame in frames.items():
            told = b"".join(
                frame % ((len(text), text) if b"%d" in frame else (text,))
                for text in (first, second)
            )
            self.assertEqual(await lines[framing].take(len(told)), told)


class WebSocketTests(WebSocketTestCase):
    """The same on a WebSocket."""

    async def test_each_is_a_frame_of_its_own(self) -> None:
        clients = [await self.open_websocket() for _ in range(2)]
        await until(lambda: len(self.server.connections) == 2, "not all are there")
        for number in (1, 2):
            self.server.notify_all("news", [number])
        next(iter(self.server.connections.values())).notify("own")
        self.server.notify_all("news", [3])
        self.clock.advance(0)
        heard = [[(await client.message()).get("params") for _ in range(3)] for client in clients]
        self.assertEqual(sorted(heard, key=str), [[[1], [2], None], [[1], [2], [3]]])

    async def test_behind_a_close_nobody_is_told(self) -> None:
        client = await self.open_websocket()
        await until(lambda: self.server.connections, "it is not there")
        connection = next(iter(self.server.connections.values()))
        self.server.notify_all("news", [1])
        connection.close()
        self.server.notify_all("news", [2])
        self.clock.advance(0)
        self.assertEqual((await client.message())["params"], [1])
        self.assertEqual((await client.frame()).first & 0x0F, CLOSE)
