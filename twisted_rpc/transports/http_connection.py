"""The connection behind the requests of one line over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from twisted.internet.defer import Deferred

from twisted_rpc.connection import Connection
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.flow import NO_BACKLOG
from twisted_rpc.running import Answer
from twisted_rpc.transports.exchange import Exchange

__all__ = ["HTTPConnection"]


class Line(Protocol):
    """What the requests come in on."""

    endpoint: Endpoint
    peer: str

    def drain(self) -> None:
        """Close as soon as the calls that are running have been answered."""

    def abort(self) -> None:
        """Close now."""


class HTTPConnection(Connection):
    """A connection that only answers.

    `headers` and `identity` are those of the request that is worked on.
    """

    transport: ClassVar[str] = "http"
    full_duplex: ClassVar[bool] = False

    __slots__ = ("_line", "exchange")

    def __init__(self, line: Line) -> None:
        super().__init__(line.endpoint, line.peer)
        self._backlog = NO_BACKLOG  # requests wait in the `Pipeline`
        self._line = line
        self.exchange: Exchange | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields of the request that is worked on."""
        return NO_HEADERS if self.exchange is None else self.exchange.text_headers()

    @headers.setter
    def headers(self, _: object) -> None:
        """They belong to a request, not to the connection."""

    @property
    def brings(self) -> bool:  # type: ignore[override]
        """See `Caller`."""
        return self.exchange is not None and self.exchange.brings

    def answer(self, exchange: Exchange, body: bytes) -> Answer:
        """Answer the message in a request's body."""
        self.exchange = exchange
        self.delay = None
        answer = self._dispatch(body, self)
        if self._broadcasts.waiting:
            self._broadcasts.send()
        if not self._tracing:
            return answer
        if isinstance(answer, Deferred):
            return answer.addCallback(self._traced)
        return self._traced(answer)

    def _traced(self, answer: bytes | None) -> bytes | None:
        if answer is not None:
            self._owner.traced("-->", answer, self)
        return answer

    def opened(self) -> None:
        """See `Connection.opened`; each request proves for itself who sends it."""
        self._owner.opened(self)

    def close(self) -> None:
        """See `Connection.close`."""
        self.check_thread("close")
        self._line.drain()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self.check_thread("abort")
        self._line.abort()

    def _set_reading(self, reading: bool) -> None:
        """One request at a time: the protocol sees to it."""
