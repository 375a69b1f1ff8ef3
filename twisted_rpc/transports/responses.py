"""HTTP responses: the bytes of an answer with all its header fields, and when they leave."""

from __future__ import annotations

import math
from email.utils import formatdate

from twisted.internet.interfaces import IReactorTime

from twisted_rpc.transports import web
from twisted_rpc.transports.exchange import Exchange
from twisted_rpc.transports.web import JSON, Fields, Reply, WebRules
from twisted_rpc.transports.wire import Wire

__all__ = ["RETRY_AFTER", "Outbox", "Responses"]

RETRY_AFTER = (b"Retry-After", b"5")
"""When who was one too many may try again, in seconds (RFC 9110, section 10.2.3)."""

_PLAIN = Exchange()
_LARGE = 4096
"""An answer of so many bytes is not kept until the next ones are ready."""


def _date() -> bytes:
    """The time, as a header field says it (RFC 9110, section 5.6.7)."""
    return formatdate(usegmt=True).encode("ascii")


class Responses:
    """Writes responses for the lines of one port.

    Args:
        rules: what `[web]` says of header fields.
        clock: where time comes from.
        secure: whether these lines are TLS.
    """

    def __init__(self, rules: WebRules, clock: IReactorTime, *, secure: bool = False) -> None:
        self._rules = rules
        self._clock = clock
        self._standing = rules.standing_fields(secure=secure)
        self._head = b""
        self._heads: dict[int, bytes] = {}
        self._heads_at = -1.0

    def usual(self, answer: bytes) -> bytes:
        """An answer that needs nothing but the usual header fields.

        These are the same for a second, for all answers of one length.
        """
        now = self._clock.seconds()
        if not 0 <= now - self._heads_at < 1:
            self._renew_head(now)
        size = len(answer)
        head = self._heads.get(size)
        if head is None:
            head = b"%b%d\r\n\r\n" % (self._head, size)
            if size < _LARGE:
                self._heads[size] = head
        return head + answer

    def _renew_head(self, now: float) -> None:
        fields = (
            (b"Date", _date()),
            *self.fields(_PLAIN, Reply(200, b"", JSON)),
            (b"Content-Type", JSON),
        )
        self._head = web.head(200, b"OK", fields) + b"Content-Length: "
        self._heads = {}
        self._heads_at = now

    @staticmethod
    def to_call(answer: bytes | None, delay: float | None = None) -> Reply:
        """What a message was answered with, as HTTP says it: 200, or 204 with nothing.

        Args:
            answer: the message's.
            delay: seconds for which a call in it was refused for a rate.  Where it was the only
                one, HTTP says so too (RFC 6585, section 4).
        """
        if delay is not None and answer is not None and not answer.startswith(b"["):
            return Reply(429, answer, JSON, ((b"Retry-After", b"%d" % math.ceil(delay)),))
        return Reply(204, b"") if answer is None else Reply(200, answer, JSON)

    def whole(self, exchange: Exchange, answer: Reply, *, closes: bool) -> bytes:
        """Any answer; `closes` says that the connection ends with it."""
        fields = [(b"Date", _date()), *self.fields(exchange, answer)]
        if answer.status != 204:
            fields += [
                (b"Content-Type", answer.content_type),
                (b"Content-Length", b"%d" % len(answer.body)),
            ]
        if closes:
            fields.append((b"Connection", b"close"))
        elif exchange.says_keep_alive:
            fields.append((b"Connection", b"keep-alive"))
        body = b"" if exchange.method == b"HEAD" else answer.body
        return web.head(answer.status, answer.reason, fields) + b"\r\n" + body

    def fields(self, exchange: Exchange, answer: Reply) -> Fields:
        """The header fields of an answer, but its date and those that frame it."""
        named = ((b"X-Request-ID", exchange.request_id),) if exchange.request_id else ()
        ruled = self._rules.fields_of(exchange.method, exchange.headers, answer)
        return (*self._standing, *ruled, *named)


class Outbox:
    """The responses of one line, kept until those of one read can leave together.

    Args:
        wire: where to.
    """

    __slots__ = ("_kept", "_wire")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._kept: list[bytes] = []

    def put(self, response: bytes) -> None:
        """Send a response with the next ones, or at once if it is large."""
        self._kept.append(response)
        if len(response) > _LARGE:
            self.flush()

    def flush(self) -> None:
        """Send what is there."""
        if self._kept:
            self._wire.write(b"".join(self._kept))
            self._kept.clear()
