"""Endpoints that reach each other in memory, and a time that stands still until it is moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from twisted.internet.defer import execute
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_rpc.client import Client
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import RemoteError
from twisted_rpc.invocation import as_deferred
from twisted_rpc.listener import Framing
from twisted_rpc.server import Server
from twisted_rpc.testing.faults import FaultyLine
from twisted_rpc.testing.scripted import ScriptedPeer
from twisted_rpc.transports.connecting import connect
from twisted_rpc.transports.memory import MemoryEndpoint
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["Network"]

T = TypeVar("T")

LONGEST = 3600.0
"""Seconds of its own time that a network runs for one result."""

BUSIEST = 100_000
"""So much may happen at one moment; what takes more would never end."""


class _Time(Clock):
    """A clock that is a reactor for threads as well: they run at once, in place."""

    def go_to(self, moment: float) -> None:
        """Let it be that time, and do what is due.

        Raises:
            AssertionError: something goes on for ever without any time passing.
        """
        self.rightNow = max(self.rightNow, moment)  # adding up differences would lose bits
        for _ in range(BUSIEST):
            if not self._do_next():
                return
        raise AssertionError(f"at {self.rightNow:g} s something goes on and on: {self.calls[0]}")

    def _do_next(self) -> bool:
        due = [call for call in self.calls if call.getTime() <= self.rightNow]
        if not due:
            return False
        first = min(due, key=lambda call: call.getTime())
        self.calls.remove(first)
        first.called = 1
        first.func(*first.args, **first.kw)
        return True

    def next_due(self) -> float | None:
        """When something happens next."""
        return min((call.getTime() for call in self.getDelayedCalls()), default=None)

    def getThreadPool(self) -> Self:
        """See `IReactorThreads.getThreadPool`."""
        return self

    def callInThreadWithCallback(
        self, done: Callable[[bool, Any], None], function: Callable[..., Any], *args: Any, **kw: Any
    ) -> None:
        """See `IThreadPool.callInThreadWithCallback`."""
        execute(function, *args, **kw).addCallbacks(
            lambda result: done(True, result), lambda failure: done(False, failure)
        )

    def callFromThread(self, function: Callable[..., Any], *args: Any, **kw: Any) -> None:
        """See `IReactorFromThreads.callFromThread`."""
        self.callLater(0, function, *args, **kw)


def _one_second(failures: int) -> float:
    """No chance in tests."""
    return 1.0


class Network:
    """Servers, clients and scripted peers of one test.

    Nothing moves by itself: bytes arrive and time passes in `run`, `advance` and `settle`.
    Used in `with`, it closes everything at the end, and complains of what is left over:
    unmet expectations of scripted peers, lines that stay open, timers that never end.

    Attributes:
        clock: its time; give it to the endpoints that are to be reached:
            `Server(reactor=network.clock)`.  Methods that run in threads run in place.
    """

    def __init__(self) -> None:
        self.clock: Any = _Time()
        self._lines: dict[FaultyLine, Any] = {}
        self._clients: list[Client] = []
        self._servers: list[Endpoint] = []
        self._peers: list[ScriptedPeer] = []
        self._stopped: set[Any] = set()

    @property
    def lines(self) -> list[FaultyLine]:
        """Every line there was, the newest last."""
        return list(self._lines)

    # -- who is there ------------------------------------------------------------------------

    def connect(
        self, to: Endpoint | ScriptedPeer, *, framing: Framing = "line", **options: Any
    ) -> Client:
        """A client of a server, or of a scripted peer.

        Args:
            to: whom it calls.
            framing: how messages are told apart.
            options: those of `twisted_rpc.connect`.  Unless `backoff` is given, a second
                passes before it tries again.

        Raises:
            ValueError: the server has another time.
        """
        options = {"backoff": _one_second, **options}
        place = self.endpoint(to, framing)
        client = connect(place, framing=framing, reactor=self.clock, **options)
        self._clients.append(client)
        return client

    def script(self, server: Endpoint | None = None, *, framing: Framing = "line") -> ScriptedPeer:
        """A far side that does what the test says.

        Args:
            server: whom it has a line to, as a client; without one it is itself the server
                that a client is connected to.
            framing: how messages are told apart.
        """
        peer = ScriptedPeer(framing)
        self._peers.append(peer)
        if server is not None:
            self.endpoint(server, framing).connect(peer)
        return peer

    def endpoint(self, to: Endpoint | ScriptedPeer, framing: Framing = "line") -> MemoryEndpoint:
        """A Twisted client endpoint that leads to a server or a scripted peer.

        Raises:
            ValueError: the server has another time.
        """
        factory: Any = to
        if isinstance(to, Endpoint):
            if to.clock is not self.clock:
                kind = type(to).__name__
                raise ValueError(f"give it the network's time: {kind}(reactor=network.clock)")
            if to not in self._servers:
                self._servers.append(to)
            factory = StreamFactory(to, framing)

        def line(caller: Any, listener: Any, clock: IReactorTime) -> FaultyLine:
            if to in self._stopped:
                raise Refused
            made = FaultyLine(caller, listener, clock)
            self._lines[made] = to
            return made

        return MemoryEndpoint(factory, self.clock, line)

    def stop(self, server: Endpoint | ScriptedPeer) -> None:
        """Stop a server as if its process were killed: lines break, new ones are refused."""
        self._stopped.add(server)
        for line, to in self._lines.items():
            if to is server:
                line.break_off()
        self.settle()

    def start(self, server: Endpoint | ScriptedPeer) -> None:
        """Let it be reached again; clients come back when their time has come."""
        self._stopped.discard(server)

    # -- what happens ------------------------------------------------------------------------

    def settle(self) -> None:
        """Deliver what is under way, until nothing moves any more at this time."""
        self.clock.go_to(self.clock.seconds())

    def advance(self, seconds: float) -> None:
        """Let time pass; whatever is due happens, in its order."""
        end = self.clock.seconds() + seconds
        while (due := self.clock.next_due()) is not None and due <= end:
            self.clock.go_to(due)
        self.clock.go_to(end)

    def run(self, awaitable: Awaitable[T]) -> T:
        """The result of a Deferred, a client or a coroutine.

        Moves bytes, and time only when nothing else moves: a call that nobody answers
        times out at once, and a scenario with half an hour in it takes none.

        Raises:
            AssertionError: nothing is left that could happen, and there is no result.
            Exception: whatever it fails with.
        """
        waiting = as_deferred(awaitable)
        if waiting is None:
            raise TypeError(f"there is nothing to wait for in {awaitable!r}")
        outcomes: list[T | Failure] = []

        def note(outcome: T | Failure) -> Any:
            outcomes.append(outcome)
            return None if isinstance(outcome, Failure) else outcome

        waiting.addBoth(note)
        end = self.clock.seconds() + LONGEST
        while not outcomes:
            due = self.clock.next_due()
            if due is None or due > end:
                raise AssertionError("nothing is left to happen, and there is no result")
            self.clock.go_to(due)
        outcome = outcomes[0]
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def error(self, awaitable: Awaitable[Any], code: int | None = None) -> RemoteError:
        """The error that the far side answers a call with.

        Args:
            awaitable: see `run`.
            code: what its code has to be.

        Raises:
            AssertionError: it answers otherwise.
        """
        try:
            result = self.run(awaitable)
        except RemoteError as error:
            if code is not None and error.code != code:
                raise AssertionError(f"not the error {code}, but: {error}") from error
            return error
        raise AssertionError(f"no error, but the result {result!r}")

    # -- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        """Close everything, and let an hour pass.

        Raises:
            AssertionError: something is left over; the text says what.
        """
        self.settle()
        for peer in self._peers:
            peer.check()
        for client in self._clients:
            self.run(client.close())
        for peer in self._peers:
            peer.hang_up()
        for server in self._servers:
            self._close_server(server)
        end = self.clock.seconds() + LONGEST
        while (due := self.clock.next_due()) is not None and due <= end:
            self.clock.go_to(due)
        left = [f"there is a timer: {call}" for call in self.clock.getDelayedCalls()]
        if any(line.is_open for line in self.lines):
            left.append("a line is open")
        if left:
            raise AssertionError("; ".join(left))

    def _close_server(self, server: Endpoint) -> None:
        if isinstance(server, Server):
            self.run(server.drain())
        else:
            for connection in list(server.connections.values()):
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
