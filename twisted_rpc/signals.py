"""SIGHUP and SIGUSR1, which would end the process otherwise."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from twisted_rpc.server import Server

__all__ = ["SignalService"]


class SignalService(Service):
    """SIGHUP reloads; SIGUSR1 does nothing, unless twistd rotates its log then.

    Args:
        server: what is asked to reload.
    """

    _log = Logger()

    def __init__(self, server: Server, *, reactor: Any) -> None:
        self._server = server
        self._reactor = reactor
        self._before: dict[int, Any] = {}

    def privilegedStartService(self) -> None:
        """Take the signals before anybody can connect."""
        # Only the main thread may, and a program that has its reactor elsewhere has its own way.
        if self._before or threading.current_thread() is not threading.main_thread():
            return
        self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._received)
        if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL:
            self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._received)

    def startService(self) -> None:
        """Take the signals, if nobody asked before; `twist` knows no privileged start."""
        super().startService()
        self.privilegedStartService()

    def stopService(self) -> None:
        """Leave the signals to who had them before."""
        super().stopService()
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)

    def _received(self, number: int, frame: FrameType | None) -> None:
        """A signal came, in the middle of anything: the reactor acts on it in its turn."""
        self._reactor.callFromThread(self._act, number)

    def _act(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._log.info("SIGHUP: reloading")
            self._server.reload()
        else:
            self._log.info("{name}: nothing to do", name=signal.Signals(number).name)
