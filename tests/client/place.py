"""A server in memory that can go and come back, and its clients."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.client.harness import Things
from twisted_rpc import Client, ConnectionLost, Server, State
from twisted_rpc.testing import Network

__all__ = ["Place"]


class Place:
    """A server that can go and come back.

    Args:
        network: where it is.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.things = Things()
        self.server = Server(reactor=network.clock)
        self.server.expose("things", self.things)

    def connected(self, **options: Any) -> Client:
        """A client that is connected."""
        client = self.network.connect(self.server, **options)
        self.network.run(client.connected())
        return client

    def offline(self, **options: Any) -> Client:
        """A client whose server has gone."""
        client = self.connected(**options)
        self.network.stop(self.server)
        assert client.state is State.DISCONNECTED
        return client

    def back(self) -> None:
        """Let the server be there again, for long enough."""
        self.network.start(self.server)
        self.network.advance(2)

    def fails(self, call: Deferred[Any], text: str) -> None:
        """A call ends because there is no connection."""
        with pytest.raises(ConnectionLost, match=text):
            self.network.run(call)
