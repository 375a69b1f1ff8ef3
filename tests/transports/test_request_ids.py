"""Request ids and traces as header fields: sent back, kept apart, and never made up."""

from __future__ import annotations

from typing import Any

from tests.helpers import request
from tests.transports.harness import Line
from tests.transports.web_client import HTTPTestCase, echo, post, reply_to, take_reply
from twisted_rpc import Context
from twisted_rpc.correlation import is_request_id

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class RequestIdTests(HTTPTestCase):
    """One HTTP port, and lines that bring request ids."""

    def setUp(self) -> None:
        """Expose what tells them."""
        super().setUp()
        self.server.expose("tell", self.tell)

    def tell(self, ctx: Context) -> list[Any]:
        """What a method is told."""
        return [ctx.request_id, ctx.trace and ctx.trace.trace_id]

    async def told(self, line: Line, *fields: str) -> tuple[Any, str | None]:
        """What a call is told, and what is sent back of it."""
        reply = await reply_to(line, post(request("tell"), *fields))
        return reply.json()["result"], reply.headers.get("x-request-id")

    async def test_an_id_is_told_and_sent_back(self) -> None:
        line = await self.open()
        told, sent_back = await self.told(line, "X-Request-ID: a-1", f"traceparent: {PARENT}")
        self.assertEqual((told, sent_back), (["a-1", PARENT[3:35]], "a-1"))

    async def test_without_one_none_is_sent_back(self) -> None:
        line = await self.open()
        self.assertNotIn("x-request-id", (await reply_to(line, echo(1))).headers)
        told, sent_back = await self.told(line, f"traceparent: {PARENT}")
        self.assertIsNone(sent_back)
        self.assertTrue(is_request_id(told[0]))

    async def test_what_is_no_id_is_replaced(self) -> None:
        line = await self.open()
        for wrong in ("a b", "x" * 129, '"', "a,b", "\x80"):
            told, sent_back = await self.told(line, f"X-Request-ID: {wrong}")
            self.assertEqual(told[0], sent_back)
            self.assertTrue(is_request_id(told[0]))

    async def test_each_request_of_a_line_has_its_own(self) -> None:
        line = await self.open()
        for number in range(3):
            field = f"X-Request-ID: r{number}"
            self.assertEqual(await self.told(line, field), ([f"r{number}", None], f"r{number}"))
            told, sent_back = await self.told(line)
            self.assertNotEqual(told[0], f"r{number}")
            self.assertIsNone(sent_back)

    async def test_pipelined_requests_keep_theirs(self) -> None:
        line = await self.open()
        ids = ["a", "b", "", "a", "c", ""]
        line.send(
            b"".join(
                post(request("tell", id=number), *([f"X-Request-ID: {id}"] if id else []))
                for number, id in enumerate(ids)
            )
        )
        replies = [await take_reply(line) for _ in ids]
        self.assertEqual([reply.headers.get("x-request-id", "") for reply in replies], ids)
        for reply, id in zip(replies, ids, strict=True):
            told = reply.json()["result"][0]
            self.assertEqual(told == id, bool(id))

    async def test_a_head_with_an_id_is_not_remembered(self) -> None:
        line = await self.open()
        for _ in range(3):
            await self.told(line, "X-Request-ID: a")
        await reply_to(line, echo(1))
        await reply_to(line, echo(1))
        (protocol,) = self.server.lines
        heads = protocol.factory.heads._heads  # type: ignore[attr-defined]
        self.assertEqual([head.headers.get(b"x-request-id") for head in heads], [None])

    async def test_a_refusal_sends_it_back(self) -> None:
        line = await self.open()
        reply = await reply_to(line, post(b"{}", "X-Request-ID: a", path="/nowhere"))
        self.assertEqual((reply.status, reply.headers["x-request-id"]), (404, "a"))

    async def test_a_refused_head_sends_nothing_back_that_is_no_id(self) -> None:
        fields = [f"X-{number}: x" for number in range(100)]
        reply = await self.refusal(post(b"{}", "X-Request-ID: a b", *fields))
        self.assertEqual((reply.status, reply.headers.get("x-request-id")), (431, None))
