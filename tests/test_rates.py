"""How often somebody may call: buckets, whose they are, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.helpers import (
    ConnectionTestCase,
    MemoryConnection,
    ServerTestCase,
    batch,
    notification,
    request,
)
from twisted_rpc import InvalidParams, Limits, Server, method, rates
from twisted_rpc.errors import ExposeError
from twisted_rpc.rates import Buckets


class BucketTests(ServerTestCase):
    def test_a_full_one_holds_a_burst_and_fills_at_its_rate(self) -> None:
        buckets = Buckets(2, 3, self.clock)
        for _ in range(3):
            self.assertEqual(buckets.wait("a"), 0)
            buckets.take("a")
        self.assertEqual(buckets.wait("a"), 0.5)
        self.assertEqual(buckets.wait("b"), 0)
        self.clock.advance(0.5)
        self.assertEqual(buckets.wait("a"), 0)
        buckets.take("a")
        self.assertEqual(buckets.wait("a"), 0.5)
        self.clock.advance(100)
        for _ in range(3):
            self.assertEqual(buckets.wait("a"), 0)
            buckets.take("a")
        self.assertGreater(buckets.wait("a"), 0)

    def test_without_a_burst_it_holds_what_comes_in_a_second(self) -> None:
        for rate, calls in ((4, 4), (0.5, 1)):
            buckets = Buckets(rate, None, self.clock)
            for _ in range(calls):
                self.assertEqual(buckets.wait("a"), 0)
                buckets.take("a")
            self.assertEqual(buckets.wait("a"), 1 / rate)

    def test_debt_does_not_add_up(self) -> None:
        buckets = Buckets(1, 5, self.clock)
        for _ in range(100):
            buckets.take("a", 10)
        self.assertEqual(buckets.wait("a"), 11)

    def test_who_is_in_debt_is_not_forgotten_for_others_and_those_share_one(self) -> None:
        self.patch(rates, "MOST_KEYS", 3)
        buckets = Buckets(1, 2, self.clock)
        buckets.take("greedy", 2)
        for number in range(1000):
            buckets.take(number)
        self.assertEqual(len(buckets), 4)
        self.assertEqual(buckets.wait("greedy"), 1)
        self.assertGreater(buckets.wait("newcomer"), 0)
        self.assertEqual(buckets.wait(0), 0)

    def test_who_is_out_of_debt_makes_room(self) -> None:
        self.patch(rates, "MOST_KEYS", 3)
        buckets = Buckets(1, 2, self.clock)
        for number in range(3):
            buckets.take(number)
        self.clock.advance(1.5)
        for name in "abc":
            buckets.take(name, 2)
            self.assertEqual(buckets.wait(name), 1)
        self.assertEqual(buckets.wait("d"), 0)
        self.assertEqual(len(buckets), 3)


class CallerTests(ConnectionTestCase):
    """`calls_per_second`, with two calls at once."""

    limits = Limits(calls_per_second=1, calls_burst=2, error_cost=3)

    def setUp(self) -> None:
        super().setUp()
        self.ran: list[int] = []
        self.server.expose("run", self.ran.append)

    def codes(self, *messages: bytes, connection: MemoryConnection | None = None) -> list[Any]:
        """The error codes of the answers to some messages."""
        connection = connection or self.connection
        connection.receive(list(messages))
        answers: list[Any] = []
        for sent in connection.take_sent():
            answers.extend(sent if isinstance(sent, list) else [sent])
        return [answer.get("error", {}).get("code") for answer in answers]

    def test_one_call_too_many_is_told_when_to_come_back(self) -> None:
        self.assertEqual(self.codes(*[request("run", [1])] * 2), [None, None])
        self.connection.receive([request("run", [2])])
        (answer,) = self.connection.take_sent()
        data = {"limit": "calls_per_second", "retry_after": 1.0}
        expected = {"code": -32005, "message": "Rate limited", "data": data}
        self.assertEqual(answer["error"], expected)
        self.clock.advance(1)
        self.assertEqual(self.codes(request("run", [3])), [None])
        self.assertEqual(self.ran, [1, 1, 3])
        self.assertEqual(self.server.counters.limits, {"calls_per_second": 1})

    def test_items_of_a_batch_count_each(self) -> None:
        self.assertEqual(self.codes(batch(*[request("run", [1])] * 4)), [None, None] + [-32005] * 2)
        self.assertEqual(self.ran, [1, 1])

    def test_notifications_count_and_are_dropped(self) -> None:
        self.assertEqual(self.codes(*[notification("run", [1])] * 3), [])
        self.assertEqual(self.ran, [1, 1])
        self.assertEqual(self.server.counters.limits, {"calls_per_second": 1})

    def test_an_identity_has_one_bucket_wherever_it_calls_from(self) -> None:
        ann, again, bob = (
            MemoryConnection(self.server, identity=name).open() for name in ("ann", "ann", "bob")
        )
        self.assertEqual(self.codes(*[request("run", [1])] * 2, connection=ann), [None] * 2)
        self.assertEqual(self.codes(request("run", [1]), connection=again), [-32005])
        self.assertEqual(self.codes(request("run", [1]), connection=bob), [None])

    def test_a_name_that_looks_like_an_address_is_none(self) -> None:
        named = MemoryConnection(self.server, identity="memory").open()
        self.assertEqual(self.codes(*[request("run", [1])] * 2), [None] * 2)
        self.assertEqual(self.codes(request("run", [1]), connection=named), [None])

    def test_mistakes_cost_more(self) -> None:
        mistakes = {
            b"rubbish": -32700,
            b"{}": -32600,
            request("run", 1): -32600,
            request("nothing"): -32601,
            request("run", [1, 2]): -32602,
            batch(b"1"): -32600,
        }
        for mistake, code in mistakes.items():
            self.assertEqual(self.codes(mistake), [code])
            self.assertEqual(self.codes(mistake), [-32005], mistake)
            self.clock.advance(2)
            self.assertEqual(self.codes(request("run", [1])), [-32005], mistake)
            self.clock.advance(1)
            self.assertEqual(self.codes(request("run", [1])), [None], mistake)
            self.clock.advance(100)

    def test_mistakes_that_show_later_and_in_notifications_cost_the_same(self) -> None:
        async def complain() -> None:
            raise InvalidParams("too small")

        self.server.expose("complain", complain)
        for mistake in (request("complain"), notification("nothing"), notification("complain")):
            self.codes(mistake)
            self.assertEqual(self.codes(request("run", [1])), [-32005], mistake)
            self.clock.advance(100)

    def test_errors_of_ours_do_not(self) -> None:
        self.server.expose("fail", lambda: 1 / 0)
        self.assertEqual(self.codes(request("fail"), request("run", [1])), [-32603, None])
        self.flushLoggedErrors(ZeroDivisionError)

    def test_answers_to_calls_of_ours_are_free(self) -> None:
        calls = [self.connection.call("ask") for _ in range(5)]
        self.connection.take_sent()
        for number in range(5):
            self.answer({"result": number}, number + 1)
        self.assertEqual([self.successResultOf(call) for call in calls], list(range(5)))


class StrangerTests(ServerTestCase):
    limits = Limits(calls_per_second=1, calls_burst=2)

    def test_what_is_called_before_auth_costs_as_a_mistake_does(self) -> None:
        self.server.enable_auth("u", "p")
        self.server.expose("run", lambda: 1)
        stranger = MemoryConnection(self.server).open()
        stranger.receive([request("run")])
        self.assertEqual(stranger.take_sent()[0]["error"]["code"], -32001)
        stranger.receive([request("auth", ["u", "p"]), request("run")])
        self.assertEqual([each.get("result") for each in stranger.take_sent()], [True, 1])
        neighbour = MemoryConnection(self.server).open()  # of the same address
        neighbour.receive([b"rubbish"])
        self.assertEqual(neighbour.take_sent()[0]["error"]["code"], -32005)


class AddressTests(ConnectionTestCase):
    limits = Limits(calls_per_second_per_address=1, calls_burst=1, error_cost=None)

    def test_whoever_calls_from_there_shares_it(self) -> None:
        self.server.expose("run", lambda: 1)
        for name, expected in (("ann", "result"), ("bob", "error")):
            connection = MemoryConnection(self.server, identity=name).open()
            connection.receive([request("run")])
            (answer,) = connection.take_sent()
            self.assertIn(expected, answer)
        self.assertEqual(answer["error"]["data"]["limit"], "calls_per_second_per_address")

    def test_mistakes_may_cost_no_more_than_a_call(self) -> None:
        self.connection.receive([b"rubbish"])
        self.clock.advance(1)
        self.connection.receive([b"rubbish"])
        codes = [answer["error"]["code"] for answer in self.connection.take_sent()]
        self.assertEqual(codes, [-32700] * 2)


class Guarded:
    @method(rate=0.5)
    def slow(self) -> int:
        return 1

    @method(rate=1, burst=2)
    def bursts(self) -> int:
        return 2

    @method
    def free(self) -> int:
        return 3


class MethodTests(ConnectionTestCase):
    def call(self, name: str, connection: MemoryConnection | None = None) -> Any:
        """The answer to a call."""
        connection = connection or self.connection
        connection.receive([request(name)])
        (answer,) = connection.take_sent()
        return answer

    def setUp(self) -> None:
        super().setUp()
        self.server.expose("it", Guarded())

    def test_each_has_its_own_rate_for_each_caller(self) -> None:
        self.assertEqual(self.call("it.slow")["result"], 1)
        error = self.call("it.slow")["error"]
        self.assertEqual(error["data"], {"limit": "rate", "retry_after": 2.0})
        self.assertEqual([self.call("it.bursts").get("result") for _ in range(3)], [2, 2, None])
        self.assertEqual([self.call("it.free")["result"] for _ in range(100)], [3] * 100)
        other = MemoryConnection(self.server, identity="ann").open()
        self.assertEqual(self.call("it.slow", other)["result"], 1)

    def test_others_keep_the_short_way(self) -> None:
        for name in ("it.slow", "it.free", "it.free"):
            self.call(name)
        self.assertIsNotNone(self.connection.direct["it.free"])
        self.assertIsNone(self.connection.direct["it.slow"])

    def test_what_is_exposed_anew_begins_anew(self) -> None:
        self.call("it.slow")
        self.server.unexpose("it")
        self.server.expose("it", Guarded())
        self.assertEqual(self.call("it.slow")["result"], 1)

    def test_nothing_is_asked_where_no_rate_holds_for_all(self) -> None:
        self.assertTrue(self.server.dispatcher.views.is_short)
        limited = Server(limits=Limits(calls_per_second=1), reactor=Clock())
        limited.expose("run", lambda: 1)
        self.assertFalse(limited.dispatcher.views.is_short)
        answer = self.successResultOf(limited.dispatch(request("run")))
        self.assertEqual(json.loads(answer or b"")["result"], 1)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"rate": 0}, ValueError),
        ({"rate": -1}, ValueError),
        ({"rate": float("inf")}, ValueError),
        ({"rate": "1"}, TypeError),
        ({"rate": True}, TypeError),
        ({"rate": 1, "burst": 0}, ValueError),
        ({"burst": 5}, ValueError),
    ],
)
def test_a_rate_is_a_number_of_calls(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"rate|burst"):
        method(**options)
    with pytest.raises(ExposeError, match="'run'"):
        Server(reactor=Clock()).expose("it", type("It", (), {"api": {"run": options}, "run": id})())
