"""URLs, credentials, certificates, and what is said when no connection can be made."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate

from tests.client.harness import ClientTestCase, reactor, until
from tests.helpers import new_path
from tests.transports.certificate import self_signed
from tests.transports.harness import listening_port
from twisted_rpc import (
    AuthenticationFailed,
    CertificateRefused,
    Client,
    ConnectError,
    ConnectionRefused,
    NotFullDuplex,
    Peer,
    State,
    UnknownHost,
    connect,
    listen,
)
from twisted_rpc.transports.connecting import connector
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory

WRONG = {
    "ftp://h/": "unknown scheme 'ftp'; such as tcp://",
    "tcp://h": "names no port",
    "tcp://:70": "names no host",
    "tcp://h:x": "the port is no number",
    "tcp://h:99999": "the port is no number",
    "tcp://h:70/path": "tcp has no path",
    "http://": "names no host",
    "nonsense": "Unknown endpoint type: 'nonsense'; such as",
    "http://127.0.0.1/ü": "write 'ü' as %C3%BC",
    "ws://127.0.0.1/?q=ü": "write 'ü' as %C3%BC",
    "http://127.0.0.1/a b": "a URL has no spaces",
    "http://127.0.0.1/a\nb": "a URL has no spaces or control characters",
    "http://a..b/": "its host is not the name of a host",
    "http://[::1/": "is no URL; such as",
    "unix:/" + "x" * 200: "the path has 201 bytes, and may have 10[37]",
    "unix:path=/" + "ü" * 60 + ":timeout=3": "the path has 121 bytes",
    "exec:": "there is no such command",
    "exec:no-such-command-anywhere": "there is no such command",
}


@pytest.mark.parametrize("url", WRONG)
def test_a_url_that_makes_no_sense_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=WRONG[url]):
        connect(url)


SECRET = [
    "tcp://me:s3cret@host",
    "tcp://me:s3cret@host:x",
    "tcp://me:s3cret@host:1/path",
    "tcp://me:s3/s3cret@host:1",
    "ftp://me:s3cret@host",
    "http://me:s3cret@",
    "http://me:s3 cret@host/",
    "http://me:s3cret@ho\u2100st/",
    "http://me:s3cret@host/ü",
    "http://me:s3cret@a..b",
    "me:s3cret@host:1",
]


@pytest.mark.parametrize("url", SECRET)
def test_no_password_is_told(url: str) -> None:
    with pytest.raises(ValueError, match=r"\.\.\.@") as caught:
        connect(url)
    assert "cret" not in "".join(format_exception(caught.value))


@pytest.mark.parametrize("scheme", ["tcp", "ws", "http"])
def test_a_host_may_have_a_name_that_is_not_ascii(scheme: str) -> None:
    client = connector(f"{scheme}://Bücher.example:7/", reactor=reactor)
    assert client.peer == f"{scheme}://xn--bcher-kva.example:7/"


def test_an_address_stays_as_it_is() -> None:
    for url in ("tcp://[::1]:7", "http://[fe80::1%25eth0]/", "ws://127.0.0.1:7/a%20b?c=%C3%BC"):
        assert connector(url, reactor=reactor).peer == url


def test_a_path_of_a_socket_may_be_as_long_as_the_system_takes() -> None:
    longest = "/" + "x" * (106 if sys.platform == "linux" else 102)
    assert connector(f"unix:{longest}", reactor=reactor).peer == f"unix:{longest}"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"token": "a\r\nX: y"}, "token"),
        ({"user": "a\nb", "password": "c"}, "user"),
        ({"user": "a", "password": "b\0c"}, "password"),
        ({"headers": {"X-Y": "a\r\nb"}}, "header field 'X-Y'"),
        ({"headers": {"X\n": "a"}}, r"header field 'X\\n'"),
    ],
)
def test_control_characters_are_refused(options: dict[str, Any], name: str) -> None:
    for scheme in ("http", "ws"):
        with pytest.raises(ValueError, match=f"^{name}: control characters are not allowed$"):
            connect(f"{scheme}://h/", **options)


def test_control_characters_are_refused_in_a_url_too() -> None:
    with pytest.raises(ValueError, match=r"^password: control characters"):
        connect("http://me:a%0d%0ab@h/")


@pytest.mark.parametrize(
    ("url", "options", "reason"),
    [
        ("tcp://h:1", {"user": "ann"}, "user and password belong together"),
        ("http://h", {"password": "x"}, "user and password belong together"),
        ("http://h", {"user": "a", "password": "b", "token": "c"}, "either user and password, or"),
        ("unix:x", {"headers": {"A": "b"}}, "headers are for HTTP and WebSocket"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    url: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        connect(url, **options)


class WayTests(ClientTestCase):
    """Ways to the same server."""

    async def test_a_unix_socket(self) -> None:
        path = new_path()
        port = await listen(self.server, f"unix:{path}")
        for to in (f"unix:{path}", f"unix:path={path}"):
            client = await self.client(to)
            self.assertEqual(await client.call("things.echo", [to]), to)
            await client.close()
        await port.stopListening()  # type: ignore[misc]

    async def test_an_endpoint_or_its_description(self) -> None:
        await self.serve()
        place = TCP4ClientEndpoint(reactor, "127.0.0.1", self.number)
        for to in (place, f"tcp:127.0.0.1:{self.number}"):
            client = await self.client(to)
            self.assertEqual(await client.call("things.echo", [1]), 1)

    async def test_a_child_process(self) -> None:
        root = Path(__file__).parents[2]
        script = f"{sys.executable} {root / 'tests' / 'client' / 'child.py'}"
        client = await self.client(f"exec:{script}")
        self.assertEqual(await client.call("double", [21]), 42)
        assert client.connection is not None
        self.assertEqual(client.connection.peer, "the child process")
        await client.close()

    async def test_nothing_is_told_of_the_password(self) -> None:
        await self.serve()
        client = await self.client(f"ws://ann:secret@127.0.0.1:{self.number}/rpc")
        self.assertEqual(client.peer, f"ws://127.0.0.1:{self.number}/rpc")


def _has_noticed(client: Client) -> bool:
    return client.state is not State.CONNECTED


class RefusalTests(ClientTestCase):
    """Four different reasons, each said in one line with what to do."""

    async def refusal(self, url: str, kind: type[ConnectError], **options: Any) -> str:
        """What is said; the client is closed after it."""
        client = self.client(url, **options)
        with self.assertRaises(kind) as caught:
            await client
        self.assertEqual(client.state, State.CLOSED)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        return text

    async def test_nobody_listens(self) -> None:
        await self.serve()
        await self.stop()
        for scheme in ("tcp", "ws"):
            url = f"{scheme}://127.0.0.1:{self.number}"
            text = await self.refusal(url, ConnectionRefused)
            self.assertEqual(
                text, f"{url}: connection refused: is the server running, and listening there?"
            )
        client = await self.client(f"http://127.0.0.1:{self.number}/")
        with self.assertRaisesRegex(ConnectionRefused, "^things.echo: http.* connection refused"):
            await client.call("things.echo")

    async def test_there_is_no_such_socket(self) -> None:
        self.assertEqual(
            await self.refusal("unix:/nowhere/rpc.sock", ConnectError),
            "unix:/nowhere/rpc.sock: No such file or directory",
        )

    async def test_there_is_no_such_host(self) -> None:
        text = await self.refusal("tcp://no-such-host.invalid:1", UnknownHost)
        self.assertEqual(text, "tcp://no-such-host.invalid:1: unknown host: check the name")

    async def test_the_password_is_wrong(self) -> None:
        self.server.enable_auth("ann", "secret")
        await self.serve()
        wrong = {"user": "ann", "password": "wrong"}
        for scheme in ("tcp", "ws"):
            url = f"{scheme}://127.0.0.1:{self.number}"
            text = await self.refusal(url, AuthenticationFailed, **wrong)
            self.assertIn(
                "check user, password or token" if scheme == "tcp" else "check user", text
            )
            self.assertNotIn("wrong", text)
        client = await self.client(f"http://127.0.0.1:{self.number}/", **wrong)
        with self.assertRaisesRegex(AuthenticationFailed, "401 Unauthorized: check user"):
            await client.call("things.whoami")

    async def test_the_password_is_right(self) -> None:
        self.server.enable_auth("ann", "secret: with colon")
        await self.serve()
        for scheme in ("tcp", "ws", "http"):
            url = f"{scheme}://127.0.0.1:{self.number}"
            client = await self.client(url, user="ann", password="secret: with colon")
            self.assertEqual(await client.call("things.whoami"), "ann")
            if scheme == "http":
                continue
            await self.stop()
            await until(partial(_has_noticed, client), "it has noticed nothing")
            await self.serve()
            self.assertEqual(await client.call("things.whoami"), "ann")

    async def test_a_server_that_asks_for_nothing_is_told_apart(self) -> None:
        await self.serve()
        url = f"tcp://127.0.0.1:{self.number}"
        text = await self.refusal(url, AuthenticationFailed, user="ann", password="x")
        self.assertEqual(text, f"{url}: it asks for no credentials")

    async def test_there_is_nothing_on_that_path(self) -> None:
        await self.serve()
        text = await self.refusal(f"ws://127.0.0.1:{self.number}/nowhere", ConnectError)
        self.assertIn("404", text)
        client = await self.client(f"http://127.0.0.1:{self.number}/nowhere")
        with self.assertRaisesRegex(Exception, "answered 404 Not Found: there is nothing here"):
            await client.call("things.echo")

    async def test_it_closes_instead_of_a_handshake(self) -> None:
        for said, told in ((b"", ""), (b"go away\n\n", "; it said: go away")):
            factory: Any = Factory.forProtocol(_Curt)
            factory.said = said
            self.port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
            url = f"ws://127.0.0.1:{listening_port(self.port)}"
            text = await self.refusal(url, ConnectError)
            self.assertEqual(text, f"{url}: closed before the WebSocket handshake was over{told}")
            await self.stop()

    async def test_a_peer_is_not_for_http(self) -> None:
        await self.serve()
        peer = Peer()
        with self.assertRaisesRegex(NotFullDuplex, "connect by ws:// or tcp:// instead"):
            await peer.open(connector(f"http://127.0.0.1:{self.number}/"))
        self.assertIsNone(peer.connection)

    async def test_a_host_that_is_refused_is_told_why(self) -> None:
        await self.serve()
        client = await self.client(f"http://127.1:{self.number}/")
        with self.assertRaisesRegex(AuthenticationFailed, r"403 Forbidden: .*Host"):
            await client.call("things.echo")

    async def test_there_are_too_many_lines_already(self) -> None:
        await self.serve()
        peer = Peer()
        url = f"ws://127.0.0.1:{self.number}"
        first = await connector(url)(peer)
        with self.assertRaisesRegex(ConnectError, "it has a peer already"):
            await connector(url)(peer)
        first.close()
        await until(lambda: not peer.lines)

    async def test_it_takes_too_long(self) -> None:
        from msgspec import structs

        from twisted_rpc.client import CLIENT_LIMITS

        limits = structs.replace(CLIENT_LIMITS, handshake_timeout=0.05)
        self.server.enable_auth("ann", "x")
        self.server.authenticate = lambda credentials: self.things.wait()  # type: ignore[method-assign]
        await self.serve()
        url = f"tcp://127.0.0.1:{self.number}"
        text = await self.refusal(url, ConnectError, user="ann", password="x", limits=limits)
        self.assertEqual(text, f"{url}: no connection within 0.05 seconds (handshake_timeout)")
        await until(lambda: not self.server.lines, "its line is left open")


class _Curt(Protocol):
    """Says its word and hangs up."""

    factory: Any
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.factory.said)
        self.transport.loseConnection()


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
class TLSTests(ClientTestCase):
    """Certificates."""

    async def serve_tls(self, name: str) -> str:
        """Serve with a certificate for a name; the file that has it."""
        pem = self_signed(name)
        options = PrivateCertificate.loadPEM(pem).options()
        endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        self.port = await endpoint.listen(HybridFactory(HTTPFactory(self.server)))
        self.number = listening_port(self.port)
        return _written(Path(new_path()), pem)

    async def test_a_certificate_that_is_trusted(self) -> None:
        trust = await self.serve_tls("localhost")
        for scheme in ("tcps", "wss", "https"):
            client = await self.client(f"{scheme}://localhost:{self.number}", trust=trust)
            self.assertEqual(await client.call("things.echo", [scheme]), scheme)

    async def test_a_certificate_that_is_not(self) -> None:
        await self.serve_tls("localhost")
        for scheme in ("tcps", "wss"):
            with self.assertRaisesRegex(CertificateRefused, "not trusted: .*give `trust`"):
                await self.client(f"{scheme}://localhost:{self.number}")
        client = await self.client(f"https://localhost:{self.number}")
        with self.assertRaisesRegex(CertificateRefused, "not trusted"):
            await client.call("things.echo")

    async def test_a_certificate_of_somebody_else(self) -> None:
        trust = await self.serve_tls("example.com")
        with self.assertRaises(CertificateRefused):
            await self.client(f"tcps://localhost:{self.number}", trust=trust)

    async def test_no_tls_at_all(self) -> None:
        await self.serve()
        with self.assertRaisesRegex(ConnectError, "does it speak TLS on this port"):
            await self.client(f"tcps://127.0.0.1:{self.number}")
