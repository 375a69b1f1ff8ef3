"""How lines begin: admission, Unix sockets, IPv6, TLS and its handshake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress, _ProcessAddress
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IListeningPort
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS

from tests.helpers import new_path, request
from tests.transports.certificate import self_signed
from tests.transports.harness import Line, TransportTestCase, listening_port, reactor, until
from tests.transports.web_client import echo, reply_to, take_reply
from twisted_rpc import Limits, Server
from twisted_rpc.transports.base import RPCFactory, RPCProtocol, address_name
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.patience import LINGER
from twisted_rpc.transports.stream import StreamFactory
from twisted_rpc.transports.wire import LOOK


class AdmissionTests(TransportTestCase):
    """How many lines there may be."""

    limits = Limits(max_connections=4, max_connections_per_address=2)

    async def test_one_address_may_not_take_them_all(self) -> None:
        await self.listen(StreamFactory(self.server))
        lines = [await self.connect() for _ in range(2)]
        for line in lines:
            await self.answers(line)
        third = await self.connect()
        answer = json.loads(await third.rest())
        self.assertEqual(answer["error"]["code"], -32009)
        self.assertIn("max_connections_per_address", answer["error"]["data"])
        for line in lines:
            await self.answers(line)

    async def test_who_leaves_makes_room(self) -> None:
        await self.listen(StreamFactory(self.server))
        for _ in range(5):
            line = await self.connect()
            await self.answers(line)
            line.abort()
            await until(lambda: not self.server.lines)

    async def test_transports_share_the_limit(self) -> None:
        streams = await self.listen(StreamFactory(self.server))
        web = await self.listen(HTTPFactory(self.server))
        for _ in range(2):
            await self.answers(await self.connect(streams))
        refused = await self.connect(web)
        self.assertTrue((await refused.rest()).startswith(b"HTTP/1.1 503 Service Unavailable\r\n"))


class UnixTests(TransportTestCase):
    """Unix sockets."""

    async def test_a_unix_socket_is_served(self) -> None:
        path = new_path()
        await self.listen(StreamFactory(self.server), UNIXServerEndpoint(reactor, path))
        line = await self.connect(endpoint=UNIXClientEndpoint(reactor, path))
        await self.answers(line)
        (connection,) = self.server.connections.values()
        self.assertEqual(connection.peer, "unix")
        line.send(request("echo", ["last"]))
        line.half_close()
        self.assertEqual(json.loads(await line.rest())["result"], "last")
        await self.gone()


class IPv6Tests(TransportTestCase):
    """IPv6."""

    async def test_a_client_is_shown_by_address_and_port(self) -> None:
        endpoint = TCP6ServerEndpoint(reactor, 0, interface="::1")
        port = await self.listen(StreamFactory(self.server), endpoint)
        client = TCP6ClientEndpoint(reactor, "::1", listening_port(port))
        line = await self.connect(endpoint=client)
        await self.answers(line)
        (connection,) = self.server.connections.values()
        self.assertRegex(connection.peer, r"^\[::1\]:\d+$")


# Twisted's own certificate objects still use what pyOpenSSL has deprecated.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
class TLSTests(TransportTestCase):
    """TLS."""

    def setUp(self) -> None:
        super().setUp()
        self.pem = self_signed("localhost")

    async def listen_tls(self, factory: RPCFactory | None = None) -> IListeningPort:
        options = PrivateCertificate.loadPEM(self.pem).options()
        endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        return await self.listen(factory or StreamFactory(self.server), endpoint)

    async def connect_tls(self) -> Line:
        trusted = Certificate.loadPEM(self.pem)
        plain = TCP4ClientEndpoint(reactor, "127.0.0.1", listening_port(self.ports[0]))
        options = optionsForClientTLS("localhost", trustRoot=trusted)
        return await self.connect(endpoint=wrapClientTLS(options, plain))

    async def test_calls_are_answered(self) -> None:
        await self.listen_tls()
        line = await self.connect_tls()
        await self.answers(line)
        await self.answers(line, "x" * 500_000)
        await self.advance(1000)
        await self.answers(line)

    async def test_a_hybrid_port_is_told_apart_behind_it(self) -> None:
        await self.listen_tls(HybridFactory(HTTPFactory(self.server)))
        await self.answers(await self.connect_tls())
        line = await self.connect_tls()
        self.assertEqual((await reply_to(line, echo("TLS"))).json()["result"], "TLS")

    async def test_too_long_a_message_is_refused_and_the_client_can_read_it(self) -> None:
        await self.listen_tls()
        line = await self.connect_tls()
        line.send(b"x" * (1024 * 1024 + 1))
        self.assertEqual(json.loads(await line.rest())["error"]["code"], -32007)
        await self.advance(2)
        await self.gone()

    async def test_a_silent_client_is_dropped_at_handshake_timeout(self) -> None:
        line = await self.connect(await self.listen_tls())
        await until(lambda: self.server.lines)
        await self.advance(9)
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(1)
        await self.gone()
        await line.reset()

    async def test_a_refusal_can_be_read(self) -> None:
        self.server = Server(limits=Limits(request_timeout=1), reactor=self.clock)
        await self.listen_tls(HTTPFactory(self.server))
        line = await self.connect_tls()
        line.send(b"POST / HTTP/1.1\r\nHo")
        await until(lambda: self.served().begun and self.served()._reader.in_request)
        await self.advance(1)
        self.assertEqual((await take_reply(line)).status, 408)
        await self.advance(LINGER)
        await self.gone()

    async def test_a_slow_reader_is_seen_to_read(self) -> None:
        await self.listen_tls()
        line = await self.connect_tls()
        await self.answers(line)
        line.stop_reading()
        line.send(request("blob", [9_000_000]) + b"\n")
        await until(lambda: self.served().wire._unasked is not None)
        for received in range(200_000, 2_000_000, 200_000):
            line.read_on()
            await until(lambda received=received: len(line.received) > received)  # type: ignore[misc]
            line.stop_reading()
            await self.advance(19)
        line.read_on()
        self.assertEqual(len((await line.line())["result"]), 9_000_000)

    async def test_nobody_waits_for_a_handshake_at_the_end(self) -> None:
        for make in (StreamFactory, HTTPFactory):
            await self.connect(await self.listen_tls(make(self.server)))
        await until(lambda: len(self.server.lines) == 2)
        await self.server.drain()
        await self.gone()

    async def test_rubbish_instead_of_a_handshake_ends_the_line(self) -> None:
        line = await self.connect(await self.listen_tls())
        line.send(request("echo") + b"\n")
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_a_client_that_reads_slowly_receives_everything(self) -> None:
        await self.listen_tls()
        line = await self.connect_tls()
        await self.answers(line)
        self.methods.ran.clear()
        line.stop_reading()
        line.send(request("blob", [5_000_000]) + b"\n" + request("echo") + b"\n")
        await until(lambda: self.methods.ran)
        line.read_on()
        self.assertEqual(len((await line.line())["result"]), 5_000_000)
        self.assertIsNone((await line.line())["result"])

    async def test_a_client_that_resets_while_it_is_not_read_from_is_noticed(self) -> None:
        await self.listen_tls()
        line = await self.connect_tls()
        line.send(b"".join(request("wait") + b"\n" for _ in range(21)))
        await self.waiting(20)
        line.transport.transport.abortConnection()
        await until(lambda: line.lost)
        await self.advance(LOOK)
        await self.gone()

    async def test_a_client_that_never_reads_is_aborted(self) -> None:
        await self.listen_tls()
        line = await self.connect_tls()
        await self.answers(line)
        self.methods.ran.clear()
        line.stop_reading()
        line.send(request("blob", [9_000_000]) + b"\n")
        await until(lambda: self.methods.ran)
        await until(lambda: self.served().wire._unasked is not None)
        await self.advance(20)
        await self.gone()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (IPv4Address("TCP", "10.0.0.1", 5), ("10.0.0.1", "10.0.0.1:5")),
        (IPv6Address("TCP", "fe80::1", 5), ("fe80::1", "[fe80::1]:5")),
        (UNIXAddress(None), ("unix", "unix")),
        (_ProcessAddress(), ("process", "process")),
    ],
)
def test_an_address_has_a_name(address: Any, expected: tuple[str, str]) -> None:
    assert address_name(address) == expected


def test_a_protocol_has_to_say_how_it_begins_and_ends() -> None:
    protocol = RPCProtocol()
    with pytest.raises(NotImplementedError):
        protocol.begin()
    with pytest.raises(NotImplementedError):
        protocol.end()
