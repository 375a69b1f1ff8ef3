"""Endpoints: who is connected, who may connect, the hooks, and draining."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred

from tests.helpers import (
    MemoryConnection,
    ServerTestCase,
    notification,
    request,
)
from twisted_rpc import Connection, Context, Limits, Peer, Server
from twisted_rpc.interfaces import ILine


class Dispatching(ServerTestCase):
    """`dispatch(raw, context)`: no transport at all."""

    def test_takes_bytes_and_gives_bytes_or_none(self) -> None:
        self.server.expose("ping", lambda: "pong")
        answer = self.successResultOf(self.server.dispatch(request("ping")))
        self.assertEqual(answer, b'{"jsonrpc":"2.0","result":"pong","id":1}')
        self.assertIsNone(self.successResultOf(self.server.dispatch(notification("ping"))))

    def test_takes_bytes_alone(self) -> None:
        with self.assertRaisesRegex(TypeError, "dispatch takes bytes, not str"):
            self.server.dispatch(request("ping").decode())  # type: ignore[arg-type]

    def test_context_says_who_asks(self) -> None:
        connection = MemoryConnection(self.server).open()
        given = Context(identity="ann", headers={"a": "b"}, connection=connection, method="x", id=9)
        seen: list[Context] = []

        def note(ctx: Context) -> None:
            seen.append(ctx)

        self.server.expose("note", note)
        self.answer_to(request("note", id=1), given)
        [context] = seen
        self.assertEqual((context.identity, context.headers), ("ann", {"a": "b"}))
        self.assertIs(context.connection, connection)
        self.assertEqual((context.method, context.id), ("note", 1))

    def test_calls_count_against_nobody_else(self) -> None:
        self.server = Server(limits=Limits(max_in_flight=1), reactor=self.clock)
        waiting: Deferred[int] = Deferred()
        self.server.expose("wait", lambda: waiting)
        answers = [self.server.dispatch(request("wait")) for _ in range(3)]
        waiting.callback(1)
        for answer in answers:
            self.assertIn(b"result", self.successResultOf(answer) or b"")


class Exposing(ServerTestCase):
    def test_expose_returns_what_it_was_given(self) -> None:
        target = {"add": lambda a, b: a + b}
        self.assertIs(self.server.expose("calc", target), target)
        self.assertEqual(list(self.server.methods), ["calc.add"])
        self.assertEqual(self.result_of("calc.add", 1, 2), 3)

    def test_what_is_exposed_later_and_taken_back_counts_at_once(self) -> None:
        self.assertEqual(self.code_of("late"), -32601)
        self.server.expose("late", lambda: 1)
        self.assertEqual(self.result_of("late"), 1)
        self.server.unexpose("late")
        self.assertEqual(self.code_of("late"), -32601)

    def test_time_comes_from_the_installed_reactor_unless_another_is_given(self) -> None:
        self.assertIs(Server().clock, reactor)
        self.assertIs(self.server.clock, self.clock)


class Noting(Server):
    """Notes who comes and goes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.log: list[str] = []

    def connection_opened(self, connection: Connection) -> None:
        self.log.append(f"opened {len(self.connections)}")

    def connection_closed(self, connection: Connection) -> None:
        self.log.append(f"closed {len(self.connections)}")


class Connections(ServerTestCase):
    def test_open_ones_are_known_by_id_and_hooks_are_told(self) -> None:
        server = self.make_server(Noting)
        assert isinstance(server, Noting)
        ann, bob = MemoryConnection(server).open(), MemoryConnection(server).open()
        self.assertEqual(server.connections, {ann.id: ann, bob.id: bob})
        self.assertNotEqual(ann.id, bob.id)
        ann.close()
        self.assertEqual(server.connections, {bob.id: bob})
        bob.abort()
        self.assertEqual(server.log, ["opened 1", "opened 2", "closed 1", "closed 0"])

    def test_one_that_never_opened_is_not_reported_closed(self) -> None:
        server = self.make_server(Noting)
        assert isinstance(server, Noting)
        server.closed(MemoryConnection(server))
        self.assertEqual(server.log, [])

    def test_hook_may_greet(self) -> None:
        class Greeting(Server):
            def connection_opened(self, connection: Connection) -> None:
                connection.notify("welcome", [connection.peer])

        connection = MemoryConnection(self.make_server(Greeting)).open()
        self.assertEqual([m["params"] for m in connection.sent], [["memory"]])

    def test_notify_all_tells_everybody_but_the_excluded(self) -> None:
        ann, bob, carl = (MemoryConnection(self.server).open() for _ in range(3))
        told = self.server.notify_all("joined", {"who": "bob"}, exclude=[bob])
        self.assertEqual(told, 2)
        self.clock.advance(0)
        expected = [{"jsonrpc": "2.0", "method": "joined", "params": {"who": "bob"}}]
        self.assertEqual([c.sent for c in (ann, bob, carl)], [expected, [], expected])

    def test_notify_all_passes_over_who_cannot_be_notified(self) -> None:
        one_way = MemoryConnection(self.server, full_duplex=False).open()
        self.assertEqual(self.server.notify_all("news"), 0)
        self.assertEqual(one_way.sent, [])

    def test_notify_all_refuses_what_cannot_be_sent(self) -> None:
        connection = MemoryConnection(self.server).open()
        for params in (5, "text", [object()], {1: 2}):
            self.assertRaises((TypeError, ValueError), self.server.notify_all, "news", params)
        self.assertEqual(connection.sent, [])


class Admission(ServerTestCase):
    limits = Limits(max_connections=3, max_connections_per_address=2)

    def lines(self, count: int) -> list[ILine]:
        """Lines that have not been admitted."""
        return [MemoryConnection(self.server) for _ in range(count)]

    def test_only_so_many_at_once(self) -> None:
        *lines, one_more = self.lines(4)
        for line, address in zip(lines, "abc", strict=True):
            self.assertIsNone(self.server.admit(line, address))
        refusal = self.server.admit(one_more, "d")
        self.assertEqual(refusal, "3 connections (max_connections)")
        self.server.release(lines[0])
        self.assertIsNone(self.server.admit(one_more, "d"))

    def test_only_so_many_from_one_address(self) -> None:
        first, second, third = self.lines(3)
        self.assertIsNone(self.server.admit(first, "a"))
        self.assertIsNone(self.server.admit(second, "a"))
        refusal = self.server.admit(third, "a")
        expected = "2 connections from one address (max_connections_per_address)"
        self.assertEqual(refusal, expected)
        self.server.release(first)
        self.assertIsNone(self.server.admit(third, "a"))

    def test_successor_takes_the_place_of_its_line(self) -> None:
        first, second, third = self.lines(3)
        self.server.admit(first, "a")
        self.server.lines.succeed(first, second)
        self.assertEqual(list(self.server.lines), [second])
        self.server.release(second)
        self.assertEqual(list(self.server.lines), [])
        self.assertIsNone(self.server.admit(third, "a"))

    def test_limits_may_be_switched_off(self) -> None:
        off = Limits(max_connections=None, max_connections_per_address=None)
        self.server = Server(limits=off, reactor=self.clock)
        for line in self.lines(2000):
            self.assertIsNone(self.server.admit(line, "a"))


class Draining(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.waiting: Deferred[int] = Deferred()
        self.server.expose("wait", lambda: self.waiting)
        self.connection = MemoryConnection(self.server).open()

    def test_with_nobody_connected_is_done_at_once(self) -> None:
        self.connection.close()
        self.assertIsNone(self.successResultOf(self.server.drain()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_idle_connections_are_closed_at_once(self) -> None:
        self.assertIsNone(self.successResultOf(self.server.drain()))
        self.assertTrue(self.connection.is_closed)

    def test_running_calls_end_before_their_connection_is_closed(self) -> None:
        self.connection.receive([request("wait")])
        drained = self.server.drain()
        self.connection.receive([request("wait", id=2)])
        [refused] = self.connection.take_sent()
        self.assertEqual((refused["id"], refused["error"]["code"]), (2, -32012))
        self.assertNoResult(drained)
        self.waiting.callback(7)
        self.assertEqual([m["result"] for m in self.connection.sent], [7])
        self.successResultOf(drained)
        self.assertFalse(self.connection.aborted)
        timers = [call.getTime() for call in self.clock.getDelayedCalls()]
        self.assertEqual(timers, [])

    def test_what_has_not_ended_in_time_is_cancelled(self) -> None:
        self.connection.receive([request("wait")])
        drained = self.server.drain()
        self.clock.advance(4.9)
        self.assertNoResult(drained)
        self.clock.advance(0.1)
        self.successResultOf(drained)
        self.assertEqual(self.connection.take_sent()[-1]["error"]["code"], -32800)

    def test_what_cannot_be_cancelled_is_aborted(self) -> None:
        stubborn: Deferred[Any] = Deferred(lambda d: None)

        async def hold() -> None:
            try:
                await Deferred()
            except CancelledError:
                await stubborn

        self.server.expose("hold", hold)
        self.connection.receive([request("hold")])
        drained = self.server.drain()
        self.clock.advance(5)
        self.successResultOf(drained)
        self.assertTrue(self.connection.aborted)
        stubborn.callback(None)

    def test_may_be_asked_for_more_than_once(self) -> None:
        self.connection.receive([request("wait")])
        first, second = self.server.drain(), self.server.drain()
        self.waiting.callback(7)
        self.successResultOf(first)
        self.successResultOf(second)


class Tracing(ServerTestCase):
    def traced(self, server: Server, *messages: bytes) -> str:
        """What is printed when messages arrive at a server's connection."""
        server.expose("ping", lambda: "pong")
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            MemoryConnection(server).open().receive(list(messages))
        return printed.getvalue()

    def test_prints_nothing_unless_debugging(self) -> None:
        self.assertFalse(self.server.tracing)
        self.assertEqual(self.traced(self.server, request("ping")), "")

    def test_prints_both_ways_when_debugging(self) -> None:
        lines = self.traced(self.make_server(debug=True), b'{"bad \xff').splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r'^memory \d+ <-- \{"bad \\xff$')
        self.assertRegex(lines[1], r"^memory \d+ --> .*-32700")

    def test_environment_switches_debugging_on(self) -> None:
        for value, debug in (("jsonrpc", True), ("a,jsonrpc", True), ("", False), ("json", False)):
            self.patch(__import__("os"), "environ", {"DEBUG": value})
            self.assertIs(self.make_server().debug, debug)

    def test_never_shows_a_password(self) -> None:
        server = self.make_server(debug=True)
        server.enable_auth("ann", "secret")
        printed = self.traced(
            server,
            b'{"jsonrpc":"2.0","method":"\\u0061uth","params":["ann","secret"],"id":0}',
            request("auth", ["ann", "secret"]),
            request("ping", id=2),
        )
        self.assertNotIn("secret", printed)
        self.assertIn("pong", printed)

    def test_hook_is_told_of_every_message(self) -> None:
        seen: list[tuple[str, bytes, Any]] = []

        class Listening(Server):
            def trace(self, direction: str, message: bytes, connection: Connection) -> None:
                seen.append((direction, message, connection))

        server = self.make_server(Listening)
        server.expose("ping", lambda: "pong")
        connection = MemoryConnection(server).open()
        connection.receive([request("ping")])
        connection.notify("news")
        self.assertEqual([s[0] for s in seen], ["<--", "-->", "-->"])
        self.assertEqual([json.loads(s[1]).get("method") for s in seen], ["ping", None, "news"])
        self.assertTrue(all(s[2] is connection for s in seen))

    def test_hook_is_not_told_of_what_is_not_sent_any_more(self) -> None:
        seen: list[str] = []

        class Listening(Server):
            def trace(self, direction: str, message: bytes, connection: Connection) -> None:
                seen.append(direction)

        waiting: Deferred[int] = Deferred()
        server = self.make_server(Listening)
        server.expose("wait", lambda: waiting)
        connection = MemoryConnection(server).open()
        connection.receive([request("wait")])
        connection.lost()
        waiting.callback(1)
        self.assertEqual(seen, ["<--"])


class Mixins(ServerTestCase):
    """What is added to `Endpoint` reaches every kind of it."""

    def test_one_hook_for_servers_and_peers(self) -> None:
        class Polite:
            def connection_opened(self, connection: Connection) -> None:
                connection.notify("hello")

        class PoliteServer(Polite, Server):
            pass

        class PolitePeer(Polite, Peer):
            pass

        for kind in (PoliteServer, PolitePeer):
            connection = MemoryConnection(kind(reactor=self.clock)).open()
            self.assertEqual(connection.sent[0]["method"], "hello")
