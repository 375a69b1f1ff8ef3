"""A line in memory: two ends in one process, which hear of each other in later turns.

What is written arrives in the reactor's next turn, in the same pieces and order.  An end
that does not read holds up the other as a full socket would; ends close, half close and
abort as those of TCP do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, execute
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    IReactorTime,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.endpoint import Endpoint
from twisted_rpc.listener import Framing
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["End", "Line", "MemoryEndpoint", "Way", "in_memory"]

HIGH_WATER = 64 * 1024
"""So many bytes may wait on a way before who writes them is asked to pause."""


@implementer(IAddress)
class MemoryAddress:
    """Where the ends of a line in memory are."""


class Way:
    """What one end has written and the other has not received yet.

    Args:
        clock: tells the turns.

    Attributes:
        sender, receiver: the ends.
        waits: so many bytes are under way.
    """

    sender: End
    receiver: End

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.waits = 0
        self._chunks: deque[bytes] = deque()
        self._is_open = True
        self._is_reading = True
        self._ended = False
        self._turn: IDelayedCall | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything has arrived."""
        return not self._chunks

    def put(self, data: bytes) -> None:
        """Send bytes on their way."""
        if self._is_open and data:
            self._chunks.append(data)
            self.waits += len(data)
            self._wake()

    def end(self) -> None:
        """Nothing comes after what is on its way."""
        self._ended = True
        self._wake()

    def read(self, reading: bool) -> None:
        """The receiver goes on or stops reading."""
        self._is_reading = reading
        self._wake()

    def stop(self) -> None:
        """The line is down: what has not arrived is lost."""
        self._is_open = False
        self._chunks.clear()
        self.waits = 0
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _wake(self) -> None:
        something = self._chunks or self._ended
        if something and self._is_open and self._is_reading and self._turn is None:
            self._turn = self.clock.callLater(0, self._arrive)

    def _arrive(self) -> None:
        self._turn = None
        for _ in range(len(self._chunks)):
            if self._chunks and self._is_reading:
                data = self._chunks.popleft()
                self.waits -= len(data)
                self.receiver.protocol.dataReceived(data)
        self.sender.went()
        if self._ended and not self._chunks and self._is_open and self._is_reading:
            self._is_open = False
            self.receiver.input_ended()
        self._wake()


@implementer(ITransport, IConsumer, IPushProducer)
class End:
    """The transport of one end.

    Args:
        line: what it is an end of.
        protocol: whose end it is.
        out: where what it writes goes.
        incoming: where what it reads comes from.
    """

    disconnecting = False

    def __init__(self, line: Line, protocol: Any, out: Way, incoming: Way) -> None:
        self.protocol = protocol
        self.connected = True
        self.out = out
        self.incoming = incoming
        self._line = line
        self._producer: Any = None
        self._is_paused = False
        self._write_ended = False
        out.sender = incoming.receiver = self

    def write(self, data: bytes) -> None:
        """See `ITransport.write`."""
        if not self.connected or self.disconnecting or self._write_ended:
            return
        self.out.put(data)
        if self.out.waits > HIGH_WATER and self._producer is not None and not self._is_paused:
            self._is_paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        """See `ITransport.writeSequence`."""
        self.write(b"".join(data))

    def went(self) -> None:
        """Something that was written has arrived."""
        if not self.out.is_empty:
            return
        if self._is_paused:
            self._is_paused = False
            if self._producer is not None:
                self._producer.resumeProducing()
        if self.disconnecting:
            self._line.close(self)

    def input_ended(self) -> None:
        """The far side has closed its half."""
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self.loseConnection()

    def loseConnection(self) -> None:
        """See `ITransport.loseConnection`."""
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._line.clock.callLater(0, self.went)

    def loseWriteConnection(self) -> None:
        """See `ITCPTransport.loseWriteConnection`."""
        if self.connected and not self._write_ended:
            self._write_ended = True
            self.out.end()

    def abortConnection(self) -> None:
        """See `IAbortingTransport.abortConnection`."""
        if self.connected:
            self.disconnecting = True
            self.out.stop()
            self.incoming.stop()
            self._line.clock.callLater(0, self._line.break_off, self)

    def lost(self, reason: Exception) -> None:
        """The line is down."""
        if self.connected:
            self.connected = False
            self._producer = None
            self.protocol.connectionLost(Failure(reason))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer.registerProducer`."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        self._producer = None

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`."""
        self.incoming.read(False)

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`."""
        self.incoming.read(True)

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`."""
        self.loseConnection()

    def getPeer(self) -> Any:
        """See `ITransport.getPeer`."""
        return MemoryAddress()

    def getHost(self) -> Any:
        """See `ITransport.getHost`."""
        return MemoryAddress()


class Line:
    """Two protocols and the ways between them.

    Args:
        caller: the protocol that asked for the line.
        listener: the one that was there.
        clock: tells the turns.

    Attributes:
        to_listener, to_caller: what is under way.
    """

    way: ClassVar[type[Way]] = Way

    def __init__(self, caller: IProtocol, listener: IProtocol, clock: IReactorTime) -> None:
        self.clock = clock
        self.to_listener, self.to_caller = self.way(clock), self.way(clock)
        self._ends = (
            End(self, caller, self.to_listener, self.to_caller),
            End(self, listener, self.to_caller, self.to_listener),
        )
        for end in reversed(self._ends):
            end.protocol.makeConnection(end)

    @property
    def is_open(self) -> bool:
        """Whether either end has yet to hear that it is down."""
        return any(end.connected for end in self._ends)

    def close(self, end: End) -> None:
        """One end is done, and has nothing left to send."""
        if end.connected:
            end.out.end()
            end.incoming.stop()
            end.lost(ConnectionDone())

    def break_off(self, aborted: End | None = None) -> None:
        """The line breaks, because one end has aborted if one is given; both are told."""
        for end in self._ends:
            end.out.stop()
        for end in self._ends:
            end.lost(ConnectionAborted() if end is aborted else ConnectionLost())


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """Leads to a listener in this process.

    Args:
        factory: makes the listener's protocols.
        clock: tells the turns.
        line: makes a line of two protocols and the clock; what it raises is why there is none.
    """

    def __init__(
        self,
        factory: Any,
        clock: IReactorTime,
        line: Callable[[Any, Any, IReactorTime], Line] = Line,
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._line = line

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """See `IStreamClientEndpoint.connect`."""
        return execute(self._connect, protocolFactory)

    def _connect(self, factory: Any) -> Any:
        caller = factory.buildProtocol(MemoryAddress())
        self._line(caller, self._factory.buildProtocol(MemoryAddress()), self._clock)
        return caller


def in_memory(endpoint: Endpoint, framing: Framing = "line") -> MemoryEndpoint:
    """A Twisted client endpoint that leads to an endpoint of ours in the same process.

    `connect(in_memory(server))` is a client of it, without a port.

    Args:
        endpoint: who is called.
        framing: how messages are told apart, there and here.
    """
    return MemoryEndpoint(StreamFactory(endpoint, framing), endpoint.clock)
