"""What the access log has of a call that has ended."""

from __future__ import annotations

import time
from typing import Any

from msgspec import UNSET, Struct, structs
from twisted.logger import LogLevel, globalLogPublisher

from twisted_rpc import codec
from twisted_rpc.logs.events import clean, iso_time, plain
from twisted_rpc.observing import Ended

__all__ = ["ACCESS", "CallLine", "line_of", "origin_of", "publish"]

ACCESS = "twisted_rpc.access"
"""The namespace of the access log."""


class CallLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the access log, member by member; all text of it is `clean`.

    What there is not is None, and has no place in JSON.
    """

    time: str
    level: str
    namespace: str
    message: str
    method: str | None = None
    status: str
    ms: float
    id: str
    params: str | None = None
    batch: bool
    bytes_in: int
    bytes_out: int
    incident: str | None = None
    peer: str
    transport: str
    connection: Any = None
    identity: str | None = None
    request_id: str | None = None
    trace_id: str | None = None


def line_of(ended: Ended, params: str | None = None) -> CallLine:
    """The line of a call; `params` is what may be shown of its parameters."""
    method = ended.method and clean(ended.method)
    status = "ok" if ended.code is None else str(ended.code)
    ms = round(ended.seconds * 1000, 3)
    called_as = _shown_id(ended.id)
    origin = origin_of(ended)
    message = (
        f"{method!r} {status} {ms} ms {ended.message_size} > {ended.answer_size} bytes"
        f" {origin['transport']} {origin['peer']} {origin['identity']!r} id {called_as}"
    )
    return CallLine(
        time=iso_time(time.time()),
        level="info",
        namespace=ACCESS,
        message=clean(message if params is None else f"{message} {params}"),
        method=method,
        status=status,
        ms=ms,
        id=called_as,
        params=params,
        batch=ended.in_batch,
        bytes_in=ended.message_size,
        bytes_out=ended.answer_size,
        incident=ended.incident,
        **origin,
    )


def origin_of(ended: Ended) -> dict[str, Any]:
    """Where a call came from."""
    context = ended.context
    return {
        "peer": clean(str(ended.peer)) or "-",
        "transport": clean(str(ended.transport)) or "-",
        "connection": plain(getattr(ended.connection, "id", None)),
        "identity": None if ended.identity is None else clean(str(ended.identity)),
        "request_id": context and context.request_id,
        "trace_id": context and context.trace and context.trace.trace_id,
    }


def _shown_id(request_id: Any) -> str:
    if type(request_id) is int:
        return str(request_id)
    if request_id is UNSET:
        return "-"
    return clean(codec.encode(request_id).decode())


def publish(line: CallLine) -> None:
    """Have it written by whoever keeps the log, if that is nobody of ours."""
    said = structs.asdict(line)
    for told in ("time", "level", "namespace"):
        del said[told]
    text = said.pop("message")
    kind = {"log_level": LogLevel.info, "log_namespace": ACCESS, "log_time": time.time()}
    globalLogPublisher({**said, **kind, "log_format": "{log_text}", "log_text": text})
