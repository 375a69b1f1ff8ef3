"""Servers of WebSocket that break its rules (RFC 6455), or refuse the handshake."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from msgspec import structs
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from tests.client.harness import ClientTestCase, reactor, until
from tests.transports.harness import listening_port
from twisted_rpc import AuthenticationFailed, Client, ConnectError, ProtocolError, State
from twisted_rpc.client import CLIENT_LIMITS

LIMITS = structs.replace(CLIENT_LIMITS, max_message=1000)

FRAMES = {
    b"\x81\x7e\x07\xd0" + b"x" * 2000: "may have 1000 bytes",
    b"\x81\x81mask\x00": "mask",
    b"\x81\x01\xff": "invalid UTF-8",
    b"\xc1\x01x": "RSV",
    b"\x83\x01x": "reserved",
    b"\x80\x01x": "continuation",
}
"""What breaks the rules, and what is told of it."""


class _Rude(WebSocketServerProtocol):
    """Answers each message by bytes of the test's own."""

    transport: Any

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.factory.asked.append(payload)
        self.transport.write(self.factory.frame)


class _Curt(Protocol):
    """Answers the handshake by bytes of the test's own."""

    factory: Any
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.factory.said)
        self.transport.loseConnection()


class WebSocketTestCase(ClientTestCase):
    """A server of raw bytes."""

    async def to(self, factory: Any, **options: Any) -> Client:
        """A client that connects to it."""
        factory.noisy = False
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(factory)
        return self.client(f"ws://127.0.0.1:{listening_port(self.port)}/", **options)


class FrameTests(WebSocketTestCase):
    """What breaks the rules is no answer, as over TCP, and is not asked for again."""

    async def test_the_line_is_given_up(self) -> None:
        for frame, reason in FRAMES.items():
            factory: Any = WebSocketServerFactory()
            factory.protocol = _Rude
            factory.asked, factory.frame = [], frame
            client = await self.to(factory, limits=LIMITS, reconnect=False)
            with self.assertRaisesRegex(ProtocolError, f"^m: .* does not speak .*{reason}"):
                await client.call("m", timeout=20, retry=True)
            await until(lambda client=client: client.state is State.CLOSED, "the line is kept")  # type: ignore[misc]
            self.assertEqual(len(factory.asked), 1)
            await self.stop()


class HandshakeTests(WebSocketTestCase):
    """Only the status says that credentials are wrong."""

    async def refusal(self, said: bytes) -> tuple[type[Exception], str, State]:
        """How the first connection fails, and where the client stands then."""
        factory: Any = Factory.forProtocol(_Curt)
        factory.said = said
        client = await self.to(factory, backoff=lambda failures: 60)
        with self.assertRaises(ConnectError) as caught:
            await client.connected()
        states = (State.DISCONNECTED, State.CLOSED)
        await until(lambda: client.state in states)
        await self.stop()
        return type(caught.exception), str(caught.exception), client.state

    async def test_the_status_of_wrong_credentials(self) -> None:
        for status in (b"401 Unauthorized", b"403", b"403 no, 503"):
            kind, _, state = await self.refusal(b"HTTP/1.1 " + status + b"\r\n\r\n")
            self.assertEqual((kind, state), (AuthenticationFailed, State.CLOSED))

    async def test_another_status_whatever_its_reason_says(self) -> None:
        for status in (b"503 upstream said 401", b"502 403", b"404 401"):
            kind, text, state = await self.refusal(b"HTTP/1.1 " + status + b"\r\n\r\n")
            self.assertEqual((kind, state), (ConnectError, State.DISCONNECTED))
            self.assertIn(status[4:].decode(), text)

    async def test_what_is_no_status(self) -> None:
        for said in (b"401 403\r\n\r\n", b"HTTP/1.1 200 OK\r\nUpgrade: 401\r\n\r\n"):
            kind, _, state = await self.refusal(said)
            self.assertEqual((kind, state), (ConnectError, State.DISCONNECTED))
