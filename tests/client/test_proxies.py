"""Through the proxy that the environment names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ConnectingCancelledError, NoRouteError
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.harness import ClientTestCase, reactor, until
from tests.client.web_proxy import WebProxy
from tests.helpers import new_path
from tests.transports.certificate import self_signed
from tests.transports.harness import Line, listening_port
from twisted_rpc import (
    AuthenticationFailed,
    ConnectError,
    ConnectionRefused,
    Context,
    ProtocolError,
    UnknownHost,
    connect,
)
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.tunnel import (
    PATIENCE,
    ProxyEndpoint,
    TunnelEndpoint,
    proxy_for,
)

PLACE = "localhost:1"
"""Where nobody listens: only the proxy knows the way."""

BASIC = "Basic YW5uOnMzY3I6QHQ="
"""What stands for ann and s3cr:@t."""


def environment(**variables: str) -> Any:
    """An environment with these variables of proxies, and no others."""
    others = {name: value for name, value in os.environ.items() if "_proxy" not in name.lower()}
    return patch.dict(os.environ, {**others, **variables}, clear=True)


class ProxyTestCase(ClientTestCase):
    """A server, and a proxy before it."""

    async def start(self, user: str = "", **options: Any) -> WebProxy:
        """Serve, and point both variables to a proxy that knows the way."""
        if self.port is None:
            await self.serve()
        self.proxy = WebProxy({PLACE: self.number}, **options)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.proxy_port = await endpoint.listen(self.proxy)
        url = f"http://{user}127.0.0.1:{listening_port(self.proxy_port)}"
        self.name = f"http://127.0.0.1:{listening_port(self.proxy_port)}"
        self.set(http_proxy=url, https_proxy=url)
        return self.proxy

    def set(self, **variables: str) -> None:
        """Set variables of the environment until the end of the test."""
        changed = environment(**variables)
        changed.start()
        self.addCleanup(changed.stop)

    async def _leave_nothing(self) -> None:
        await super()._leave_nothing()
        if hasattr(self, "proxy"):
            await maybeDeferred(self.proxy_port.stopListening)
            await until(lambda: not self.proxy.lines, "the proxy has a line left")


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
class WayTests(ProxyTestCase):
    """The proxy is asked, and passes on what is said."""

    async def serve_tls(self) -> str:
        """Serve with a certificate for localhost; the file that has it."""
        pem = self_signed("localhost")
        options = PrivateCertificate.loadPEM(pem).options()
        endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        self.port = await endpoint.listen(HybridFactory(HTTPFactory(self.server)))
        self.number = listening_port(self.port)
        path = new_path()
        Path(path).write_bytes(pem)  # noqa: ASYNC240  # a small file
        return path

    async def test_http_is_forwarded(self) -> None:
        proxy = await self.start()
        client = await self.client(f"http://{PLACE}/rpc")
        for value in (1, 2):
            self.assertEqual(await client.call("things.echo", [value]), value)
        self.assertEqual(proxy.asked, [f"POST http://{PLACE}/rpc HTTP/1.1"] * 2)

    async def test_websocket_goes_through_a_tunnel(self) -> None:
        proxy = await self.start()
        client = await self.client(f"ws://{PLACE}/rpc")
        client.expose("double", lambda value: value * 2)
        self.assertEqual(await client.call("things.ask", [21]), 42)
        self.assertEqual(proxy.asked, [f"CONNECT {PLACE} HTTP/1.1"])

    async def test_tls_goes_through_a_tunnel(self) -> None:
        trust = await self.serve_tls()
        proxy = await self.start()
        for scheme in ("https", "wss"):
            client = await self.client(f"{scheme}://{PLACE}/rpc", trust=trust)
            self.assertEqual(await client.call("things.echo", [scheme]), scheme)
            await client.close()
        self.assertEqual(proxy.asked, [f"CONNECT {PLACE} HTTP/1.1"] * 2)

    async def test_each_scheme_has_its_variable(self) -> None:
        await self.start()
        only_http = {"http_proxy": os.environ["http_proxy"]}
        with environment(**only_http):
            for scheme in ("https", "wss"):
                self.assertIsNone(proxy_for(scheme, "localhost", 1, reactor=reactor))
            for scheme in ("http", "ws"):
                self.assertIsNotNone(proxy_for(scheme, "localhost", 1, reactor=reactor))

    async def test_tcp_never_asks_it(self) -> None:
        proxy = await self.start()
        client = await self.client(f"tcp://127.0.0.1:{self.number}")
        self.assertEqual(await client.call("things.echo", [1]), 1)
        self.assertEqual(proxy.asked, [])

    async def test_no_proxy_is_respected(self) -> None:
        proxy = await self.start()
        for names in ("localhost", f"example.com, localhost:{self.number}", "*"):
            self.set(**{**os.environ, "no_proxy": names})
            for scheme in ("http", "ws"):
                client = await self.client(f"{scheme}://localhost:{self.number}/rpc")
                self.assertEqual(await client.call("things.echo", [1]), 1)
                await client.close()
        self.assertEqual(proxy.asked, [])

    async def test_with_credentials(self) -> None:
        proxy = await self.start("ann:s3cr%3A%40t@", authorization=BASIC)
        for scheme in ("http", "ws"):
            client = await self.client(f"{scheme}://{PLACE}/rpc")
            self.assertEqual(await client.call("things.echo", [scheme]), scheme)
        self.assertEqual(len(proxy.asked), 2)

    async def test_the_server_is_not_told_the_proxys_password_in_a_tunnel(self) -> None:
        await self.start("ann:s3cr%3A%40t@", authorization=BASIC)
        seen: list[Any] = []

        def seen_headers(context: Context) -> None:
            seen.append(context.headers)

        self.server.expose("seen", seen_headers)
        client = await self.client(f"ws://{PLACE}/rpc")
        await client.call("seen")
        self.assertNotIn("proxy-authorization", seen[0])

    async def test_the_tunnel_comes_back_with_its_client(self) -> None:
        proxy = await self.start()
        client = await self.client(f"ws://{PLACE}/rpc")
        await self.stop()
        await self.serve()
        self.assertEqual(await client.call("things.echo", [1], retry=True), 1)
        self.assertGreaterEqual(len(proxy.asked), 2)


class RefusalTests(ProxyTestCase):
    """What is wrong on the way is said in one line, which names the proxy and no secret."""

    async def refusal(self, scheme: str, kind: type[Exception]) -> str:
        """What is said of a call."""
        with self.assertRaises(kind) as caught:
            client = await self.client(f"{scheme}://{PLACE}/rpc")
            await client.call("things.echo", timeout=20)
        text = str(caught.exception)
        for secret in ("ann", "s3cr", "YW5u", "\n"):
            self.assertNotIn(secret, text)
        return text

    async def test_it_wants_other_credentials(self) -> None:
        await self.start("ann:s3cr@", authorization=BASIC)
        said = f"{self.name}: the proxy answered 407 Proxy Authentication Required: check user"
        for scheme in ("ws", "wss", "https"):
            self.assertIn(said, await self.refusal(scheme, AuthenticationFailed))
        text = await self.refusal("http", AuthenticationFailed)
        self.assertIn("the proxy answered 407 Proxy Authentication Required: check user", text)

    async def test_it_does_not_know_the_way(self) -> None:
        proxy = await self.start("ann:s3cr@")
        proxy.ways = {}
        said = f"{self.name}: the proxy answered 502 Bad Gateway to CONNECT {PLACE}"
        for scheme in ("ws", "https"):
            self.assertIn(said, await self.refusal(scheme, ConnectError))
        self.assertIn("answered 502 Bad Gateway", await self.refusal("http", ProtocolError))

    async def test_it_does_not_run(self) -> None:
        await self.start("ann:s3cr@")
        await maybeDeferred(self.proxy_port.stopListening)
        for scheme in ("ws", "https", "http"):
            text = await self.refusal(scheme, ConnectionRefused)
            self.assertRegex(text, f"{self.name}: connection refused: does the proxy run")

    async def test_there_is_no_such_host(self) -> None:
        self.set(http_proxy="http://ann:s3cr@no-such-host.invalid:1")
        for scheme in ("ws", "http"):
            text = await self.refusal(scheme, UnknownHost)
            self.assertIn("http://no-such-host.invalid:1: unknown host of the proxy", text)


class ReachTests(SynchronousTestCase):
    """Connecting to the proxy itself, on a network that fails at will."""

    def setUp(self) -> None:
        self.network = MemoryReactorClock()
        proxy = ProxyEndpoint("http_proxy", "http://192.0.2.1:3128", reactor=self.network)
        self.connecting = proxy.connect(_factory(Line()))

    def test_the_systems_reason_is_told(self) -> None:
        _, _, factory, _, _ = self.network.tcpClients[0]
        nobody: Any = None
        factory.clientConnectionFailed(nobody, Failure(NoRouteError()))
        self.network.advance(1)
        self.assertRegex(
            str(self.failureResultOf(self.connecting, ConnectError).value),
            "^http://192.0.2.1:3128: the proxy cannot be reached: No route to host",
        )

    def test_nobody_wants_it_any_more(self) -> None:
        self.connecting.cancel()
        self.failureResultOf(self.connecting, ConnectingCancelledError)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("socks5://ann:s3cr@h:1080", ": it has to begin with http://"),
        ("https://ann:s3cr@h", ": it has to begin with http://"),
        ("ann:s3cr@h://x", ": it has to begin with http://"),
        ("http://ann:s3cr", ""),
        ("http://ann:s3cr@", ""),
        ("http://ann:s3cr@h:99999", ""),
        ("http://ann:s3cr@[h", ""),
        ("ann:s3cr@h/path", ""),
        ("http://h?ann=s3cr", ""),
    ],
)
@pytest.mark.parametrize(("variable", "scheme"), [("http_proxy", "ws"), ("HTTPS_PROXY", "https")])
def test_a_proxy_that_is_none_is_refused_at_once(
    variable: str, scheme: str, url: str, reason: str
) -> None:
    with environment(**{variable: url}), pytest.raises(ValueError, match="_proxy is not") as caught:
        connect(f"{scheme}://h/", reactor=Clock())
    said = "is not the URL of a proxy, such as http://proxy.example.com:3128"
    assert str(caught.value) == f"{variable.lower()} {said}{reason}"


def test_a_host_that_has_no_name_in_ascii_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="is not the name of a host"):
        connect(f"ws://{'ü' * 64}/", reactor=reactor)


@pytest.mark.parametrize(
    ("url", "name"),
    [("h", "http://h:80"), ("http://h:3128/", "http://h:3128"), ("[::1]:8", "http://[::1]:8")],
)
def test_a_proxys_url_may_be_short(url: str, name: str) -> None:
    with environment(http_proxy=url):
        proxy = proxy_for("http", "far", 80, reactor=reactor)
        assert proxy is not None
        assert proxy.name == name
    with environment(http_proxy=url, no_proxy="::1"):
        assert proxy_for("http", "::1", 80, reactor=reactor) is None


class _Straight:
    """Stands for a proxy that is connected to at once."""

    name, variable, headers = "http://h:3128", "https_proxy", {"Proxy-Authorization": BASIC}

    def connect(self, factory: Any) -> Deferred[Any]:
        factory.doStart()
        self.protocol = factory.buildProtocol(None)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)
        connected: Deferred[Any] = Deferred()
        connected.callback(self.protocol)
        return connected


class TunnelTests(SynchronousTestCase):
    """What a proxy may answer to CONNECT."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.proxy = _Straight()
        tunnel = TunnelEndpoint(self.proxy, "::1", 70, reactor=self.clock)
        self.line = Line()
        factory: Any = _factory(self.line)
        self.connected = tunnel.connect(factory)

    def answer(self, *pieces: bytes) -> None:
        """The proxy says this."""
        for piece in pieces:
            self.proxy.transport.protocol.dataReceived(piece)

    def refused(self, kind: type[Exception] = ConnectError) -> str:
        """What came of it; nothing is left behind."""
        text = str(self.failureResultOf(self.connected, kind).value)
        self.assertTrue(self.proxy.transport.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return text

    def test_it_is_asked_for_the_place(self) -> None:
        self.assertEqual(
            self.proxy.transport.value().decode().split("\r\n"),
            [
                "CONNECT [::1]:70 HTTP/1.1",
                "Host: [::1]:70",
                f"Proxy-Authorization: {BASIC}",
                "",
                "",
            ],
        )

    def test_a_yes_in_pieces_whatever_it_says_of_a_body(self) -> None:
        whole = b"HTTP/1.0 299 Yes\r\nContent-Length: 5\r\n\r\nhello"
        self.answer(*(whole[at : at + 1] for at in range(len(whole))))
        self.assertIs(self.successResultOf(self.connected), self.line)
        self.assertEqual(self.line.received, b"hello")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_first_bytes_behind_the_answer_are_the_far_sides(self) -> None:
        self.answer(b"HTTP/1.1 200 OK\r\n\r\nhello")
        self.assertIs(self.successResultOf(self.connected), self.line)
        self.assertEqual(self.line.received, b"hello")

    def test_what_comes_before_the_answer_is_skipped(self) -> None:
        early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        whole = early + b"HTTP/1.1 200 OK\r\n\r\nhello"
        self.answer(*(whole[at : at + 7] for at in range(0, len(whole), 7)))
        self.assertIs(self.successResultOf(self.connected), self.line)
        self.assertEqual(self.line.received, b"hello")

    def test_what_is_no_answer_is_skipped_only_for_so_long(self) -> None:
        self.answer(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 100] * 10)
        self.assertIn("http://h:3128: the proxy answered with a head of more", self.refused())

    def test_another_protocol_is_no_tunnel(self) -> None:
        self.answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        self.assertIn("the proxy answered 101 Switching Protocols to", self.refused())

    def test_a_refusal_cannot_move_the_cursor(self) -> None:
        self.answer(b"HTTP/1.1 403 \x1b[2Jno\xe9\r\n\r\n<html>")
        self.assertEqual(
            self.refused(),
            r"http://h:3128: the proxy answered 403 \x1b[2Jno\xe9 to CONNECT [::1]:70",
        )

    def test_a_refusal_without_a_reason(self) -> None:
        self.answer(b"HTTP/1.1 503\r\n\r\n")
        self.assertIn("the proxy answered 503 to CONNECT", self.refused())

    def test_it_does_not_speak_http(self) -> None:
        self.answer(b"SSH-2.0-x\r\n\r\n")
        self.assertEqual(self.refused(), "http://h:3128: the proxy does not answer in HTTP")

    def test_its_head_has_no_end(self) -> None:
        self.answer(*[b"HTTP/1.1 200 OK\r\n" + b"x" * 4000] * 5)
        self.assertIn("a head of more than 16384 bytes", self.refused())

    def test_it_says_nothing(self) -> None:
        self.clock.advance(PATIENCE)
        self.assertEqual(
            self.refused(), "http://h:3128: the proxy did not answer within 30 seconds"
        )

    def test_it_hangs_up(self) -> None:
        self.proxy.transport.loseConnection()
        self.assertIn("the proxy hung up on CONNECT [::1]:70", self.refused())

    def test_nobody_wants_it_any_more(self) -> None:
        self.connected.cancel()
        self.failureResultOf(self.connected, CancelledError)
        self.assertTrue(self.proxy.transport.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])


def _factory(protocol: Any) -> Any:
    from twisted.internet.protocol import Factory

    factory: Any = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda addr: protocol
    return factory
