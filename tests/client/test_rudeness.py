"""Servers that do not answer as they should: each ends in the right exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import structs
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from tests.client.harness import ClientTestCase, reactor, until
from tests.transports.harness import listening_port
from twisted_rpc import CallTimeout, Client, ConnectionLost, ProtocolError, RemoteError
from twisted_rpc.client import CLIENT_LIMITS

Reply = Callable[[Any, Any], None]
"""Given a request and the transport, does what a rude server does."""


class Rude(Protocol):
    """Reads lines, and leaves the rest to a function."""

    reply: Reply

    def __init__(self) -> None:
        self._rest = b""

    def dataReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.reply(json.loads(line), self.transport)


def answer(id: Any, result: Any = "right") -> bytes:
    """An answer on a line."""
    return json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode() + b"\n"


def _say(text: bytes, request: Any, line: Any) -> None:
    line.write(text)


class RudenessTests(ClientTestCase):
    """Over TCP, where a server can do as it likes."""

    async def to(self, reply: Reply, **options: Any) -> Client:
        """A client of a server that replies like that."""
        factory = Factory.forProtocol(Rude)
        rude = type("OneRude", (Rude,), {"reply": staticmethod(reply)})
        factory.protocol = rude
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(factory)
        return await self.client(f"tcp://127.0.0.1:{listening_port(self.port)}", **options)

    async def test_it_never_answers(self) -> None:
        client = await self.to(lambda request, line: None)
        with self.assertRaises(CallTimeout):
            await client.call("m", timeout=0.05)

    async def test_it_answers_twice(self) -> None:
        client = await self.to(lambda r, line: line.write(answer(r["id"]) + answer(r["id"], 2)))
        self.assertEqual(await client.call("m"), "right")
        self.assertEqual(await client.call("m"), "right")
        await until(lambda: client.counters.unexpected_responses == 2)

    async def test_it_answers_somebody_else(self) -> None:
        client = await self.to(lambda request, line: line.write(answer(77) + answer("1")))
        with self.assertRaises(CallTimeout):
            await client.call("m", timeout=0.05)

    async def test_it_answers_garbage(self) -> None:
        for garbage in (
            b"garbage\n",
            b"\xff\xfe\n",
            b'{"jsonrpc":"1.0","id":1}\n',
            b"HTTP/1.1 400\r\n",
        ):
            client = await self.to(partial(_say, garbage))
            with self.assertRaisesRegex(ProtocolError, "^m: .* does not speak JSON-RPC: "):
                await client.call("m", timeout=5)
            await client.close()
            await self.stop()

    async def test_it_says_half_of_it_and_goes(self) -> None:
        def half(request: Any, line: Any) -> None:
            line.write(answer(request["id"])[:10])
            line.loseConnection()

        client = await self.to(half, reconnect=False)
        with self.assertRaises((ConnectionLost, ProtocolError)):
            await client.call("m", timeout=5)

    async def test_its_answer_is_too_long(self) -> None:
        limits = structs.replace(CLIENT_LIMITS, max_message=100_000)
        sent = 0

        def flood(request: Any, line: Any) -> None:
            nonlocal sent
            for _ in range(100):
                sent += 1_000_000
                line.write(b"x" * 1_000_000)

        client = await self.to(flood, limits=limits)
        with self.assertRaises(ProtocolError) as caught:
            await client.call("m", timeout=20)
        self.assertIn("a message may have 100000 bytes (max_message)", str(caught.exception))
        self.assertEqual(sent, 100_000_000)

    async def test_it_says_why_before_it_goes(self) -> None:
        def refuse(request: Any, line: Any) -> None:
            line.write(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32007,"message":"too big"}}\n')
            line.loseConnection()

        client = await self.to(refuse, reconnect=False)
        with self.assertRaisesRegex(
            ConnectionLost, r'it said: \{"code":-32007,"message":"too big"\}'
        ):
            await client.call("m", timeout=5)

    async def test_its_errors_are_of_another_shape(self) -> None:
        def old(request: Any, line: Any) -> None:
            text = {"id": request["id"], "jsonrpc": "2.0", "error": "Error: no", "result": None}
            line.write(json.dumps(text).encode() + b"\n")

        client = await self.to(old)
        with self.assertRaisesRegex(RemoteError, r"m: Error: no \(-32000\)"):
            await client.call("m")
