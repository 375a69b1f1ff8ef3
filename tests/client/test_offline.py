"""What is called while there is no connection, and calls that may be sent again."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.client.place import Place
from twisted_rpc import CallTimeout, ConnectionLost, Offline, State


def test_what_is_sent_waits_and_keeps_its_order(place: Place) -> None:
    async def send() -> None:
        async with client.batch() as batch:
            batch.notify("things.note", [2])
            batch.notify("things.note", [3])

    client = place.offline()
    client.notify("things.note", [1])
    place.network.run(send())
    call = client.call("things.echo", ["kept"])
    place.back()
    assert place.network.run(call) == "kept"
    assert place.things.heard == [1, 2, 3]


def test_a_batch_waits_as_a_whole(place: Place) -> None:
    async def send() -> list[Any]:
        async with client.batch() as batch:
            calls = [batch.call("things.echo", [n]) for n in range(3)]
        return [await call for call in calls]

    client = place.offline()
    sent = Deferred.fromCoroutine(send())
    place.back()
    assert place.network.run(sent) == [0, 1, 2]


def test_what_waits_may_run_out_of_time_or_be_cancelled(place: Place) -> None:
    client = place.offline()
    cancelled = client.call("things.note", ["cancelled"])
    cancelled.addErrback(lambda _: None)
    with pytest.raises(CallTimeout):
        place.network.run(client.call("things.note", ["late"], timeout=0.02))
    cancelled.cancel()
    place.back()
    place.network.run(client.call("things.echo"))
    assert place.things.heard == []


def test_too_much_is_refused(place: Place) -> None:
    client = place.offline(offline=Offline(size=2))
    kept = [client.call("things.echo", [n]) for n in range(2)]
    place.fails(client.call("things.echo", [3]), "things.echo: .*2 messages wait already")
    with pytest.raises(ConnectionLost, match="2 messages wait already"):
        client.notify("things.note", [4])
    place.back()
    assert [place.network.run(call) for call in kept] == [0, 1]


def test_or_the_oldest_is_dropped_for_it(place: Place) -> None:
    client = place.offline(offline=Offline(size=2, when_full="drop_oldest"))
    client.notify("things.note", ["dropped"])
    calls = [client.call("things.echo", [n]) for n in range(3)]
    place.fails(calls[0], "dropped for a newer one")
    place.back()
    assert [place.network.run(call) for call in calls[1:]] == [1, 2]
    assert place.things.heard == []


@pytest.mark.parametrize("when_full", ["refuse", "drop_oldest"])
def test_nothing_waits_where_nothing_may(place: Place, when_full: Any) -> None:
    client = place.offline(offline=Offline(size=0, when_full=when_full))
    place.fails(client.call("things.echo"), "things.echo: ")


def test_what_has_waited_too_long_fails(place: Place) -> None:
    client = place.offline(offline=Offline(age=5))
    client.notify("things.note", ["old"])
    first = client.call("things.echo", [1])
    place.network.advance(3)
    second = client.call("things.echo", [2])
    place.fails(first, "no connection within 5 seconds")
    assert place.network.clock.seconds() == pytest.approx(5)
    place.fails(second, "no connection within 5 seconds")
    assert place.network.clock.seconds() == pytest.approx(8)
    place.back()
    place.network.run(client.call("things.echo"))
    assert place.things.heard == []


def test_closing_ends_what_waits(place: Place) -> None:
    client = place.offline()
    call = client.call("things.echo")
    client.close()
    place.fails(call, "things.echo: .* is closed")


def test_without_reconnection_the_first_loss_is_the_end(place: Place) -> None:
    client = place.connected(reconnect=False)
    call = client.call("things.wait")
    place.network.settle()
    place.network.stop(place.server)
    place.fails(call, "things.wait: .* was lost")
    assert client.state is State.CLOSED
    place.fails(client.call("things.echo"), "was lost")


def test_a_call_that_may_run_twice_is_sent_again(place: Place) -> None:
    client = place.connected()
    call = client.call("things.wait", retry=True)
    other = client.call("things.wait")
    place.network.settle()
    assert len(place.things.waiting) == 2
    place.network.stop(place.server)
    place.fails(other, "things.wait")
    place.back()
    assert len(place.things.waiting) == 3
    place.things.waiting[2].callback("at last")
    assert place.network.run(call) == "at last"


def test_its_time_goes_on(place: Place) -> None:
    client = place.connected()
    call = client.call("things.wait", retry=True, timeout=7)
    place.network.settle()
    place.network.stop(place.server)
    with pytest.raises(CallTimeout):
        place.network.run(call)
    assert place.network.clock.seconds() == pytest.approx(7)


def test_closing_ends_it_as_well(place: Place) -> None:
    client = place.connected()
    call = client.call("things.wait", retry=True)
    place.network.settle()
    client.close()
    place.fails(call, "things.wait")
