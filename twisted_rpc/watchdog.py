"""Notices when the reactor stands still, and tells the log what it stands still in."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from twisted_rpc.answers import Counters
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.long_way import LongWay

__all__ = ["Watchdog"]

_QUIET = 10.0
"""Seconds between two reports: a method that is called often is not reported as often."""

_GRACE = 0.02
"""Seconds for a reactor whose whole process stood still, and has woken up as we have."""

_FRAMES = 10
"""How much of a stack is shown."""

_DISPATCHING = frozenset({Dispatcher.dispatch.__code__, LongWay.handle.__code__})
"""Where a frame knows the message whose method runs above it."""


class Watchdog(Service):
    """Watches the thread of a reactor from another one.

    It asks the reactor for a sign of life again and again.  When none comes, it looks at the
    stack of the reactor's thread, so that nothing has to be noted while all is well.  A
    stall of twice `seconds` is always seen, a shorter one by chance.

    It starts and stops with a daemon; elsewhere call `startService` and `stopService`.

    Args:
        seconds: how long the reactor may stand still.
        counters: told of each stall, as a hit of `stall_warning`.
        reactor: whom to watch.
    """

    _log = Logger()

    def __init__(self, seconds: float, counters: Counters | None = None, *, reactor: Any) -> None:
        self._seconds = seconds
        self._counters = counters or Counters()
        self._reactor = reactor
        self._thread: threading.Thread | None = None
        self._watched = 0
        self._stopped = threading.Event()
        self._turned = threading.Event()
        self._is_late = False
        self._reported_at = -_QUIET
        self._unreported = 0

    def startService(self) -> None:
        """Watch from the time the reactor runs."""
        super().startService()
        self._stopped.clear()
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> None:
        """Watch no more."""
        super().stopService()
        self._stopped.set()
        self._turned.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _begin(self) -> None:
        if self.running and self._thread is None:
            self._watched = threading.get_ident()
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()

    # -- in the reactor's thread -----------------------------------------------------------

    def _turn(self) -> None:
        if self._is_late:
            self._is_late = False
            self._counters.hit("stall_warning")
        self._turned.set()

    # -- in its own ------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            self._turned.clear()
            if self._stopped.is_set():
                return
            asked_at = time.monotonic()
            self._reactor.callFromThread(self._turn)
            if not (self._turned.wait(self._seconds) or self._turned.wait(_GRACE)):
                self._stalled(asked_at)
            self._stopped.wait(self._seconds / 2)

    def _stalled(self, asked_at: float) -> None:
        """Report a stall, unless another one was a short time ago, and wait for its end."""
        self._is_late = True
        is_quiet = asked_at - self._reported_at < _QUIET
        if is_quiet:
            self._unreported += 1
        else:
            self._reported_at = asked_at
            self._report()
        self._turned.wait()
        if not is_quiet:
            stood = time.monotonic() - asked_at
            self._log.warn("the reactor turns again, after {stood:.2f} seconds", stood=stood)

    def _report(self) -> None:
        frame = sys._current_frames().get(self._watched)
        if frame is None:
            return
        again = f" ({self._unreported} more since the last report)" if self._unreported else ""
        self._unreported = 0
        self._log.warn(
            "the reactor has stood still for {seconds:g} seconds (stall_warning) in {what}: "
            "give it thread=True, or let it wait{again}\n{stack}",
            seconds=self._seconds,
            what=_running_in(frame),
            again=again,
            stack="".join(traceback.format_stack(frame)[-_FRAMES:]).rstrip(),
        )


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _running_in(innermost: FrameType) -> str:
    """The method that was called, as its caller named it; or the function, if none was."""
    for frame in _outwards(innermost):
        if frame.f_code in _DISPATCHING:
            message = frame.f_locals.get("message")
            return f"the method {getattr(message, 'method', None)!r}"
    return innermost.f_code.co_qualname
