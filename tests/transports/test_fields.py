"""Header fields that answers bear for the browser's own caution."""

from __future__ import annotations

from typing import ClassVar

import pytest
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS

from tests.helpers import notification
from tests.transports.certificate import self_signed
from tests.transports.harness import Line, listening_port, reactor
from tests.transports.web_client import HTTPTestCase, echo, get, post
from twisted_rpc.config import WebTable


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
