"""Two equal ends of one line."""

from __future__ import annotations

import pytest
from msgspec import structs
from twisted.internet.defer import Deferred

from twisted_rpc import (
    ConnectError,
    Connection,
    ConnectionLost,
    Limits,
    Peer,
    connector,
)
from twisted_rpc.testing import Network


def peer_named(name: str, network: Network) -> Peer:
    """A peer that tells its name."""
    peer = Peer(reactor=network.clock)
    peer.expose("name", lambda: name)
    return peer


def joined(network: Network) -> tuple[Peer, Peer]:
    """Two peers with a line between them."""
    near, far = peer_named("near", network), peer_named("far", network)
    network.run(near.open(connector(network.endpoint(far), reactor=network.clock)))
    return near, far


def test_both_ends_do_the_same(rpc_network: Network) -> None:
    near, far = joined(rpc_network)
    for ours, theirs, name in ((near, far, "far"), (far, near, "near")):
        heard: list[str] = []
        theirs.on("news", heard.append)
        ours.notify("news", ["hello"])
        assert rpc_network.run(ours.call("name", timeout=1)) == name
        assert rpc_network.run(ours.proxy.name()) == name
        assert heard == ["hello"]


def test_batches_go_either_way(rpc_network: Network) -> None:
    async def ask(peer: Peer) -> list[str]:
        async with peer.batch() as batch:
            calls = [batch.call("name"), batch.call("name")]
        return [await call for call in calls]

    near, far = joined(rpc_network)
    assert rpc_network.run(ask(near)) == ["far", "far"]
    assert rpc_network.run(ask(far)) == ["near", "near"]


def test_closing_one_end_closes_both(rpc_network: Network) -> None:
    near, far = joined(rpc_network)
    rpc_network.run(near.close())
    rpc_network.run(far.close())
    assert near.connection is None
    assert far.connection is None


def test_without_a_line_nobody_can_be_called() -> None:
    peer = Peer()
    called = peer.call("m")
    called.addErrback(lambda failure: failure.trap(ConnectionLost))
    assert called.result is ConnectionLost
    for action in (peer.batch, lambda: peer.notify("m")):
        with pytest.raises(ConnectionLost, match="there is no line"):
            action()
    assert peer.close().called


def test_a_third_is_refused(rpc_network: Network) -> None:
    near, far = joined(rpc_network)
    third = rpc_network.script(far)
    rpc_network.settle()
    assert third.received[0]["error"]["data"] == "it has a peer already"
    assert not third.is_connected
    assert rpc_network.run(near.call("name")) == "far"


def test_two_lines_at_once_are_refused(rpc_network: Network) -> None:
    near, far = peer_named("near", rpc_network), peer_named("far", rpc_network)
    waiting: Deferred[Connection] = Deferred()
    near.open(lambda _: waiting)
    place = connector(rpc_network.endpoint(far), reactor=rpc_network.clock)
    with pytest.raises(ConnectError, match="a line is being opened already"):
        rpc_network.run(near.open(place))
    with pytest.raises(
        TypeError, match=r"open takes what connector\(\.\.\.\) makes, not 'tcp://h:1'"
    ):
        near.open("tcp://h:1")  # type: ignore[arg-type]
    waiting.errback(ConnectError("no"))
    rpc_network.run(near.open(place))
    assert rpc_network.run(near.call("name")) == "far"


def test_a_second_line_is_refused(rpc_network: Network) -> None:
    near, far = joined(rpc_network)
    with pytest.raises(ConnectError, match="there is a line already, to memory"):
        rpc_network.run(near.open(connector(rpc_network.endpoint(far), reactor=rpc_network.clock)))


def test_another_line_may_follow(rpc_network: Network) -> None:
    near, far = joined(rpc_network)
    rpc_network.lines[-1].break_off()
    rpc_network.run(far.open(connector(rpc_network.endpoint(near), reactor=rpc_network.clock)))
    assert rpc_network.run(near.call("name")) == "far"
    assert rpc_network.run(far.call("name")) == "near"


def test_limits_are_those_of_an_endpoint(rpc_network: Network) -> None:
    limits = structs.replace(Limits(), call_timeout=3)
    near, far = Peer(limits=limits, reactor=rpc_network.clock), peer_named("far", rpc_network)
    waiting: Deferred[None] = Deferred()
    far.expose("wait", lambda: waiting)
    rpc_network.run(near.open(connector(rpc_network.endpoint(far), reactor=rpc_network.clock)))
    with pytest.raises(TimeoutError, match="wait: no answer from memory within 3 seconds"):
        rpc_network.run(near.call("wait"))
    assert rpc_network.clock.seconds() == 3
