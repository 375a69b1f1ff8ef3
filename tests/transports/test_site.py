"""Paths that are not RPC's, answered by a `twisted.web` resource on the same lines."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from twisted.internet import interfaces
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from tests.helpers import request
from tests.transports.certificate import self_signed
from tests.transports.harness import listening_port, reactor, turn, until
from tests.transports.web_client import HTTPTestCase, echo, get, head, post, reply_to, take_reply
from twisted_rpc.config import WebTable


class Page(Resource):
    """Answers at once."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"page " + request.uri

    def render_POST(self, request: Request) -> bytes:
        assert request.content is not None
        body: bytes = request.content.read()
        return b"posted " + body


class Later(Resource):
    """Answers when the test says so."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.ended: list[Any] = []

    def render_GET(self, request: Request) -> int:
        self.requests.append(request)
        ended: Deferred[None] = request.notifyFinish()
        ended.addBoth(self.ended.append)
        return NOT_DONE_YET


@implementer(interfaces.IPushProducer)
class Numbers:
    """Writes lines for as long as it is not told to pause."""

    def __init__(self, request: Request, count: int) -> None:
        self._request = request
        self._left = count
        self._going = False
        self.paused = 0
        self.stopped = False
        request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._going = True
        while self._going and self._left:
            self._left -= 1
            self._request.write(b"%0999d\n" % self._left)
        if self._going and not self.stopped:
            self.stopped = True
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        self._going = False
        self.paused += 1

    def stopProducing(self) -> None:
        self._going = False
        self.stopped = True


class Streaming(Resource):
    """Answers with more than a socket holds."""

    isLeaf = True
    producer: Numbers

    def render_GET(self, request: Request) -> int:
        self.producer = Numbers(request, 20_000)
        return NOT_DONE_YET


class Failing(Resource):
    """Does not answer."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        raise ZeroDivisionError


class SiteTestCase(HTTPTestCase):
    """An HTTP port with a site."""

    table: ClassVar[WebTable] = WebTable(headers={"X-RPC": "1"})

    def make_resource(self) -> IResource:
        self.later, self.streaming = Later(), Streaming()
        root = Resource()
        root.putChild(b"", Page())
        root.putChild(b"page", Page())
        root.putChild(b"later", self.later)
        root.putChild(b"streaming", self.streaming)
        root.putChild(b"failing", Failing())
        root.putChild(b"rpc", Page())
        return root


class SiteTests(SiteTestCase):
    """Requests, one after the other."""

    async def test_other_paths_are_the_sites(self) -> None:
        reply = await self.reply(get("/page?a=b"))
        self.assertEqual((reply.status, reply.body), (200, b"page /page?a=b"))
        self.assertNotIn("server", reply.headers)  # which version it is concerns nobody

    async def test_get_on_the_rpc_paths_is_the_sites_and_post_is_not(self) -> None:
        for path in ("/", "/rpc"):
            line = await self.open()
            self.assertEqual((await reply_to(line, get(path))).body, b"page " + path.encode())
            self.assertEqual((await reply_to(line, echo(1, path=path))).json()["result"], 1)
            self.assertEqual((await reply_to(line, get(path, method="PUT"))).status, 405)

    async def test_head_has_no_body(self) -> None:
        line = await self.open()
        reply = await reply_to(line, get("/page", method="HEAD"))
        self.assertEqual((reply.status, reply.headers["content-length"]), (200, "10"))
        self.assertEqual((await reply_to(line, get("/page"))).body, b"page /page")

    async def test_a_body_reaches_the_site(self) -> None:
        line = await self.open()
        self.assertEqual(
            (await reply_to(line, post(b"a" * 5000, path="/page"))).body[:8], b"posted a"
        )
        self.assertEqual((await reply_to(line, post(b"", path="/page"))).body, b"posted ")
        line.send(head("POST /page HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"))
        line.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\nX: trailer\r\n\r\n")
        self.assertEqual((await take_reply(line)).body, b"posted abcde")

    async def test_a_body_that_waits_for_100_reaches_it_too(self) -> None:
        line = await self.open()
        fields = ("Host: localhost", "Content-Length: 3", "Expect: 100-continue")
        line.send(head("POST /page HTTP/1.1", *fields))
        self.assertEqual((await take_reply(line)).status, 100)
        line.send(b"abc")
        self.assertEqual((await take_reply(line)).body, b"posted abc")

    async def test_failures_are_the_sites_affair(self) -> None:
        line = await self.open()
        reply = await reply_to(line, get("/failing"))
        self.assertEqual(reply.status, 500)
        self.assertNotIn(b"Traceback", reply.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_the_rules_of_the_web_hold_for_it(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, get("/page", "Origin: http://evil"))).status, 403)
        line.send(head("GET /page HTTP/1.1", "Host: evil.example"))
        self.assertEqual((await take_reply(line)).status, 403)

    async def test_rpc_and_site_are_answered_in_order_on_one_line(self) -> None:
        line = await self.open()
        line.send(
            echo(1) + get("/later") + echo(2) + get("/page") + post(request("wait")) + get("/")
        )
        self.assertEqual((await take_reply(line)).json()["result"], 1)
        await until(lambda: self.later.requests)
        await turn(5)
        self.assertEqual((line.received, self.methods.ran), (b"", ["echo"]))
        self.later.requests[0].write(b"some ")
        self.later.requests[0].write(b"time")
        self.later.requests[0].finish()
        self.assertEqual((await take_reply(line)).body, b"some time")
        self.assertEqual((await take_reply(line)).json()["result"], 2)
        self.assertEqual((await take_reply(line)).body, b"page /page")
        await self.waiting()
        self.methods.waiting[0].callback("waited")
        self.assertEqual((await take_reply(line)).json()["result"], "waited")
        self.assertEqual((await take_reply(line)).body, b"page /")

    async def test_a_client_may_close_after_a_page(self) -> None:
        line = await self.open()
        line.send(get("/page", "Connection: close"))
        self.assertEqual((await take_reply(line)).body, b"page /page")
        self.assertEqual(await line.rest(), b"")
        await self.gone()

    async def test_http_1_0_closes_after_a_page(self) -> None:
        line = await self.open()
        line.send(head("GET /page HTTP/1.0", "Host: localhost"))
        self.assertEqual((await take_reply(line)).body, b"page /page")
        await line.rest()
        await self.gone()

    async def test_draining_waits_for_a_page(self) -> None:
        line = await self.open()
        line.send(get("/later"))
        await until(lambda: self.later.requests)
        drained = self.server.drain()
        self.later.requests[0].write(b"x")
        self.later.requests[0].finish()
        self.assertEqual((await take_reply(line)).body, b"x")
        self.assertEqual(await line.rest(), b"")
        await drained

    async def test_a_page_may_take_its_time(self) -> None:
        line = await self.open()
        line.send(get("/later"))
        await until(lambda: self.later.requests)
        await self.advance(1000)
        self.later.requests[0].finish()
        self.assertEqual((await take_reply(line)).status, 200)

    async def test_a_page_may_close_the_line(self) -> None:
        line = await self.open()
        line.send(get("/later") + echo(1))
        await until(lambda: self.later.requests)
        self.later.requests[0].write(b"half")
        self.later.requests[0].loseConnection()
        self.assertIn(b"half", await line.rest())
        await self.gone()
        self.assertEqual(len(self.later.ended), 1)
        self.assertEqual(self.methods.ran, [])

    async def test_what_it_writes_after_that_changes_nothing(self) -> None:
        line = await self.open()
        line.send(get("/later") + echo(1))
        await until(lambda: self.later.requests)
        self.later.requests[0].loseConnection()
        self.later.requests[0].finish()
        await line.rest()
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_a_page_may_abort_the_line(self) -> None:
        line = await self.open()
        line.send(get("/later"))
        await until(lambda: self.later.requests)
        channel: Any = self.later.requests[0].channel
        channel.transport.abortConnection()
        await self.gone()

    async def test_the_site_sees_where_its_client_is(self) -> None:
        line = await self.open()
        line.send(get("/later"))
        await until(lambda: self.later.requests)
        page = self.later.requests[0]
        self.assertEqual(page.getClientAddress(), line.transport.getHost())
        self.assertEqual(page.getHost(), line.transport.getPeer())
        self.assertFalse(page.isSecure())
        page.finish()
        await take_reply(line)


class StreamingTests(SiteTestCase):
    """Long answers."""

    async def test_a_producer_goes_as_fast_as_its_reader(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(get("/streaming") + echo("after"))
        await until(lambda: hasattr(self.streaming, "producer") and self.streaming.producer.paused)
        line.read_on()
        body = (await take_reply(line)).body
        self.assertEqual([int(n) for n in body.split()], list(range(19_999, -1, -1)))
        self.assertEqual((await take_reply(line)).json()["result"], "after")

    async def test_it_is_stopped_when_its_reader_leaves(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(get("/streaming"))
        await until(lambda: hasattr(self.streaming, "producer") and self.streaming.producer.paused)
        line.abort()
        await until(lambda: self.streaming.producer.stopped)

    async def test_who_never_reads_is_aborted(self) -> None:
        line = await self.open()
        line.stop_reading()
        line.send(get("/streaming"))
        await until(lambda: hasattr(self.streaming, "producer") and self.streaming.producer.paused)
        await self.advance(20)
        await self.gone()
        self.assertTrue(self.streaming.producer.stopped)

    async def test_a_page_learns_that_its_client_left(self) -> None:
        line = await self.open()
        line.send(get("/later"))
        await until(lambda: self.later.requests)
        line.abort()
        await until(lambda: self.later.ended)
        await self.gone()


# Twisted's own certificate objects still use what pyOpenSSL has deprecated.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
class SecureSiteTests(SiteTestCase):
    """A site behind TLS."""

    async def test_it_knows_that_it_is_secure(self) -> None:
        pem = self_signed("localhost")
        options = PrivateCertificate.loadPEM(pem).options()
        server = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        port = await self.listen(self.make_factory(self.server), server)
        plain = TCP4ClientEndpoint(reactor, "127.0.0.1", listening_port(port))
        trusted = optionsForClientTLS("localhost", trustRoot=Certificate.loadPEM(pem))
        line = await self.connect(endpoint=wrapClientTLS(trusted, plain))
        line.send(get("/later") + echo(2))
        await until(lambda: self.later.requests)
        self.assertTrue(self.later.requests[0].isSecure())
        self.later.requests[0].finish()
        self.assertEqual((await take_reply(line)).status, 200)
        self.assertEqual((await take_reply(line)).json()["result"], 2)
