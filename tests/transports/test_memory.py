"""A line in memory behaves as a socket does."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.client.harness import Things
from twisted_rpc import Client, Limits, Server, connect, in_memory
from twisted_rpc.transports.memory import HIGH_WATER, Line


class Noting(Protocol):
    """Notes what it is told."""

    transport: Any

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.heard.append(reason.type)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Noting):
    """Goes on when the far side has closed its half."""

    def readConnectionLost(self) -> None:
        self.heard.append("end")

    def writeConnectionLost(self) -> None:
        raise AssertionError("nobody asks for this")


class Producer:
    """Notes what it is told to do."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")


class LineTests(TestCase):
    """Two protocols on one line."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.near, self.far = Noting(), Noting()
        self.line = Line(self.near, self.far, self.clock)

    def turn(self) -> None:
        """Let everything happen that is to happen now."""
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_written_arrives_in_a_later_turn(self) -> None:
        self.near.transport.writeSequence([b"a", b"b"])
        self.near.transport.write(b"c")
        self.far.transport.write(b"d")
        self.assertEqual(self.far.heard, [])
        self.turn()
        self.assertEqual((self.near.heard, self.far.heard), ([b"d"], [b"ab", b"c"]))

    def test_closing_waits_for_what_was_written(self) -> None:
        self.near.transport.write(b"last")
        self.near.transport.loseConnection()
        self.near.transport.write(b"too late")
        self.turn()
        self.assertEqual(self.far.heard, [b"last", ConnectionDone])
        self.assertEqual(self.near.heard, [ConnectionDone])
        self.assertFalse(self.line.is_open)

    def test_closing_waits_for_a_far_side_that_does_not_read(self) -> None:
        self.far.transport.pauseProducing()
        self.near.transport.write(b"last")
        self.near.transport.loseConnection()
        self.turn()
        self.assertTrue(self.line.is_open)
        self.far.transport.resumeProducing()
        self.turn()
        self.assertEqual(self.far.heard, [b"last", ConnectionDone])

    def test_aborting_does_not(self) -> None:
        self.near.transport.write(b"lost")
        self.near.transport.abortConnection()
        self.turn()
        self.assertEqual((self.near.heard, self.far.heard), ([ConnectionAborted], [ConnectionLost]))
        self.near.transport.write(b"nobody hears it")
        self.near.transport.abortConnection()
        self.near.transport.loseConnection()
        self.turn()

    def test_breaking_it_tells_both(self) -> None:
        self.line.break_off()
        self.assertEqual((self.near.heard, self.far.heard), ([ConnectionLost], [ConnectionLost]))

    def test_one_half_may_be_closed(self) -> None:
        self.far = HalfCloseable()
        self.line = Line(self.near, self.far, self.clock)
        self.near.transport.write(b"question")
        self.near.transport.loseWriteConnection()
        self.near.transport.write(b"too late")
        self.turn()
        self.far.transport.write(b"answer")
        self.far.transport.loseConnection()
        self.turn()
        self.assertEqual(self.far.heard, [b"question", "end", ConnectionDone])
        self.assertEqual(self.near.heard, [b"answer", ConnectionDone])

    def test_who_does_not_read_holds_up_who_writes(self) -> None:
        producer = Producer()
        self.near.transport.registerProducer(producer, True)
        self.far.transport.pauseProducing()
        for _ in range(3):
            self.near.transport.write(b"x" * HIGH_WATER)
        self.turn()
        self.assertEqual((producer.told, self.far.heard), (["pause"], []))
        self.far.transport.resumeProducing()
        self.turn()
        self.assertEqual(producer.told, ["pause", "resume"])
        self.near.transport.unregisterProducer()
        self.near.transport.write(b"x" * 2 * HIGH_WATER)
        self.turn()
        self.assertEqual(len(self.far.heard), 4)

    def test_who_stops_reading_gets_no_more_of_the_same_turn(self) -> None:
        received = self.far.dataReceived

        def take_one(data: bytes) -> None:
            received(data)
            self.far.transport.pauseProducing()

        self.far.dataReceived = take_one  # type: ignore[method-assign]
        self.near.transport.write(b"a")
        self.near.transport.write(b"b")
        self.turn()
        self.assertEqual(self.far.heard, [b"a"])

    def test_a_producer_may_stop(self) -> None:
        self.near.transport.stopProducing()
        self.turn()
        self.assertEqual(self.near.heard, [ConnectionDone])


class InMemoryTests(TestCase):
    """`in_memory`, in the framings there are."""

    def test_a_client_of_a_server_in_the_same_process(self) -> None:
        for framing in ("line", "stream", "header", "netstring"):
            clock = Clock()
            server = Server(reactor=clock)
            server.expose("things", Things())
            options: Any = {"framing": framing, "reactor": clock}
            client = connect(in_memory(server, framing), **options)
            call = client.call("things.add", [1, 2])
            clock.advance(0)
            self.assertEqual(self.successResultOf(call), 3)
            (connection,) = server.connections.values()
            self.assertEqual(connection.peer, "memory")
            self.close(client, clock)
            self.assertEqual(list(server.lines), [])

    def close(self, client: Client, clock: Clock) -> None:
        """Close a client; nothing is left."""
        self.successResultOf(self.closed(client, clock))
        self.assertEqual(clock.getDelayedCalls(), [])

    def closed(self, client: Client, clock: Clock) -> Any:
        """What `close` returns, after a turn."""
        closed = client.close()
        clock.advance(0)
        return closed

    def test_limits_hold(self) -> None:
        clock = Clock()
        server = Server(limits=Limits(max_connections=1), reactor=clock)
        first = connect(in_memory(server), reactor=clock)
        second = connect(in_memory(server), reactor=clock, reconnect=False)
        call = second.call("m")
        clock.advance(0)
        text = self.failureResultOf(call).getErrorMessage()
        self.assertIn("1 connections (max_connections)", text)
        self.close(first, clock)
        self.close(second, clock)
