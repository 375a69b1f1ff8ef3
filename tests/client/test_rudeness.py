"""Servers that do not answer as they should: each ends in the right exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Site

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


def test_its_answers_have_no_end(rude: Rude) -> None:
    network, server, client = rude
    server.expect("m").write(b'{"jsonrpc":"2.0","result":1,"id":1}')
    server.expect_notification("$/cancelRequest")
    with pytest.raises(CallTimeout, match=r"seconds; half a message .* framing 'line' right"):
        network.run(client.call("m", timeout=5))


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


GARBAGE = [
    b"garbage\n",
    b"\xff\xfe\n",
    b'{"jsonrpc":"1.0","id":1}\n',
    b'{"jsonrpc":"2.0","id":null}\n',
    b'{"notification":1e999}\n',
    b"HTTP/1.1 400\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
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


def test_what_it_said_long_ago_is_not_why_it_goes(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server, reconnect=False)
    complaint = b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"eh?"}}\n'
    server.expect("m").write(complaint).reply("right")
    assert rpc_network.run(client.call("m")) == "right"
    server.expect("bye").hang_up()
    with pytest.raises(ConnectionLost, match=r"was lost$"):
        rpc_network.run(client.call("bye"))


def test_what_is_called_after_garbage_waits_for_the_next_line(rude: Rude) -> None:
    network, server, client = rude
    server.expect("bad").write(b"garbage\n")
    server.expect("good").reply("right")
    # Called the moment that the first one fails, when its line is not down yet.
    again = client.call("bad").addErrback(lambda _: client.call("good"))
    assert network.run(again) == "right"
    assert len(network.lines) == 2


def test_it_leaves_out_a_result_that_is_undefined(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server, ids=lambda: iter([0, "a"]))
    server.expect("m").write(b'{"jsonrpc":"2.0","id":0}\n')
    server.expect("m").write(b'{"jsonrpc":"2.0","id":"a"}\n')
    assert rpc_network.run(client.call("m")) is None
    assert rpc_network.run(client.call("m")) is None


def test_its_notifications_are_those_of_rpc_websockets(rude: Rude) -> None:
    network, server, client = rude
    heard: list[tuple[int, int]] = []
    client.on("moved", lambda x, y: heard.append((x, y)))
    call = server.expect("m")
    for event in (
        {"notification": "moved", "params": [1, 2]},
        {"notification": "moved", "params": {"x": 3, "y": 4}},
        {"notification": "unheard of"},
    ):
        call.write(json.dumps(event).encode() + b"\n")
    call.reply("right")
    assert network.run(client.call("m")) == "right"
    assert heard == [(1, 2), (3, 4)]
    assert client.counters.ignored_notifications == 1


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


class HTTPRudenessTests(ClientTestCase):
    """Over HTTP, where an answer belongs to its request whatever id it bears."""

    async def to(self, reply: Callable[[Any], Any]) -> Client:
        """A client of a web server that answers 200 and what a function makes of the body."""

        class Page(Resource):
            isLeaf = True

            def render_POST(self, request: Any) -> bytes:
                return json.dumps(reply(json.load(request.content))).encode()

        site = Site(Page())
        site.noisy = False
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(site)
        return await self.client(f"http://127.0.0.1:{listening_port(self.port)}/")

    async def test_an_error_without_an_id_ends_the_call(self) -> None:
        error = {"code": -32602, "message": "Unauthorized", "data": [1]}
        client = await self.to(lambda _: {"jsonrpc": "2.0", "id": None, "error": error})
        with self.assertRaisesRegex(RemoteError, r"^m: Unauthorized \(-32602\) from") as caught:
            await client.call("m", timeout=5)
        self.assertEqual(caught.exception.data, [1])

    async def test_an_answer_without_an_id_is_nobodys(self) -> None:
        client = await self.to(lambda _: {"jsonrpc": "2.0", "id": None, "error": None, "result": 1})
        with self.assertRaisesRegex(ProtocolError, "^m: no answer from"):
            await client.call("m", timeout=5)

    async def test_an_error_without_an_id_ends_every_call_of_a_batch(self) -> None:
        error = {"code": -32600, "message": "no batches"}
        client = await self.to(lambda _: {"jsonrpc": "2.0", "id": None, "error": error})
        async with client.batch() as batch:
            calls = [batch.call("m"), batch.call("n")]
            for call in calls:
                call.addErrback(lambda failure: failure.check(RemoteError))
        self.assertEqual([await call for call in calls], [RemoteError, RemoteError])

    async def test_in_a_batch_nobody_knows_whose_error_it_is(self) -> None:
        def answers(requests: Any) -> Any:
            error = {"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "one of you"}}
            return [error, {"jsonrpc": "2.0", "id": requests[1]["id"], "result": 2}]

        client = await self.to(answers)
        async with client.batch() as batch:
            first, second = batch.call("m"), batch.call("n")
            first.addErrback(lambda failure: str(failure.trap(ProtocolError) and failure.value))
        self.assertIn('"message":"one of you"', (await first).replace(": ", ":"))
        self.assertEqual(await second, 2)

    async def test_a_result_that_is_undefined_is_left_out(self) -> None:
        client = await self.to(lambda request: {"jsonrpc": "2.0", "id": request["id"]})
        self.assertIsNone(await client.call("m", timeout=5))
