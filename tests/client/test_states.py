"""What can be observed of a client: its states, and what is prepared for it."""

from __future__ import annotations

import pytest
from twisted.logger import LogLevel, capturedLogs

from tests.client.place import Place
from twisted_rpc import CallError, Connection, ConnectionLost, ConnectionRefused, State


def test_states_are_told_in_their_order(place: Place) -> None:
    states: list[State] = []
    client = place.connected()
    client.on_state(states.append)
    place.network.stop(place.server)
    place.network.advance(1.5)
    place.back()
    place.network.run(client.close())
    attempt = [State.DISCONNECTED, State.CONNECTING]
    assert states == [*attempt, *attempt, State.CONNECTED, State.CLOSED]


def test_an_observer_that_fails_is_logged_and_stops_nothing(place: Place) -> None:
    def failed(state: State) -> None:
        raise ZeroDivisionError

    client = place.connected()
    client.on_state(failed)
    with capturedLogs() as logged:
        place.network.run(client.close())
    assert client.state is State.CLOSED
    (event,) = [event for event in logged if event["log_level"] is LogLevel.critical]
    assert event["log_failure"].check(ZeroDivisionError)


def test_it_is_not_connected_before_it_is_prepared(place: Place) -> None:
    order: list[str] = []

    async def prepare(connection: Connection) -> None:
        order.append(await connection.call("things.echo", ["prepared"]))

    place.network.stop(place.server)
    client = place.network.connect(place.server)
    client.on_connected(prepare)
    call = client.call("things.echo", ["called"])
    call.addCallback(order.append)
    place.back()
    place.network.run(call)
    assert order == ["prepared", "called"]


def test_where_it_cannot_be_prepared_it_tries_again(place: Place) -> None:
    attempts: list[int] = []

    def prepare(_: Connection) -> None:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise RuntimeError("not yet")

    place.network.stop(place.server)
    client = place.network.connect(place.server)
    client.on_connected(prepare)
    place.network.start(place.server)
    with pytest.raises(CallError, match="not yet"):
        place.network.run(client.connected())
    place.network.advance(3)
    assert client.state is State.CONNECTED
    assert attempts == [0, 1, 2]


def test_the_first_failure_is_told_and_it_goes_on_unless_awaited(place: Place) -> None:
    place.network.stop(place.server)
    client = place.network.connect(place.server)
    place.network.advance(0.5)
    with pytest.raises(ConnectionRefused):
        place.network.run(client.connected())
    assert client.state is not State.CLOSED
    place.back()
    assert place.network.run(client.connected()) is client
    place.network.stop(place.server)
    awaited = place.network.connect(place.server)
    with pytest.raises(ConnectionRefused):
        place.network.run(awaited)
    assert awaited.state is State.CLOSED


def test_closing_wins_while_it_waits_is_told_or_prepared(place: Place) -> None:
    waiting = place.offline(backoff=lambda failures: 1000.0)
    told, prepared = place.network.connect(place.server), place.network.connect(place.server)

    def close(state: State) -> None:
        if state is State.CONNECTED:
            told.close()

    told.on_state(close)
    prepared.on_connected(lambda _: prepared.close())
    waiting.close()
    place.back()
    for client in (waiting, told, prepared):
        assert client.state is State.CLOSED
        with pytest.raises(ConnectionLost):
            place.network.run(client.call("things.echo"))
