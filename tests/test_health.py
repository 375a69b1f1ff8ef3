"""Checks: what counts as well, how long they may take, and that many visitors share one run."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.helpers import ServerTestCase
from tests.transports.harness import until
from twisted_rpc import Server
from twisted_rpc.health import KEPT, Finding, Report

reactor: Any = installed_reactor


class HealthTestCase(ServerTestCase):
    """A server with checks."""

    def report(self) -> Report:
        """What is known at once, looked for anew."""
        self.clock.advance(KEPT)
        return self.successResultOf(self.server.health.report())

    def finding(self, function: Any) -> Finding:
        """What one check finds."""
        remove = self.server.add_check("it", function)
        (finding,) = self.report().checks
        remove()
        return finding


class AnswerTests(HealthTestCase):
    """What a check may say."""

    def test_without_checks_it_is_ready(self) -> None:
        self.assertEqual(self.report(), Report(True, None, ()))

    def test_what_counts_as_well(self) -> None:
        async def coroutine() -> bool:
            return True

        for function in (
            lambda: None,
            lambda: True,
            lambda: "",
            lambda: " ",
            coroutine,
            lambda: succeed(None),
        ):
            finding = self.finding(function)
            self.assertTrue(finding.ok, finding)
            self.assertIsNone(finding.error)

    def test_what_does_not(self) -> None:
        async def fails() -> None:
            raise OSError(111, "Connection refused")

        def raises(error: BaseException) -> Any:
            def function() -> None:
                raise error

            return function

        for function, error in (
            (lambda: False, "it returned False"),
            (lambda: "disk\nfull \x1b[2J", r"disk full \x1b[2J"),
            (lambda: "x" * 300, "x" * 199 + "…"),
            (lambda: 0, "it returned int, and not None, True, False or a text that says "),
            (lambda: [1], "it returned list, and not None, True"),
            (fails, "ConnectionRefusedError: [Errno 111] Connection refused"),
            (raises(KeyError("a\nb")), r"KeyError: 'a\nb'"),
            (raises(LookupError()), "LookupError"),
            (raises(SystemExit(3)), "SystemExit: 3"),
        ):
            finding = self.finding(function)
            self.assertFalse(finding.ok)
            assert finding.error is not None
            self.assertTrue(finding.error.startswith(error), finding.error)

    def test_one_that_fails_is_enough(self) -> None:
        self.server.add_check("good", lambda: None)
        self.server.add_check("bad", lambda: False)
        report = self.report()
        self.assertEqual((report.ready, report.reason), (False, "checks"))
        self.assertEqual([finding.name for finding in report.checks], ["good", "bad"])

    def test_since_is_when_it_changed(self) -> None:
        state: list[Any] = [None]
        self.server.add_check("it", lambda: state[0])
        before = datetime.now(UTC)
        first, second = self.report().checks[0], self.report().checks[0]
        self.assertTrue(before <= first.since <= datetime.now(UTC))
        self.assertEqual(first.since, second.since)
        state[0] = False
        third, fourth = self.report().checks[0], self.report().checks[0]
        self.assertGreater(third.since, second.since)
        self.assertEqual(third.since, fourth.since)

    def test_the_log_tells_what_changes_and_no_more(self) -> None:
        state: list[Any] = [None]
        self.server.add_check("it", lambda: state[0])
        with capturedLogs() as events:
            for state[0] in (None, False, False, None, True, "no luck"):
                self.report()
        self.assertEqual(
            [(event["log_level"].name, formatEvent(event)) for event in events],
            [
                ("warn", "the check 'it' fails: it returned False"),
                ("info", "the check 'it' is well again"),
                ("warn", "the check 'it' fails: no luck"),
            ],
        )

    def test_names_and_times_that_cannot_be(self) -> None:
        self.server.add_check("it", lambda: None)
        with pytest.raises(ValueError, match=r"^there is a check 'it' already$"):
            self.server.add_check("it", lambda: None)
        for timeout in (0, -1, float("inf"), float("nan")):
            with pytest.raises(ValueError, match=r"^timeout must be greater than 0, not "):
                self.server.add_check("other", lambda: None, timeout=timeout)

    def test_one_that_is_removed_is_not_asked_and_may_come_back(self) -> None:
        remove = self.server.add_check("it", lambda: False)
        self.assertFalse(self.report().ready)
        remove()
        self.assertEqual(self.successResultOf(self.server.health.report()).checks, ())
        self.server.add_check("it", lambda: None)
        remove()  # this one was another
        self.assertEqual(len(self.report().checks), 1)


class TimeTests(HealthTestCase):
    """Checks that take their time."""

    def test_they_run_at_once_and_say_how_long_they_took(self) -> None:
        waiting: list[Deferred[None]] = [Deferred(), Deferred()]
        self.server.add_check("first", lambda: waiting[0])
        self.server.add_check("second", lambda: waiting[1])
        asked = self.server.health.report()
        self.clock.advance(0.25)
        waiting[1].callback(None)
        self.clock.advance(0.5)
        self.assertNoResult(asked)
        waiting[0].callback(None)
        findings = self.successResultOf(asked).checks
        self.assertEqual([finding.milliseconds for finding in findings], [750.0, 250.0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_is_too_slow_has_failed_and_is_cancelled(self) -> None:
        ends: list[BaseException] = []

        async def slow() -> None:
            try:
                await Deferred()
            except CancelledError as error:
                ends.append(error)
                raise

        self.server.add_check("slow", slow, timeout=0.5)
        asked = self.server.health.report()
        self.clock.advance(0.5)
        (finding,) = self.successResultOf(asked).checks
        self.assertEqual(finding.error, "no answer within 0.5 seconds")
        self.assertEqual((finding.ok, finding.milliseconds, len(ends)), (False, 500.0, 1))

    def test_one_that_will_not_end_is_not_begun_again(self) -> None:
        last: Deferred[None] = Deferred()
        begun: list[None] = []

        async def stubborn() -> None:
            begun.append(None)
            try:
                await Deferred()
            except CancelledError:
                await last

        self.server.add_check("it", stubborn, timeout=0.5)
        asked = self.server.health.report()
        self.clock.advance(0.5)
        self.assertFalse(self.successResultOf(asked).ready)
        (finding,) = self.report().checks
        self.assertEqual(finding.error, "it has not come back from when it was asked before")
        self.assertEqual(len(begun), 1)
        last.callback(None)
        self.clock.advance(KEPT)
        self.assertNoResult(self.server.health.report())
        self.assertEqual(len(begun), 2)
        self.clock.advance(0.5)

    def test_many_visitors_share_one_run_and_may_leave(self) -> None:
        waiting: list[Deferred[None]] = []

        def check() -> Deferred[None]:
            waiting.append(Deferred())
            return waiting[-1]

        self.server.add_check("it", check)
        visitors = [self.server.health.report() for _ in range(3)]
        visitors[1].cancel()
        self.failureResultOf(visitors[1], CancelledError)
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(None)
        for visitor in (visitors[0], visitors[2]):
            self.assertTrue(self.successResultOf(visitor).ready)

    def test_findings_are_kept_for_a_moment(self) -> None:
        begun: list[None] = []
        self.server.add_check("it", lambda: begun.append(None))
        for _ in range(3):
            self.successResultOf(self.server.health.report())
        self.assertEqual(len(begun), 1)
        self.clock.advance(KEPT)
        self.successResultOf(self.server.health.report())
        self.assertEqual(len(begun), 2)

    def test_one_that_is_added_meanwhile_is_looked_at_by_the_next(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.server.add_check("slow", lambda: waiting)
        asked = self.server.health.report()
        self.server.add_check("bad", lambda: False)
        waiting.callback(None)
        self.assertTrue(self.successResultOf(asked).ready)
        self.assertFalse(self.successResultOf(self.server.health.report()).ready)

    def test_a_server_that_drains_is_not_ready_and_looks_at_nothing(self) -> None:
        begun: list[None] = []
        self.server.add_check("it", lambda: begun.append(None))
        self.server.drain()
        self.assertEqual(self.report(), Report(False, "draining", ()))
        self.assertEqual(begun, [])

    def test_a_drain_that_begins_meanwhile_counts(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.server.add_check("it", lambda: waiting)
        asked = self.server.health.report()
        self.server.drain()
        waiting.callback(None)
        self.assertEqual(self.successResultOf(asked).reason, "draining")


class ThreadTests(TestCase):
    """Checks that block, in threads of the reactor's."""

    timeout = 60

    async def test_one_that_blocks_has_a_thread(self) -> None:
        server = Server(reactor=reactor)
        threads: list[threading.Thread] = []
        server.add_check("it", lambda: threads.append(threading.current_thread()), thread=True)
        report = await server.health.report()
        self.assertTrue(report.ready)
        self.assertNotIn(threading.current_thread(), threads)

    async def test_one_that_hangs_takes_no_second_thread(self) -> None:
        server, go_on = Server(reactor=reactor), threading.Event()
        begun: list[None] = []

        def hang() -> None:
            begun.append(None)
            go_on.wait()

        server.add_check("it", hang, thread=True, timeout=0.05)
        for error in ("no answer within 0.05 seconds", "it has not come back"):
            (finding,) = (await server.health.report()).checks
            assert finding.error is not None
            self.assertTrue(finding.error.startswith(error), finding.error)
            server.health._found = None  # or it would be told for a second
        go_on.set()
        check = server.health._checks["it"]
        await until(lambda: not check._is_under_way, "the thread goes on")
        self.assertEqual(len(begun), 1)


def test_a_check_of_asyncio_is_awaited() -> None:
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        server = ServerTestCase("answer_to")
        server.setUp()
        server.server.add_check("it", lambda: future)
        found: list[Report] = []
        server.server.health.report().addCallback(found.append)
        assert not found
        future.set_result(None)
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert found[0].ready
    finally:
        loop.close()
