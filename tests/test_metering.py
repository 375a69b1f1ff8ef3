"""What a server that is measured counts."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.helpers import ConnectionTestCase, batch, notification, request
from twisted_rpc import Context, Limits
from twisted_rpc.metering import UNKNOWN, Meter
from twisted_rpc.observing import Ended


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
        self.read = self.meters.reading(lambda data: self.connection.receive([data]), "memory")

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
        message = request("add", [1, 2])
        self.read(message)
        self.assertEqual(self.counted(), {"add": (1, 0)})
        self.assertGreater(self.meters.methods["add"].total, 0)
        self.assertEqual(self.meters.traffic["memory"].received, len(message))
        self.assertEqual(self.connection.take_sent()[0]["result"], 3)

    def test_results_of_every_kind(self) -> None:
        self.read(request("list", [1]))
        self.read(request("set", [1]))
        self.assertEqual(self.counted(), {"list": (1, 0), "set": (1, 0)})

    def test_calls_of_one_read_have_taken_equally_long(self) -> None:
        self.read(batch(request("add", [1, 2]), request("list", [1])))
        self.assertEqual(self.counted(), {"add": (1, 0), "list": (1, 0)})
        self.assertEqual(self.meters.methods["add"].total, self.meters.methods["list"].total)

    def test_a_batch_of_one_method(self) -> None:
        self.read(batch(*[request("add", [1, 2])] * 3))
        self.assertEqual(self.counted(), {"add": (3, 0)})
        self.assertEqual(self.meters.batches, 1)
        self.assertEqual(len(self.connection.take_sent()[0]), 3)

    def test_calls_outside_of_a_read_are_counted_too(self) -> None:
        self.connection.receive([request("add", [1, 2])])
        self.read(request("list", [1]))
        self.assertEqual(self.counted(), {"add": (1, 0), "list": (1, 0)})
        self.assertEqual(self.meters.methods["add"].total, 0)

    def test_bytes_that_a_protocol_hands_on_are_counted_once(self) -> None:
        outer = self.meters.reading(self.read, "outer")
        outer(request("add", [1, 2]))
        self.assertEqual(self.meters.traffic["memory"].received, 0)
        self.assertEqual(self.counted(), {"add": (1, 0)})

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
        self.assertNotEqual(self.server.dispatcher.way, self.server.dispatcher.dispatch)

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
