"""Faults that can be put on a line, each as a client or a server meets it."""

from __future__ import annotations

import pytest

from tests.testing.test_network import served
from twisted_rpc import CallTimeout, Client, ConnectionLost, ProtocolError
from twisted_rpc.testing import FaultyLine, Network


@pytest.fixture
def client(rpc_network: Network) -> Client:
    """A client that is connected."""
    return rpc_network.run(rpc_network.connect(served(rpc_network)[0]))


@pytest.fixture
def line(rpc_network: Network, client: Client) -> FaultyLine:
    """The client's line."""
    return rpc_network.lines[-1]


def test_what_is_dropped_never_comes(
    rpc_network: Network, client: Client, line: FaultyLine
) -> None:
    for way in (line.to_listener, line.to_caller):
        way.drop()
        with pytest.raises(CallTimeout):
            rpc_network.run(client.call("things.echo", [1]))
        assert rpc_network.run(client.call("things.echo", [2])) == 2


def test_what_is_duplicated_comes_twice(
    rpc_network: Network, client: Client, line: FaultyLine
) -> None:
    line.to_listener.duplicate()
    assert rpc_network.run(client.call("things.echo", [1])) == 1
    line.to_caller.duplicate()
    assert rpc_network.run(client.call("things.echo", [2])) == 2
    rpc_network.settle()
    assert client.counters.unexpected_responses == 2


def test_what_is_delayed_comes_later_in_its_order(
    rpc_network: Network, client: Client, line: FaultyLine
) -> None:
    line.to_listener.delay(1.5)
    line.to_caller.delay(1)
    slow = client.call("things.echo", ["slow"])
    line.to_listener.delay(0)
    fast = client.call("things.echo", ["fast"])
    order: list[str] = []
    slow.addCallback(order.append)
    fast.addCallback(order.append)
    rpc_network.advance(2.4)
    assert order == []
    rpc_network.advance(0.1)
    assert order == ["slow", "fast"]


def test_what_is_delayed_is_lost_with_the_line(
    rpc_network: Network, client: Client, line: FaultyLine
) -> None:
    line.to_listener.delay(1)
    call = client.call("things.echo")
    rpc_network.settle()
    line.break_off()
    with pytest.raises(ConnectionLost):
        rpc_network.run(call)


def test_what_is_delayed_comes_before_the_end(rpc_network: Network) -> None:
    peer = rpc_network.script(served(rpc_network)[0])
    rpc_network.lines[-1].to_caller.delay(2)
    answer = peer.call("things.echo", [1])
    peer.end()
    assert rpc_network.run(answer)["result"] == 1
    assert rpc_network.clock.seconds() == 2


@pytest.mark.parametrize("size", [1, 7])
def test_what_is_split_comes_together_again(
    rpc_network: Network, client: Client, line: FaultyLine, size: int
) -> None:
    line.to_listener.split(size)
    line.to_caller.split(size)
    text = "ünïcödé" * 20
    assert rpc_network.run(client.call("things.echo", [text])) == text
    line.to_caller.split(None)
    assert rpc_network.run(client.call("things.echo", [text])) == text


def test_a_piece_has_some_size(line: FaultyLine) -> None:
    with pytest.raises(ValueError, match="a piece has one byte or more, not 0"):
        line.to_caller.split(0)


def test_garbage_for_the_client(rpc_network: Network, client: Client, line: FaultyLine) -> None:
    line.to_caller.insert(b"garbage\n")
    with pytest.raises(ProtocolError, match="does not speak JSON-RPC"):
        rpc_network.run(client.call("things.echo"))
    assert rpc_network.run(client.call("things.echo", [1])) == 1
    assert len(rpc_network.lines) == 2


def test_garbage_for_the_server(rpc_network: Network, client: Client, line: FaultyLine) -> None:
    assert rpc_network.run(client.call("things.echo", [1])) == 1
    line.to_listener.insert(b"garbage\n")
    assert rpc_network.run(client.call("things.echo", [2])) == 2


def test_what_is_held_comes_when_it_is_released(
    rpc_network: Network, client: Client, line: FaultyLine
) -> None:
    line.to_caller.hold()
    call = client.call("things.echo", [1])
    rpc_network.advance(10)
    assert not call.called
    line.to_caller.release()
    assert rpc_network.run(call) == 1
    assert rpc_network.clock.seconds() == 10
