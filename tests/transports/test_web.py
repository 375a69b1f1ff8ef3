"""Who may ask over the web, for what and in which form: hosts, origins, methods, passwords."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, ClassVar

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS

from tests.helpers import notification, request
from tests.transports.certificate import self_signed
from tests.transports.harness import AT_ONCE, Line, listening_port, reactor, turn
from tests.transports.web_client import (
    JSON,
    HTTPTestCase,
    echo,
    get,
    head,
    post,
    reply_to,
    take_reply,
)
from twisted_rpc import Server
from twisted_rpc.config import WebTable
from twisted_rpc.transports.web import Reply, path_of

ORIGIN = "https://app.example.com"


class MethodTests(HTTPTestCase):
    """Methods other than POST, and other paths."""

    async def test_get_is_not_allowed(self) -> None:
        for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
            reply = await self.reply(get("/", method=method))
            self.assertEqual((reply.status, reply.headers["allow"]), (405, "POST, OPTIONS"), method)

    async def test_head_is_answered_without_a_body(self) -> None:
        line = await self.open()
        reply = await reply_to(line, get("/rpc", method="HEAD"))
        self.assertEqual(reply.status, 405)
        self.assertGreater(int(reply.headers["content-length"]), 0)
        self.assertEqual((await reply_to(line, echo(1))).json()["result"], 1)

    async def test_options_says_what_is_allowed(self) -> None:
        reply = await self.reply(get("/rpc", method="OPTIONS"))
        self.assertEqual((reply.status, reply.headers["allow"]), (204, "POST, OPTIONS"))
        self.assertNotIn("access-control-allow-origin", reply.headers)

    async def test_other_paths_are_not_found(self) -> None:
        for path in ("/other", "/rpc/", "//", "*", "x"):
            reply = await self.reply(get(path, method="OPTIONS" if path == "*" else "GET"))
            self.assertIn(reply.status, (400, 404), path)
        self.assertEqual(self.methods.ran, [])


class ContentTypeTests(HTTPTestCase):
    """The form of a message."""

    async def _status_of(self, *fields: str) -> int:
        body = request("echo")
        size = f"Content-Length: {len(body)}"
        return (await self.reply(head("POST / HTTP/1.1", "Host: localhost", size, *fields) + body))[
            0
        ]

    async def test_json_in_its_spellings_is_served(self) -> None:
        for value in (
            "application/json",
            "APPLICATION/JSON",
            "application/json-rpc",
            "application/json; charset=utf-8",
            'application/json;charset="UTF8"',
        ):
            self.assertEqual(await self._status_of(f"Content-Type: {value}"), 200, value)

    async def test_what_a_form_sends_is_refused_and_told_what_to_send(self) -> None:
        for value in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonp",
            "application/json; charset=latin-1",
            "text/plain; application/json",
            "",
        ):
            self.assertEqual(await self._status_of(f"Content-Type: {value}"), 415, value)
        body = request("echo")
        reply = await self.reply(post(body).replace(b"application/json", b"text/plain"))
        self.assertIn(b"Content-Type: application/json", reply.body)
        self.assertEqual(self.methods.ran, [])

    async def test_no_type_at_all_is_only_for_programs(self) -> None:
        self.assertEqual(await self._status_of(), 200)
        self.assertEqual(await self._status_of("Origin: http://localhost"), 415)
        self.assertEqual(await self._status_of("Sec-Fetch-Site: same-origin"), 415)

    async def test_a_refused_message_leaves_the_line_open(self) -> None:
        line = await self.open()
        reply = await reply_to(line, post(request("echo")).replace(b"/json", b"/xml"))
        self.assertEqual(reply.status, 415)
        self.assertEqual((await reply_to(line, echo(1))).json()["result"], 1)

    async def test_a_message_comes_as_it_is(self) -> None:
        self.assertEqual((await self.reply(echo(1, "Content-Encoding: Identity"))).status, 200)
        for coding in ("gzip", "br", "identity, gzip", "x"):
            reply = await self.reply(echo(1, f"Content-Encoding: {coding}"))
            self.assertEqual((reply.status, reply.headers["accept-encoding"]), (415, "identity"))
        self.assertEqual(self.methods.ran, ["echo"])


class HostTests(HTTPTestCase):
    """Names the server is reached by."""

    table: ClassVar[WebTable] = WebTable(hosts=("RPC.example.com", "2001:db8::1", "[2001:db8::2]"))

    async def _status_of(self, *hosts: str, target: str = "/", version: str = "1.1") -> int:
        body = request("echo")
        fields = [JSON, f"Content-Length: {len(body)}", *(f"Host: {host}" for host in hosts)]
        return (await self.reply(head(f"POST {target} HTTP/{version}", *fields) + body)).status

    async def test_its_own_names_are_served(self) -> None:
        for host in (
            "localhost",
            "LocalHost:80",
            "localhost.",
            "localhost:",
            "127.0.0.1",
            "127.0.0.1:65535",
            "[::1]:80",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "rpc.example.com:443",
            "[2001:DB8::1]",
            "[2001:db8:0::2]",
        ):
            self.assertEqual(await self._status_of(host), 200, host)

    async def test_other_names_are_not(self) -> None:
        for host in (
            "evil.example",
            "localhost.evil.example",
            "rpc.example.com.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]",
            "[::]",
            "127.0.0.2",
            "127.1",
            "2130706433",
        ):
            self.assertEqual(await self._status_of(host), 403, host)
        self.assertEqual(self.methods.ran, [])

    async def test_a_malformed_or_missing_name_ends_the_line(self) -> None:
        body = request("echo")
        for host in (
            "",
            "a b",
            "ann@localhost",
            "localhost:x",
            "localhost, localhost",
            "[::1%251]",
        ):
            fields = [f"Host: {host}", JSON, f"Content-Length: {len(body)}"]
            refused = await self.refusal(head("POST / HTTP/1.1", *fields) + body)
            self.assertEqual(refused.status, 400, host)
        self.assertEqual(await self._status_of(), 400)
        self.assertEqual(await self._status_of(version="1.0"), 400)
        self.assertEqual(await self._status_of("localhost", "localhost"), 400)

    async def test_an_absolute_target_has_to_name_the_same_host(self) -> None:
        for target, host, status in (
            ("http://localhost/rpc", "localhost", 200),
            ("http://localhost:80/rpc", "LOCALHOST.", 200),
            ("HTTP://[::1]:7080/", "[::1]:7080", 200),
            ("http://localhost/rpc", "localhost:8080", 400),
            ("https://localhost/rpc", "localhost:80", 400),
            ("http://localhost/rpc", "127.0.0.1", 400),
            ("http://evil.example/rpc", "localhost", 400),
            ("http://localhost/rpc", "evil.example", 400),
            ("http://localhost@evil.example/rpc", "localhost", 400),
            ("http://evil.example@localhost/rpc", "localhost", 400),
            ("http://evil.example/rpc", "evil.example", 403),
            ("ftp://localhost/rpc", "localhost", 400),
        ):
            self.assertEqual(await self._status_of(host, target=target), status, (target, host))
        self.assertEqual(self.methods.ran, ["echo"] * 3)


class OriginTests(HTTPTestCase):
    """Pages that call."""

    table: ClassVar[WebTable] = WebTable(origins=(ORIGIN,))

    async def test_a_listed_page_may_call_and_read_the_answer(self) -> None:
        for data, status in (
            (echo(1, f"Origin: {ORIGIN}"), 200),
            (echo(1, f"Origin: {ORIGIN}", "Sec-Fetch-Site: cross-site"), 200),
            (post(notification("echo"), f"Origin: {ORIGIN}"), 204),
        ):
            reply = await self.reply(data)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.headers["access-control-allow-origin"], ORIGIN)
            self.assertEqual(reply.headers["vary"], "Origin")
            self.assertNotIn("cross-origin-resource-policy", reply.headers)
            self.assertNotIn("access-control-allow-credentials", reply.headers)

    async def test_it_may_read_why_it_is_refused(self) -> None:
        for data, status in (
            (echo("x" * 2_000_000, f"Origin: {ORIGIN}"), 413),
            (echo(1, f"Origin: {ORIGIN}").replace(b"/json", b"/xml"), 415),
            (get("/rpc", f"Origin: {ORIGIN}"), 405),
            (get("/other", f"Origin: {ORIGIN}"), 404),
        ):
            reply = await self.reply(data)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.headers["access-control-allow-origin"], ORIGIN)

    async def test_it_may_ask_before(self) -> None:
        for fields in ((), ("Access-Control-Request-Headers: authorization,content-type",)):
            asks = (f"Origin: {ORIGIN}", "Access-Control-Request-Method: POST", *fields)
            reply = await self.reply(get("/rpc", *asks, method="OPTIONS"))
            self.assertEqual(reply.status, 204)
            self.assertEqual(reply.headers["access-control-allow-origin"], ORIGIN)
            self.assertEqual(reply.headers["access-control-allow-methods"], "POST")
            self.assertEqual(
                reply.headers["access-control-allow-headers"], "Content-Type, Authorization"
            )
            self.assertEqual(reply.headers["access-control-max-age"], "600")
            self.assertEqual(reply.headers["vary"], "Origin")
            self.assertNotIn("access-control-allow-credentials", reply.headers)

    async def test_for_what_it_may_not_send_it_gets_no_leave(self) -> None:
        for method, names in (
            ("GET", ""),
            ("DELETE", "content-type"),
            ("post", "content-type"),
            ("POST", "x-tag"),
            ("POST", "content-type, x-tag"),
            ("POST", "*"),
        ):
            asks = (f"Origin: {ORIGIN}", f"Access-Control-Request-Method: {method}")
            wants = f"Access-Control-Request-Headers: {names}"
            reply = await self.reply(get("/rpc", *asks, wants, method="OPTIONS"))
            self.assertEqual(reply.status, 403)
            self.assertEqual([name for name in reply.headers if name.startswith("access")], [])

    async def test_other_pages_may_not(self) -> None:
        asks = "Access-Control-Request-Method: POST"
        for origin in (
            "https://evil.example",
            "null",
            "http://app.example.com",
            f"{ORIGIN}.evil",
            f"{ORIGIN}:444",
            f"{ORIGIN} https://evil.example",
            f"https://evil.example@{ORIGIN.removeprefix('https://')}",
            "file://",
            "chrome-extension://abc",
            "",
        ):
            field = f"Origin: {origin}"
            for data in (
                echo(1, field),
                echo(1, field, "Sec-Fetch-Site: same-origin"),
                get("/", field),
                get("/rpc", field, asks, method="OPTIONS"),
            ):
                reply = await self.reply(data)
                self.assertEqual(reply.status, 403, origin)
                self.assertEqual([name for name in reply.headers if name.startswith("acc")], [])
                self.assertNotIn(b"evil", reply.body)
        self.assertEqual(self.methods.ran, [])

    async def test_pages_of_the_server_itself_may(self) -> None:
        for origin in ("http://localhost", "http://LOCALHOST", "http://localhost:80"):
            reply = await self.reply(echo(1, f"Origin: {origin}", "Sec-Fetch-Site: same-origin"))
            self.assertEqual(reply.status, 200)
            self.assertNotIn("access-control-allow-origin", reply.headers)

    async def test_another_port_or_scheme_is_another_server(self) -> None:
        for origin in ("https://localhost", "http://localhost:8080", "http://127.0.0.1"):
            self.assertEqual((await self.reply(echo(1, f"Origin: {origin}"))).status, 403, origin)
        fields = ("Origin: http://localhost", "Sec-Fetch-Site: cross-site")
        self.assertEqual((await self.reply(echo(1, *fields))).status, 403)
        self.assertEqual(self.methods.ran, [])

    async def test_without_an_origin_the_browser_says_where_a_request_comes_from(self) -> None:
        for site, status in (
            ("none", 200),
            ("same-origin", 200),
            ("same-site", 403),
            ("cross-site", 403),
            ("x", 403),
        ):
            self.assertEqual((await self.reply(echo(1, f"Sec-Fetch-Site: {site}"))).status, status)

    async def test_what_is_no_call_of_a_script_is_none(self) -> None:
        for site in ("same-origin", "none"):
            for mode, destination, status in (
                ("cors", "empty", 200),
                ("same-origin", "empty", 200),
                ("navigate", "document", 403),
                ("navigate", "iframe", 403),
                ("no-cors", "empty", 403),
                ("cors", "image", 403),
                ("websocket", "websocket", 403),
            ):
                fields = (f"Sec-Fetch-Mode: {mode}", f"Sec-Fetch-Dest: {destination}")
                reply = await self.reply(echo(1, f"Sec-Fetch-Site: {site}", *fields))
                self.assertEqual(reply.status, status, fields)
        self.assertEqual((await self.reply(echo(1, "Sec-Fetch-Mode: cors"))).status, 200)
        self.assertEqual(self.methods.ran, ["echo"] * 5)

    async def test_a_link_from_anywhere_leads_here_and_runs_nothing(self) -> None:
        visit = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
        reply = await self.reply(get("/rpc", *visit, "Sec-Fetch-Dest: document"))
        self.assertEqual(reply.status, 405)
        reply = await self.reply(get("/rpc", *visit, "Sec-Fetch-Dest: iframe"))
        self.assertEqual(reply.status, 403)
        reply = await self.reply(echo(1, *visit, "Sec-Fetch-Dest: document"))
        self.assertEqual(reply.status, 403)
        self.assertEqual(self.methods.ran, [])


class CredentialTests(HTTPTestCase):
    """Everything that `[web]` can say of listed pages."""

    table: ClassVar[WebTable] = WebTable(
        origins=("https://APP.example.com:443", "http://[::1]:8080"),
        cors_headers=("X-Tag",),
        cors_expose=("Retry-After", "X-Other"),
        cors_max_age=0,
        credentials=True,
    )

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def test_each_answer_says_so(self) -> None:
        for origin in (ORIGIN, "http://[::1]:8080"):
            for fields, status in (((), 401), ((basic("ann", "secret"), "X-Tag: 1"), 200)):
                reply = await self.reply(echo(1, f"Origin: {origin}", *fields))
                self.assertEqual(reply.status, status)
                self.assertEqual(reply.headers["access-control-allow-origin"], origin)
                self.assertEqual(reply.headers["access-control-allow-credentials"], "true")
                self.assertEqual(
                    reply.headers["access-control-expose-headers"], "Retry-After, X-Other"
                )

    async def test_so_does_the_answer_before(self) -> None:
        asks = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: X-TAG")
        reply = await self.reply(get("/rpc", f"Origin: {ORIGIN}", *asks, method="OPTIONS"))
        self.assertEqual(reply.status, 204)
        self.assertEqual(reply.headers["access-control-allow-credentials"], "true")
        self.assertEqual(
            reply.headers["access-control-allow-headers"], "Content-Type, Authorization, X-Tag"
        )
        self.assertEqual(reply.headers["access-control-max-age"], "0")

    async def test_strangers_learn_nothing_of_it(self) -> None:
        reply = await self.reply(echo(1, "Origin: https://evil.example"))
        self.assertEqual(reply.status, 403)
        self.assertEqual([name for name in reply.headers if name.startswith("access")], [])
        self.assertEqual(reply.headers["vary"], "Origin")


class FieldTests(HTTPTestCase):
    """What an answer bears for the browser's own caution."""

    table: ClassVar[WebTable] = WebTable(hsts=3600)

    async def test_every_answer_forbids_guessing_keeping_and_embedding(self) -> None:
        for data in (echo(1), post(b"{"), post(notification("echo")), get("/x"), b"rubbish\r\n"):
            reply = await self.reply(data)
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
            self.assertEqual(reply.headers["cache-control"], "no-store")
            self.assertEqual(reply.headers["cross-origin-resource-policy"], "same-origin")
            self.assertNotIn("server", reply.headers)
            self.assertNotIn("vary", reply.headers)  # without origins no answer differs

    async def test_a_text_can_do_nothing_in_a_browser(self) -> None:
        for data in (get("/<script>alert(1)</script>"), get("/"), b"<script>\r\n\r\n"):
            reply = await self.reply(data)
            self.assertEqual(
                reply.headers["content-security-policy"],
                "default-src 'none'; frame-ancestors 'none'",
            )
            self.assertEqual(reply.headers["referrer-policy"], "no-referrer")
            self.assertNotIn(b"script", reply.body)
        self.assertNotIn("content-security-policy", (await self.reply(echo(1))).headers)

    async def test_hsts_is_not_for_a_plain_line(self) -> None:
        self.assertNotIn("strict-transport-security", (await self.reply(echo(1))).headers)


# Twisted's own certificate objects still use what pyOpenSSL has deprecated.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
class SecureTests(HTTPTestCase):
    """The same over TLS."""

    table: ClassVar[WebTable] = WebTable(hsts=3600)

    async def open(self) -> Line:
        pem = self_signed("localhost")
        if not self.ports:
            options = PrivateCertificate.loadPEM(pem).options()
            server = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
            await self.listen(self.make_factory(self.server), server)
        plain = TCP4ClientEndpoint(reactor, "127.0.0.1", listening_port(self.ports[0]))
        trusted = optionsForClientTLS("localhost", trustRoot=Certificate.loadPEM(pem))
        return await self.connect(endpoint=wrapClientTLS(trusted, plain))

    async def test_hsts_is_said(self) -> None:
        for data in (echo(1), get("/other"), get("/rpc", method="OPTIONS")):
            reply = await self.reply(data)
            self.assertEqual(reply.headers["strict-transport-security"], "max-age=3600")

    async def test_pages_of_the_server_come_over_tls_too(self) -> None:
        for origin, status in (
            ("https://localhost", 200),
            ("https://localhost:443", 200),
            ("http://localhost", 403),
            ("https://localhost:80", 403),
        ):
            self.assertEqual((await self.reply(echo(1, f"Origin: {origin}"))).status, status)


class OverriddenTests(HTTPTestCase):
    """Fields that `[web] headers` says otherwise."""

    table: ClassVar[WebTable] = WebTable(
        headers={"referrer-policy": "same-origin", "Cache-Control": "private"}
    )

    async def test_they_stand_alone(self) -> None:
        for data in (echo(1), get("/other")):  # a field that came twice would fail the client
            reply = await self.reply(data)
            self.assertEqual(reply.headers["referrer-policy"], "same-origin")
            self.assertEqual(reply.headers["cache-control"], "private")


def basic(user: str, password: str) -> str:
    """The Authorization header of a user."""
    return f"Authorization: Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class PasswordTests(HTTPTestCase):
    """Callers that have to prove who they are."""

    limits = AT_ONCE

    def make_server(self) -> Server:
        server = super().make_server()
        server.enable_auth("ann", "secret")
        return server

    async def test_without_credentials_nothing_is_served(self) -> None:
        for fields in (
            (),
            ("Authorization: Bearer x",),
            ("Authorization: Basic",),
            ("Authorization: Basic !!!",),
            (f"Authorization: Basic {b64encode(b'no colon').decode()}",),
            (basic("ann", "wrong"),),
            (basic("bob", "secret"),),
        ):
            reply = await self.reply(echo(1, *fields))
            self.assertEqual((reply.status, reply.code), (401, -32001), fields)
            self.assertTrue(reply.headers["www-authenticate"].startswith("Basic realm="))
        self.assertEqual(self.methods.ran, [])

    async def test_with_them_the_identity_is_known(self) -> None:
        line = await self.open()
        for _ in range(2):
            reply = await reply_to(line, post(request("whoami"), basic("ann", "secret")))
            self.assertEqual(reply.json()["result"], ["ann", "http", False])

    async def test_every_request_has_to_bear_them(self) -> None:
        line = await self.open()
        whoami = post(request("whoami"), basic("ann", "secret"))
        line.send(whoami + echo(1) + whoami + echo(2, basic("ann", "wrong")) + whoami)
        statuses = [(await take_reply(line)).status for _ in range(5)]
        self.assertEqual(statuses, [200, 401, 200, 401, 200])
        self.assertEqual(self.methods.ran, [])


class AuthenticatingServer(Server):
    """Finds out later who a caller is."""

    asked: ClassVar[list[Deferred[Any]]] = []

    def authenticate(self, credentials: Any) -> Any:
        self.asked.append(Deferred())
        return self.asked[-1]


class LateIdentityTests(HTTPTestCase):
    """Identities that take a while."""

    limits = AT_ONCE

    def make_server(self) -> Server:
        plain = super().make_server()
        AuthenticatingServer.asked.clear()
        server = AuthenticatingServer(limits=self.limits, reactor=self.clock)
        server.namespace = plain.namespace
        return server

    async def asked(self) -> Deferred[Any]:
        while not AuthenticatingServer.asked:
            await turn()
        return AuthenticatingServer.asked.pop()

    async def test_calls_wait_for_it_in_their_order(self) -> None:
        line = await self.open()
        call = post(request("whoami"), basic("ann", "x"))
        line.send(call + call)
        (await self.asked()).callback("Ann")
        for _ in range(2):
            self.assertEqual((await take_reply(line)).json()["result"], ["Ann", "http", False])

    async def test_a_failure_is_401_and_only_an_unexpected_one_is_logged(self) -> None:
        for error, logged in ((UnauthorizedLogin(), 0), (ZeroDivisionError(), 1)):
            line = await self.open()
            line.send(echo(1, basic("ann", "x")))
            (await self.asked()).errback(error)
            self.assertEqual((await take_reply(line)).status, 401)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), logged)

    async def test_who_leaves_meanwhile_is_forgotten(self) -> None:
        for outcome in ("callback", "errback"):
            line = await self.open()
            line.send(echo(1, basic("ann", "x")))
            asked = await self.asked()
            line.abort()
            await self.gone()
            getattr(asked, outcome)("Ann" if outcome == "callback" else UnauthorizedLogin())
        self.assertEqual(self.methods.ran, [])


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", b"/"),
        (b"/a/b?c=/d", b"/a/b"),
        (b"http://h", b"/"),
        (b"http://h/a?b", b"/a"),
        (b"https://h:1/a//b", b"/a//b"),
        (b"*", b"*"),
        (b"h:80", b"h:80"),
    ],
)
def test_the_path_of_a_target(target: bytes, path: bytes) -> None:
    assert path_of(target) == path


def test_a_refusal_has_the_reason_of_its_status() -> None:
    assert Reply.text(404, "x").reason == b"Not Found"
    assert Reply.text(404, "x").body == b"x\n"
