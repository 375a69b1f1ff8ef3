"""Which request a call belongs to, and which trace: what it brings, and what it hands on.

A call brings them as members of its message or, for all calls of a request or a line, as
header fields.  Who brings none costs nothing, and nothing is handed on for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from itertools import count
from typing import Any, Protocol

from msgspec import UNSET, Raw, Struct, UnsetType

from twisted_rpc.codec import decode_value
from twisted_rpc.errors import InvalidRequest
from twisted_rpc.message import CorrelatedRequest, Message, Request
from twisted_rpc.tracing import Trace, parse_trace

__all__ = [
    "CURRENT",
    "FIELDS",
    "Correlated",
    "Correlation",
    "brings",
    "correlated",
    "correlation_for",
    "correlation_of",
    "handed_on",
    "header_fields",
    "is_request_id",
    "new_request_id",
]

FIELDS = ("x-request-id", "traceparent")
"""The header fields, in lower case, of which one makes a call one that brings something."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")
_process = os.urandom(6).hex()
_numbers = count(1)


class Correlation(Struct, frozen=True):
    """What a call hands on to those that are made for it.

    Attributes:
        request_id: names the request that all of them serve, in every log on the way.
        trace: where they stand in a trace, if they do.
        is_brought: whether a far side is to know: it has said something of it, too.
    """

    request_id: str
    trace: Trace | None = None
    is_brought: bool = True

    def fields(self) -> dict[str, str]:
        """What an event in a log has of it."""
        if self.trace is None:
            return {"request_id": self.request_id}
        return {"request_id": self.request_id, "trace_id": self.trace.trace_id}


class Correlated(Protocol):
    """What names a request and a trace: a `Context`, or a `Correlation`."""

    @property
    def request_id(self) -> str:
        """See `Correlation`."""

    @property
    def trace(self) -> Trace | None:
        """See `Correlation`."""


class Bringer(Protocol):
    """Who brings a message, and header fields with it."""

    @property
    def brings(self) -> bool:
        """Whether it has one of `FIELDS`."""

    def field(self, name: str) -> str:
        """A header field by its lower-case name; empty if it is not there."""


CURRENT: ContextVar[Correlation | None] = ContextVar("twisted_rpc.correlation", default=None)
"""That of the call for which code runs: in a method until it returns, in a thread of its own or
not, and in a coroutine as long as it is awaited; not in what the reactor calls later for it."""


def brings(headers: Mapping[str, str]) -> bool:
    """Whether header fields, by their lower-case names, have one of `FIELDS`."""
    return not headers.keys().isdisjoint(FIELDS)


def is_request_id(text: str) -> bool:
    """Whether it may go into logs and header fields: 128 letters, digits and `._~:/+=@-`."""
    return _REQUEST_ID.fullmatch(text) is not None


def new_request_id() -> str:
    """One that no other process makes."""
    return f"{_process}-{next(_numbers):x}"


def correlation_of(message: Message, bringer: Bringer) -> Correlation | None:
    """What a message brought; its members go before header fields.

    It is kept in the message: when its call ends, another request may be on the line.

    Returns:
        None if it brought nothing, and nothing was made for it.
    """
    kept: Any = message.request_id
    if type(kept) is Correlation:
        return kept
    if kept is UNSET and message.traceparent is UNSET and not bringer.brings:
        return None
    request_id = _text(kept) or bringer.field("x-request-id")
    trace = parse_trace(_text(message.traceparent), _text(message.tracestate))
    if message.traceparent is UNSET:
        trace = parse_trace(bringer.field("traceparent"), bringer.field("tracestate"))
    if not is_request_id(request_id):
        request_id = new_request_id()
    correlation = Correlation(request_id, trace)
    message.request_id = correlation  # type: ignore[assignment]  # see `Message`
    return correlation


def correlation_for(message: Message, bringer: Bringer) -> Correlation:
    """What a message brought, or what is made for one that brought nothing."""
    if message.request_id is UNSET and message.traceparent is UNSET and not bringer.brings:
        correlation = Correlation(f"{_process}-{next(_numbers):x}", None, False)  # in one go
        message.request_id = correlation  # type: ignore[assignment]  # see `Message`
        return correlation
    brought = correlation_of(message, bringer)
    assert brought is not None
    return brought


def _text(raw: Raw | UnsetType) -> str:
    if raw is UNSET:
        return ""
    try:
        value = decode_value(raw)
    except InvalidRequest:  # a number out of range
        return ""
    return value if isinstance(value, str) else ""


def correlated(request: Request, correlation: Correlation) -> CorrelatedRequest:
    """A call of ours that says which request and which trace it belongs to."""
    trace = correlation.trace
    return CorrelatedRequest(
        *(request.jsonrpc, request.method, request.params, request.id),
        request_id=correlation.request_id,
        traceparent=UNSET if trace is None else trace.traceparent,
        tracestate=(trace and trace.state) or UNSET,
    )


def header_fields(correlation: Correlation) -> dict[str, str]:
    """The same as header fields of HTTP."""
    fields = {"X-Request-ID": correlation.request_id}
    if correlation.trace is not None:
        fields["traceparent"] = correlation.trace.traceparent
        if correlation.trace.state:
            fields["tracestate"] = correlation.trace.state
    return fields


def handed_on(given: Correlated | None) -> Correlation | None:
    """What a call of ours brings: what it is given, or else what the current call brought.

    Raises:
        ValueError: the request id is none.
    """
    if given is None:
        current = CURRENT.get()
        return current if current is not None and current.is_brought else None
    if not is_request_id(given.request_id):
        raise ValueError(f"{given.request_id!r} is no request id")
    return Correlation(given.request_id, given.trace)
