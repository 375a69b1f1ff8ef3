"""Where lines of the log go: a descriptor that may be slow, full or gone."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock

from twisted_rpc.errors import ConfigError

__all__ = ["Later", "LogFile", "Output", "at_once", "check_file"]

MOST_WAITING = 256 * 1024
"""So many bytes are kept while nothing can be written."""

_PIECE = 4096
"""A pipe that can be written to takes as many bytes without blocking (POSIX, PIPE_BUF)."""

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_MODE = 0o640


Later = Callable[[Callable[[], None]], object]
"""Calls something later."""


def at_once(work: Callable[[], None]) -> None:
    """No later than now."""
    work()


class Output:
    """Writes lines to a descriptor, and never waits for it.

    What cannot be written is kept, as far as there is room, and written before the next
    line.  Lines may come from any thread.

    Args:
        descriptor: where to.
        later: calls what it is given at the end of a turn of the reactor.
    """

    def __init__(self, descriptor: int, later: Later = at_once) -> None:
        self._descriptor = descriptor
        self._later = later
        self._is_due = False
        self._waiting = bytearray()
        # The collector and signals may log while a line is written, in the same thread.
        self._lock = RLock()
        self._is_writing = False
        self._is_torn = False
        # Writing to a file is quick, and `poll` says nothing about it.
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody is looking at it."""
        return os.isatty(self._descriptor)

    def write(self, line: bytes) -> bool:
        """Write a line after what waits; say whether it was, or will be."""
        with self._lock:
            if self._waiting:
                self._flush()
            if self._waiting and len(self._waiting) + len(line) > MOST_WAITING:
                return False
            self._waiting += line
            self._flush()
            return True

    def write_soon(self, line: bytes) -> bool:
        """Write a line in one piece with others of this turn; only the reactor's thread may.

        Returns:
            Whether it will be written.
        """
        with self._lock:
            if len(self._waiting) + len(line) > MOST_WAITING:
                return self.write(line)
            self._waiting += line
            if not self._is_due:
                self._is_due = True
                self._later(self.flush)
            return True

    def flush(self) -> None:
        """Write what waits, as far as that can be done now."""
        with self._lock:
            self._is_due = False
            self._flush()

    def _flush(self) -> None:
        if self._is_writing:  # the line is written by whoever was interrupted
            return
        self._is_writing = True
        try:
            with suppress(OSError):  # full, gone: it is tried again with the next line
                while self._waiting and self._is_ready():
                    piece = self._waiting if self._is_file else self._waiting[:_PIECE]
                    written = os.write(self._descriptor, piece)
                    self._is_torn = self._waiting[written - 1 : written] != b"\n"
                    del self._waiting[:written]
        finally:
            self._is_writing = False

    def _is_ready(self) -> bool:
        if self._is_file:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))


class LogFile(Output):
    """A file of the log.

    Args:
        path: where it is; made, for its owner and group, if it is not there.
        later: as in `Output`.

    Raises:
        ConfigError: it cannot be opened.
    """

    def __init__(self, path: str, later: Later = at_once) -> None:
        self.path = str(Path(path).absolute())  # a daemon goes to another directory
        super().__init__(_open(self.path), later)

    def reopen(self) -> None:
        """Open the path again, since what was there has been moved away.

        Raises:
            ConfigError: it cannot be opened; what was open still is.
        """
        fresh = _open(self.path)
        with self._lock:
            # In the old one's place, so that there is no moment without.
            os.dup2(fresh, self._descriptor, inheritable=False)
            if self._is_torn:  # on a full disk; a file begins with a line, not with half a one
                del self._waiting[: self._waiting.find(b"\n") + 1]
                self._is_torn = False
        os.close(fresh)


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS, _MODE)
    except (OSError, ValueError) as error:
        raise ConfigError(f"[log] {path!r}: {_reason(error)}") from error


def check_file(path: str) -> None:
    """See that a file of the log could be opened, without making one.

    Raises:
        ConfigError: it cannot.
    """
    reason = ""
    try:
        os.close(os.open(path, _FLAGS & ~os.O_CREAT))
    except FileNotFoundError:
        if not os.access(Path(path).absolute().parent, os.W_OK | os.X_OK):
            reason = "its directory cannot be written to"
    except (OSError, ValueError) as error:
        reason = _reason(error)
    if reason:
        raise ConfigError(f"[log] {path!r}: {reason}")


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
