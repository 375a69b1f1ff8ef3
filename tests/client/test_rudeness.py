"""Servers that do not answer as they should: each ends in the right exception."""

from __future__ import annotations

import json

import pytest
from msgspec import structs
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from tests.client.harness import ClientTestCase, reactor
from tests.transports.harness import listening_port
from twisted_rpc import CallTimeout, Client, ConnectionLost, ProtocolError, RemoteError
from twisted_rpc.client import CLIENT_LIMITS
from twisted_rpc.testing import Network, ScriptedPeer

Rude = tuple[Network, ScriptedPeer, Client]


@pytest.fixture
def rude(rpc_network: Network) -> Rude:
    """A server that does as it likes, and a client of it."""
    server = rpc_network.script()
    return rpc_network, server, rpc_network.connect(server)


def test_it_never_answers(rude: Rude) -> None:
    network, server, client = rude
    server.expect("m")
    server.expect_notification("$/cancelRequest")
    with pytest.raises(CallTimeout, match=r"m: no answer from .* within 5 seconds"):
        network.run(client.call("m", timeout=5))
    assert network.clock.seconds() == 5


def test_it_answers_twice(rude: Rude) -> None:
    network, server, client = rude
    for _ in range(2):
        server.expect("m").reply("right").reply("wrong")
        assert network.run(client.call("m")) == "right"
    network.settle()
    assert client.counters.unexpected_responses == 2


def test_it_answers_somebody_else(rude: Rude) -> None:
    network, server, client = rude
    server.expect("m").reply(1, id=77).reply(2, id="1").reply(3, id=None)
    server.expect_notification("$/cancelRequest")
    with pytest.raises(CallTimeout):
        network.run(client.call("m"))
    assert client.counters.unexpected_responses == 3


@pytest.mark.parametrize(
    "garbage", [b"garbage\n", b"\xff\xfe\n", b'{"jsonrpc":"1.0","id":1}\n', b"HTTP/1.1 400\r\n"]
)
def test_it_answers_garbage(rude: Rude, garbage: bytes) -> None:
    network, server, client = rude
    server.expect("m").write(garbage)
    with pytest.raises(ProtocolError, match=r"^m: .* does not speak JSON-RPC: "):
        network.run(client.call("m"))
    assert network.clock.seconds() == 0


def test_it_says_half_of_it_and_goes(rude: Rude) -> None:
    network, server, client = rude
    server.expect("m").write(b'{"jsonrpc":"2.0","id":1,').hang_up()
    with pytest.raises(ProtocolError):
        network.run(client.call("m"))


def test_it_goes_without_a_word(rude: Rude) -> None:
    network, server, client = rude
    server.expect("m").hang_up()
    with pytest.raises(ConnectionLost):
        network.run(client.call("m"))
    assert network.clock.seconds() == 0


def test_it_says_why_before_it_goes(rude: Rude) -> None:
    network, server, client = rude
    error = {"code": -32007, "message": "too big"}
    refusal = {"jsonrpc": "2.0", "id": None, "error": error}
    server.expect("m").write(json.dumps(refusal).encode() + b"\n").hang_up()
    with pytest.raises(ConnectionLost, match=r"it said: .*-32007.*too big"):
        network.run(client.call("m"))


def test_its_errors_are_of_another_shape(rude: Rude) -> None:
    network, server, client = rude
    server.expect("m").write(b'{"jsonrpc":"2.0","id":1,"error":"Error: no","result":null}\n')
    with pytest.raises(RemoteError, match=r"m: Error: no \(-32000\)"):
        network.run(client.call("m"))


class Flood(Protocol):
    """Answers a hundred megabytes without an end of line."""

    sent = 0

    def dataReceived(self, data: bytes) -> None:
        for _ in range(100):
            Flood.sent += 1_000_000
            self.transport.write(b"x" * 1_000_000)  # type: ignore[union-attr]


class FloodTests(ClientTestCase):
    """Over a real line, which has to be given up before all of it has come."""

    async def test_its_answer_is_too_long(self) -> None:
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(Factory.forProtocol(Flood))
        limits = structs.replace(CLIENT_LIMITS, max_message=100_000)
        client = await self.client(f"tcp://127.0.0.1:{listening_port(self.port)}", limits=limits)
        with self.assertRaises(ProtocolError) as caught:
            await client.call("m", timeout=20)
        self.assertIn("a message may have 100000 bytes (max_message)", str(caught.exception))
        self.assertEqual(Flood.sent, 100_000_000)
