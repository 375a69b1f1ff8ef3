"""Pages that call: their own server's, listed ones, strangers."""

from __future__ import annotations

from typing import ClassVar

from tests.helpers import notification
from tests.transports.test_web import ORIGIN, basic
from tests.transports.web_client import HTTPTestCase, echo, get, post
from twisted_rpc import Server
from twisted_rpc.config import WebTable


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
