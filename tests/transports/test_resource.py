"""RPC mounted into somebody else's site, of twisted.web or of Klein."""

from __future__ import annotations

from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.helpers import notification, request
from tests.transports.harness import AT_ONCE, Line, turn, until
from tests.transports.test_web import ORIGIN, AuthenticatingServer, basic
from tests.transports.web_client import JSON, echo, get, head, post, reply_to, take_reply
from tests.transports.websocket_client import (
    WebSocketLine,
    WebSocketTestCase,
    frame,
    handshake,
)
from twisted_rpc import Connection, Limits, Server
from twisted_rpc.transports.resource import rpc_resource


class Hello(Resource):
    """The site's own page."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"hello"


class ResourceTestCase(WebSocketTestCase):
    """A site with RPC at /rpc and a page at /hello."""

    def make_factory(self, server: Server) -> Any:
        root = Resource()
        rpc = rpc_resource(
            server,
            hosts=["rpc.example.com"],
            origins=[ORIGIN],
            cors_headers=["X-Tag"],
            cors_expose=["Retry-After"],
            cors_max_age=60,
            credentials=True,
        )
        root.putChild(b"rpc", rpc)
        root.putChild(b"hello", Hello())
        return Site(root)


class LimitedTests(ResourceTestCase):
    """Limits hold as on a port of ours."""

    limits = Limits(calls_per_second=1, calls_burst=1, max_message=200)

    async def test_calls_too_often_are_told_when_to_come_back(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, echo(1))).status, 200)
        reply = await reply_to(line, echo(2))
        self.assertEqual((reply.status, reply.code), (429, -32005))
        self.assertEqual(reply.headers["retry-after"], "1")

    async def test_what_is_too_long_counts(self) -> None:
        self.assertEqual((await self.reply(echo("x" * 200))).status, 413)
        self.assertEqual(self.server.counters.limits, {"max_message": 1})


class Unwilling(Server):
    """Cannot take a connection."""

    def connection_opened(self, connection: Connection) -> None:
        raise SystemExit("no")


class UnwillingTests(ResourceTestCase):
    def make_server(self) -> Server:
        methods = super().make_server().methods
        server = Unwilling(reactor=self.clock)
        server.expose("echo", methods["echo"].function)
        return server

    async def test_a_request_that_could_not_be_opened_is_not_run(self) -> None:
        line = await self.open()
        for _ in range(2):
            self.assertEqual((await reply_to(line, echo(1))).code, -32603)
        self.assertEqual(self.methods.ran, [])
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 2)


class CallTests(ResourceTestCase):
    """Calls by POST."""

    async def test_calls_and_pages_share_a_line(self) -> None:
        line = await self.open()
        for value in (1, 2):
            reply = await reply_to(line, echo(value))
            self.assertEqual((reply.status, reply.json()["result"]), (200, value))
            self.assertEqual(reply.headers["content-type"], "application/json")
            self.assertEqual(reply.headers["cache-control"], "no-store")
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
            self.assertEqual((await reply_to(line, get("/hello"))).body, b"hello")
        self.assertEqual(dict(self.server.connections), {})

    async def test_paths_below_it_are_its_own(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, echo(1, path="/rpc/below?x"))).status, 200)

    async def test_nothing_to_answer_is_204(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, post(notification("echo")))).status, 204)
        self.assertEqual((await reply_to(line, echo(1))).status, 200)

    async def test_calls_are_counted_when_they_are_made(self) -> None:
        meters = self.server.measure()
        await self.reply(echo(1))
        self.assertEqual([sum(each.buckets) for each in meters.methods.values()], [1])

    async def test_errors_are_answers(self) -> None:
        reply = await self.reply(post(b"{"))
        self.assertEqual((reply.status, reply.code), (200, -32700))

    async def test_an_answer_may_take_its_time(self) -> None:
        line = await self.open()
        line.send(post(request("wait")) + echo(2))
        await self.waiting()
        self.assertEqual(len(self.server.connections), 1)
        self.methods.waiting[0].callback("slow")
        results = [(await take_reply(line)).json()["result"] for _ in range(2)]
        self.assertEqual(results, ["slow", 2])

    async def test_who_left_is_not_answered(self) -> None:
        line = await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        line.abort()
        await until(lambda: line.lost)
        await until(lambda: not self.server.connections, "nobody noticed that it left")
        self.methods.waiting[0].callback("late")
        await turn(5)
        self.assertEqual(dict(self.server.connections), {})

    async def test_draining_waits_for_what_runs_and_takes_nothing_new(self) -> None:
        line, other = await self.open(), await self.open()
        line.send(post(request("wait")))
        await self.waiting()
        drained = self.server.drain()
        refused = await reply_to(other, post(request("echo")))
        self.assertEqual((refused.status, refused.code), (503, -32009))
        self.assertFalse(drained.called)
        self.methods.waiting[0].callback("done")
        self.assertEqual((await take_reply(line)).json()["result"], "done")
        await drained

    async def test_a_method_sees_its_request_and_cannot_close_the_site(self) -> None:
        line = await self.open()
        reply = await reply_to(line, post(request("header", ["x-tag"]), "X-Tag: seen"))
        self.assertEqual(reply.json()["result"], "seen")
        line.send(post(request("wait")))
        await self.waiting()
        (connection,) = self.server.connections.values()
        connection.close()
        connection.abort()
        self.methods.waiting[0].callback("alive")
        self.assertEqual((await take_reply(line)).json()["result"], "alive")


class RuleTests(ResourceTestCase):
    """The rules of a port of our own hold here as well."""

    limits = Limits(max_message=1000)

    async def test_methods(self) -> None:
        line = await self.open()
        for method, status in (("GET", 405), ("PUT", 405), ("HEAD", 405), ("OPTIONS", 204)):
            reply = await reply_to(line, get("/rpc", method=method))
            self.assertEqual((reply.status, reply.headers["allow"]), (status, "POST, OPTIONS"))

    async def test_types(self) -> None:
        line = await self.open()
        reply = await reply_to(line, post(request("echo")).replace(b"/json", b"/xml"))
        self.assertEqual(reply.status, 415)

    async def test_sizes(self) -> None:
        line = await self.open()
        reply = await reply_to(line, echo("x" * 1000))
        self.assertEqual((reply.status, reply.code), (413, -32007))

    async def test_hosts(self) -> None:
        for host, status in (("rpc.example.com", 200), ("evil.example", 403), ("a b", 400)):
            line = await self.open()
            body = request("echo")
            fields = (f"Host: {host}", JSON, f"Content-Length: {len(body)}")
            line.send(head("POST /rpc HTTP/1.1", *fields) + body)
            self.assertEqual((await take_reply(line)).status, status)

    async def test_origins(self) -> None:
        line = await self.open()
        reply = await reply_to(line, echo(1, f"Origin: {ORIGIN}"))
        self.assertEqual(reply.headers["access-control-allow-origin"], ORIGIN)
        self.assertEqual(reply.headers["access-control-allow-credentials"], "true")
        self.assertEqual(reply.headers["access-control-expose-headers"], "Retry-After")
        self.assertEqual(reply.headers["vary"], "Origin")
        for origin in ("https://evil.example", "https://localhost", "null"):
            reply = await reply_to(line, echo(1, f"Origin: {origin}"))
            self.assertEqual(reply.status, 403)
        self.assertEqual(reply.headers["cross-origin-resource-policy"], "same-origin")
        self.assertIn("content-security-policy", reply.headers)
        self.assertEqual(self.methods.ran, ["echo"])

    async def test_questions_of_browsers(self) -> None:
        asks = (f"Origin: {ORIGIN}", "Access-Control-Request-Method: POST")
        for names, status in (("x-tag", 204), ("x-other", 403)):
            wants = f"Access-Control-Request-Headers: {names}"
            reply = await self.reply(get("/rpc", *asks, wants, method="OPTIONS"))
            self.assertEqual(reply.status, status)
            self.assertEqual("access-control-max-age" in reply.headers, status == 204)

    async def test_a_mistake_in_the_lists_is_told(self) -> None:
        for options in ({"origins": ["*"]}, {"hosts": ["a b"]}, {"cors_headers": ["a b"]}):
            self.assertRaises(ValueError, rpc_resource, self.server, **options)


class UpgradeTests(ResourceTestCase):
    """WebSocket from a foreign site."""

    limits = Limits(max_connections=1)

    async def test_the_line_becomes_a_websocket(self) -> None:
        line = await self.open()
        await reply_to(line, echo(1))
        line.send(handshake())
        self.assertEqual((await take_reply(line)).status, 101)
        client = WebSocketLine(line)
        client.send(frame(request("echo", ["ws"])), frame(request("whoami")))
        self.assertEqual((await client.message())["result"], "ws")
        self.assertEqual((await client.message())["result"], [None, "websocket", True])
        self.assertEqual(len(self.server.lines), 1)
        await self.advance(1000)
        client.send(frame(request("echo", [2])))
        self.assertEqual((await client.message())["result"], 2)

    async def test_draining_closes_it(self) -> None:
        client = await self.open_websocket()
        drained = self.server.drain()
        await self.closed_with(1001, client)
        await drained

    async def test_who_reads_slowly_receives_everything(self) -> None:
        client = await self.open_websocket()
        client.line.stop_reading()
        client.send(*(frame(request("blob", [3_000_000], n)) for n in range(3)))
        await until(lambda: self.served().wire._unasked is not None)
        client.line.read_on()
        self.assertEqual([(await client.message())["id"] for _ in range(3)], [0, 1, 2])

    async def test_one_too_many_is_503(self) -> None:
        await self.open_websocket()
        line = await self.open()
        self.assertEqual((await reply_to(line, handshake())).status, 503)

    async def test_pages_of_other_origins_may_not(self) -> None:
        line = await self.open()
        reply = await reply_to(line, handshake("/rpc", "Origin: https://evil.example"))
        self.assertEqual(reply.status, 403)


class PasswordTests(ResourceTestCase):
    """Callers that have to prove who they are."""

    limits = AT_ONCE

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def test_credentials_are_needed(self) -> None:
        line = await self.open()
        for fields in ((), ("Authorization: Basic !",), (basic("ann", "wrong"),)):
            reply = await reply_to(line, echo(1, *fields))
            self.assertEqual((reply.status, reply.code), (401, -32001))
            self.assertIn("www-authenticate", reply.headers)
        whoami = post(request("whoami"), basic("ann", "secret"))
        self.assertEqual((await reply_to(line, whoami)).json()["result"], ["ann", "http", False])

    async def test_a_websocket_proves_it_in_the_handshake_or_after(self) -> None:
        client = await self.open_websocket("/rpc", basic("ann", "secret"))
        client.send(frame(request("whoami")))
        self.assertEqual((await client.message())["result"], ["ann", "websocket", True])
        client = await self.open_websocket()
        client.send(frame(request("auth", ["ann", "secret"])))
        self.assertIs((await client.message())["result"], True)


class LateIdentityTests(ResourceTestCase):
    """Identities that take a while."""

    limits = AT_ONCE

    def make_server(self) -> Server:
        plain = super().make_server()
        AuthenticatingServer.asked.clear()
        server = AuthenticatingServer(limits=self.limits, reactor=self.clock)
        server.namespace = plain.namespace
        return server

    async def ask(self) -> tuple[Line, Deferred[Any]]:
        line = await self.open()
        line.send(post(request("whoami"), basic("ann", "x")))
        await until(lambda: AuthenticatingServer.asked)
        return line, AuthenticatingServer.asked.pop()

    async def test_a_call_waits_for_it(self) -> None:
        line, asked = await self.ask()
        asked.callback("Ann")
        self.assertEqual((await take_reply(line)).json()["result"], ["Ann", "http", False])

    async def test_a_failure_of_the_check_is_logged_and_503(self) -> None:
        line, asked = await self.ask()
        asked.errback(ZeroDivisionError())
        self.assertEqual((await take_reply(line)).status, 503)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class KleinTests(ResourceTestCase):
    """A Klein application."""

    def make_factory(self, server: Server) -> Any:
        app = Klein()
        mounted = rpc_resource(server)

        @app.route("/hello")
        def hello(request: Request) -> bytes:
            return b"hello"

        @app.route("/rpc")
        def rpc(request: Request) -> Resource:
            return mounted

        return Site(app.resource())

    async def test_calls_and_pages_share_a_line(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, echo(1))).json()["result"], 1)
        self.assertEqual((await reply_to(line, get("/hello"))).body, b"hello")
        line.send(post(request("wait")))
        await self.waiting()
        self.methods.waiting[0].callback("later")
        self.assertEqual((await take_reply(line)).json()["result"], "later")

    async def test_the_rules_hold(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, get("/rpc"))).status, 405)
        reply = await reply_to(line, post(request("echo")).replace(b"/json", b"/xml"))
        self.assertEqual(reply.status, 415)

    async def test_websockets_are_served(self) -> None:
        client = await self.open_websocket()
        client.send(frame(request("echo", [1])))
        self.assertEqual((await client.message())["result"], 1)
