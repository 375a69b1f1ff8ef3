"""A deadline on a clock that the test turns."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from twisted_rpc.deadline import Deadline


class Watch:
    """A clock, a deadline on it, and the times at which it expired."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.expired: list[float] = []
        self.deadline = Deadline(self.clock, lambda: self.expired.append(self.clock.seconds()))

    @property
    def timers(self) -> int:
        return len(self.clock.getDelayedCalls())


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_it_expires_once_when_the_time_is_up(watch: Watch) -> None:
    watch.deadline.set(5)
    assert watch.deadline.at is not None
    watch.clock.advance(4.5)
    assert watch.expired == []
    watch.clock.advance(0.5)
    assert watch.expired == [5.0]
    assert watch.deadline.at is None
    watch.clock.advance(100)
    assert watch.expired == [5.0]
    assert watch.timers == 0


def test_moving_it_outwards_needs_no_new_timer(watch: Watch) -> None:
    watch.deadline.set(5)
    first = watch.clock.getDelayedCalls()
    for _ in range(10):
        watch.clock.advance(0.4)
        watch.deadline.set(5)
    assert watch.clock.getDelayedCalls() == first
    watch.clock.pump([1, 1, 1, 1])
    assert watch.expired == []
    watch.clock.advance(1)
    assert watch.expired == [pytest.approx(9.0)]


def test_moving_it_inwards_expires_earlier(watch: Watch) -> None:
    watch.deadline.set(60)
    watch.deadline.set(2)
    assert watch.timers == 1
    watch.clock.advance(2)
    assert watch.expired == [2.0]
    watch.clock.advance(60)
    assert watch.expired == [2.0]


def test_none_means_never(watch: Watch) -> None:
    watch.deadline.set(None)
    assert watch.timers == 0
    watch.deadline.set(5)
    watch.deadline.set(None)
    assert watch.deadline.at is None
    watch.clock.advance(10)
    assert watch.expired == []


def test_cleared_it_does_not_expire_and_can_be_set_again(watch: Watch) -> None:
    watch.deadline.set(5)
    watch.deadline.clear()
    assert watch.deadline.at is None
    watch.clock.advance(6)
    assert (watch.expired, watch.timers) == ([], 0)
    watch.deadline.set(5)
    watch.clock.advance(5)
    assert watch.expired == [11.0]


def test_stopped_it_leaves_no_timer_behind(watch: Watch) -> None:
    watch.deadline.stop()
    watch.deadline.set(5)
    watch.deadline.stop()
    assert watch.timers == 0
    assert watch.deadline.at is None


def test_it_may_be_set_again_while_it_expires() -> None:
    clock = Clock()
    times: list[float] = []

    def expired() -> None:
        times.append(clock.seconds())
        deadline.set(3)

    deadline = Deadline(clock, expired)
    deadline.set(3)
    clock.pump([3, 3, 3])
    assert times == [3.0, 6.0, 9.0]
