"""From descriptions of endpoints to ports that serve."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.helpers import new_path
from twisted_rpc import ConfigError, Peer, Server, listen
from twisted_rpc.transports.listening import server_endpoint
from twisted_rpc.transports.stream_client import stream_connector


def mode_of(path: str) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(Path(path).stat().st_mode)


class ServerEndpointTests(TestCase):
    """Descriptions, completed."""

    def test_more_connections_may_wait_than_by_default(self) -> None:
        for description, backlog in (("tcp:1", 1024), ("tcp:1:backlog=7", 7)):
            endpoint: Any = server_endpoint(description, reactor)
            self.assertEqual(endpoint._backlog, backlog)

    def test_a_port_is_on_the_loopback_interface_unless_another_is_given(self) -> None:
        for description, interface in (
            ("tcp:1", "127.0.0.1"),
            ("tcp6:1", "::1"),
            ("tcp:1:interface=0.0.0.0", "0.0.0.0"),
        ):
            endpoint: Any = server_endpoint(description, reactor)
            self.assertEqual(endpoint._interface, interface)

    async def test_a_unix_socket_is_for_its_owner_unless_its_mode_is_given(self) -> None:
        for suffix, mode in (("", 0o600), (":mode=666", 0o666)):
            path = new_path()
            endpoint = server_endpoint(f"unix:{path}{suffix}", reactor)
            port = await endpoint.listen(Factory.forProtocol(Protocol))
            self.assertEqual(mode_of(path), mode)
            stopped = port.stopListening()
            assert stopped is not None
            await stopped

    def test_a_port_alone_is_told_how_it_is_written(self) -> None:
        with self.assertRaisesRegex(ConfigError, r"^endpoint '7080': .* written tcp:7080$"):
            server_endpoint("7080", reactor)

    def test_a_description_is_refused_as_it_was_written(self) -> None:
        for description in ("tcp:x", "pigeon:1", "unix", "ssl:1:privateKey=none.pem", "tcp:65536"):
            with self.assertRaises(ConfigError) as caught:
                server_endpoint(description, reactor)
            self.assertIn(f"endpoint {description!r}: ", str(caught.exception))


class ListenTests(TestCase):
    """A program that serves by itself."""

    async def test_an_endpoint_is_served_without_a_daemon(self) -> None:
        server = Server()
        server.expose("ping", lambda: "pong")
        port = await listen(server, "tcp:0:interface=127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(server.drain)
        where = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)  # type: ignore[attr-defined]
        peer = Peer()
        await peer.open(stream_connector(where))
        self.assertEqual(await peer.call("ping"), "pong")
        assert peer.connection is not None
        closed: Deferred[None] = peer.connection.closed()
        peer.close()
        await closed
