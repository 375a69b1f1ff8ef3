"""Spans of OpenTelemetry: one around each call that is answered, one for each that is made.

Names and attributes are those of OpenTelemetry's semantic conventions for JSON-RPC
(https://opentelemetry.io/docs/specs/semconv/rpc/json-rpc/).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, structs
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from twisted_rpc import codec
from twisted_rpc.checkers.arguments import imported
from twisted_rpc.context import Context
from twisted_rpc.correlation import CURRENT, Correlation, new_request_id
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import CallError, ErrorCode, RemoteError
from twisted_rpc.invocation import CallNext
from twisted_rpc.message import Request
from twisted_rpc.outgoing import Call
from twisted_rpc.tracing import Trace

__all__ = ["trace_with_otel"]

_OTHER = "_OTHER"
"""What stands for methods that are not exposed: anybody may make names up."""

_LONGEST = 256
"""So many characters of a name that is made up are told."""


def trace_with_otel(endpoint: Endpoint, provider: Any = None) -> Callable[[], None]:
    """Trace the calls that an endpoint answers, and those that it makes.

    A span is the child of the one that its caller sent as `traceparent`; a call that is made
    in a method is one of the method's.  All calls take the long way from then on.

    Args:
        endpoint: a server, a client or a peer.
        provider: a `TracerProvider`; OpenTelemetry's own, which the application has set up,
            unless given.

    Returns:
        What ends the tracing of calls that it makes.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    api = imported("opentelemetry.trace", "otel")
    spans = _Spans(endpoint, api, api.get_tracer("twisted_rpc", tracer_provider=provider))
    endpoint.use(spans.answer)
    return endpoint.on_call(spans.call)


class _Spans:
    """The spans of one endpoint.

    Args:
        endpoint: whose.
        api: `opentelemetry.trace`.
        tracer: makes them.
    """

    def __init__(self, endpoint: Endpoint, api: Any, tracer: Any) -> None:
        self._endpoint = endpoint
        self._api = api
        self._tracer = tracer

    async def answer(self, call_next: CallNext, request: Request, context: Context) -> Any:
        """A middleware: answer a call within a span."""
        is_known = request.method in self._endpoint.methods
        name = request.method if is_known else _OTHER
        attributes = _attributes(name, request.id)
        if not is_known:
            attributes["rpc.method_original"] = request.method[:_LONGEST]
        parent = None if context.trace is None else self._context_of(context.trace)
        span = self._tracer.start_span(name, parent, self._api.SpanKind.SERVER, attributes)
        trace = self._trace_of(span)
        CURRENT.set(Correlation(context.request_id, trace))
        with self._api.use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                return await call_next(request, structs.replace(context, trace=trace))
            except BaseException as error:
                self._failed(span, str(self._code_of(error)), error)
                raise

    def call(self, call: Call) -> None:
        """Have a call of ours made within a span, which ends with it."""
        brought = call.correlation
        attributes = _attributes(call.method, UNSET)
        parent = None if brought is None else self._parent_of(brought.trace)
        kind = self._api.SpanKind.CLIENT
        span = self._tracer.start_span(call.method, parent, kind, attributes)
        request_id = new_request_id() if brought is None else brought.request_id
        call.correlation = Correlation(request_id, self._trace_of(span))

        def ended(outcome: Any) -> Any:
            if isinstance(outcome, Failure):
                error = outcome.value
                code = str(error.code) if isinstance(error, RemoteError) else ""
                self._failed(span, code, error)
            span.end()
            return outcome

        call.result.addBoth(ended)

    def _parent_of(self, trace: Trace | None) -> Any:
        """The context that a call has been given; None for the current one, if it is in it."""
        current = self._api.get_current_span().get_span_context()
        if trace is None or f"{current.trace_id:032x}" == trace.trace_id:
            return None
        return self._context_of(trace)

    def _context_of(self, trace: Trace) -> Any:
        api = self._api
        remote = api.SpanContext(
            int(trace.trace_id, 16),
            int(trace.parent_id, 16),
            is_remote=True,
            trace_flags=api.TraceFlags(trace.flags),
            trace_state=api.TraceState.from_header([trace.state]),
        )
        return api.set_span_in_context(api.NonRecordingSpan(remote))

    @staticmethod
    def _trace_of(span: Any) -> Trace | None:
        own = span.get_span_context()
        if not own.is_valid:  # nobody has set a provider up
            return None
        ids = f"{own.trace_id:032x}", f"{own.span_id:016x}"
        return Trace(*ids, int(own.trace_flags), own.trace_state.to_header())

    def _failed(self, span: Any, code: str, error: BaseException | None) -> None:
        span.set_attribute("error.type", code or type(error).__name__)
        if code:
            span.set_attribute("rpc.response.status_code", code)
        span.set_status(self._api.Status(self._api.StatusCode.ERROR))

    def _code_of(self, error: BaseException) -> int:
        """The code that the answer will have."""
        try:
            known = self._endpoint.error_for(error)
        except BaseException:
            known = None
        if known is not None:
            return int(known.code)
        if isinstance(error, CancelledError):
            return int(ErrorCode.CANCELLED)
        if isinstance(error, CallError):
            return int(ErrorCode.SERVER_ERROR)
        return int(ErrorCode.INTERNAL_ERROR)


def _attributes(method: str, request_id: Any) -> dict[str, str]:
    """What is known when a span begins."""
    said = {
        "rpc.system.name": "jsonrpc",
        "rpc.method": method,
        "jsonrpc.protocol.version": "2.0",
    }
    if request_id is not UNSET and request_id is not None:
        text = request_id if isinstance(request_id, str) else codec.encode(request_id).decode()
        said["jsonrpc.request.id"] = text
    return said
