"""A listener that redirects sends everybody away, to one place."""

from __future__ import annotations

from typing import Any

from tests.transports.harness import TransportTestCase, reactor
from twisted_rpc.config import WebTable
from twisted_rpc.listener import Listener
from twisted_rpc.transports.listening import Place, factory_for

ORIGIN = "https://rpc.example.com:7443"


class RedirectTests(TransportTestCase):
    """308."""

    async def answer(self, request: bytes) -> bytes:
        """What comes back before the line is closed."""
        listener = Listener(transport="http", endpoint="tcp:0:interface=0.0.0.0", redirect=ORIGIN)
        place = Place(self.server, listener, insecure_public=False, reactor=reactor)
        if not self.ports:
            factory: Any = factory_for(self.server, listener, WebTable(), None)
            self.ports.append(await place.listen(factory))
        line = await self.connect()
        line.send(request)
        answer = await line.rest()
        await self.gone()
        return answer

    async def location(self, target: bytes, host: bytes = b"other.example") -> bytes:
        """Where a request for a target is sent."""
        answer = await self.answer(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, host))
        head, _, _ = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n"), head)
        self.assertNotIn(host, answer)
        (where,) = [line for line in head.split(b"\r\n") if line.startswith(b"Location: ")]
        return where.removeprefix(b"Location: ")

    async def test_the_path_and_the_query_are_kept_and_the_host_is_ours(self) -> None:
        for target, path in (
            (b"/", b"/"),
            (b"/rpc?a=b&c=%2F", b"/rpc?a=b&c=%2F"),
            (b"//evil.example2/x", b"//evil.example2/x"),
            (b"/@evil.example2", b"/@evil.example2"),
            (b"http://evil.example2/rpc?q", b"/rpc?q"),
            (b"http://evil.example2", b"/"),
            (b"*", b"/"),
        ):
            self.assertEqual(await self.location(target), ORIGIN.encode() + path)

    async def test_a_host_that_is_missing_or_odd_changes_nothing(self) -> None:
        self.assertEqual(await self.location(b"/x", b"a b<>"), ORIGIN.encode() + b"/x")
        answer = await self.answer(b"GET /x HTTP/1.0\r\n\r\n")
        self.assertIn(b"Location: " + ORIGIN.encode() + b"/x\r\n", answer)

    async def test_nothing_is_called_and_no_websocket_is_opened(self) -> None:
        call = b'{"jsonrpc":"2.0","method":"echo","params":[1],"id":1}'
        head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = b"%bContent-Length: %d\r\n\r\n%b" % (head, len(call), call)
        self.assertIn(b" 308 ", await self.answer(request))
        upgrade = (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.assertIn(b" 308 ", await self.answer(upgrade))
        self.assertEqual(self.methods.ran, [])
