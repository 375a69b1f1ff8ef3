"""A method that keeps the reactor from turning is named in the log, and only then."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.helpers import MemoryConnection, request
from tests.transports.harness import until
from twisted_rpc import Limits, Server, Watchdog, watchdog

reactor: Any = installed_reactor

WARNING = 0.05
STALL = 0.2


def block() -> str:
    """Do what no method should."""
    time.sleep(STALL)
    return "done"


class WatchdogTests(TestCase):
    limits = Limits()

    def setUp(self) -> None:
        self.server = Server(limits=self.limits, reactor=reactor)
        self.server.expose("calc.block", block)
        self.watchdog = Watchdog(WARNING, self.server.counters, reactor=reactor)
        self.asked = 0
        turn = self.watchdog._turn

        def count() -> None:
            self.asked += 1
            turn()

        self.patch(self.watchdog, "_turn", count)
        self.watchdog.startService()
        self.addCleanup(self.stop)
        self.connection = MemoryConnection(self.server).open()
        self.addCleanup(self.connection.lost)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self.watchdog.running:
            self.watchdog.stopService()

    @property
    def stalls(self) -> int:
        """How many were counted."""
        return self.server.counters.limits.get("stall_warning", 0)

    def is_stalled(self, before: int) -> bool:
        """Whether there has been another stall."""
        return self.stalls > before

    async def stall(self, times: int = 1, name: str = "calc.block") -> list[str]:
        """Call what blocks, and wait until that is noticed; what the log says."""
        await until(lambda: self.asked, "it has not begun")
        with capturedLogs() as events:
            for stalls in range(self.stalls, self.stalls + times):
                self.connection.receive([request(name)])
                await until(partial(self.is_stalled, stalls), "nobody notices")
            # What is said at the end of a stall is said before the next question.
            asked = self.asked
            await until(lambda: self.asked > asked, "it is not asked again")
        shown = [formatEvent(event) for event in events]
        return [line for line in shown if line.startswith("the reactor")]

    async def test_the_method_is_named_with_its_stack(self) -> None:
        stood, turns = await self.stall()
        self.assertIn("stood still for 0.05 seconds (stall_warning)", stood)
        self.assertIn("in the method 'calc.block': give it thread=True", stood)
        self.assertIn("time.sleep(STALL)", stood)
        self.assertRegex(turns, r"^the reactor turns again, after 0\.\d\d seconds$")
        self.assertEqual(self.connection.take_sent()[0]["result"], "done")

    async def test_a_method_with_a_way_of_its_own_is_named_as_well(self) -> None:
        self.server.fallback(block)
        stood, _ = await self.stall(name="anything")
        self.assertIn("in the method 'anything'", stood)

    async def test_what_goes_on_after_a_wait_is_shown_by_its_function(self) -> None:
        async def later() -> None:
            await deferLater(reactor, 0)
            block()

        self.server.expose("later", later)
        stood, _ = await self.stall(name="later")
        self.assertIn("in block:", stood)
        self.assertIn("in later\n", stood)

    async def test_the_log_is_not_flooded(self) -> None:
        self.assertEqual(len(await self.stall(3)), 2)
        self.assertEqual(self.stalls, 3)

    async def test_what_was_not_reported_is_told_with_the_next(self) -> None:
        await self.stall(3)
        self.patch(watchdog, "_QUIET", 0)
        stood, _ = await self.stall()
        self.assertIn("(2 more since the last report)", stood)

    async def test_all_is_well_while_nothing_blocks(self) -> None:
        with capturedLogs() as events:
            await until(lambda: self.asked > 5, "it is not asked again and again")
        self.assertEqual(self.stalls, 0, [formatEvent(event) for event in events])

    async def test_it_ends_when_it_is_stopped_and_may_begin_again(self) -> None:
        self.stop()
        self.assertNotIn("watchdog", {thread.name for thread in threading.enumerate()})
        self.watchdog.startService()
        self.assertEqual(len(await self.stall()), 2)

    def test_it_does_not_begin_when_it_is_stopped_before_the_reactor_runs(self) -> None:
        waiting: list[Any] = []

        class Unborn:
            callWhenRunning = waiting.append

        early = Watchdog(WARNING, reactor=Unborn())
        early.startService()
        early.stopService()
        waiting[0]()
        self.assertIsNone(early._thread)
