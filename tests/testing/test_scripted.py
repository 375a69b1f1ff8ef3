"""A scripted peer does what it is told, and notices what it was not told of."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone

from tests.testing.test_network import served
from twisted_rpc import ConnectionLost, ProtocolError
from twisted_rpc.testing import ANY, Network, ScriptedPeer


def test_it_expects_and_replies(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    server.expect("add", [1, 2]).reply(3)
    server.expect("add", {"a": 1}).fail(-5, "too few", ["b"])
    server.expect("ping", None).fail(-6, "no data")
    server.expect_notification("log")
    assert rpc_network.run(client.call("add", [1, 2])) == 3
    error = rpc_network.error(client.call("add", {"a": 1}), -5)
    assert (error.message, error.data) == ("too few", ["b"])
    rpc_network.error(client.call("ping"), -6)
    client.notify("log", ["x"])
    rpc_network.settle()
    assert [message["method"] for message in server.received] == ["add", "add", "ping", "log"]


def test_it_may_reply_later(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    expected = server.expect("m")
    call = client.call("m", [1])
    rpc_network.advance(5)
    assert expected.message["params"] == [1]
    expected.reply("at last")
    assert rpc_network.run(call) == "at last"


def test_what_came_before_may_be_expected_after(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    call = client.call("m", [1])
    rpc_network.settle()
    server.expect("m", [1]).reply("yes")
    assert rpc_network.run(call) == "yes"


def test_a_batch_is_answered_together(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    first = server.expect("a")
    server.expect("b").reply(2).reply("again")
    server.expect_notification("c")

    async def send() -> list[Any]:
        async with client.batch() as batch:
            calls = [batch.call("a"), batch.call("b")]
            batch.notify("c")
        return [await call for call in calls]

    sent: list[list[Any]] = []
    rpc_network.clock.callLater(1, first.reply, 1)
    sent.append(rpc_network.run(send()))
    assert sent == [[1, 2]]
    assert rpc_network.clock.seconds() == 1
    rpc_network.settle()


def test_it_calls_and_notifies(rpc_network: Network) -> None:
    server, things = served(rpc_network)
    peer = rpc_network.script(server)
    assert rpc_network.run(peer.call("things.add", {"a": 1, "b": 2})) == {
        "jsonrpc": "2.0",
        "result": 3,
        "id": "scripted-1",
    }
    assert rpc_network.run(peer.call("things.echo"))["result"] is None
    peer.notify("things.note", [7])
    rpc_network.settle()
    assert things.heard == [7]


def test_it_says_what_is_no_json(rpc_network: Network) -> None:
    server, _ = served(rpc_network)
    peer = rpc_network.script(server)
    peer.write(b"{broken\n")
    rpc_network.settle()
    assert peer.received[0]["error"]["code"] == -32700


def test_it_hangs_up(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server, reconnect=False)
    server.expect("m").write(b'{"half').hang_up()
    with pytest.raises((ConnectionLost, ProtocolError)):
        rpc_network.run(client.call("m"))
    assert not server.is_connected
    with pytest.raises(ConnectionDone, match="nobody is connected"):
        server.notify("m")


def test_something_else_fails_there_and_then(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    server.expect("m", [1])
    call = client.call("m", [2])
    with pytest.raises(AssertionError, match=r"'params': \[2\].* came; expected was the call 'm'"):
        rpc_network.run(call)
    call.addErrback(lambda _: None)
    assert rpc_network._peers.pop() is server


def test_or_when_it_is_expected_too_late(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    client.notify("m", [2])
    rpc_network.settle()
    with pytest.raises(AssertionError, match="came; expected was the call 'm' ANY"):
        server.expect("m")


def test_what_does_not_come_is_complained_of() -> None:
    network = Network()
    network.script().expect_notification("m")
    with pytest.raises(AssertionError, match=r"did not come: \[notification 'm' ANY\]"):
        network.close()


def test_what_nobody_expects_is_complained_of() -> None:
    network = Network()
    network.connect(network.script()).notify("m")
    with pytest.raises(AssertionError, match=r"not expected: \[.*'method': 'm'"):
        network.close()


def test_a_client_that_does_not_frame_is_noticed(rpc_network: Network) -> None:
    server = rpc_network.script(framing="netstring")
    client = rpc_network.connect(server, framing="line")
    client.notify("m")
    with pytest.raises(AssertionError, match="what came is no message"):
        rpc_network.settle()


def test_true_is_not_one(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    server.expect("m", {"a": [1, ANY, True]}).reply("yes")
    assert rpc_network.run(client.call("m", {"a": [1, {"any": "thing"}, True]})) == "yes"
    client.notify("m", [True])
    rpc_network.settle()
    for params in ([1], [True, ANY], {"a": 1}):
        with pytest.raises(AssertionError):
            server.expect_notification("m", params)
        client.notify("m", [True])
        rpc_network.settle()
    server.expect_notification("m", [True])


def test_any_is_equal_to_everything() -> None:
    assert ANY == 1
    assert hash(ANY) == hash(ANY)
    assert repr(ScriptedPeer().expect("m")) == "call 'm' ANY"
