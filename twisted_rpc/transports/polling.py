"""Many lines, watched for the reactor as one.

The reactor does for each line that has something to read what is right for anything that
it may be: it looks up who is to be named in the log, enters a context for that, and keeps
books of its own.  That costs as much as reading, answering and writing a small call
together.  So the lines of one port are watched by an epoll of their own, which is itself
something that the reactor can watch (epoll(7), "an epoll file descriptor ... can itself
be polled"): one turn of the reactor's loop then serves all the lines that are ready.

Only reading goes this way.  Writing that has to wait, timers and everything else are the
reactor's, and where there is no epoll so is all of it.
"""

from __future__ import annotations

import select
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["LinePoll"]

_MOST = 128
"""How many lines are read at once."""

_ROUNDS = 4
"""How often that may be repeated before the reactor has its turn: timers wait no longer."""


@implementer(IReadDescriptor)
class LinePoll:
    """Reads from the lines of one port.

    A line's transport takes it for its reactor, and finds in it all that it asks a reactor
    for: what is not said here, the reactor itself answers.

    Args:
        reactor: which watches this one.
    """

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._adopted = 0
        self._lines: dict[int, Any] = {}  # those that are read from now
        self._epoll: Any = None

    @classmethod
    def adopt(cls, transport: Any, poll: LinePoll | None) -> LinePoll | None:
        """Read from a line from now on, unless it has to stay with the reactor.

        Args:
            transport: a line that the reactor reads from.
            poll: the one of its port, if it has one already.

        Returns:
            The one of its port, if there is one now.
        """
        if not isinstance(transport, Connection) or not hasattr(select, "epoll"):
            return poll
        poll = poll or cls(transport.reactor)
        try:
            poll._open()
        except OSError as error:  # no descriptor is left, which the line has to survive
            cls._log.warn("{line} is read by the reactor: {error}", line=transport, error=error)
            return poll
        transport.stopReading()
        transport.reactor = poll  # type: ignore[assignment]  # it answers for it
        poll._adopted += 1
        transport.startReading()
        return poll

    def _open(self) -> None:
        """Have an epoll; it is kept as long as there are lines, also while none is read from."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor.addReader(self)

    def _close(self) -> None:
        if self._epoll is not None:
            self._reactor.removeReader(self)
            self._epoll.close()
            self._epoll = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    # -- what a transport asks of its reactor ------------------------------------------------

    def addReader(self, line: Any) -> None:
        """See `IReactorFDSet`."""
        number = line.fileno()
        if number not in self._lines:
            self._epoll.register(number, select.EPOLLIN)
            self._lines[number] = line

    def removeReader(self, line: Any) -> None:
        """See `IReactorFDSet`; a line that has ended asks for it for the last time."""
        number = line.fileno()
        if self._lines.get(number) is line:
            del self._lines[number]
            self._epoll.unregister(number)
        if line.disconnected:
            self._adopted -= 1
            if not self._adopted:
                self._close()

    # -- what the reactor asks of a reader ---------------------------------------------------

    def fileno(self) -> int:
        """See `IFileDescriptor`."""
        return -1 if self._epoll is None else int(self._epoll.fileno())

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return "rpc"

    def doRead(self) -> None:
        """Read from every line that is ready.

        What one of them does may close others of those that were ready, or pause them:
        these are not asked any more.  While more than one is ready each time, those that
        have become so meanwhile are read as well, before the reactor has its turn.
        """
        for _ in range(_ROUNDS):
            if self._epoll is None:
                break
            ready = self._epoll.poll(0, _MOST)
            for number, event in ready:
                if number in self._lines:
                    self._read(self._lines[number], event)
            if len(ready) < 2:
                break

    def doWrite(self) -> None:
        """Nothing is written; but the reactor may ask for it.

        It asks whoever has a descriptor now for what it found to be ready before: a line
        may have been closed meanwhile, and its number be that of a new epoll.
        """

    def _read(self, line: Any, event: int) -> None:
        try:
            why = line.doRead() if event & select.EPOLLIN else CONNECTION_DONE
        except BaseException as error:
            self._log.failure("reading from {line} failed", line=line)
            why = error
        if why is not None:
            self._lost(line, why)

    def connectionLost(self, reason: Failure) -> None:
        """See `IReadDescriptor`; the reactor ends, and so do the lines."""
        for line in list(self._lines.values()):
            self._end(line, reason)
        self._lines.clear()
        self._close()

    def _lost(self, line: Any, why: BaseException) -> None:
        """Tell a line that its end has come, or, as its transport likes, that of its input."""
        self.removeReader(line)
        if isinstance(why, ConnectionDone):
            self._end(line, Failure(why), line.readConnectionLost)
        else:
            self._reactor.removeWriter(line)
            self._end(line, Failure(why))

    def _end(self, line: Any, reason: Failure, tell: Any = None) -> None:
        """Whatever comes of one line's end is nothing to the others."""
        try:
            (tell or line.connectionLost)(reason)
        except BaseException:
            self._log.failure("the end of {line} failed", line=line)
