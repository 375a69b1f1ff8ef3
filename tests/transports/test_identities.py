"""Who a caller is, however its credentials came: headers, tickets, certificates, Unix sockets."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Collection
from typing import Any, ClassVar

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS
from zope.interface import Interface, implementer

from tests.helpers import new_path, request
from tests.transports.certificate import self_signed
from tests.transports.harness import Line, listening_port, until
from tests.transports.web_client import HTTPTestCase, echo, get, post, reply_to, take_reply
from tests.transports.websocket_client import (
    WebSocketLine,
    WebSocketTestCase,
    frame,
    handshake,
)
from twisted_rpc import Identity, Limits, Server
from twisted_rpc.auth.credentials import (
    IBearerToken,
    IClientCertificate,
    IUnixPeer,
    header_credentials,
)
from twisted_rpc.listener import Listener
from twisted_rpc.pages.choosing import pages_for
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.stream import StreamFactory

WHO = request("whoami")
TOKEN = "Authorization: Bearer good"
BASIC = f"Authorization: Basic {b64encode(b'ann:secret').decode()}"


@implementer(ICredentialsChecker)
class Knows:
    """Takes credentials of one kind, if a function has a name for them."""

    def __init__(self, kind: type[Interface], name: Any) -> None:
        self.credentialInterfaces = (kind,)
        self.name = name
        self.asked = 0

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        self.asked += 1
        identity = self.name(credentials)
        if identity is None:
            raise UnauthorizedLogin
        return succeed(identity)


def robot(credentials: Any) -> Identity | None:
    """Whose token it is."""
    return Identity("robot") if credentials.token == b"good" else None


class TokenTests(HTTPTestCase):
    """Bearer tokens over HTTP."""

    def make_server(self) -> Server:
        server = super().make_server()
        self.checker = Knows(IBearerToken, robot)
        server.enable_auth(self.checker)
        return server

    async def test_a_good_one_is_somebodys_and_asked_about_once(self) -> None:
        line = await self.open()
        for _ in range(3):
            reply = await reply_to(line, post(WHO, TOKEN))
            self.assertEqual(reply.json()["result"][0], "robot")
        self.assertEqual(self.checker.asked, 1)

    async def test_it_is_asked_about_again_after_a_while(self) -> None:
        line = await self.open()
        await reply_to(line, post(WHO, TOKEN))
        await self.advance(60)
        await reply_to(line, post(WHO, TOKEN))
        self.assertEqual(self.checker.asked, 2)
        self.checker.name = lambda credentials: None
        await self.advance(60)
        line.send(post(WHO, TOKEN))
        await until(lambda: self.checker.asked == 3)
        await self.advance(0.25)
        self.assertEqual((await take_reply(line)).status, 401)

    async def test_it_is_no_good_after_its_expiry(self) -> None:
        until_ten = Identity("robot", expires=self.clock.seconds() + 10)
        self.checker.name = lambda credentials: until_ten
        line = await self.open()
        self.assertEqual((await reply_to(line, post(WHO, TOKEN))).status, 200)
        await self.advance(10)
        line.send(post(WHO, TOKEN))
        await until(lambda: self.checker.asked == 2)
        await self.advance(0.25)
        self.assertEqual((await take_reply(line)).status, 401)

    async def test_the_challenge_names_what_could_do(self) -> None:
        reply = await self.reply(post(WHO))
        self.assertEqual(reply.headers["www-authenticate"], 'Bearer realm="rpc"')
        self.server.enable_auth("ann", "secret")
        line = await self.open()
        line.send(post(WHO))
        head = await line.take_through(b"\r\n\r\n")
        self.assertEqual(head.count(b"WWW-Authenticate: "), 2)

    async def test_passwords_are_no_good_where_nobody_knows_any(self) -> None:
        line = await self.open()
        line.send(post(WHO, BASIC))
        await until(lambda: self.server.counters.failed_logins)
        await self.advance(0.25)
        self.assertEqual((await take_reply(line)).status, 401)
        self.assertEqual(self.checker.asked, 0)

    async def test_guessing_ends_with_429(self) -> None:
        line = await self.open()
        for number in range(11):
            line.send(post(WHO, f"Authorization: Bearer {number}"))
            await until(lambda: not self.served()._reader.in_request)
            await until(lambda: self.served()._busy)
            await self.advance(0.25)
            reply = await take_reply(line)
        self.assertEqual((reply.status, reply.code), (429, -32005))
        self.assertIn(reply.headers["retry-after"], "45")
        self.assertEqual(reply.json()["error"]["data"]["limit"], "max_auth_attempts")

    def served(self) -> Any:
        """The server's end of the only line."""
        (protocol,) = self.server.lines
        return protocol

    def test_what_a_header_says(self) -> None:
        bearer = header_credentials("bearer  abc ")
        assert IBearerToken.providedBy(bearer)
        self.assertEqual(getattr(bearer, "token", None), b"abc")
        for header in ("Bearer", "Bearer  ", "Digest abc", ""):
            self.assertIsNone(header_credentials(header), header)


class BodyTests(HTTPTestCase):
    """Before it is known who sends a body, no more of it is read than came with the head."""

    def make_server(self) -> Server:
        server = super().make_server()
        self.asked: list[Deferred[Any]] = []
        self.cancelled: list[Any] = []
        server.authenticate = self.ask  # type: ignore[method-assign]
        return server

    def ask(self, credentials: Any) -> Deferred[Any]:
        """Decide when the test says so."""
        self.asked.append(Deferred(self.cancelled.append))
        return self.asked[-1]

    async def begin(self, *fields: str) -> Line:
        """Send a head and less than its body."""
        line = await self.open()
        line.send(echo("x" * 2**19, BASIC, *fields)[:400])
        await until(lambda: self.asked)
        return line

    async def test_the_rest_waits_and_is_read_then(self) -> None:
        line = await self.open()
        message = echo("x" * 2**19, BASIC)
        line.send(message[:400])
        await until(lambda: self.asked)
        line.send(message[400:])
        await until(lambda: self.served()._held)
        self.assertLess(self.served()._reader._exchange.size, 400)
        self.asked[0].callback("ann")
        self.assertEqual(len((await take_reply(line)).json()["result"]), 2**19)

    async def test_the_rest_is_thrown_away_if_it_is_nobody(self) -> None:
        line = await self.open()
        message = echo("x" * 2**19, BASIC)
        line.send(message)
        await until(lambda: self.asked)
        self.asked[0].errback(UnauthorizedLogin())
        await self.advance(0.25)
        self.assertEqual((await take_reply(line)).status, 401)
        line.send(get("/nowhere"))
        self.assertEqual((await take_reply(line)).status, 404)

    async def test_who_waits_to_be_asked_for_it_is_not(self) -> None:
        line = await self.begin("Expect: 100-continue")
        self.asked[0].errback(UnauthorizedLogin())
        await self.advance(0.25)
        reply = await take_reply(line)
        self.assertEqual((reply.status, reply.headers["connection"]), (401, "close"))

    async def test_who_waits_to_be_asked_for_it_is_once_it_is_known(self) -> None:
        line = await self.begin("Expect: 100-continue")
        self.assertEqual(line.received, b"")
        self.asked[0].callback("ann")
        self.assertEqual((await take_reply(line)).status, 100)

    async def test_a_line_that_drops_ends_the_question(self) -> None:
        line = await self.begin()
        line.abort()
        await until(lambda: self.cancelled)

    def served(self) -> Any:
        """The server's end of the only line."""
        (protocol,) = self.server.lines
        return protocol


class TicketTests(WebSocketTestCase):
    """A page asks for a ticket over HTTP, and opens a WebSocket with it."""

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def ticket(self) -> str:
        """One of Ann's."""
        reply = await self.reply(post(request("rpc.ticket"), BASIC))
        text: str = reply.json()["result"]["ticket"]
        return text

    async def test_it_opens_one_websocket(self) -> None:
        ticket = await self.ticket()
        client = await self.open_websocket(f"/rpc?a=b&ticket={ticket}")
        client.send(frame(WHO))
        self.assertEqual((await client.message())["result"][0], "ann")
        (name,) = [c.headers for c in self.server.connections.values() if c.full_duplex]
        self.assertNotIn(ticket, str(name))
        line = await self.open()
        line.send(handshake(f"/rpc?ticket={ticket}"))
        await until(lambda: len(self.server.lines) == 3)
        await until(lambda: self.server.counters.failed_logins)
        await self.advance(0.25)
        self.assertEqual((await take_reply(line)).status, 401)

    async def test_a_header_and_a_login_before_it_do_not_speak_for_it(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, post(WHO, BASIC))).status, 200)
        line.send(handshake("/rpc"))
        self.assertEqual((await take_reply(line)).status, 101)
        client = WebSocketLine(line)
        client.send(frame(WHO))
        self.assertEqual((await client.message())["error"]["code"], -32001)


class UnixTests(HTTPTestCase):
    """Who connects to a Unix socket is known by the kernel."""

    def make_server(self) -> Server:
        server = super().make_server()
        self.checker = Knows(IUnixPeer, self.name)
        server.enable_auth(self.checker)
        return server

    known: ClassVar[int] = os.getuid()

    def name(self, credentials: Any) -> Identity | None:
        """The user's name, if it is known."""
        self.assertEqual((credentials.gid, credentials.pid), (os.getgid(), os.getpid()))
        return Identity("me") if credentials.uid == self.known else None

    async def open_unix(self) -> Line:
        """A client of a socket that speaks everything."""
        self.path_of_socket = path = new_path()
        listener = Listener(transport="hybrid", endpoint=f"unix:{path}")
        pages = pages_for(self.server, listener, self.table, None, is_own=True)
        factory = HybridFactory(HTTPFactory(self.server, pages=pages))
        await self.listen(factory, UNIXServerEndpoint(reactor, path))
        return await self.connect(endpoint=UNIXClientEndpoint(reactor, path))

    async def test_a_stream_is_let_in_at_once(self) -> None:
        line = await self.open_unix()
        line.send(WHO + b"\n")
        self.assertEqual(json.loads(await line.take_through(b"\n"))["result"][0], "me")

    async def test_http_and_websocket_as_well(self) -> None:
        line = await self.open_unix()
        reply = await reply_to(line, post(WHO))
        self.assertEqual(reply.json()["result"][0], "me")
        line.send(handshake("/rpc"))
        self.assertEqual((await take_reply(line)).status, 101)
        client = WebSocketLine(line)
        client.send(frame(WHO))
        self.assertEqual((await client.message())["result"][0], "me")

    async def test_who_is_not_known_has_to_say_who_they_are(self) -> None:
        self.known = -1  # type: ignore[misc]
        self.server.enable_auth("ann", "secret")
        line = await self.open_unix()
        login = request("auth", ["ann", "secret"], 2)
        line.send(WHO + b"\n" + login + b"\n" + request("whoami", id=3) + b"\n")
        answers = [json.loads(await line.take_through(b"\n")) for _ in range(3)]
        by_id = {answer["id"]: answer for answer in answers}
        self.assertEqual(by_id[1]["error"]["code"], -32001)
        self.assertEqual(by_id[3]["result"][0], "ann")
        self.assertEqual(self.server.counters.failed_logins, 0)

    async def test_nor_is_a_request_of_theirs_served(self) -> None:
        self.known = -1  # type: ignore[misc]
        line = await self.open_unix()
        self.assertEqual((await reply_to(line, post(WHO))).status, 401)
        line.send(handshake("/rpc"))
        self.assertEqual((await take_reply(line)).status, 101)

    async def test_pages_that_ask_nobody_take_them_for_nobody(self) -> None:
        line = await self.open_unix()
        reply = await reply_to(line, get("/console/settings.json"))
        self.assertEqual(reply.json()["identity"], "me")
        self.known = -1  # type: ignore[misc]
        line = await self.connect(endpoint=UNIXClientEndpoint(reactor, self.path_of_socket))
        reply = await reply_to(line, get("/readyz"))
        self.assertEqual((reply.status, reply.body), (200, b"ok\n"))
        reply = await reply_to(line, get("/console/settings.json"))
        self.assertEqual((reply.status, reply.json()["identity"]), (200, None))
        self.assertEqual((await reply_to(line, get("/openrpc.json"))).status, 401)


# Twisted's own options for authorities and clients go by way of pyOpenSSL's objects.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
class CertificateTests(HTTPTestCase):
    """Who has a certificate is known by it."""

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth(Knows(IClientCertificate, subject))
        return server

    async def open_tls(self, *, certificate: bytes | None) -> Line:
        """A client of a port that asks for a certificate."""
        ours = PrivateCertificate.loadPEM(self_signed("localhost"))
        theirs = Certificate.loadPEM(self_signed("robot"))
        options = ours.options(theirs)
        options.requireCertificate = False
        factory = HybridFactory(HTTPFactory(self.server))
        port = await self.listen(factory, SSL4ServerEndpoint(reactor, 0, options))
        own = None if certificate is None else PrivateCertificate.loadPEM(certificate)
        trusted = Certificate.loadPEM(self_signed("localhost"))
        client = optionsForClientTLS("localhost", trustRoot=trusted, clientCertificate=own)
        plain = TCP4ClientEndpoint(reactor, "127.0.0.1", listening_port(port))
        return await self.connect(endpoint=wrapClientTLS(client, plain))

    async def test_its_bearer_is_let_in_at_once(self) -> None:
        line = await self.open_tls(certificate=self_signed("robot"))
        line.send(WHO + b"\n")
        self.assertEqual(json.loads(await line.take_through(b"\n"))["result"][0], "robot")

    async def test_over_http_as_well(self) -> None:
        line = await self.open_tls(certificate=self_signed("robot"))
        self.assertEqual((await reply_to(line, post(WHO))).json()["result"][0], "robot")

    async def test_who_has_none_is_not(self) -> None:
        line = await self.open_tls(certificate=None)
        self.assertEqual((await reply_to(line, post(WHO))).status, 401)


def subject(credentials: Any) -> Identity:
    """The common name of a certificate."""
    (name,) = credentials.certificate.subject
    return Identity(name.value)


class AnonymousTests(HTTPTestCase):
    """Where everybody may come in, some as somebody."""

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        server.enable_auth(AllowAnonymousAccess())
        return server

    async def test_who_says_nothing_is_anonymous(self) -> None:
        line = await self.open()
        self.assertEqual((await reply_to(line, post(WHO))).json()["result"][0], "anonymous")
        self.assertEqual((await reply_to(line, post(WHO, BASIC))).json()["result"][0], "ann")

    async def test_on_a_line_that_stays_the_first_message_decides(self) -> None:
        await self.listen(HybridFactory(HTTPFactory(self.server)))
        login = request("auth", ["ann", "secret"], 2)
        line = await self.connect()
        line.send(WHO + b"\n" + login + b"\n")
        answers = [json.loads(await line.take_through(b"\n")) for _ in range(2)]
        self.assertEqual(answers[0]["result"][0], "anonymous")
        self.assertEqual(answers[1]["error"]["code"], -32601)
        other = await self.connect()
        other.send(login + b"\n" + request("whoami", id=3) + b"\n")
        answers = [json.loads(await other.take_through(b"\n")) for _ in range(2)]
        self.assertEqual(answers[1]["result"][0], "ann")

    async def test_a_first_call_that_takes_long_holds_nothing_up(self) -> None:
        await self.listen(HybridFactory(HTTPFactory(self.server)))
        line = await self.connect()
        line.send(request("wait") + b"\n" + request("echo", [5], 2) + b"\n")
        self.assertEqual(json.loads(await line.take_through(b"\n"))["result"], 5)

    async def test_a_websocket_may_still_log_in(self) -> None:
        line = await self.open()
        line.send(handshake("/rpc"))
        self.assertEqual((await take_reply(line)).status, 101)
        client = WebSocketLine(line)
        client.send(frame(request("auth", ["ann", "secret"])), frame(WHO))
        self.assertIs((await client.message())["result"], True)
        self.assertEqual((await client.message())["result"][0], "ann")


class NamespaceTests(HTTPTestCase):
    """Ports that serve some namespaces alone."""

    async def serve(self, namespaces: Collection[str]) -> Line:
        """A client of a port that speaks everything."""
        self.server.expose("admin.stop", lambda: "stopped")
        http = HTTPFactory(self.server, namespaces=namespaces)
        await self.listen(HybridFactory(http))
        return await self.connect()

    async def test_hold_on_streams_http_and_websocket(self) -> None:
        stream = await self.serve(["admin"])
        stream.send(request("echo", [1]) + b"\n" + request("admin.stop") + b"\n")
        answers = [json.loads(await stream.take_through(b"\n")) for _ in range(2)]
        self.assertEqual(answers[0]["error"]["code"], -32601)
        self.assertEqual(answers[1]["result"], "stopped")
        web = await self.connect()
        self.assertEqual((await reply_to(web, echo(1))).code, -32601)
        reply = await reply_to(web, post(request("admin.stop")))
        self.assertEqual(reply.json()["result"], "stopped")
        web.send(handshake("/rpc"))
        self.assertEqual((await take_reply(web)).status, 101)
        client = WebSocketLine(web)
        client.send(frame(request("echo", [1])), frame(request("rpc.methods")))
        self.assertEqual((await client.message())["error"]["code"], -32601)
        self.assertEqual((await client.message())["result"], ["admin.stop"])

    async def test_of_a_port_for_streams(self) -> None:
        port = await self.listen(StreamFactory(self.server, "line", ["none"]))
        line = await self.connect(port)
        line.send(request("echo", [1]) + b"\n")
        self.assertEqual(json.loads(await line.take_through(b"\n"))["error"]["code"], -32601)


class LongMessageTests(HTTPTestCase):
    """How long a message may be depends on whether its sender has logged in."""

    limits = Limits(max_auth_message=500)

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def open_stream(self) -> Line:
        """A client of a port in any framing."""
        await self.listen(StreamFactory(self.server, "auto"))
        return await self.connect()

    async def test_a_line_before_a_login_is_short(self) -> None:
        line = await self.open_stream()
        line.send(b'{"jsonrpc":"2.0","id":1,"method":"auth","params":["' + b"x" * 600)
        answer = json.loads(await line.take_through(b"\n"))
        self.assertEqual(answer["error"]["code"], -32007)
        self.assertIn("500 bytes (max_auth_message)", answer["error"]["data"])
        line.abort()

    async def test_after_it_as_long_as_any(self) -> None:
        line = await self.open_stream()
        line.send(request("auth", ["ann", "secret"]) + b"\n")
        await line.take_through(b"\n")
        line.send(request("echo", ["x" * 10_000]) + b"\n")
        self.assertEqual(len(json.loads(await line.take_through(b"\n"))["result"]), 10_000)

    async def test_over_websocket_too(self) -> None:
        for size, code in ((600, 1009), (100, None)):
            line = await self.open()
            line.send(handshake("/rpc"))
            await take_reply(line)
            client = WebSocketLine(line)
            client.send(frame(request("echo", ["x" * size])))
            if code is None:
                self.assertEqual((await client.message())["error"]["code"], -32001)
                client.send(frame(request("auth", ["ann", "secret"])))
                await client.message()
                client.send(frame(request("echo", ["x" * 10_000])))
                self.assertEqual(len((await client.message())["result"]), 10_000)
            else:
                self.assertEqual(await client.close_code(), code)
