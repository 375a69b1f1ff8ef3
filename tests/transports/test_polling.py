"""Many lines watched as one: what one of them does never harms another."""

from __future__ import annotations

import gc
import select
from pathlib import Path
from typing import Any

from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from tests.helpers import request
from tests.transports.harness import reactor, turn, until
from tests.transports.stream_client import StreamTestCase
from twisted_rpc.transports.polling import LinePoll


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


class ServedTests(StreamTestCase):
    """Lines of a port of ours."""

    def poll(self) -> LinePoll:
        """The one of the port."""
        (protocol, *_) = self.server.lines
        found: Any = protocol.transport.reactor  # type: ignore[attr-defined]
        assert isinstance(found, LinePoll)
        return found

    async def test_all_lines_of_a_port_are_one_reader(self) -> None:
        before = set(reactor.getReaders())
        clients = [await self.open() for _ in range(20)]
        for client in clients:
            await self.answers(client)
        added = {type(reader).__name__ for reader in set(reactor.getReaders()) - before}
        self.assertEqual(added - {"Client", "_SIGCHLDWaker"}, {"Port", "LinePoll"})
        self.assertEqual(len({line.transport.reactor for line in self.server.lines}), 1)  # type: ignore[attr-defined]

    async def test_the_last_line_leaves_nothing_behind(self) -> None:
        await self.answers(await self.open())
        poll, before = self.poll(), descriptors()
        self.assertIn(poll, reactor.getReaders())
        self.lines[0].abort()
        await self.gone()
        self.assertNotIn(poll, reactor.getReaders())
        self.assertEqual(poll.fileno(), -1)
        await until(lambda: descriptors() == before - 3, "a descriptor is left")
        await self.answers(await self.open())

    async def test_a_line_that_is_paused_is_not_read(self) -> None:
        line, other = await self.open(), await self.open()
        await self.answers(line)
        await self.answers(other)
        served = next(iter(self.server.lines))
        served.transport.pauseProducing()  # type: ignore[attr-defined]
        line.send(request("echo", [1], 7) + b"\n")
        await self.answers(other)
        self.assertEqual(line.received, b"")
        served.transport.resumeProducing()  # type: ignore[attr-defined]
        self.assertEqual((await line.line())["id"], 7)

    async def test_a_method_may_abort_a_line_that_is_ready_as_well(self) -> None:
        first, second = await self.open(), await self.open()
        await self.answers(first)
        await self.answers(second)

        def kill() -> None:
            for connection in list(self.server.connections.values()):
                connection.abort()

        self.server.expose("kill", kill)
        for line in (first, second):
            line.send(request("kill") + b"\n")
        await until(lambda: first.lost and second.lost, "they live")
        await self.gone()

    async def test_who_closes_one_half_is_answered(self) -> None:
        line = await self.open()
        line.send(request("wait", id=1) + b"\n")
        await self.waiting()
        line.half_close()
        await turn(5)
        self.methods.waiting[0].callback("late")
        self.assertEqual((await line.line())["result"], "late")


def _boom(reason: object) -> None:
    raise RuntimeError("boom")


class Explosive(Protocol):
    """Fails when it reads."""

    def dataReceived(self, data: bytes) -> None:
        raise RuntimeError("boom")


class Adopting(Factory):
    """Lets its lines be polled together."""

    noisy = False

    def __init__(self, kind: type[Protocol]) -> None:
        self.kind = kind
        self.poll: LinePoll | None = None
        self.served: list[Any] = []
        self.reasons: list[Failure] = []

    def buildProtocol(self, addr: object) -> Protocol:
        factory = self

        class Served(self.kind):  # type: ignore[name-defined,misc]
            def connectionMade(self) -> None:
                factory.poll = LinePoll.adopt(self.transport, factory.poll)
                factory.served.append(self)

            def connectionLost(self, reason: Failure) -> None:
                factory.reasons.append(reason)

        return Served()


class AloneTests(StreamTestCase):
    """Protocols that know nothing of RPC."""

    async def test_one_that_fails_is_dropped_and_told_of(self) -> None:
        factory = Adopting(Explosive)
        line = await self.connect(await self.listen(factory))
        line.send(b"x")
        await until(lambda: line.ended, "it lives")
        (reason,) = factory.reasons
        reason.trap(RuntimeError)
        (logged,) = self.flushLoggedErrors(RuntimeError)
        self.assertEqual(str(logged.value), "boom")

    async def test_one_whose_end_fails_harms_no_other(self) -> None:
        factory = Adopting(Protocol)
        port = await self.listen(factory)
        lines = [await self.connect(port) for _ in range(3)]
        await until(lambda: len(factory.served) == 3, "not all are there")
        for served in factory.served[:2]:
            served.connectionLost = _boom
        lines[0].abort()
        await until(lambda: self.flushLoggedErrors(RuntimeError), "its end was no failure")
        self.assertFalse(lines[2].ended)
        late = await self.connect(port)
        await until(lambda: len(factory.served) == 4, "nobody is accepted any more")
        assert factory.poll is not None
        factory.poll.connectionLost(Failure(CONNECTION_LOST))
        await until(lambda: lines[2].ended and late.ended, "one lives")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    async def test_without_a_descriptor_the_reactor_reads(self) -> None:
        def none_left() -> Any:
            raise OSError(24, "Too many open files")

        self.patch(select, "epoll", none_left)
        factory = Adopting(Explosive)
        line = await self.connect(await self.listen(factory))
        line.send(b"x")
        await until(lambda: line.ended, "nobody reads it")
        self.flushLoggedErrors(RuntimeError)

    async def test_a_lone_line_that_is_paused_keeps_its_poll(self) -> None:
        factory = Adopting(Explosive)
        line = await self.connect(await self.listen(factory))
        await until(lambda: factory.served, "it is not there")
        assert factory.poll is not None
        number = factory.poll.fileno()
        transport = factory.served[0].transport
        transport.pauseProducing()
        self.assertEqual(factory.poll.fileno(), number)
        self.patch(select, "epoll", None)  # another is not to be had
        transport.resumeProducing()
        line.send(b"x")
        await until(lambda: line.ended, "nobody reads it")
        self.flushLoggedErrors(RuntimeError)
        self.assertEqual(factory.poll.fileno(), -1)

    async def test_the_end_of_the_reactor_ends_all_lines(self) -> None:
        factory = Adopting(Protocol)
        port = await self.listen(factory)
        lines = [await self.connect(port) for _ in range(3)]
        await until(lambda: len(factory.served) == 3, "not all are there")
        assert factory.poll is not None
        factory.poll.connectionLost(Failure(CONNECTION_LOST))
        await until(lambda: all(line.ended for line in lines), "one lives")
        self.assertEqual(len(factory.reasons), 3)
        self.assertEqual(factory.poll.fileno(), -1)

    async def test_a_reset_is_the_end(self) -> None:
        factory = Adopting(Protocol)
        line = await self.connect(await self.listen(factory))
        await until(lambda: factory.served, "it is not there")
        line.abort()
        await until(lambda: factory.reasons, "nobody noticed")

    async def test_what_is_no_socket_stays_where_it_is(self) -> None:
        self.assertIsNone(LinePoll.adopt(object(), None))

    async def test_readiness_of_who_had_its_descriptor_before_is_no_harm(self) -> None:
        factory = Adopting(Protocol)
        line = await self.connect(await self.listen(factory))
        await until(lambda: factory.served, "it is not there")
        poll = factory.poll
        assert poll is not None
        out_and_in = select.EPOLLIN | select.EPOLLOUT
        reactor._doReadOrWrite(poll, poll.fileno(), out_and_in)
        self.assertIn(poll, reactor.getReaders())
        self.assertFalse(line.ended)
        self.assertEqual(factory.reasons, [])

    async def test_it_answers_for_the_reactor(self) -> None:
        poll = LinePoll(reactor)
        self.assertEqual(poll.callLater, reactor.callLater)
        self.assertEqual(poll.logPrefix(), "rpc")
        self.assertEqual(poll.fileno(), -1)
