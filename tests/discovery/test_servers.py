"""Where a document says that its server is reached: by the listener it was asked for by, alone."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.trial.unittest import TestCase

from tests.helpers import new_path
from tests.transports.harness import listening_port
from twisted_rpc import Server, connect, listen
from twisted_rpc.config import WebTable
from twisted_rpc.listener import Listener
from twisted_rpc.transports.listening import Place, factory_for
from twisted_rpc.transports.urls import urls_of


class ServersTest(TestCase):
    """Listeners of one server."""

    timeout = 60

    def setUp(self) -> None:
        self.server = Server()
        self.ports: list[IListeningPort] = []

    def tearDown(self) -> Any:
        """Leave nothing open."""
        return Deferred.fromCoroutine(self._leave_nothing())

    async def _leave_nothing(self) -> None:
        await self.server.drain()
        for port in self.ports:
            await maybeDeferred(port.stopListening)

    async def listen(self, transport: Any, description: str = "tcp:0:interface=127.0.0.1") -> int:
        """A listener more; its port."""
        port = await listen(self.server, description, transport)
        self.ports.append(port)
        return 0 if description.startswith("unix") else listening_port(port)

    async def servers(self, place: Any) -> list[str]:
        """What a document says that is asked for there."""
        async with connect(place) as client:
            document = await client.call("rpc.discover")
        return [server["url"] for server in document.get("servers", ())]

    async def test_each_listener_tells_of_itself(self) -> None:
        tcp, web, both = [await self.listen(kind) for kind in ("tcp", "http", "hybrid")]
        assert await self.servers(f"tcp://127.0.0.1:{tcp}") == [f"tcp://127.0.0.1:{tcp}"]
        expected = [f"http://127.0.0.1:{web}/", f"ws://127.0.0.1:{web}/"]
        assert await self.servers(f"http://127.0.0.1:{web}/") == expected
        assert await self.servers(f"ws://127.0.0.1:{web}/") == expected
        expected = [f"{kind}://127.0.0.1:{both}" for kind in ("http", "ws", "tcp")]
        for url in expected:
            shown = [server.removesuffix("/") for server in await self.servers(f"{url}")]
            assert shown == expected

    async def test_path_of_a_unix_socket_is_not_told(self) -> None:
        path = new_path()
        await self.listen("tcp", f"unix:{path}")
        assert await self.servers(f"unix:{path}") == []

    async def test_listener_on_every_interface_goes_by_its_names(self) -> None:
        for hosts, expected in (((), []), (("rpc.example.com",), ["tcp://rpc.example.com:"])):
            listener = Listener(transport="tcp", endpoint="tcp:0:interface=0.0.0.0")
            place = Place(self.server, listener, insecure_public=True, hosts=hosts, reactor=reactor)
            factory = factory_for(self.server, listener, WebTable(), None)
            port = await place.listen(factory)
            self.ports.append(port)
            assert factory.urls == [f"{url}{listening_port(port)}" for url in expected]


def test_urls() -> None:
    hosts = ["::1", "a.example"]
    assert urls_of("hybrid", hosts, 443, "/rpc", secure=True) == [
        *("https://[::1]/rpc", "wss://[::1]/rpc", "tcps://[::1]:443"),
        *("https://a.example/rpc", "wss://a.example/rpc", "tcps://a.example:443"),
    ]
    assert urls_of("websocket", ["h"], 8080, "/", secure=False) == ["ws://h:8080/"]
    assert urls_of("stdio", ["h"], 1, "/", secure=False) == []
