"""A daemon that asks another: what a call brings is what is asked with."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import deferLater

from tests.client.harness import URLS, ClientTestCase, reactor
from tests.transports.harness import listening_port
from twisted_rpc import Client, Context, Correlation, Server, Trace, listen, method

TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1, "a=1")
ASKED = Correlation("job-17", TRACE)


class Behind:
    """Tells what its calls brought."""

    @method
    def tell(self, ctx: Context) -> list[Any]:
        trace = ctx.trace
        return [ctx.request_id, trace and trace.traceparent, trace and trace.state]

    @method
    def headers(self, ctx: Context) -> list[Any]:
        return [ctx.headers.get(name) for name in ("x-request-id", "traceparent", "tracestate")]


class Front:
    """Asks what is behind it."""

    def __init__(self, behind: Client) -> None:
        self.behind = behind

    @method
    async def coroutine(self) -> Any:
        await deferLater(reactor, 0.001)
        return await self.behind.call("behind.tell")

    @method
    def with_context(self, ctx: Context) -> Deferred[Any]:
        return self.behind.call("behind.tell")

    @method
    def later(self, ctx: Context) -> Deferred[Any]:
        """What the reactor calls later belongs to no call, unless that is said."""
        return deferLater(reactor, 0, lambda: self.behind.call("behind.tell", trace=ctx))

    @method
    async def both(self) -> Any:
        async with self.behind.batch() as calls:
            told = calls.call("behind.tell")
            headers = calls.call("behind.headers")
        return [await told, await headers]


TOLD = ["job-17", TRACE.traceparent, "a=1"]


class ChainTests(ClientTestCase):
    """Two servers, the first a client of the second, on each transport."""

    def make_server(self) -> Server:
        """See `ClientTestCase`."""
        server = super().make_server()
        server.expose("behind", Behind())
        return server

    async def front(self, transport: str) -> Client:
        """A client of the server in front."""
        behind = await self.open(transport)
        front = Server()
        front.expose("front", Front(behind))
        port = await listen(front, "tcp:0")

        async def stop() -> None:
            await maybeDeferred(port.stopListening)
            await front.drain()

        self.addCleanup(lambda: Deferred.fromCoroutine(stop()))
        return await self.client(URLS[transport].format(port=listening_port(port)))

    async def test_what_was_brought_is_handed_on(self) -> None:
        for transport in URLS:
            front = await self.front(transport)
            for name in ("coroutine", "with_context", "later"):
                told = await front.call(f"front.{name}", trace=ASKED)
                self.assertEqual(told, TOLD, (transport, name))

    async def test_calls_at_the_same_time_keep_theirs(self) -> None:
        front = await self.front("tcp")
        ids = [f"r{number}" for number in range(20)]
        asked = [front.call("front.coroutine", trace=Correlation(id)) for id in ids]
        self.assertEqual([told[0] for told in await gatherResults(asked)], ids)

    async def test_who_brought_nothing_hands_nothing_on(self) -> None:
        front = await self.front("http")
        told, headers = await front.call("front.both")
        self.assertNotEqual(told[0], "job-17")
        self.assertEqual(headers, [None, None, None])

    async def test_over_http_it_is_said_in_the_head_as_well(self) -> None:
        front = await self.front("http")
        told, headers = await front.call("front.both", trace=ASKED)
        self.assertEqual((told, headers), (TOLD, TOLD))

    async def test_calls_that_differ_share_no_header(self) -> None:
        client = await self.open("http")
        async with client.batch() as calls:
            one = calls.call("behind.headers", trace=ASKED)
            other = calls.call("behind.tell", trace=Correlation("other"))
        self.assertEqual(await one, [None, None, None])
        self.assertEqual((await other)[0], "other")
