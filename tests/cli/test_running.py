"""Signals, and what the end of a command means for the exit status."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from twisted_rpc.cli import running
from twisted_rpc.cli.running import run
from twisted_rpc.cli.status import Interrupted, exit_status
from twisted_rpc.errors import CallTimeout, ConnectionLost

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Unstarted:
    """A reactor that is ended before anything begins.

    Args:
        act: what happens meanwhile.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self.run = act

    def callWhenRunning(self, *_: Any) -> None:
        """It never is."""

    def callFromThread(self, function: Callable[[], None]) -> None:
        """At once."""
        function()

    def stop(self) -> None:
        """It has ended by itself."""


@pytest.fixture
def run_under(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], int]:
    """Runs under such a reactor; returns the number of the signal that is said to have come."""

    class Silence:
        def beginLoggingTo(self, *_: Any, **__: Any) -> None:
            pass

    async def main(_: Any) -> None:
        raise AssertionError("nothing begins")

    def interrupted_by(act: Callable[[], None]) -> int:
        monkeypatch.setattr("twisted.internet.reactor", Unstarted(act), raising=False)
        monkeypatch.setattr(running, "globalLogBeginner", Silence())
        before = [signal.getsignal(number) for number in SIGNALS]
        try:
            with pytest.raises(Interrupted) as caught:
                run(main)
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        finally:
            for number, act_before in zip(SIGNALS, before, strict=True):
                signal.signal(number, act_before)
        return caught.value.number

    return interrupted_by


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_may_come_before_anything_has_begun(
    run_under: Callable[[Callable[[], None]], int], number: signal.Signals
) -> None:
    second: list[Any] = []

    def signalled() -> None:
        signal.raise_signal(number)
        second.extend(map(signal.getsignal, SIGNALS))

    assert run_under(signalled) == number
    assert second == [signal.SIG_DFL, signal.SIG_DFL]  # a second one ends the process


def test_the_reactor_may_hear_a_signal_before_us(
    run_under: Callable[[Callable[[], None]], int],
) -> None:
    assert run_under(lambda: None) == signal.SIGTERM


@pytest.mark.parametrize(("error", "status"), [(CallTimeout, 1), (ConnectionLost, 3)])
def test_the_status_tells_a_late_answer_from_a_lost_line(
    error: type[Exception], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error("the notification was not taken")

    assert exit_status(fail) == status
    assert capsys.readouterr().err == "twisted-rpc: the notification was not taken\n"
