"""Which TLS handshakes fail, and why: one line each, and not more than a log can bear."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.transports.tls import TLSConnection, reason_of

__all__ = ["HandshakeLog"]

MOST, PERIOD = 10, 60.0
"""So many lines are logged in so many seconds; whoever scans ports causes more."""


class HandshakeLog:
    """Tells the log of handshakes that failed.

    Args:
        clock: where time comes from.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._since = 0.0
        self._logged = 0
        self._kept_back = 0

    def failed(self, peer: str, transport: Any, reason: Failure) -> None:
        """A line has ended while TLS was being set up; nothing is said of one that just left."""
        error = reason.value
        if isinstance(error, SSL.Error):
            handle = transport.getHandle()
            refusal = handle.refusal if isinstance(handle, TLSConnection) else None
            self.tell(peer, refusal or reason_of(error))

    def tell(self, peer: str, reason: str) -> None:
        """Log a line, unless there were too many lately."""
        now = self._clock.seconds()
        if self._logged == 0 or now - self._since >= PERIOD:
            self._since, self._logged = now, 0
        if self._logged >= MOST:
            self._kept_back += 1
            return
        self._logged += 1
        more = f" ({self._kept_back} more were not logged)" if self._kept_back else ""
        self._kept_back = 0
        self._log.info(
            "TLS with {peer} failed: {reason}{more}", peer=peer, reason=reason, more=more
        )
