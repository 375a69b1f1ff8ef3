"""What tests of our client share that run with the servers of other people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.client.harness import quick
from tests.interop.servers.table import Running, Server, Servers
from tests.transports.harness import PATIENCE, reactor, until
from twisted_rpc import CallError, Client, connect

__all__ = ["ServerTestCase", "error_of", "eventually"]


async def eventually(ask: Callable[[], Awaitable[Any]], what: str) -> None:
    """Wait until a server says so."""
    end = reactor.seconds() + PATIENCE
    while not await ask():
        assert reactor.seconds() < end, what
        await deferLater(reactor, 0.01)


async def error_of(call: Deferred[Any]) -> CallError:
    """What a call fails with."""
    try:
        result = await call
    except CallError as error:
        return error
    raise AssertionError(f"it returned {result!r}")


class ServerTestCase(TestCase):
    """Clients of servers in other processes, closed at the end of each test."""

    timeout = 60
    servers: Servers

    @pytest.fixture(autouse=True)
    def _share(self, servers: Servers) -> None:
        self.servers = servers

    def setUp(self) -> None:
        self.clients: list[Client] = []
        self.own = ExitStack()

    def client(self, server: Server, port: int, **options: Any) -> Client:
        """A client that is connecting."""
        options = {"backoff": quick, "framing": server.framing, **options}
        client = connect(server.url(port), **options)
        self.clients.append(client)
        return client

    async def open(self, server: Server) -> Client:
        """A connected client of a server, which others may use as well."""
        if server.scheme == "exec":
            return await self.client(server, 0)
        if server.serves_once:
            return await self.client(server, self.start(server).port)
        return await self.client(server, self.servers.port_of(server))

    def start(self, server: Server, port: int = 0) -> Running:
        """A server that is this test's own."""
        return self.servers.start(server, self.own, port=port)

    def tearDown(self) -> Any:
        """Leave nothing open."""
        return Deferred.fromCoroutine(self._leave_nothing())

    async def _leave_nothing(self) -> None:
        for client in self.clients:
            await client.close()
        await until(lambda: not any(client.lines for client in self.clients))
        await deferLater(reactor, 0)
        self.own.close()
