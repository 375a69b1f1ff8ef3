"""Spans of OpenTelemetry, as an exporter gets them."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.client.harness import URLS, ClientTestCase, reactor
from tests.helpers import ServerTestCase, notification, request
from tests.transports.harness import listening_port
from twisted_rpc import (
    Client,
    ConfigError,
    Context,
    Correlation,
    RemoteError,
    RPCError,
    Server,
    Trace,
    listen,
    method,
)
from twisted_rpc.outgoing import Call
from twisted_rpc.spans import trace_with_otel

TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1, "a=1")


class Exported:
    """A provider, and the spans that have ended."""

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def spans(self) -> list[ReadableSpan]:
        """Those that have ended since this was asked before."""
        ended = list(self._exporter.get_finished_spans())
        self._exporter.clear()
        return ended


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    """Whether one span is the child of another."""
    assert child.parent is not None
    assert parent.context is not None
    mine, its = child.parent, parent.context
    return (mine.trace_id, mine.span_id) == (its.trace_id, its.span_id)


class ServerSpanTests(ServerTestCase):
    """A server that traces what it answers."""

    def setUp(self) -> None:
        """Trace a server."""
        super().setUp()
        self.exported = Exported()
        trace_with_otel(self.server, self.exported.provider)
        self.server.expose("add", lambda a, b: a + b)
        self.server.expose("fail", self.fail_with)
        self.server.expose("tell", self.tell)

    def fail_with(self, what: int) -> None:
        """Raise."""
        errors: list[BaseException] = [RPCError(1000, "no"), KeyError("x"), CancelledError()]
        raise [*errors, RemoteError(5, "x", method="m", peer="p")][what]

    async def tell(self, ctx: Context) -> Any:
        """Where it is."""
        here = api.get_current_span().get_span_context()
        assert ctx.trace is not None
        return [f"{here.span_id:016x}", ctx.trace.parent_id, ctx.trace.trace_id]

    def span(self, message: bytes) -> ReadableSpan:
        """The span of one message."""
        self.successResultOf(self.server.dispatch(message))
        (span,) = self.exported.spans()
        return span

    def test_a_call(self) -> None:
        span = self.span(request("add", [1, 2], id="a"))
        self.assertEqual((span.name, span.kind), ("add", api.SpanKind.SERVER))
        self.assertEqual(
            dict(span.attributes or {}),
            {
                "rpc.system.name": "jsonrpc",
                "rpc.method": "add",
                "jsonrpc.protocol.version": "2.0",
                "jsonrpc.request.id": "a",
            },
        )
        self.assertIsNone(span.parent)
        self.assertTrue(span.status.is_unset)

    def test_ids_are_texts_and_notifications_have_none(self) -> None:
        for message, expected in (
            (request("add", [1, 2], id=7), "7"),
            (request("add", [1, 2], id=1.5), "1.5"),
            (request("add", [1, 2], id=None), None),
            (notification("add", [1, 2]), None),
        ):
            attributes = self.span(message).attributes or {}
            self.assertEqual(attributes.get("jsonrpc.request.id"), expected)

    def test_errors_have_their_codes(self) -> None:
        for what, code in enumerate(("1000", "-32603", "-32800", "-32000")):
            span = self.span(request("fail", [what]))
            attributes = span.attributes or {}
            self.assertEqual(attributes["rpc.response.status_code"], code)
            self.assertEqual(attributes["error.type"], code)
            self.assertEqual(span.status.status_code, api.StatusCode.ERROR)
        self.flushLoggedErrors(KeyError)

    def test_a_hook_that_fails_is_an_internal_error(self) -> None:
        self.patch(self.server, "error_for", lambda error: 1 / 0)
        attributes = self.span(request("fail", [0])).attributes or {}
        self.assertEqual(attributes["error.type"], "-32603")
        self.flushLoggedErrors(ZeroDivisionError)

    def test_names_that_are_made_up_are_no_names_of_spans(self) -> None:
        span = self.span(request("made.up"))
        attributes = span.attributes or {}
        self.assertEqual((span.name, attributes["rpc.method"]), ("_OTHER", "_OTHER"))
        self.assertEqual(attributes["rpc.method_original"], "made.up")
        attributes = self.span(request("x" * 10_000)).attributes or {}
        self.assertEqual(attributes["rpc.method_original"], "x" * 256)

    def test_the_parent_is_what_the_caller_sent(self) -> None:
        member = b'{"traceparent":"%s",' % TRACE.traceparent.encode()
        self.server.dispatch(request("tell").replace(b"{", member, 1))
        (span,) = self.exported.spans()
        assert span.parent is not None
        self.assertTrue(span.parent.is_remote)
        self.assertEqual(f"{span.parent.span_id:016x}", TRACE.parent_id)

    def test_a_method_is_inside_its_span(self) -> None:
        told = self.result_of("tell")
        (span,) = self.exported.spans()
        assert span.context is not None
        self.assertEqual(told[0], f"{span.context.span_id:016x}")
        self.assertEqual(told, [told[0], told[0], f"{span.context.trace_id:032x}"])


class Asking:
    """Asks another server, in several ways."""

    def __init__(self, behind: Client, provider: TracerProvider) -> None:
        self.behind = behind
        self.tracer = provider.get_tracer("app")

    @method
    async def ask(self) -> Any:
        await deferLater(reactor, 0.001)
        return await self.behind.call("things.add", [1, 2])

    @method
    async def inside(self) -> Any:
        with self.tracer.start_as_current_span("own"):
            return await self.behind.call("things.add", [1, 2])

    @method
    def later(self, ctx: Context) -> Deferred[Any]:
        return deferLater(reactor, 0, self.behind.call, "things.fail", trace=ctx)


class ChainTests(ClientTestCase):
    """A client, a daemon, and another behind it: one trace."""

    async def front(self, transport: str) -> Client:
        """A client that traces, of a server that does, in front of another."""
        self.exported = Exported()
        trace_with_otel(self.server, self.exported.provider)
        behind = await self.open(transport)
        trace_with_otel(behind, self.exported.provider)
        front = Server()
        trace_with_otel(front, self.exported.provider)
        front.expose("front", Asking(behind, self.exported.provider))
        port = await listen(front, "tcp:0")

        async def stop() -> None:
            await maybeDeferred(port.stopListening)
            await front.drain()

        self.addCleanup(lambda: Deferred.fromCoroutine(stop()))
        client = await self.client(URLS[transport].format(port=listening_port(port)))
        trace_with_otel(client, self.exported.provider)
        return client

    async def _check_chain(self, transport: str) -> None:
        client = await self.front(transport)
        self.assertEqual(await client.call("front.ask"), 3)
        spans = self.exported.spans()
        self.assertEqual(
            [(span.name, span.kind.name) for span in spans],
            [
                ("things.add", "SERVER"),
                ("things.add", "CLIENT"),
                ("front.ask", "SERVER"),
                ("front.ask", "CLIENT"),
            ],
        )
        for child, parent in pairwise(spans):
            self.assertTrue(is_child(child, parent), child.name)
        self.assertIsNone(spans[-1].parent)

    async def test_tcp(self) -> None:
        await self._check_chain("tcp")

    async def test_http(self) -> None:
        await self._check_chain("http")

    async def test_websocket(self) -> None:
        await self._check_chain("websocket")

    async def test_a_span_of_the_application_is_between(self) -> None:
        client = await self.front("tcp")
        await client.call("front.inside")
        _, called, own, *_ = self.exported.spans()
        self.assertEqual((called.name, own.name), ("things.add", "own"))
        self.assertTrue(is_child(called, own))

    async def test_an_error_ends_each_span(self) -> None:
        client = await self.front("tcp")
        with self.assertRaises(RemoteError):
            await client.call("front.later", trace=Correlation("r", TRACE))
        spans = self.exported.spans()
        codes = [(span.attributes or {})["error.type"] for span in spans]
        self.assertEqual(codes, ["1000", "1000", "-32000", "-32000"])
        for child, parent in pairwise(spans):
            self.assertTrue(is_child(child, parent), child.name)
        assert spans[-1].parent is not None
        self.assertEqual(f"{spans[-1].parent.span_id:016x}", TRACE.parent_id)

    async def test_a_cancelled_call_ends_its_span(self) -> None:
        await self.front("tcp")
        behind = self.clients[0]
        waiting = behind.call("things.wait")
        waiting.cancel()
        with self.assertRaises(CancelledError):
            await waiting
        assert (self.exported.spans()[0].attributes or {})["error.type"] == "CancelledError"

    async def test_calls_of_a_batch_have_spans_of_their_own(self) -> None:
        client = await self.front("http")
        async with client.batch() as calls:
            calls.call("front.ask")
            calls.call("front.ask")
        spans = self.exported.spans()
        assert len({span.context.trace_id for span in spans if span.context}) == 2
        assert len(spans) == 8

    async def test_a_call_that_is_refused_at_once_begins_no_span(self) -> None:
        await self.front("tcp")
        behind = self.clients[0]
        connection = behind.connection
        assert connection is not None
        begun: list[str] = []
        for caller in (behind, behind.batch(), connection):
            self.addCleanup(behind.on_call(lambda call: begun.append(call.method)))
            with self.assertRaises(ValueError):
                caller.call("things.wait", timeout=-1)
        with self.assertRaises(RuntimeError):
            await deferToThread(connection.call, "things.wait")
        self.assertEqual(begun, [])

    async def test_an_observer_of_calls_that_fails_stops_none(self) -> None:
        def fail(call: Call) -> None:
            raise ZeroDivisionError

        client = await self.open("tcp")
        self.addCleanup(client.on_call(fail))
        self.assertEqual(await client.call("things.echo", [1]), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_it_can_be_ended(self) -> None:
        await self.front("tcp")
        client = await self.open("tcp")
        end = trace_with_otel(client, self.exported.provider)
        end()
        await client.call("things.echo", [1])
        self.assertEqual([span.kind.name for span in self.exported.spans()], ["SERVER"])


def test_without_a_provider_nothing_is_made_up() -> None:
    case = ServerSpanTests("span")
    case.setUp()
    server = case.make_server()
    trace_with_otel(server)
    seen: list[Any] = []

    def tell(ctx: Context) -> None:
        seen.append(ctx.trace)

    server.expose("tell", tell)
    server.dispatch(request("tell"))
    assert seen == [None]


def test_without_opentelemetry_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigError, match=r"twisted_rpc\[otel\]"):
        trace_with_otel(Server())
