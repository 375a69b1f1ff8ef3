"""Listeners with certificates: whom they talk to, how, and what the log says of the others."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel, capturedLogs, formatEvent

from tests.helpers import new_path
from tests.transports.certificate import Authority
from tests.transports.harness import TransportTestCase, listening_port, reactor, until
from tests.transports.tls_client import Outcome, ask, client_context
from twisted_rpc import ConfigError
from twisted_rpc.config import WebTable
from twisted_rpc.listener import Listener, ServerName
from twisted_rpc.transports.handshakes import HandshakeLog
from twisted_rpc.transports.listening import Place, factory_for
from twisted_rpc.transports.tls import reason_of


class TLSTestCase(TransportTestCase):
    """A listener with a certificate of an authority."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(new_path()).parent
        self.authority = Authority(self.directory)
        self.authority.issue("localhost")

    def path(self, name: str) -> str:
        """One of the files."""
        return str(self.directory / name)

    def place(self, transport: Any = "tcp", **keys: Any) -> Place:
        """A listener, not bound yet."""
        keys = {
            "certificate": self.path("localhost.pem"),
            "key": self.path("localhost.key"),
            **keys,
        }
        self.listener = Listener(transport=transport, endpoint="tcp:0:interface=127.0.0.1", **keys)
        return Place(self.server, self.listener, insecure_public=False, reactor=reactor)

    async def bind(self, transport: Any = "tcp", **keys: Any) -> Place:
        """A listener that is bound."""
        place = self.place(transport, **keys)
        factory = factory_for(self.server, self.listener, WebTable(), None)
        port: IListeningPort = await place.listen(factory)
        self.ports.append(port)
        return place

    async def ask(self, context: ssl.SSLContext | None = None, **options: Any) -> Outcome:
        """What comes of one call."""
        context = context or client_context(self.authority.path)
        outcome: Outcome = await ask(listening_port(self.ports[0]), context, **options)
        return outcome

    async def refused(self, context: ssl.SSLContext, said: str) -> None:
        """See that a client is not served, and that the log says why, in one line."""
        with capturedLogs() as events:
            # With TLS 1.3 a client learns of it when it reads, or of the line's end alone.
            try:
                outcome = await self.ask(context)
            except OSError:
                pass
            else:
                self.assertEqual(outcome.answer, b"")
            await until(lambda: not self.server.lines)
        told = [event for event in events if event["log_namespace"].endswith("HandshakeLog")]
        self.assertRegex("|".join(str(formatEvent(event)) for event in told), said)
        self.assertEqual([event["log_level"] for event in told], [LogLevel.info])


class ServerTests(TLSTestCase):
    """What a listener proves and speaks."""

    async def test_a_call_is_answered_by_the_newest_version(self) -> None:
        await self.bind()
        outcome = await self.ask()
        self.assertEqual(json.loads(outcome.answer)["result"], "hello")
        self.assertEqual((outcome.version, outcome.server), ("TLSv1.3", "localhost"))

    async def test_the_oldest_version_has_forward_secrecy(self) -> None:
        await self.bind()
        context = client_context(self.authority.path)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        outcome = await self.ask(context)
        self.assertRegex(outcome.cipher, "^ECDHE-.*(GCM|POLY1305)")
        context.set_ciphers("ECDHE-ECDSA-AES256-SHA384")
        await self.refused(context, "no shared cipher")

    async def test_versions_that_are_too_old_are_refused(self) -> None:
        await self.bind(tls_minimum="1.3")
        context = client_context(self.authority.path)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        await self.refused(context, "^TLS with 127.0.0.1:[0-9]+ failed: unsupported protocol$")

    async def test_a_client_cannot_have_it_all_done_again(self) -> None:
        await self.bind()
        said = await deferToThread(_renegotiate, listening_port(self.ports[0]))
        self.assertEqual(said, "no renegotiation")

    async def test_a_client_is_shown_the_certificate_of_the_name_it_asks_for(self) -> None:
        names = {}
        for host, pattern in (("a.test", "a.test"), ("b.c.test", "*.c.test")):
            path = self.authority.issue(host)
            key = path.with_suffix(".key")
            names[pattern] = ServerName(certificate=str(path), key=str(key))
        await self.bind(sni=names)
        context = client_context(self.authority.path)
        context.check_hostname = False
        asked = ("a.test", "A.TEST", "b.c.test", "localhost", "x.a.test")
        shown = [(await self.ask(context, name=name)).server for name in asked]
        self.assertEqual(shown, ["a.test", "a.test", "b.c.test", "localhost", "localhost"])

    async def test_the_certificates_that_lead_to_the_authority_are_sent(self) -> None:
        middle = Authority(self.directory, "middle", above=self.authority)
        leaf = middle.issue("localhost")
        with leaf.open("ab") as chain:
            chain.write(middle.path.read_bytes())
        await self.bind()
        self.assertIn(b"hello", (await self.ask()).answer)

    async def test_http_is_chosen_and_what_is_not_spoken_is_refused(self) -> None:
        await self.bind("http")
        context = client_context(self.authority.path)
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.assertEqual((await self.ask(context)).protocol, "http/1.1")
        context.set_alpn_protocols(["h2"])
        await self.refused(context, "TLS with")

    async def test_a_stream_chooses_no_protocol_and_is_served(self) -> None:
        await self.bind("tcp")
        context = client_context(self.authority.path)
        context.set_alpn_protocols(["h2"])
        outcome = await self.ask(context)
        self.assertEqual(outcome.protocol, None)
        self.assertIn(b"hello", outcome.answer)

    async def test_what_is_no_tls_is_told(self) -> None:
        await self.bind()
        with capturedLogs() as events:
            line = await self.connect()
            line.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await line.rest()
            await self.gone()
        self.assertIn("failed: http request", "|".join(str(formatEvent(e)) for e in events))


class ClientCertificateTests(TLSTestCase):
    """Whom a listener asks for a certificate, and what becomes of it."""

    async def bind_asking(self, **keys: Any) -> None:
        """Listen for clients of our authority."""
        await self.bind(client_ca=str(self.authority.path), **keys)

    def client(self, shown: Path | None = None) -> ssl.SSLContext:
        """A client with a certificate."""
        return client_context(self.authority.path, shown)

    async def test_a_verified_client_shows_who_it_is(self) -> None:
        seen: list[Any] = []
        self.server.connection_opened = lambda connection: seen.append(  # type: ignore[method-assign]
            self.served().transport.getPeerCertificate()
        )
        await self.bind_asking()
        outcome = await self.ask(self.client(self.authority.issue("alice")))
        self.assertIn(b"hello", outcome.answer)
        subject = seen[0].to_cryptography().subject
        self.assertEqual(subject.rfc4514_string(), "CN=alice")

    async def test_a_client_without_one_is_refused(self) -> None:
        await self.bind_asking()
        await self.refused(self.client(), "peer did not return a certificate")

    async def test_a_client_without_one_is_served_where_it_is_optional(self) -> None:
        await self.bind_asking(client_certificates="optional")
        self.assertIn(b"hello", (await self.ask(self.client())).answer)
        stranger = Authority(self.directory, "stranger").issue("mallory")
        await self.refused(self.client(stranger), "CN=mallory is signed by an authority that is")

    async def test_a_client_of_another_authority_is_refused(self) -> None:
        await self.bind_asking()
        stranger = Authority(self.directory, "stranger")
        said = "the certificate of CN=mallory is signed by an authority that is not in client_ca$"
        await self.refused(self.client(stranger.issue("mallory")), said)

    async def test_a_client_that_signed_for_itself_is_refused(self) -> None:
        await self.bind_asking()
        own = Authority(self.directory, "own")
        own.issue("own")
        await self.refused(self.client(Path(self.path("own.pem"))), "CN=own is signed by ")

    async def test_a_client_whose_time_is_over_is_refused(self) -> None:
        await self.bind_asking()
        expired = self.authority.issue("alice", days=-1)
        await self.refused(self.client(expired), "the certificate of CN=alice has expired$")
        early = self.authority.issue("bob", days=9, begins=7)
        await self.refused(self.client(early), "the certificate of CN=bob is not valid yet$")

    async def test_a_name_cannot_break_the_log(self) -> None:
        await self.bind_asking()
        evil = Authority(self.directory, "evil").issue("x\n\x1b[31m" + "y" * 50, path="evil")
        await self.refused(self.client(evil), r"CN=x(\\+0A|\\+n).*\\x1b\[31myyy.* is signed by")

    async def test_no_session_is_resumed(self) -> None:
        await self.bind_asking()
        context = self.client(self.authority.issue("alice"))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.maximum_version = version
            first = await self.ask(context)
            again = await self.ask(context, session=first.session)
            self.assertIn(b"hello", again.answer)
            self.assertIs(again.resumed, False)


class ReloadTests(TLSTestCase):
    """Files that change while a listener is up."""

    async def test_new_connections_get_new_certificates_and_old_ones_go_on(self) -> None:
        place = await self.bind()
        self.assertEqual((await self.ask()).server, "localhost")
        context = client_context(self.authority.path)
        context.check_hostname = False
        self.authority.issue("renewed", path="localhost")
        self.assertEqual((await self.ask(context)).server, "localhost")
        with capturedLogs() as events:
            place.reload()
        self.assertRegex(str(formatEvent(events[0])), "^endpoint 'tcp:0.*' has new certificates$")
        self.assertEqual((await self.ask(context)).server, "renewed")

    async def test_what_cannot_be_used_changes_nothing(self) -> None:
        place = await self.bind()
        self.authority.issue("other")
        shutil.copy(self.path("other.pem"), self.path("localhost.pem"))
        with self.assertRaises(ConfigError) as caught:
            place.reload()
        said = "^endpoint 'tcp:0:interface=127.0.0.1' keeps its certificates: key .* does not fit"
        self.assertRegex(str(caught.exception), said)
        self.assertEqual((await self.ask()).server, "localhost")

    async def test_a_certificate_that_nobody_will_believe_is_a_warning(self) -> None:
        expired = self.authority.issue("localhost", days=-1)
        with capturedLogs() as events:
            place = await self.bind()
            place.reload()
        told = [e for e in events if e["log_level"] == LogLevel.warn]
        self.assertEqual(len(told), 2)
        for event in told:
            self.assertIn(f"certificate {expired}: it has expired on 20", str(formatEvent(event)))

    def test_a_key_that_openssl_finds_too_weak_is_named(self) -> None:
        key = rsa.generate_private_key(65537, 1024)
        path = self.authority.issue("localhost", key=key)
        with self.assertRaises(ConfigError) as caught:
            self.place()
        self.assertEqual(str(caught.exception), f"certificate {path}: ee key too small")


class TimeTests(TLSTestCase):
    """Clients that are slow, before and after the handshake."""

    async def test_half_a_hello_is_not_waited_for(self) -> None:
        await self.bind()
        line = await self.connect()
        # A record of 512 bytes begins, a ClientHello of 508 in it (RFC 8446, sections 4 and 5.1).
        line.send(bytes.fromhex("16 0301 0200 01 0001fc 0303"))
        await until(lambda: self.server.lines)
        with capturedLogs() as events:
            await self.advance(9.9)
            self.assertFalse(line.lost)
            await self.advance(0.2)
            await until(lambda: line.lost)
        self.assertIn(
            "not complete after 10 seconds (handshake_timeout)", str(formatEvent(events[0]))
        )

    async def test_a_stranger_that_is_silent_behind_tls_is_not_waited_for(self) -> None:
        self.server.enable_auth("alice", "wonderland")
        for transport in ("tcp", "http", "hybrid"):
            await self.bind(transport)
            context = client_context(self.authority.path)
            silent = ensureDeferred(self._silent(context))
            await until(lambda: any(getattr(line, "begun", True) for line in self.server.lines))
            await self.advance(10.1)
            await self.gone()
            self.assertRegex(await silent, b"^$|-32001")
            await self.ports.pop().stopListening()  # type: ignore[misc]

    async def _silent(self, context: ssl.SSLContext) -> bytes:
        received: bytes = await deferToThread(_listen, listening_port(self.ports[0]), context)
        return received


class HandshakeLogTests(TLSTestCase):
    """How much the log bears."""

    def test_what_is_too_much_is_counted(self) -> None:
        log = HandshakeLog(self.clock)
        with capturedLogs() as events:
            for number in range(15):
                log.tell(f"peer{number}", "no reason")
        self.assertEqual(len(events), 10)
        self.clock.advance(60)
        with capturedLogs() as events:
            log.tell("peer", "no reason")
            log.tell("peer", "no reason")
        self.assertEqual(
            [formatEvent(event) for event in events],
            [
                "TLS with peer failed: no reason (5 more were not logged)",
                "TLS with peer failed: no reason",
            ],
        )


def _renegotiate(port: int) -> str:
    """What a client of TLS 1.2 is told that asks for a second handshake on one line."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
        line = SSL.Connection(context, plain)
        line.set_connect_state()
        line.do_handshake()
        assert line.renegotiate()
        with pytest.raises(SSL.Error) as caught:
            line.do_handshake()
        return reason_of(caught.value)


def _listen(port: int, context: ssl.SSLContext) -> bytes:
    """Shake hands, say nothing, and return what comes first, if anything does."""
    plain = socket.create_connection(("127.0.0.1", port), 60)
    with context.wrap_socket(plain, server_hostname="localhost") as line:
        try:
            return line.recv(1000)
        except ConnectionResetError:
            return b""
