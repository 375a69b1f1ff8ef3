"""What ends a load, and what it only counts."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.client.harness import ClientTestCase
from tests.transports.harness import listening_port, until
from twisted_rpc.cli.load import Load

reactor: Any = installed_reactor


class Overloaded(Resource):
    """Has no time at its second call."""

    isLeaf = True
    calls = 0

    def render_POST(self, request: Any) -> bytes:
        self.calls += 1
        if self.calls == 2:
            request.setResponseCode(503)
            return b"busy"
        return b'{"jsonrpc":"2.0","result":null,"id":%d}' % self.calls


class LoadTests(ClientTestCase):
    """Over HTTP there is no line that could be lost."""

    async def run_load(self, url: str, seconds: float) -> Load:
        """A load of one call at a time."""
        client = await self.client(url, reconnect=False)
        load = Load("m", None, 1)
        await load.run([client], seconds, lambda: None, reactor)
        return load

    async def test_an_error_of_http_is_counted_and_no_end(self) -> None:
        site = Site(Overloaded())
        site.noisy = False
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(site)
        load = await self.run_load(f"http://127.0.0.1:{listening_port(self.port)}/", 0.5)
        self.assertEqual(dict(load.errors), {"ProtocolError": 1})
        self.assertGreater(load.results, 1)
        self.assertIn("503", str(load.failure))

    async def test_a_server_that_is_not_there_ends_it(self) -> None:
        load = await self.run_load("http://127.0.0.1:1/", 600)
        self.assertEqual(dict(load.errors), {"ConnectionRefused": 1})

    async def test_a_line_that_is_lost_ends_it(self) -> None:
        client = await self.open("tcp", reconnect=False)
        load = Load("things.wait", None, 1)
        running = Deferred.fromCoroutine(load.run([client], 600, lambda: None, reactor))
        await until(lambda: self.things.waiting)
        await self.stop()
        await running
        self.assertEqual(dict(load.errors), {"ConnectionLost": 1})
