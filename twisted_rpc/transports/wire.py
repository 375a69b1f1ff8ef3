"""Writing to a transport: at once where that is safe, and never without bound.

Twisted's `write` queues, asks the reactor for writability and takes another turn of its
loop: two system calls and half the throughput of small answers.  While nothing is queued
the bytes may as well go to the socket at once; what the socket does not take is queued.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.protocols.policies import ProtocolWrapper
from zope.interface import implementer

from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.transports.patience import SETTLING, Patience
from twisted_rpc.transports.sockets import PIECE, direct_of, events_of, socket_of, writer_of

__all__ = ["LOOK", "Wire"]

LOOK = 5.0
"""Seconds between looks whether a far side that is not read from is still there."""


@implementer(IPushProducer)
class Wire:
    """One transport, as connections use it.

    A far side that leaves answers unread is not read from either (`congested`).  It is
    aborted when it takes less than `SLOWEST` bytes of them in `unread_timeout` seconds,
    or when more than `max_unread` bytes wait that it has not asked for.

    Closing does not reset a line: while something has come that was not read, or much of
    what was written is not out, only our half is closed (see `close_unread`).

    Args:
        transport: where to write.
        owner: whose limits, time and counters hold.
        congested: told whether the far side has stopped, or begun again, to read.
        name: of the transport, as what comes and goes is counted.

    Attributes:
        traffic: where that is counted.
    """

    __slots__ = (
        *("_closing", "_congested", "_direct", "_is_socket", "_look", "_owner", "_patience"),
        *("_socket", "_unasked", "_write", "traffic", "transport"),
    )

    def __init__(
        self,
        transport: Any,
        owner: Endpoint,
        congested: Callable[[bool], None],
        name: str = "",
    ) -> None:
        self.transport = transport
        self.traffic = owner.traffic_of(name)
        self._direct = direct_of(transport)
        self._write = writer_of(transport)
        self._socket = socket_of(transport)
        self._is_socket = getattr(self._socket, "socket", None) is not None
        self._owner = owner
        self._congested = congested
        self._unasked: int | None = None
        self._closing = False
        self._patience: Patience | None = None
        self._look: Deadline | None = None
        if hasattr(transport, "registerProducer"):
            self.transport.registerProducer(self, True)

    @property
    def is_closing(self) -> bool:
        """Whether we have closed it, or are about to."""
        return self._closing

    def write(self, data: bytes) -> None:
        """Write bytes, after all those written before.

        They go straight to the socket while nothing waits to go before them.  Whatever may
        have happened to the line, the reactor meets it too, and reports it.
        """
        self.traffic.sent += len(data)
        direct = self._direct
        if (
            direct is not None
            and not direct.dataBuffer
            and not direct._tempDataLen
            and direct.connected
            and not direct.disconnecting
        ):
            try:
                sent = direct.socket.send(data if len(data) <= PIECE else data[:PIECE])
            except OSError:
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        patience = self._patience or self._be_patient()
        patience.queued += len(data)
        self._write(data)
        if self._unasked is not None:  # TLS says so while it still hands over
            patience.note_no_more()

    def _be_patient(self) -> Patience:
        """Most lines never have anything that waits."""
        if self._patience is None:
            self._patience = Patience(self._owner, self.holds, self.abort)
        return self._patience

    def accepts_unasked(self, size: int) -> bool:
        """Whether a message may be written that the far side has not asked for.

        While it leaves answers unread, no more than `max_unread` bytes of those may wait
        for it; one more, and it is aborted.
        """
        if self._unasked is None:
            return True
        limit = self._owner.limits.max_unread
        if limit is not None and self._unasked > limit:
            reason = f"more than {limit} bytes of notifications unread"
            self._be_patient().give_up("max_unread", reason)
            return False
        self._unasked += size
        return True

    def set_reading(self, reading: bool) -> None:
        """Go on or stop reading.

        The reactor does not watch a line that is not read from, so nobody would notice
        that the far side has reset it: it is looked after meanwhile.
        """
        if reading:
            if self._look is not None:
                self._look.clear()
            self.transport.resumeProducing()
        else:
            self._look_in(LOOK)
            self.transport.pauseProducing()

    def _look_in(self, seconds: float) -> None:
        if self._look is None:
            self._look = Deadline(self._owner.clock, self._look_after)
        self._look.set(seconds)

    def _look_after(self) -> None:
        if self._is_socket and events_of(self._socket, select.POLLERR):
            self.abort()
        else:
            self._look_in(LOOK)

    def close(self) -> None:
        """Close once everything is out, or after `unread_timeout` in any case."""
        patience = self._be_patient()
        if self._closing and not patience.is_lingering:
            return
        if not self._closing and self._would_reset():
            self.close_unread()
            return
        self._let_go()
        patience.watch()
        self.transport.loseConnection()

    def _would_reset(self) -> bool:
        if not self._is_socket:  # a pipe has no resets
            return False
        return self._unasked is not None or bool(events_of(self._socket, select.POLLIN))

    def close_unread(self) -> None:
        """Close although the far side is still sending.

        Closing a socket with unread bytes in it resets the line, and the last answer is
        lost with it.  So only our half is closed, what still comes is for the protocol to
        throw away, and the rest follows when the far side closes, or is not there in time.
        """
        if not self._is_socket:
            self.close()
        if self._closing:
            return
        self._let_go()
        if isinstance(self.transport, ProtocolWrapper):  # TLS: it says so, and reads on
            self.transport.loseConnection()
        elif hasattr(self.transport, "loseWriteConnection"):
            self.transport.loseWriteConnection()
        self.set_reading(True)
        self.await_end()

    def await_end(self) -> None:
        """See `Patience.await_end`."""
        self._be_patient().await_end()

    def _let_go(self) -> None:
        if not self._closing and hasattr(self.transport, "unregisterProducer"):
            self.transport.unregisterProducer()
        self._closing = True

    def abort(self) -> None:
        """Close now."""
        if hasattr(self.transport, "abortConnection"):
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def release(self) -> None:
        """Leave the transport to another protocol."""
        self._let_go()
        self.stop()

    def stop(self) -> None:
        """The line is down, or another's."""
        for watch in (self._patience, self._look):
            if watch is not None:
                watch.stop()

    def lost(self) -> None:
        """The line is down: what it did not take is not kept for the calls that still run."""
        self.stop()
        if self._is_socket:
            vars(self._socket).pop("write", None)  # what `writer_of` has put there
            self._socket.dataBuffer = b""
            self._socket.offset = 0
            self._socket._tempDataBuffer = []
            self._socket._tempDataLen = 0

    def pauseProducing(self) -> None:
        """The transport holds more than it likes to: the far side does not read."""
        if self._unasked is None and not self._closing:
            self._unasked = 0
            self._be_patient().watch(SETTLING)
            self._congested(True)

    def resumeProducing(self) -> None:
        """Everything is out."""
        if self._unasked is not None:
            self._unasked = None
            if not self._closing:
                self._be_patient().clear()
                self._congested(False)

    def stopProducing(self) -> None:
        """The transport has ended; its protocol is told."""

    def holds(self) -> int:
        """How many bytes the transport holds, where it can be seen; 0 elsewhere."""
        socket = self._socket
        if socket is None:
            return 0
        return len(socket.dataBuffer) - int(socket.offset) + int(socket._tempDataLen)
