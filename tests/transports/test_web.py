"""Who may ask over the web, for what and in which form: hosts, methods, types, passwords."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, ClassVar

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred

from tests.helpers import request
from tests.transports.harness import AT_ONCE, turn
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

    async def test_a_failure_is_401_and_an_unexpected_one_503_and_logged(self) -> None:
        for error, logged, status in ((UnauthorizedLogin(), 0, 401), (ZeroDivisionError(), 1, 503)):
            line = await self.open()
            line.send(echo(1, basic("ann", "x")))
            (await self.asked()).errback(error)
            self.assertEqual((await take_reply(line)).status, status)
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
        (b"http://h?a=/b", b"/"),
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
