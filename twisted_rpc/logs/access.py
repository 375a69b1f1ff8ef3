"""The access log, a line for each call that has ended, and warnings of slow ones."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET
from twisted.logger import Logger, LogLevel, globalLogPublisher

from twisted_rpc import codec
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.events import MADE, clean, plain
from twisted_rpc.logs.observers import ACCESS
from twisted_rpc.logs.secrets import shown_params
from twisted_rpc.namespace import Method
from twisted_rpc.observing import Ended
from twisted_rpc.server import Server

__all__ = ["AccessLog", "SlowCalls", "observe_calls"]


class AccessLog:
    """Logs calls that have ended.

    Args:
        share: of those that ended well, so many; all others are logged.
        methods: those there are, if parameters are logged.
        chance: a number from 0 up to 1.
    """

    def __init__(
        self,
        share: float,
        methods: Mapping[str, Method] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._share = share
        self._methods = methods
        self._chance = chance

    def __call__(self, ended: Ended) -> None:
        """A call has ended."""
        if ended.code is None and self._share < 1 and self._chance() >= self._share:
            return
        params = None
        if self._methods is not None:
            params = shown_params(ended.method, ended.params, self._methods)
        said = _said(ended, params)
        event = {
            **said,
            "log_time": time.time(),
            "log_level": LogLevel.info,
            "log_namespace": ACCESS,
            "log_format": MADE,
            "log_text": clean(_text(said)),
            "log_fields": said,
        }
        globalLogPublisher(event)  # a `Logger` would take as long as the rest of the line


class SlowCalls:
    """Warns of calls that took long.

    Args:
        seconds: from how long on.
    """

    _log = Logger()

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, ended: Ended) -> None:
        """A call has ended."""
        if ended.seconds >= self._seconds:
            self._log.warn(
                "{method!r} took {seconds} seconds for {peer} (slow)",
                method=ended.method,
                seconds=round(ended.seconds, 3),
                **_caller(ended),
            )


def _said(ended: Ended, params: str | None) -> dict[str, Any]:
    """What the access log has of a call, as JSON can say it; what there is not has no place."""
    said = {
        "method": ended.method and clean(ended.method),
        "status": "ok" if ended.code is None else str(ended.code),
        "ms": round(ended.seconds * 1000, 3),
        "id": _shown_id(ended.id),
        "params": params,
        "batch": ended.in_batch,
        "bytes_in": ended.message_size,
        "bytes_out": ended.answer_size,
        "incident": ended.incident,
        **_caller(ended),
    }
    return {name: value for name, value in said.items() if value is not None}


def _text(said: dict[str, Any]) -> str:
    """The same for people."""
    get = said.get
    params = f" {said['params']}" if "params" in said else ""
    return (
        f"{get('method')!r} {said['status']} {said['ms']} ms"
        f" {said['bytes_in']} > {said['bytes_out']} bytes"
        f" {said['transport']} {said['peer']} {get('identity')!r} id {said['id']}{params}"
    )


def _caller(ended: Ended) -> dict[str, Any]:
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


def observe_calls(server: Server, table: LogTable) -> None:
    """Have a server tell of its calls what `[log]` asks for."""
    if table.access:
        methods = server.namespace.methods if table.params else None
        server.dispatcher.observe(AccessLog(float(table.access), methods))
    if table.slow is not None:
        server.dispatcher.observe(SlowCalls(table.slow))
