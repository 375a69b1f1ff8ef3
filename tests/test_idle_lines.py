"""What a line keeps that has made one call and is silent: bytes, counted as they are allocated.

Real sockets, and a budget for each transport that the next attribute fits in, and no
further queue, timer or dictionary.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import tracemalloc

from tests.helpers import request
from tests.transports.harness import TransportTestCase, listening_port, turn, until
from twisted_rpc.config import Limits
from twisted_rpc.transports import websocket  # now, or it is loaded while this counts
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.stream import StreamFactory

CALL = request("echo", ["x"], 1)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

LINE = CALL + b"\n"
EXCHANGE = b"%bContent-Length: %d\r\n\r\n%b" % (POST, len(CALL), CALL)
FRAME = bytes((0x81, 0x80 | len(CALL))) + bytes(4) + CALL  # masked with zeros

KIB = 1024
WARM, COUNTED = 16, 64


class IdleLines(TransportTestCase):
    limits = Limits(max_connections=None, max_connections_per_address=None)

    async def _call(self, *says: bytes) -> int:
        """A client of which nothing stays but its descriptor: it says this, and hears answers."""
        with socket.create_connection(("127.0.0.1", listening_port(self.ports[0]))) as client:
            for said in says:
                client.sendall(said)
                await until(lambda: select.select([client], [], [], 0)[0], "no answer")
                client.recv(4096)
            descriptor = client.detach()
        self.addCleanup(os.close, descriptor)
        return descriptor

    async def _bytes_for_each(self, *says: bytes) -> int:
        for _ in range(WARM):
            await self._call(*says)
        tracemalloc.start()
        try:
            before = await self._settled()
            for _ in range(COUNTED):
                await self._call(*says)
            after = await self._settled()
        finally:
            tracemalloc.stop()
        self.assertEqual(len(self.server.lines), WARM + COUNTED)
        kept = after.compare_to(before, "filename")
        return sum(file.size_diff for file in kept) // COUNTED

    async def _settled(self) -> tracemalloc.Snapshot:
        """What is allocated, but for what this test keeps itself."""
        await turn(3)
        gc.collect()
        ours = (
            tracemalloc.Filter(False, __file__),
            tracemalloc.Filter(False, tracemalloc.__file__),
        )
        return tracemalloc.take_snapshot().filter_traces(ours)

    async def _leave_nothing(self) -> None:
        for line in self.server.lines:
            line.abort()
        await super()._leave_nothing()

    async def test_stream(self) -> None:
        await self.listen(StreamFactory(self.server))
        self.assertLess(await self._bytes_for_each(LINE), 4 * KIB)

    async def test_http(self) -> None:
        await self.listen(HTTPFactory(self.server))
        self.assertLess(await self._bytes_for_each(EXCHANGE), 4.75 * KIB)

    async def test_websocket(self) -> None:
        await self.listen(HTTPFactory(self.server))
        self.assertLess(await self._bytes_for_each(UPGRADE, FRAME), 11 * KIB)

    async def test_the_options_of_a_websocket_are_kept_once(self) -> None:
        await self.listen(HTTPFactory(self.server))
        await self._call(UPGRADE, FRAME)
        line = self.served()
        options = {"failByDrop", "maxMessagePayloadSize", "perMessageCompressionAccept"}
        self.assertLessEqual(options, set(websocket.WebSocketProtocol.CONFIG_ATTRS))
        self.assertEqual(set(websocket.WebSocketProtocol.CONFIG_ATTRS) & set(vars(line)), set())
        for option in websocket.WebSocketProtocol.CONFIG_ATTRS:
            self.assertEqual(getattr(line, option), getattr(line.factory, option), option)

    async def test_stream_of_a_hybrid_port(self) -> None:
        await self.listen(HybridFactory(HTTPFactory(self.server)))
        self.assertLess(await self._bytes_for_each(LINE), 4 * KIB)

    async def test_http_of_a_hybrid_port(self) -> None:
        await self.listen(HybridFactory(HTTPFactory(self.server)))
        self.assertLess(await self._bytes_for_each(EXCHANGE), 4.75 * KIB)
