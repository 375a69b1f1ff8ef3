"""Which TLS handshakes fail, and why: one line each, and not more than a log can bear."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.sparing import Sparing
from twisted_rpc.transports.tls import TLSConnection, reason_of

__all__ = ["HandshakeLog"]


class HandshakeLog:
    """Tells the log of handshakes that failed.

    Args:
        clock: where time comes from.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._lines = Sparing(clock)

    def failed(self, peer: str, transport: Any, reason: Failure) -> None:
        """A line has ended while TLS was being set up; nothing is said of one that just left."""
        error = reason.value
        if isinstance(error, SSL.Error):
            handle = transport.getHandle()
            refusal = handle.refusal if isinstance(handle, TLSConnection) else None
            self.tell(peer, refusal or reason_of(error))

    def tell(self, peer: str, reason: str) -> None:
        """Log a line, unless there were too many lately."""
        more = self._lines.more()
        if more is not None:
            text = "TLS with {peer} failed: {reason}{more}"
            self._log.info(text, peer=peer, reason=reason, more=more)
