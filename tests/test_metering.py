"""What a server that is measured counts."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.helpers import ConnectionTestCase, batch, notification, request
from tests.transports.web_client import HTTPTestCase, echo, head, reply_to
from twisted_rpc import Context, Limits, counting, metering
from twisted_rpc.metering import EVERY, UNKNOWN, Meter
from twisted_rpc.observing import Ended

UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


class Measured(ConnectionTestCase):
    """One connection to a server that is measured.

    Attributes:
        meters: its meters.
        waiting: what `wait` returns.
    """

    limits = Limits(max_batch=4, max_in_flight=1, max_response=300)

    def setUp(self) -> None:
        """Measure the server of a connection that is there already."""
        super().setUp()
        self.waiting: Deferred[Any] = Deferred()
        self.server.expose("add", lambda a, b: a + b)
        self.server.expose("list", lambda a: [a])
        self.server.expose("set", lambda a: {a})
        self.server.expose("wait", lambda: self.waiting)
        self.server.expose("fail", self.fails)
        self.meters = self.server.measure()

    def read(self, message: bytes) -> None:
        """A message comes."""
        self.connection.receive([message])

    def fails(self, a: int) -> None:
        """A method with a mistake in it."""
        raise ZeroDivisionError

    def anything(self, ctx: Context) -> int:
        """A fallback."""
        return 1

    def counted(self) -> dict[str, tuple[int, int]]:
        """Calls and errors, by method."""
        self.meters.settle()
        return {
            name: (sum(meter.buckets), meter.errors) for name, meter in self.meters.methods.items()
        }

    def test_measuring_twice_is_measuring_once(self) -> None:
        self.assertIs(self.server.measure(), self.meters)

    def test_a_call(self) -> None:
        self.read(request("add", [1, 2]))
        self.assertEqual(self.counted(), {"add": (1, 0)})
        self.assertGreater(self.meters.methods["add"].total, 0)
        self.assertEqual(self.connection.take_sent()[0]["result"], 3)

    def test_results_of_every_kind(self) -> None:
        self.read(request("list", [1]))
        self.read(request("set", [1]))
        self.assertEqual(self.counted(), {"list": (1, 0), "set": (1, 0)})

    def test_calls_in_quick_succession_are_counted_and_one_of_many_is_timed(self) -> None:
        calls = 3 * EVERY - 9
        for _ in range(calls):
            self.read(request("add", [1, 2]))
        meter = self.meters.methods["add"]
        self.assertLess(sum(meter.buckets), calls)
        self.assertEqual(self.counted(), {"add": (calls, 0)})
        self.assertEqual(self.counted(), {"add": (calls, 0)})

    def test_the_next_call_is_timed_after_they_were_read(self) -> None:
        self.patch(metering, "_QUICK", 1 << 62)
        for _ in range(2 * EVERY):
            self.read(request("add", [1, 2]))
        self.assertGreater(self.meters.methods["add"].left, 1)
        self.counted()
        self.assertEqual(self.meters.methods["add"].left, 0)

    def test_parameters_may_have_any_name(self) -> None:
        def named(function: int, args: int) -> int:
            return function + args

        self.server.expose("named", named)
        self.read(request("named", {"function": 1, "args": 2}))
        self.assertEqual(self.connection.take_sent()[0]["result"], 3)

    def test_a_coroutine_is_timed_from_its_beginning(self) -> None:
        now = [0]
        for module in (metering, counting):
            self.patch(module, "perf_counter_ns", lambda: now[0])

        async def work(seconds: int) -> None:
            now[0] += seconds
            await self.waiting

        async def told(ctx: Context) -> None:
            now[0] += 64
            await self.waiting

        self.server.expose("work", work)
        self.server.expose("told", told)
        self.read(request("work", [32], id=1))
        self.waiting.callback(None)
        self.waiting = Deferred()
        self.read(request("told", id=2))
        self.waiting.callback(None)
        self.assertEqual(self.counted(), {"work": (1, 0), "told": (1, 0)})
        self.assertEqual(self.meters.methods["work"].total, 32)
        self.assertEqual(self.meters.methods["told"].total, 64)

    def test_results_that_come_later_are_counted_once(self) -> None:
        self.patch(metering, "_QUICK", 1 << 62)
        for _ in range(2 * EVERY):
            self.waiting = Deferred()
            self.read(request("wait"))
            self.waiting.callback(1)
        self.assertEqual(self.counted(), {"wait": (2 * EVERY, 0)})

    def test_failures_in_quick_succession(self) -> None:
        for _ in range(2 * EVERY):
            self.read(request("fail", [1]))
        self.assertEqual(self.counted(), {"fail": (2 * EVERY, 2 * EVERY)})
        self.flushLoggedErrors(ZeroDivisionError)

    def test_a_call_within_a_call_of_the_same_method(self) -> None:
        again: list[Any] = []

        def nest(depth: int) -> int:
            if depth:
                again.append(self.server.dispatch(request("nest", [depth - 1])))
            return depth

        self.server.expose("nest", nest)
        self.read(request("nest", [50]))
        self.assertEqual(self.counted(), {"nest": (51, 0)})

    def test_a_batch_of_one_method(self) -> None:
        self.read(batch(*[request("add", [1, 2])] * 3))
        self.assertEqual(self.counted(), {"add": (3, 0)})
        self.assertEqual(self.server.dispatcher.batches.count, 1)
        self.assertEqual(len(self.connection.take_sent()[0]), 3)

    def test_a_method_that_lets_others_begin_is_counted(self) -> None:
        other: Deferred[Any] = Deferred()

        def release(ctx: Context) -> None:
            self.waiting.callback(1)  # and its caller's next call begins

        self.server.expose("other", lambda: other)
        self.server.expose("release", release)
        self.connection.receive([request("wait", [], id=1), request("other", [], id=2)])
        self.server.dispatch(request("release"))
        self.assertEqual(self.counted(), {"wait": (1, 0), "other": (0, 0), "release": (1, 0)})
        other.callback(1)
        self.assertEqual(self.counted()["other"], (1, 0))

    def test_a_method_that_fails(self) -> None:
        self.read(request("fail", [1]))
        self.assertEqual(self.counted(), {"fail": (1, 1)})
        self.assertEqual(self.meters.codes, {-32603: 1})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_an_answer_that_is_too_long(self) -> None:
        self.server.expose("long", lambda a: "x" * a)
        self.server.expose("longer", lambda a: ["x" * a])
        self.read(request("long", [300]))
        self.read(request("longer", [300]))
        self.assertEqual(self.counted(), {"long": (1, 1), "longer": (1, 1)})
        self.assertEqual(self.meters.codes, {-32008: 2})

    def test_answers_of_a_batch_that_do_not_fit_together(self) -> None:
        self.server.expose("long", lambda a: "x" * a)
        self.read(batch(*[request("long", [100])] * 4))
        (answers,) = self.connection.take_sent()
        codes = [answer["error"]["code"] for answer in answers if "error" in answer]
        self.assertEqual(self.counted(), {"long": (4, 0)})
        self.assertEqual(self.meters.codes, {codes[0]: len(codes)})

    def test_parameters_that_do_not_fit(self) -> None:
        self.read(request("add", [1]))
        self.assertEqual(self.counted(), {"add": (1, 1)})
        self.assertEqual(self.meters.codes, {-32602: 1})

    def test_unknown_names_share_one_meter(self) -> None:
        self.read(request("nobody"))
        self.read(request("no-one"))
        self.server.fallback(self.anything)
        self.read(request("somebody"))
        self.assertEqual(self.counted(), {UNKNOWN: (3, 2)})

    def test_notifications(self) -> None:
        self.read(notification("add", [1, 2]))
        self.read(notification("nobody"))
        self.assertEqual(self.counted(), {"add": (1, 0), UNKNOWN: (1, 1)})
        self.assertEqual(self.meters.notifications, 2)

    def test_a_result_that_comes_later_is_counted_then(self) -> None:
        self.read(request("wait"))
        self.assertEqual(self.counted(), {"wait": (0, 0)})
        self.assertEqual(self.server.dispatcher.in_flight, 1)
        self.waiting.callback(1)
        self.assertEqual(self.counted(), {"wait": (1, 0)})
        self.assertEqual(self.server.dispatcher.in_flight, 0)

    def test_a_result_that_is_there_by_the_long_way(self) -> None:
        async def later(ctx: Context) -> int:
            return 1

        self.server.expose("later", later)
        self.read(request("later"))
        self.read(notification("later"))
        self.assertEqual(self.counted(), {"later": (2, 0)})

    def test_timeout(self) -> None:
        self.read(request("wait"))
        self.clock.advance(self.limits.call_timeout or 0)
        self.assertEqual(self.counted(), {"wait": (1, 1)})
        self.assertEqual(self.meters.codes, {-32002: 1})

    def test_what_is_no_message(self) -> None:
        self.read(b"{")
        self.read(b"1")
        self.read(batch(*[request("add", [1, 2])] * 5))
        self.assertEqual(self.counted(), {})
        self.assertEqual(self.meters.codes, {-32700: 1, -32600: 1, -32010: 1})

    def test_answers_to_calls_of_ours_are_not_counted(self) -> None:
        result = self.connection.call("there")
        self.read(b'{"jsonrpc":"2.0","id":1,"result":7}')
        self.assertEqual(self.successResultOf(result), 7)
        self.assertEqual(self.counted(), {})

    def test_short_way_stays_open(self) -> None:
        self.assertTrue(self.server.dispatcher.views.is_short)

    def test_observed_calls_are_counted_as_well(self) -> None:
        told: list[Ended] = []
        end = self.server.dispatcher.observe(told.append)
        self.read(request("add", [1, 2]))
        self.read(request("nobody"))
        self.read(b"{")
        self.assertEqual([each.code for each in told], [None, -32601, -32700])
        end()
        self.read(request("add", [1, 2]))
        self.assertEqual(len(told), 3)
        self.assertEqual(self.counted(), {"add": (2, 0), UNKNOWN: (1, 1)})
        self.assertEqual(self.meters.codes, {-32601: 1, -32700: 1})


class TrafficTest(HTTPTestCase):
    """What comes and goes on real lines."""

    async def test_bytes_and_connections(self) -> None:
        message = echo("x")
        line = await self.open()
        await reply_to(line, message)
        self.assertEqual(self.server.traffic["http"].received, len(message))
        self.assertGreater(self.server.traffic["http"].sent, len(b'{"jsonrpc":"2.0"'))
        self.assertEqual(self.server.traffic["http"].connections, 1)

    async def test_what_a_handshake_is_read_of_is_counted_once(self) -> None:
        line = await self.open()
        upgrade = head("GET /rpc HTTP/1.1", "Host: localhost", *UPGRADE)
        line.send(upgrade)
        await line.take_through(b"\r\n\r\n")
        traffic = self.server.traffic
        self.assertEqual(traffic["http"].received, len(upgrade))
        self.assertEqual(traffic["websocket"].received, 0)


def test_times_are_told_apart_by_powers_of_two() -> None:
    meter = Meter()
    for nanoseconds in (0, 1, 1023, 1024):
        meter.add(nanoseconds)
    assert {bits: times for bits, times in enumerate(meter.buckets) if times} == {
        0: 1,
        1: 1,
        10: 1,
        11: 1,
    }
    assert meter.total == 2048
