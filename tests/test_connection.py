"""A connection from its beginning to its end, and both ends of a line calling each other."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from tests.helpers import (
    ConnectionTestCase,
    MemoryConnection,
    ServerTestCase,
    request,
)
from twisted_rpc import (
    Connection,
    ConnectionLost,
    Context,
    Limits,
    NotFullDuplex,
    Peer,
    RemoteError,
    Server,
    connector,
)
from twisted_rpc.testing import Network


class Ending(ConnectionTestCase):
    def test_calls_in_flight_fail_when_the_line_drops(self) -> None:
        calls = [self.connection.call(name) for name in "ab"]
        self.connection.lost()
        for called, name in zip(calls, "ab", strict=True):
            error = self.failureResultOf(called, ConnectionLost).value
            self.assertEqual(str(error), f"{name}: the connection to memory was lost")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_can_be_sent_afterwards(self) -> None:
        self.connection.close()
        self.failureResultOf(self.connection.call("m"), ConnectionLost)
        self.assertRaises(ConnectionLost, self.connection.notify, "m")
        self.assertEqual(self.connection.sent, [])

    def test_call_made_because_another_failed_fails_as_well(self) -> None:
        again: list[Deferred[Any]] = []
        called = self.connection.call("m")
        called.addErrback(lambda _: again.append(self.connection.call("again")))
        self.connection.lost()
        self.failureResultOf(again[0], ConnectionLost)

    def test_closed_fires_once_it_has_ended(self) -> None:
        watchers = [self.connection.closed(), self.connection.closed()]
        for watcher in watchers:
            self.assertNoResult(watcher)
        self.connection.lost()
        self.connection.lost()
        for watcher in watchers:
            self.assertIsNone(self.successResultOf(watcher))
        self.assertIsNone(self.successResultOf(self.connection.closed()))

    def test_who_no_longer_watches_is_forgotten(self) -> None:
        first, second, third = (self.connection.closed() for _ in range(3))
        first.addCallback(lambda _: second.cancel())
        second.addErrback(lambda failure: failure.trap(CancelledError))
        self.connection.lost()
        self.assertTrue(second.called)
        self.assertIsNone(self.successResultOf(third))

    def test_method_that_runs_on_is_not_answered(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.server.expose("wait", lambda: waiting)
        self.connection.receive([request("wait"), request("wait", id=2)])
        self.connection.lost()
        waiting.callback(1)
        self.assertEqual(self.connection.sent, [])
        self.assertEqual(self.connection.in_flight, 0)

    def test_what_waits_behind_the_limit_is_not_run(self) -> None:
        server = Server(limits=Limits(max_in_flight=1), reactor=self.clock)
        waiting: Deferred[int] = Deferred()
        ran: list[int] = []
        server.expose("wait", lambda: waiting)
        server.expose("run", ran.append)
        connection = MemoryConnection(server).open()
        connection.receive([request("wait"), request("run", [1])])
        connection.lost()
        waiting.callback(1)
        self.assertEqual(ran, [])

    def test_end_of_input_answers_everything_then_closes(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.server.expose("wait", lambda: waiting)
        self.server.expose("now", lambda: 0)
        self.connection.receive([request("wait"), request("now", id=2)])
        self.connection.end_input()
        self.assertFalse(self.connection.is_closed)
        waiting.callback(1)
        self.assertEqual([m["id"] for m in self.connection.sent], [2, 1])
        self.assertTrue(self.connection.is_closed)

    def test_end_of_input_with_nothing_to_answer_closes_at_once(self) -> None:
        self.connection.end_input()
        self.assertTrue(self.connection.is_closed)

    def test_a_transport_says_how_to_close(self) -> None:
        bare = Connection(self.server, "nowhere")
        for action in (bare.close, bare.abort, bare.end_input):
            self.assertRaises(NotImplementedError, action)


class OneWay(ServerTestCase):
    """A connection that only answers, as HTTP's does."""

    def test_cannot_be_called_or_notified(self) -> None:
        self.server.expose("ping", lambda: "pong")
        connection = MemoryConnection(self.server, full_duplex=False).open()
        self.failureResultOf(connection.call("m"), NotFullDuplex)
        self.assertRaises(NotFullDuplex, connection.notify, "m")
        connection.receive([request("ping")])
        self.assertEqual([m["result"] for m in connection.sent], ["pong"])


class BothWays(TestCase):
    """Two endpoints on one line."""

    def setUp(self) -> None:
        self.network = Network()
        self.near, self.far = (Peer(reactor=self.network.clock) for _ in range(2))
        self.open(self.near, self.far)

    def open(self, near: Peer, far: Peer) -> None:
        """Open a line between two peers."""
        connect = connector(self.network.endpoint(far), reactor=self.network.clock)
        self.network.run(near.open(connect))

    def tearDown(self) -> None:
        self.network.close()

    def test_each_calls_the_other(self) -> None:
        self.near.expose("name", lambda: "near")
        self.far.expose("name", lambda: "far")
        calls = self.near.call("name"), self.far.call("name")
        self.assertEqual([self.network.run(call) for call in calls], ["far", "near"])

    def test_method_calls_its_caller_back(self) -> None:
        async def greet(ctx: Context) -> str:
            return f"hello {await ctx.connection.proxy.name()}"

        self.near.expose("name", lambda: "ann")
        self.far.expose("greet", greet)
        self.assertEqual(self.network.run(self.near.call("greet")), "hello ann")

    def test_notifications_arrive_in_order(self) -> None:
        seen: list[int] = []
        self.far.on("count", seen.append)
        for number in range(5):
            self.near.notify("count", [number])
        self.network.settle()
        self.assertEqual(seen, list(range(5)))

    def test_closing_one_end_fails_the_calls_of_both(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.far.expose("wait", lambda: waiting)
        calls = self.near.call("wait"), self.far.call("wait")
        self.network.settle()
        self.near.close()
        self.network.settle()
        self.failureResultOf(calls[0], ConnectionLost)
        error = self.failureResultOf(calls[1]).value
        self.assertIsInstance(error, RemoteError | ConnectionLost)
        waiting.callback(1)
        self.network.settle()
        self.assertIsNone(self.far.connection)

    def nest(self, limits: Limits, depth: int) -> Any:
        """Let two peers call each other back so many times; what came of it."""
        ends = [Peer(limits=limits, reactor=self.network.clock) for _ in range(2)]

        async def descend(ctx: Context, depth: int) -> Any:
            if depth == 0:
                return "bottom"
            try:
                return await ctx.connection.call("descend", [depth - 1])
            except RemoteError as error:
                return error.code

        for end in ends:
            end.expose("descend", descend)
        self.open(*ends)
        return self.network.run(ends[0].call("descend", [depth]))

    def test_fifty_nested_callbacks_reach_the_bottom_where_the_limit_allows(self) -> None:
        self.assertEqual(self.nest(Limits(max_in_flight=26), 50), "bottom")

    def test_fifty_nested_callbacks_end_at_once_where_it_does_not(self) -> None:
        self.assertEqual(self.nest(Limits(), 50), -32009)
