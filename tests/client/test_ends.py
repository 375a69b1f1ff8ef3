"""Every call ends once, whatever those who hear of it do, and nothing is left behind."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from tests.client.harness import ClientTestCase, until
from tests.client.place import Place
from twisted_rpc import (
    CallTimeout,
    Client,
    Connection,
    ConnectionLost,
    Offline,
    RemoteError,
    Server,
    State,
)
from twisted_rpc.testing import Network


def ends_of(call: Deferred[Any]) -> list[str]:
    """How a call ends, as often as it does."""
    ends: list[str] = []
    call.addBoth(lambda outcome: ends.append(type(getattr(outcome, "value", outcome)).__name__))
    return ends


def test_cancelling_who_waits_for_a_batch_cancels_its_calls(place: Place) -> None:
    reached: list[str] = []

    async def send() -> None:
        async with client.batch() as batch:
            batch.call("things.wait")
            batch.call("things.wait")
        reached.append("the code after it")

    client = place.connected()
    sent = Deferred.fromCoroutine(send())
    place.network.settle()
    sent.cancel()
    with pytest.raises(CancelledError):
        place.network.run(sent)
    place.network.settle()
    assert (place.things.cancelled, reached) == (2, [])


def test_who_hears_of_an_expired_call_may_cancel_another_or_close(place: Place) -> None:
    for action in ("cancel", "close"):
        client = place.offline(offline=Offline(age=5))
        calls = [client.call("things.echo", timeout=None) for _ in range(3)]

        def act(
            failure: Any, second: Any = calls[1], client: Client = client, action: str = action
        ) -> Any:
            (second.cancel if action == "cancel" else client.close)()
            return failure

        calls[0].addErrback(act)
        ends = [ends_of(call) for call in calls]
        place.network.advance(6)
        second = "CancelledError" if action == "cancel" else "ConnectionLost"
        assert ends == [["ConnectionLost"], [second], ["ConnectionLost"]]
        place.back()


def test_closing_ends_a_batch_that_is_cancelled_meanwhile(place: Place) -> None:
    calls: list[Deferred[Any]] = []

    async def send() -> None:
        async with client.batch() as batch:
            calls.extend(batch.call("things.echo") for _ in range(2))
            calls[0].addErrback(cancel_other)

    def cancel_other(failure: Failure) -> Failure:
        calls[1].cancel()
        return failure

    client = place.offline()
    sent = Deferred.fromCoroutine(send())
    other = ends_of(client.call("things.echo"))
    client.close()
    assert [ends_of(call) for call in calls] == [["ConnectionLost"], ["CancelledError"]]
    assert (other, client.state) == (["ConnectionLost"], State.CLOSED)
    place.network.run(sent)


def test_a_dropped_call_that_is_made_again_does_not_grow_what_waits(place: Place) -> None:
    client = place.offline(offline=Offline(size=3, when_full="drop_oldest"))
    again = 0

    def call() -> None:
        client.call("things.echo").addErrback(once_more)

    def once_more(_: object) -> None:
        nonlocal again
        again += 1
        if again < 20:
            call()

    for _ in range(10):
        call()
    assert len(client._buffer) == 3
    assert again >= 20
    place.back()


def test_on_connected_is_called_for_the_first_connection(place: Place) -> None:
    client = place.network.connect(place.server)
    heard: list[str] = []

    async def log_in(connection: Connection) -> None:
        heard.append(await connection.call("things.echo", ["prepared"]))

    client.on_connected(log_in)
    place.network.run(client)
    assert heard == ["prepared"]


def test_what_is_cancelled_in_on_connected_is_a_failed_attempt(place: Place) -> None:
    attempts: list[Connection] = []

    async def prepare(connection: Connection) -> None:
        attempts.append(connection)
        call = connection.call("things.wait")
        if len(attempts) == 1:
            call.cancel()
            await call

    client = place.network.connect(place.server)
    client.on_connected(prepare)
    place.network.advance(2)
    assert (len(attempts), client.state) == (2, State.CONNECTED)


def test_a_line_lost_in_on_connected_is_noticed(place: Place) -> None:
    attempts: list[Connection] = []

    def prepare(connection: Connection) -> Deferred[Any] | None:
        attempts.append(connection)
        return Deferred() if len(attempts) == 1 else None

    client = place.network.connect(place.server)
    client.on_connected(prepare)
    place.network.settle()
    failed = ends_of(client.connected())
    place.network.lines[-1].break_off()
    place.network.advance(2)
    assert failed == ["ConnectionLost"]
    assert (len(attempts), client.state) == (2, State.CONNECTED)


@pytest.mark.parametrize("state", [State.CONNECTING, State.CONNECTED])
def test_an_observer_may_close_the_client(place: Place, state: State) -> None:
    told: list[State] = []
    client = place.network.connect(place.server)
    client.on_state(lambda now: client.close() and None if now is state else None)
    client.on_state(told.append)
    place.network.advance(1)
    assert told[-1] is client.state is State.CLOSED
    assert not any(line.is_open for line in place.network.lines)


def test_a_batch_that_is_refused_as_a_whole_ends_at_once(rpc_network: Network) -> None:
    server = Server(reactor=rpc_network.clock)
    client = rpc_network.connect(server)

    async def send() -> list[Deferred[Any]]:
        async with client.batch() as batch:
            calls = [batch.call("m") for _ in range(101)]
            for call in calls:
                call.addErrback(code_of)
        return calls

    codes = {rpc_network.run(call) for call in rpc_network.run(send())}
    assert codes == {-32010}
    assert rpc_network.clock.seconds() == 0


def code_of(failure: Failure) -> int:
    """The code of an error."""
    assert isinstance(failure.value, RemoteError)
    return failure.value.code


def test_a_refusal_among_others_is_nobodys(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    answers = b'[{"jsonrpc":"2.0","error":{"code":1,"message":"x"},"id":null}]\n'
    server.expect("m").write(answers).reply("right")
    assert rpc_network.run(client.call("m")) == "right"
    assert client.counters.unexpected_responses == 1


def test_a_server_that_shuts_down_is_called_again_when_it_is_back(rpc_network: Network) -> None:
    server = rpc_network.script()
    client = rpc_network.connect(server)
    server.expect("m").fail(-32012, "Shutting down")
    rpc_network.error(client.call("m"), -32012)
    server.expect("m").fail(-32012, "Shutting down").hang_up()
    server.expect("m").reply("again")
    assert rpc_network.run(client.call("m", retry=True)) == "again"


def test_what_could_not_be_sent_says_so(place: Place) -> None:
    client = place.offline()
    with pytest.raises(CallTimeout, match=r"within 2 seconds; it could not be sent"):
        place.network.run(client.call("things.echo", timeout=2))


@pytest.mark.parametrize("timeout", ["5", True, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused_before_anything_is_sent(
    place: Place, timeout: Any
) -> None:
    client = place.connected()
    assert client.connection is not None
    for far_side in (client, client.connection, client.batch()):
        with pytest.raises((TypeError, ValueError), match="timeout is a number of seconds"):
            far_side.call("things.note", [1], timeout=timeout)
    place.network.settle()
    assert place.things.heard == []


def test_ids_that_come_to_an_end_are_told(place: Place) -> None:
    client = place.connected(ids=lambda: iter([7]))
    assert place.network.run(client.call("things.echo", [1])) == 1
    with pytest.raises(RuntimeError, match="no more ids"):
        client.call("things.echo")


def test_notifications_alone_are_not_lost_without_a_word(place: Place) -> None:
    async def send(connection: Connection) -> None:
        async with connection.batch() as batch:
            batch.notify("things.note", [1])
            batch.notify("things.note", [2])

    client = place.connected()
    connection = client.connection
    assert connection is not None
    place.network.run(client.close())
    with pytest.raises(ConnectionLost):
        place.network.run(send(connection))


def test_a_listener_that_does_not_fit_is_told_of_once(place: Place) -> None:
    client = place.connected()
    client.on("news", lambda a: None)
    with capturedLogs() as logged:
        for _ in range(3):
            place.server.notify_all("news", {"b": 1})
        place.network.settle()
    (event,) = [event for event in logged if "listener" in event["log_format"]]
    assert "missing: a" in event["reason"]


def test_what_is_closed_is_forgotten() -> None:
    kept: list[weakref.ref[Any]] = []
    for _ in range(5):
        with Network() as network:
            server = Server(reactor=network.clock)
            client = network.connect(server)
            network.error(client.call("m"), -32601)
            kept += [weakref.ref(server), weakref.ref(client), weakref.ref(server.dispatcher)]
    del network, server, client
    gc.collect()
    assert [each() for each in kept] == [None] * len(kept)


def test_clients_and_connections_show_what_they_are(place: Place) -> None:
    client = place.connected()
    assert repr(client) == "<Client of MemoryEndpoint: connected>"
    assert repr(client.connection).endswith("to memory: open>")


class ClosingTests(ClientTestCase):
    """A WebSocket that is being closed by the far side."""

    async def test_every_call_ends(self) -> None:
        client = await self.open("websocket")
        running = client.call("things.wait")
        await until(lambda: self.things.waiting)
        ends = [ends_of(client.call("things.echo", [n], timeout=5)) for n in range(50)]
        for connection in list(self.server.connections.values()):
            connection.close()
        with self.assertRaises(ConnectionLost):
            await running
        later = [ends_of(client.call("things.echo", [n], timeout=5)) for n in range(50)]
        await until(lambda: all(ends) and all(later), "a call has not ended")
        kinds = {kind for each in ends + later for kind in each}
        self.assertLessEqual(kinds, {"int", "ConnectionLost"})
        self.assertEqual({len(each) for each in ends + later}, {1})
        self.assertEqual(await client.call("things.echo", ["again"]), "again")
