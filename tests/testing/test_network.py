"""A network in memory: who is there, what happens, and what must not be left over."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall, deferLater

from tests.client.harness import Things
from twisted_rpc import (
    CallTimeout,
    ConnectionLost,
    ConnectionRefused,
    Context,
    RemoteError,
    Server,
    State,
    method,
)
from twisted_rpc.testing import Network


def served(network: Network) -> tuple[Server, Things]:
    """A server in a network, and what it exposes."""
    server, things = Server(reactor=network.clock), Things()
    server.expose("things", things)
    return server, things


def test_calls_both_ways(rpc_network: Network) -> None:
    server, _ = served(rpc_network)
    client = rpc_network.connect(server)
    client.expose("double", lambda number: 2 * number)
    assert rpc_network.run(client.call("things.add", [1, 2])) == 3
    assert rpc_network.run(client.call("things.ask", [4])) == 8


@pytest.mark.parametrize("framing", ["line", "stream", "header", "netstring"])
def test_framings(rpc_network: Network, framing: Any) -> None:
    server, _ = served(rpc_network)
    client = rpc_network.connect(server, framing=framing)
    assert rpc_network.run(client.call("things.add", [1, 2])) == 3
    peer = rpc_network.script(server, framing=framing)
    assert rpc_network.run(peer.call("things.add", [1, 2]))["result"] == 3


def test_nothing_moves_by_itself(rpc_network: Network) -> None:
    server, things = served(rpc_network)
    client = rpc_network.connect(server)
    client.notify("things.note", [1])
    assert things.heard == []
    rpc_network.settle()
    assert things.heard == [1]


def test_time_passes_in_steps(rpc_network: Network) -> None:
    clock, moments = rpc_network.clock, []
    for seconds in (3, 1, 2):
        clock.callLater(seconds, lambda: moments.append(clock.seconds()))
    rpc_network.advance(2.5)
    assert (moments, clock.seconds()) == ([1, 2], 2.5)
    rpc_network.advance(0.5)
    assert moments == [1, 2, 3]


def test_run_moves_time_when_nothing_else_moves(rpc_network: Network) -> None:
    server, _ = served(rpc_network)
    client = rpc_network.connect(server)
    with pytest.raises(CallTimeout):
        rpc_network.run(client.call("things.wait", timeout=12.5))
    assert rpc_network.clock.seconds() == 12.5

    async def scenario() -> str:
        await deferLater(rpc_network.clock, 60)
        return str(await client.call("things.echo", ["later"]))

    assert rpc_network.run(scenario()) == "later"
    assert rpc_network.clock.seconds() == 72.5


def test_run_waits_for_a_client(rpc_network: Network) -> None:
    client = rpc_network.connect(served(rpc_network)[0])
    assert rpc_network.run(client) is client


def test_run_says_when_nothing_is_left_to_happen(rpc_network: Network) -> None:
    with pytest.raises(AssertionError, match="nothing is left to happen"):
        rpc_network.run(Deferred())
    with pytest.raises(TypeError, match="nothing to wait for in 5"):
        rpc_network.run(5)  # type: ignore[arg-type]


def test_error_wants_an_error_of_the_far_side(rpc_network: Network) -> None:
    server, _ = served(rpc_network)
    client = rpc_network.connect(server)
    error = rpc_network.error(client.call("things.fail"), 1000)
    assert (error.message, error.data) == ("no", {"why": "because"})
    assert isinstance(rpc_network.error(client.call("nowhere")), RemoteError)
    with pytest.raises(
        AssertionError, match=r"not the error -32602, but: things.fail: no \(1000\)"
    ):
        rpc_network.error(client.call("things.fail"), -32602)
    with pytest.raises(AssertionError, match="no error, but the result 3"):
        rpc_network.error(client.call("things.add", [1, 2]))


def test_threads_run_in_place(rpc_network: Network) -> None:
    server = Server(reactor=rpc_network.clock)
    heard: list[int] = []

    @method(thread=True)
    def divide(a: int, b: int) -> float:
        rpc_network.clock.callFromThread(heard.append, a)
        return a / b

    server.expose("divide", divide)
    client = rpc_network.connect(server)
    assert rpc_network.run(client.call("divide", [1, 2])) == 0.5
    assert heard == [1]
    rpc_network.error(client.call("divide", [1, 0]), -32603)


def test_a_server_that_stops_and_starts(rpc_network: Network) -> None:
    server, _ = served(rpc_network)
    other, _ = served(rpc_network)
    client, neighbour = rpc_network.connect(server), rpc_network.connect(other)
    call = client.call("things.wait")
    rpc_network.settle()
    rpc_network.stop(server)
    with pytest.raises(ConnectionLost):
        rpc_network.run(call)
    assert (client.state, neighbour.state) == (State.DISCONNECTED, State.CONNECTED)
    with pytest.raises(ConnectionRefused):
        rpc_network.run(rpc_network.connect(server))
    rpc_network.start(server)
    assert rpc_network.run(client.call("things.echo", [1])) == 1
    assert rpc_network.clock.seconds() == 1


def test_a_server_of_another_time_is_refused(rpc_network: Network) -> None:
    with pytest.raises(ValueError, match=r"give it the network's time: Server\(reactor=network\."):
        rpc_network.connect(Server())


def test_what_stays_open_is_complained_of() -> None:
    network = Network()
    network.endpoint(served(network)[0]).connect(Factory.forProtocol(Protocol))
    network.lines[-1].to_caller.hold()
    with pytest.raises(AssertionError, match="a line is open"):
        network.close()


def test_a_timer_that_never_ends_is_complained_of() -> None:
    network = Network()
    ticking = LoopingCall(lambda: None)
    ticking.clock = network.clock
    ticking.start(600)
    with pytest.raises(AssertionError, match="there is a timer"):
        network.close()


def test_what_still_runs_is_cancelled() -> None:
    cancelled: list[str] = []

    async def wait(ctx: Context) -> None:
        await Deferred(lambda _: cancelled.append(ctx.method))

    with Network() as network:
        server = Server(reactor=network.clock)
        server.expose("wait", wait)
        peer = network.script(server)
        peer.call("wait").addErrback(lambda _: None)
        network.settle()
    assert cancelled == ["wait"]


def test_a_failure_in_the_test_is_the_one_that_is_told() -> None:
    def fail() -> None:
        with Network() as network:
            network.script().expect("never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_what_goes_on_for_ever_at_one_moment_is_complained_of(rpc_network: Network) -> None:
    def again() -> None:
        if going:
            rpc_network.clock.callLater(0, again)

    going = [True]
    again()
    with pytest.raises(AssertionError, match=r"at 0 s something goes on and on: .*again"):
        rpc_network.settle()
    going.clear()


def test_a_result_may_be_asked_for_twice(rpc_network: Network) -> None:
    client = rpc_network.connect(served(rpc_network)[0])
    call = client.call("things.echo", [5])
    assert [rpc_network.run(call), rpc_network.run(call)] == [5, 5]
