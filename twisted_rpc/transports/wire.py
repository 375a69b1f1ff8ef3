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
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from zope.interface import implementer

from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.transports.sockets import PIECE, direct_of, events_of, socket_of, writer_of

__all__ = ["LINGER", "LOOK", "SETTLING", "SLOWEST", "Wire"]

LINGER = 2.0
"""Seconds we go on reading from a far side that was answered for the last time."""

SLOWEST = 64 * 1024
"""Bytes a far side has to take in `unread_timeout` seconds while answers wait for it."""

SETTLING = 1 / 16
"""The part of `unread_timeout` in which only the kernels' buffers are filled."""

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
    """

    _log = Logger()

    __slots__ = (
        *("_all_out", "_clock", "_closing", "_congested", "_counters", "_deadline", "_direct"),
        *("_given_up", "_is_socket", "_limits", "_lingering", "_look", "_overdue", "_queued"),
        *("_socket", "_taken", "_unasked", "_waited", "_write", "transport"),
    )

    def __init__(
        self,
        transport: Any,
        owner: Endpoint,
        congested: Callable[[bool], None],
    ) -> None:
        self.transport = transport
        self._direct = direct_of(transport)
        self._write = writer_of(transport)
        self._socket = socket_of(transport)
        self._is_socket = getattr(self._socket, "socket", None) is not None
        self._limits = owner.limits
        self._counters = owner.counters
        self._congested = congested
        self._unasked: int | None = None
        self._queued = 0
        self._taken = 0
        self._overdue: float | None = None
        self._given_up = False
        self._closing = False
        self._lingering = False
        self._waited = 0.0
        self._all_out = False
        self._clock = owner.clock
        self._deadline: Deadline | None = None
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
        self._queued += len(data)
        self._write(data)
        if self._unasked is not None:  # TLS says so while it still hands over
            self._taken = min(self._taken, self._queued - self.holds())

    def accepts_unasked(self, size: int) -> bool:
        """Whether a message may be written that the far side has not asked for.

        While it leaves answers unread, no more than `max_unread` bytes of those may wait
        for it; one more, and it is aborted.
        """
        if self._unasked is None:
            return True
        limit = self._limits.max_unread
        if limit is not None and self._unasked > limit:
            self._give_up("max_unread", f"more than {limit} bytes of notifications unread")
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
            self._look = Deadline(self._clock, self._look_after)
        self._look.set(seconds)

    def _look_after(self) -> None:
        if self._is_socket and events_of(self._socket, select.POLLERR):
            self.abort()
        else:
            self._look_in(LOOK)

    def close(self) -> None:
        """Close once everything is out, or after `unread_timeout` in any case."""
        if self._closing and not self._lingering:
            return
        if not self._closing and self._would_reset():
            self.close_unread()
            return
        self._lingering = False
        self._let_go()
        self._watch_unread()
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
        """Abort if the far side has not closed `LINGER` seconds after everything was out.

        Until then it has to take it as fast as ever: `SLOWEST` bytes in `unread_timeout`.
        """
        self._lingering = True
        self._waited = 0.0
        self._all_out = self.holds() == 0
        self._taken = self._queued - self.holds()
        self._expire_in(LINGER)

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
        for deadline in (self._deadline, self._look):
            if deadline is not None:
                deadline.stop()

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
            self._watch_unread(SETTLING)
            self._congested(True)

    def resumeProducing(self) -> None:
        """Everything is out."""
        if self._unasked is not None:
            self._unasked = None
            if not self._closing:
                if not self._lingering and self._deadline is not None:
                    self._deadline.clear()
                self._congested(False)

    def stopProducing(self) -> None:
        """The transport has ended; its protocol is told."""

    def _watch_unread(self, part: float = 1) -> None:
        """Look after that part of `unread_timeout` what was taken, and at its end."""
        self._taken = self._queued - self.holds()
        limit = self._limits.unread_timeout
        self._overdue = None if limit is None else self._clock.seconds() + limit
        self._expire_in(None if limit is None else limit * part)

    def _expire_in(self, seconds: float | None) -> None:
        if self._deadline is None:
            self._deadline = Deadline(self._clock, self._expired)
        self._deadline.set(seconds)

    def _has_settled(self) -> bool:
        """Whether time is left, and counts from what the buffers have taken at the beginning.

        Who never reads would seem to have read that, and have twice the time.
        """
        left = 0.0 if self._overdue is None else self._overdue - self._clock.seconds()
        if left <= 0:
            return False
        self._taken = self._queued - self.holds()
        self._expire_in(left)
        return True

    def _takes_enough(self) -> bool:
        """Whether the far side has taken what it has to since this was noted for the last time."""
        return self._queued - self.holds() - self._taken >= SLOWEST

    def holds(self) -> int:
        """How many bytes the transport holds, where it can be seen; 0 elsewhere."""
        socket = self._socket
        if socket is None:
            return 0
        return len(socket.dataBuffer) - int(socket.offset) + int(socket._tempDataLen)

    def _expired(self) -> None:
        if self._lingering:
            self._linger()
        elif self._has_settled():
            return
        elif self._takes_enough():
            self._watch_unread()
        else:
            seconds = self._limits.unread_timeout
            self._give_up("unread_timeout", f"too little read in {seconds:g} seconds")

    def _linger(self) -> None:
        limit = self._limits.unread_timeout
        self._waited += LINGER
        waited_long = limit is not None and self._waited >= limit
        if self._all_out:
            self.abort()
        elif self.holds() == 0 or (waited_long and self._takes_enough()):
            self.await_end()
        elif waited_long:
            self._give_up("unread_timeout", f"too little read in {limit:g} seconds")
        else:
            self._expire_in(LINGER)

    def _give_up(self, limit: str, reason: str) -> None:
        if not self._given_up:
            self._given_up = True
            self._counters.hit(limit)
            self._log.info(
                "dropping a far side that does not read: {reason} ({limit})",
                reason=reason,
                limit=limit,
            )
            self.abort()
