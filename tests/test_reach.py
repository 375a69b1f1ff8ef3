"""Listeners that others can reach: what they have to have, and who they are."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.cred.checkers import AllowAnonymousAccess
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.helpers import new_path
from tests.transports.certificate import self_signed
from tests.transports.harness import turn
from twisted_rpc import ConfigError, Endpoint, Server, listen
from twisted_rpc.listener import Listener
from twisted_rpc.transports import listening
from twisted_rpc.transports.listening import Place, server_endpoint
from twisted_rpc.transports.reach import Reach, missing, of_address, of_endpoint
from twisted_rpc.transports.stream import StreamFactory

ENDPOINTS = {
    "tcp:1": Reach.OWN,
    "tcp:1:interface=127.0.0.1": Reach.OWN,
    "tcp:1:interface=127.9.9.9": Reach.OWN,
    "tcp:1:interface=localhost": None,
    "tcp:1:interface=": Reach.PUBLIC,
    "tcp:1:interface=0.0.0.0": Reach.PUBLIC,
    "tcp:1:interface=192.0.2.1": Reach.PUBLIC,
    "tcp:1:interface=rpc.example.com": Reach.PUBLIC,
    "tcp:1:interface=127.1": Reach.PUBLIC,
    r"tcp6:1:interface=\:\:1": Reach.OWN,
    r"tcp6:1:interface=\:\:ffff\:127.0.0.1": Reach.OWN,
    r"tcp6:1:interface=\:\:": Reach.PUBLIC,
    r"tcp6:1:interface=fe80\:\:1%lo": Reach.PUBLIC,
    "unix:/x": Reach.OWN,
    "unix:/x:mode=660": Reach.OWN,
    "unix:/x:mode=666": Reach.LOCAL,
    "unix:/x:mode=602": Reach.LOCAL,
    "unix:\0x": Reach.LOCAL,
    "haproxy:tcp:1": Reach.PUBLIC,
    "haproxy:tcp:1:interface=127.0.0.1": Reach.OWN,
    "haproxy:unix:/x": Reach.LOCAL,
    "haproxy:unix:/x:mode=600": Reach.OWN,
}

LACKS = "no TLS (certificate and key) and no authentication (auth)"


@pytest.mark.parametrize("description", ENDPOINTS)
def test_an_endpoint_tells_who_can_reach_it(description: str) -> None:
    assert of_endpoint(server_endpoint(description, reactor)) is ENDPOINTS[description]


def test_a_bound_port_tells_who_can_reach_it(tmp_path: Path) -> None:
    def reach(address: Any) -> Reach:
        return of_address(address)

    assert reach(IPv4Address("TCP", "127.0.0.1", 1)) is Reach.OWN
    assert reach(IPv4Address("TCP", "0.0.0.0", 1)) is Reach.PUBLIC
    assert reach(IPv6Address("TCP", "::1", 1)) is Reach.OWN
    assert reach(IPv6Address("TCP", "::", 1)) is Reach.PUBLIC
    path = tmp_path / "socket"
    path.touch()
    for mode, who in ((0o600, Reach.OWN), (0o666, Reach.LOCAL)):
        path.chmod(mode)
        assert reach(UNIXAddress(os.fsencode(path))) is who
    assert reach(UNIXAddress(b"\0abstract")) is Reach.LOCAL
    assert reach(UNIXAddress(b"/not/there")) is Reach.LOCAL
    assert reach(object()) is Reach.PUBLIC


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("authenticated", [False, True])
def test_what_is_missing_depends_on_who_comes(encrypted: bool, authenticated: bool) -> None:
    tls = None if encrypted else "no TLS (certificate and key)"
    auth = None if authenticated else "no authentication (auth)"
    expected = {
        Reach.OWN: None,
        Reach.LOCAL: auth,
        Reach.PUBLIC: " and ".join(filter(None, [tls, auth])) or None,
    }
    for who, lacks in expected.items():
        assert missing(who, encrypted=encrypted, authenticated=authenticated) == lacks


class GuardTests(TestCase):
    """Places that are refused, or not."""

    def setUp(self) -> None:
        self.server = Server()

    def refusal(self, description: str, **keys: Any) -> str:
        """Why a listener is refused."""
        with self.assertRaises(ConfigError) as caught:
            self.place(description, **keys)
        return str(caught.exception)

    def place(self, description: str, *, insecure: bool = False, **keys: Any) -> Place:
        """A listener, not bound yet."""
        listener = Listener(transport="hybrid", endpoint=description, **keys)
        return Place(self.server, listener, insecure_public=insecure, reactor=reactor)

    def test_admin_without_a_login_is_for_this_machine_alone(self) -> None:
        for description in ("tcp:0", "unix:/x", "unix:/x:mode=660"):
            self.place(description, admin=True)
        for description, who in (
            ("tcp:0:interface=0.0.0.0", "others"),
            ("unix:/x:mode=666", "every user of this machine"),
        ):
            self.assertIn(f"can be reached by {who}, and has no", self.refusal(description))
            self.assertEqual(
                self.refusal(description, insecure=True, admin=True),
                f"endpoint '{description}' has admin = true, can be reached by {who}, and nobody "
                "has to log in: set auth; insecure_public is not enough for that",
            )
            self.place(description, insecure=True)
        proxied = "haproxy:tcp:0:interface=127.0.0.1"
        self.assertIn("by others through a proxy", self.refusal(proxied, admin=True))
        self.place(proxied)
        self.server.enable_auth(AllowAnonymousAccess())  # of whom nothing is known
        self.refusal("tcp:0:interface=0.0.0.0", insecure=True, admin=True)
        self.server.enable_auth("ann", "p")
        self.place("tcp:0:interface=0.0.0.0", insecure=True, admin=True)

    def certificate(self) -> str:
        """A file with a certificate and its key."""
        path = Path(new_path())
        path.write_bytes(self_signed("localhost"))
        path.chmod(0o600)
        return str(path)

    def test_a_public_listener_needs_both(self) -> None:
        public = "tcp:0:interface=0.0.0.0"
        self.assertEqual(
            self.refusal(public),
            f"endpoint '{public}' can be reached by others, and has {LACKS}: set what is missing, "
            "or interface=127.0.0.1, or set insecure_public",
        )
        self.assertIn("has no authentication", self.refusal(public, certificate=self.certificate()))
        self.server.enable_auth("alice", "wonderland")
        self.assertIn("has no TLS", self.refusal(public))
        self.place(public, certificate=self.certificate())

    @pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
    def test_an_ssl_endpoint_has_tls(self) -> None:
        self.server.enable_auth("alice", "wonderland")
        file = self.certificate()
        self.place(f"ssl:0:interface=0.0.0.0:privateKey={file}")
        self.place(f"haproxy:ssl:0:privateKey={file}")

    def test_a_server_that_authenticates_by_itself_has_authentication(self) -> None:
        class Own(Server):
            def authenticate(self, credentials: Any) -> Any:
                return "somebody"

        self.server = Own()
        self.assertIn("has no TLS (certificate and key):", self.refusal("tcp:0:interface="))

    def test_a_unix_socket_for_all_needs_authentication(self) -> None:
        said = self.refusal("unix:/x:mode=666")
        self.assertEqual(
            said,
            "endpoint 'unix:/x:mode=666' can be reached by every user of this machine, and has no "
            "authentication (auth): set it, or mode=600 or mode=660, or set insecure_public",
        )
        self.server.enable_auth("alice", "wonderland")
        self.place("unix:/x:mode=666")

    async def test_what_is_allowed_is_a_warning_for_each_listener(self) -> None:
        with capturedLogs() as events:
            for _ in range(2):
                place = self.place("tcp:0:interface=0.0.0.0", insecure=True)
                port = await place.listen(StreamFactory(self.server))
                self.addCleanup(port.stopListening)
        told = [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]
        said = (
            f"INSECURE: endpoint '{place.description}' can be reached by others, and has "
            f"{LACKS}; insecure_public allows it"
        )
        self.assertEqual(told, [said, said])

    async def test_localhost_is_loopback(self) -> None:
        port = await self.place("tcp:0:interface=localhost").listen(StreamFactory(self.server))
        self.addCleanup(port.stopListening)
        self.assertEqual(port.getHost().host, "127.0.0.1")  # type: ignore[attr-defined]

    def test_what_a_proxy_says_to_pass_on_is_not_for_this_machine_alone(self) -> None:
        self.assertTrue(self.place("tcp:0:interface=127.0.0.1").is_own)
        self.assertFalse(self.place("haproxy:tcp:0:interface=127.0.0.1").is_own)

    async def test_what_only_the_port_can_tell_is_refused_before_anybody_is_accepted(self) -> None:
        for host, refused in (("127.0.0.1", False), ("0.0.0.0", True)):
            given = socket.create_server((host, 0))
            adopted = AdoptedStreamServerEndpoint(reactor, given.detach(), socket.AF_INET)
            self.assertIs(of_endpoint(adopted), None)
            self.patch(listening, "serverFromString", lambda *_, adopted=adopted: adopted)
            bound = self.place("systemd:domain=INET:index=0").listen(StreamFactory(self.server))
            if refused:
                with self.assertRaisesRegex(ConfigError, "^endpoint 'systemd:.* no TLS"):
                    await bound
                await turn(2)
            else:
                port = await bound
                await maybeDeferred(port.stopListening)

    async def test_a_program_is_told_as_well(self) -> None:
        for endpoint in (Endpoint(), Server()):
            with self.assertRaisesRegex(ConfigError, "can be reached by others"):
                listen(endpoint, "tcp:0:interface=0.0.0.0")
            port = await listen(endpoint, "tcp:0:interface=0.0.0.0", insecure_public=True)
            await maybeDeferred(port.stopListening)
