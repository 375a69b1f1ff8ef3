"""What is read again, and signals that ask for it."""

from __future__ import annotations

import signal
import threading
from typing import Any

from twisted.internet import reactor
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.transports.harness import until
from twisted_rpc import ConfigError, Server
from twisted_rpc.signals import SignalService


class ReloadTests(TestCase):
    """`Server.on_reload` and `Server.reload`."""

    def setUp(self) -> None:
        self.server = Server()
        self.read: list[str] = []

    def log_of_reload(self) -> list[str]:
        """What is logged."""
        with capturedLogs() as events:
            self.server.reload()
        return [str(formatEvent(event)) for event in events]

    def test_without_anything_to_reload_it_says_so(self) -> None:
        self.assertEqual(self.log_of_reload(), ["reload: there is nothing to reload"])

    def test_functions_are_called_each_time_until_they_are_taken_back(self) -> None:
        self.server.on_reload(lambda: self.read.append("a"))

        async def later() -> None:
            self.read.append("b")

        end = self.server.on_reload(later)
        self.assertEqual(self.log_of_reload(), [])
        self.assertEqual(self.read, ["a", "b"])
        end()
        self.server.reload()
        self.assertEqual(self.read, ["a", "b", "a"])

    def test_one_that_fails_is_reported_and_keeps_nobody_from_its_turn(self) -> None:
        def wrong() -> None:
            raise ConfigError("no such file")

        def broken() -> None:
            raise RuntimeError("no luck")

        self.server.on_reload(wrong)
        self.server.on_reload(broken)
        self.server.on_reload(lambda: self.read.append("a"))
        said = self.log_of_reload()
        self.assertEqual(said[0], "reload: no such file")
        self.assertIn("reload: a function has failed", said[1])
        self.assertEqual(self.read, ["a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class SignalTests(TestCase):
    """A running service's signals."""

    def setUp(self) -> None:
        self.handlers = [signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGUSR1)]
        self.server = Server()
        self.reloads: list[bool] = []
        self.server.on_reload(lambda: self.reloads.append(True))
        self.service = SignalService(self.server, reactor=reactor)

    def start(self) -> None:
        """Start as `twistd` does."""
        self.service.privilegedStartService()
        self.service.startService()

    def tearDown(self) -> None:
        """See that the signals are as they were."""
        self.service.stopService()
        after = [signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGUSR1)]
        self.assertEqual(after, self.handlers)

    async def test_sighup_reloads_in_the_reactors_turn(self) -> None:
        self.start()
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.reloads, [])
        await until(lambda: self.reloads)
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: len(self.reloads) == 2)

    async def test_sigusr1_does_nothing(self) -> None:
        self.service.startService()
        with capturedLogs() as events:
            signal.raise_signal(signal.SIGUSR1)
            await until(lambda: events)
        self.assertEqual([formatEvent(event) for event in events], ["SIGUSR1: nothing to do"])
        self.assertEqual(self.reloads, [])

    def test_a_handler_for_sigusr1_that_is_there_stays(self) -> None:
        rotated: list[Any] = []
        before = signal.signal(signal.SIGUSR1, lambda *_: rotated.append(True))
        try:
            self.start()
            signal.raise_signal(signal.SIGUSR1)
            self.assertEqual(rotated, [True])
            self.service.stopService()
            signal.raise_signal(signal.SIGUSR1)
            self.assertEqual(len(rotated), 2)
        finally:
            signal.signal(signal.SIGUSR1, before)

    def test_another_thread_leaves_the_signals_alone(self) -> None:
        thread = threading.Thread(target=self.start)
        thread.start()
        thread.join(10)
        self.assertEqual(signal.getsignal(signal.SIGHUP), self.handlers[0])
