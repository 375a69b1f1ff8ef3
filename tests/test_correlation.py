"""Request ids and traces: what a call brings, what its method knows, what is handed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.helpers import ConnectionTestCase, MemoryConnection, ServerTestCase, batch
from twisted_rpc import Context, Correlation, Limits, Trace
from twisted_rpc.correlation import CURRENT, header_fields, is_request_id

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{ID}-{SPAN}-01"
TRACE = Trace(ID, SPAN, 1)


def call(name: str, /, **members: Any) -> bytes:
    """A call with members of ours."""
    return json.dumps({"jsonrpc": "2.0", "method": name, "id": 1, **members}).encode()


class MethodTests(ServerTestCase):
    """What a method is told."""

    limits = Limits(max_in_flight=1)

    def setUp(self) -> None:
        """Expose what tells it."""
        super().setUp()
        self.contexts: list[Context] = []
        self.seen: list[Correlation | None] = []
        self.server.expose("tell", self.tell)
        self.server.expose("later", self.later)

    def tell(self, ctx: Context) -> None:
        """Keep a context."""
        self.contexts.append(ctx)
        self.seen.append(CURRENT.get())

    async def later(self) -> None:
        """Keep what a coroutine that takes no context belongs to, before it waits and after."""
        self.seen.append(CURRENT.get())
        waited: Deferred[None] = Deferred()
        self.clock.callLater(1, waited.callback, None)
        await waited
        self.seen.append(CURRENT.get())

    def told(self, message: bytes, context: Context | None = None) -> Context:
        """The context of a call of `tell`."""
        self.assertNotIn("error", self.answer_to(message, context))
        return self.contexts.pop()

    def test_members_are_told(self) -> None:
        context = self.told(call("tell", request_id="a-1", traceparent=PARENT, tracestate="x=1"))
        self.assertEqual(context.request_id, "a-1")
        self.assertEqual(context.trace, Trace(ID, SPAN, 1, "x=1"))

    def test_who_brings_nothing_has_a_new_id_each_time(self) -> None:
        first, second = self.told(call("tell")), self.told(call("tell"))
        self.assertTrue(is_request_id(first.request_id))
        self.assertNotEqual(first.request_id, second.request_id)
        self.assertIsNone(first.trace)

    def test_members_go_before_headers(self) -> None:
        headers = {"x-request-id": "h", "traceparent": PARENT, "tracestate": "x=1"}
        context = Context(headers=headers)
        self.assertEqual(self.told(call("tell"), context).request_id, "h")
        self.assertEqual(self.told(call("tell"), context).trace, Trace(ID, SPAN, 1, "x=1"))
        other = PARENT.replace(SPAN, SPAN[::-1])
        told = self.told(call("tell", request_id="m", traceparent=other), context)
        self.assertEqual((told.request_id, told.trace), ("m", Trace(ID, SPAN[::-1], 1)))

    def test_what_is_not_valid_is_replaced_or_ignored(self) -> None:
        texts = ("", "a b", "a\nb", "x" * 129, "\u00e4")
        others: tuple[Any, ...] = (7, None, [], {"a": 1})
        for wrong in (*texts, *others):
            told = self.told(call("tell", request_id=wrong, traceparent=wrong, tracestate=wrong))
            self.assertTrue(is_request_id(told.request_id))
            self.assertIsNone(told.trace)
        beyond = call("tell", request_id="?").replace(b'"?"', b"1e999")
        self.assertTrue(is_request_id(self.told(beyond).request_id))

    def test_members_hold_beside_a_number_that_python_would_write_otherwise(self) -> None:
        message = call("tell", request_id="a").replace(b'"id": 1', b'"id": 1.0')
        self.assertEqual(self.told(message).request_id, "a")

    def test_each_item_of_a_batch_has_its_own(self) -> None:
        self.answer_to(batch(call("tell", request_id="a"), call("tell", request_id="b")))
        self.assertEqual([context.request_id for context in self.contexts], ["a", "b"])

    def test_a_coroutine_belongs_to_its_call_as_long_as_it_runs(self) -> None:
        answer = self.server.dispatch(call("later", request_id="a"))
        self.assertIsNone(CURRENT.get())
        self.clock.advance(1)
        self.successResultOf(answer)
        self.assertEqual(self.seen, [Correlation("a"), Correlation("a")])

    def test_so_does_one_that_has_parameters_alone(self) -> None:
        async def double(value: int) -> int:
            self.seen.append(CURRENT.get())
            return 2 * value

        self.server.expose("double", double)
        brought = {"params": [2], "request_id": "b"}
        answer = self.server.dispatch(call("double", **brought))
        self.assertIn(b'"result":4', self.successResultOf(answer))
        self.assertEqual(self.seen, [Correlation("b")])
        self.assertIsNone(CURRENT.get())

    def test_a_method_with_a_context_belongs_to_its_call(self) -> None:
        self.answer_to(call("tell", traceparent=PARENT))
        (seen,) = self.seen
        assert seen is not None
        self.assertEqual((seen.trace, seen.is_brought), (TRACE, True))
        self.answer_to(call("tell"))
        assert self.seen[1] is not None
        self.assertFalse(self.seen[1].is_brought)
        self.assertIsNone(CURRENT.get())

    def test_what_had_to_wait_does_not_belong_to_the_call_that_made_room(self) -> None:
        waiting: Deferred[None] = Deferred()

        def release(ctx: Context) -> None:
            waiting.callback(None)
            assert CURRENT.get() is not None

        async def see(a: int) -> None:
            self.seen.append(CURRENT.get())

        self.server.expose("release", release)
        self.server.expose("wait", lambda a: waiting)
        self.server.expose("see", see)
        self.server.expose("look", lambda a: self.seen.append(CURRENT.get()))
        line = MemoryConnection(self.server).open()
        names = "wait", "see", "look"
        line.receive([call(name, params=[0], id=name) for name in names])
        self.assertEqual(self.seen, [])
        self.answer_to(call("release", request_id="a", traceparent=PARENT))
        self.assertEqual(self.seen, [None, None])
        self.assertEqual(len(line.take_sent()), 3)

    def test_an_incident_names_the_request(self) -> None:
        self.server.expose("fail", lambda: 1 / 0)
        with capturedLogs() as events:
            self.answer_to(call("fail", request_id="a", traceparent=PARENT))
            self.answer_to(batch(call("fail")))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        first, second = [event for event in events if "incident" in event]
        self.assertEqual((first["request_id"], first["trace_id"]), ("a", ID))
        self.assertNotIn("trace_id", second)

    @given(st.text())
    def test_whatever_is_sent_is_an_id(self, text: str) -> None:
        told = self.told(call("tell", request_id=text))
        self.assertTrue(is_request_id(told.request_id))
        self.assertTrue(told.request_id == text or not is_request_id(text))


def test_header_fields_say_what_there_is() -> None:
    only_id = {"X-Request-ID": "a"}
    assert header_fields(Correlation("a")) == only_id
    assert header_fields(Correlation("a", TRACE)) == {**only_id, "traceparent": PARENT}


class HandingOnTests(ConnectionTestCase):
    """What calls of ours bring."""

    def sent_by(self, name: str, function: Callable[..., Any], **members: Any) -> Any:
        """The call that the far side gets because of a call of its own."""
        self.server.expose(name, function)
        self.connection.receive([call(name, **members)])
        return next(message for message in self.connection.take_sent() if "method" in message)

    def tearDown(self) -> None:
        """End what waits."""
        self.connection.lost()

    async def ask(self) -> Any:
        """Call back."""
        return await self.connection.call("ask")

    def test_a_coroutine_hands_on_what_its_call_brought(self) -> None:
        members = {"request_id": "a", "traceparent": PARENT, "tracestate": "x=1"}
        sent = self.sent_by("m", self.ask, **members)
        self.assertEqual({name: sent.get(name) for name in members}, members)

    def test_a_method_with_a_context_hands_it_on(self) -> None:
        def with_context(ctx: Context) -> Any:
            return ctx.connection.call("ask")

        self.assertEqual(self.sent_by("n", with_context, request_id="a")["request_id"], "a")

    def test_who_brought_nothing_gets_nothing(self) -> None:
        self.assertEqual(set(self.sent_by("m", self.ask)), {"jsonrpc", "method", "id"})

    def test_it_is_handed_on_where_that_is_said(self) -> None:
        def given(ctx: Context) -> Any:
            return ctx.connection.call("ask", trace=ctx)

        self.assertTrue(is_request_id(self.sent_by("m", given)["request_id"]))

    def test_a_call_of_a_batch_brings_its_own(self) -> None:
        calls = self.connection.batch()
        first = calls.call("a", trace=Correlation("one", TRACE))
        second = calls.call("b")
        self.connection.begin_calls(calls._calls)
        (sent,) = self.connection.take_sent()
        self.assertEqual([message.get("request_id") for message in sent], ["one", None])
        self.assertEqual(sent[0]["traceparent"], PARENT)
        self.assertNotIn("tracestate", sent[0])
        for waiting in (first, second):
            waiting.addErrback(lambda _: None)

    def test_what_is_no_id_is_not_sent(self) -> None:
        with self.assertRaisesRegex(ValueError, "'a b' is no request id"):
            self.connection.call("ask", trace=Correlation("a b"))
        self.assertEqual(self.connection.take_sent(), [])

    def test_the_headers_of_a_line_hold_for_its_calls(self) -> None:
        line = MemoryConnection(self.server, {"x-request-id": "h"}).open()

        async def ask() -> Any:
            return await line.call("ask")

        self.server.expose("m", ask)
        line.receive([call("m")])
        self.assertEqual(line.take_sent()[0]["request_id"], "h")
        line.lost()
