"""What the kernel is told of dead lines, on both ends of every transport."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import structs
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.ssl import PrivateCertificate

from tests.client.harness import ClientTestCase, reactor
from tests.helpers import new_path
from tests.transports.certificate import self_signed
from tests.transports.harness import listening_port
from twisted_rpc import Client
from twisted_rpc.client import CLIENT_LIMITS
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory

OPTIONS = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")


def told(transport: Any) -> tuple[bool, list[int]]:
    """Whether the kernel asks, and when: the options in the order of their names."""
    while not hasattr(transport, "socket"):
        transport = transport.transport
    read = transport.socket.getsockopt
    asks = bool(read(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    return asks, [read(socket.IPPROTO_TCP, getattr(socket, name)) for name in OPTIONS]


def ends(client: Client, server: Any) -> list[tuple[bool, list[int]]]:
    """What is told on the ends of the only line."""
    lines = [*client.lines, *server.lines]
    return [told(line.wire.transport) for line in lines]


def written(data: bytes) -> str:
    """A file with these bytes."""
    path = Path(new_path())
    path.write_bytes(data)
    return str(path)


class KeepAliveTests(ClientTestCase):
    """Sockets of a client and of its server in the same process."""

    async def limited(self, transport: str, **limits: Any) -> list[tuple[bool, list[int]]]:
        """Connect with such limits on both ends; what the kernel was told."""
        self.server.limits = structs.replace(self.server.limits, **limits)
        ours = structs.replace(CLIENT_LIMITS, **limits)
        client = await self.open(transport, limits=ours)
        self.assertEqual(await client.call("things.echo", [1]), 1)
        return ends(client, self.server)

    async def test_it_follows_the_limits_by_default(self) -> None:
        for transport in ("tcp", "websocket"):
            client = await self.open(transport)
            await client.call("things.echo", [1])
            self.assertEqual(ends(client, self.server), [(True, [30, 2, 5, 40_000])] * 2)
            await client.close()
            await self.stop()

    async def test_a_servers_line_of_http_too(self) -> None:
        client = await self.open("http")
        await client.call("things.echo", [1])
        self.assertEqual(ends(client, self.server), [(True, [30, 2, 5, 40_000])])

    @pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
    async def test_below_tls(self) -> None:
        pem = self_signed("localhost")
        options = PrivateCertificate.loadPEM(pem).options()
        endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        self.port = await endpoint.listen(HybridFactory(HTTPFactory(self.server)))
        trust = written(pem)
        for scheme in ("tcps", "wss"):
            url = f"{scheme}://localhost:{listening_port(self.port)}"
            client = await self.client(url, trust=trust)
            await client.call("things.echo", [1])
            self.assertEqual(ends(client, self.server), [(True, [30, 2, 5, 40_000])] * 2)
            await client.close()

    async def test_a_fraction_of_a_second_is_a_second(self) -> None:
        told = await self.limited("tcp", ping_interval=0.2, ping_timeout=0.1)
        self.assertEqual(told, [(True, [1, 1, 1, 300])] * 2)

    async def test_a_century_is_as_long_as_the_kernel_counts(self) -> None:
        told = await self.limited("tcp", ping_interval=3e9, ping_timeout=3e9)
        self.assertEqual(told, [(True, [32767, 32767, 5, (1 << 31) - 1])] * 2)

    async def test_without_an_interval_it_is_off(self) -> None:
        for asks, times in await self.limited("tcp", ping_interval=None):
            self.assertEqual((asks, times[-1]), (False, 0))

    async def test_without_a_timeout_it_asks_for_as_long_as_the_kernel_does(self) -> None:
        for asks, times in await self.limited("tcp", ping_timeout=None):
            self.assertEqual((asks, times[0], times[-1]), (True, 30, 0))

    async def test_a_system_without_an_option_does_without_it(self) -> None:
        with patch.object(socket, "TCP_USER_TIMEOUT"):
            del socket.TCP_USER_TIMEOUT
            client = await self.open("tcp")
            await client.call("things.echo", [1])
        self.assertEqual(ends(client, self.server), [(True, [30, 2, 5, 0])] * 2)
