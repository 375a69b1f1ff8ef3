"""When a daemon is ready: once all its listeners listen, until it begins to stop."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.daemon.clients import ANY_PORT, LineClient, is_refused
from tests.daemon.conftest import Start
from tests.processes import DEADLINE, wait_until
from twisted_rpc import Limits, Server
from twisted_rpc.config import Config
from twisted_rpc.listener import Listener
from twisted_rpc.ports import ListenerService
from twisted_rpc.service import RPCService, make_service
from twisted_rpc.transports.listening import Place


def status(port: int, path: str = "/readyz") -> int:
    """What a probe is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request("GET", path)
    found = connection.getresponse().status
    connection.close()
    return found


def test_a_daemon_that_is_about_to_stop_serves_calls_and_no_probe(
    start: Start, project: Path
) -> None:
    (project / "rpc.toml").write_text("[limits]\ndrain_delay = 3600\n", encoding="utf-8")
    options = ("--config", "rpc.toml", "--expose", "calc=mymodule:Calculator")
    with start(*options, "--hybrid", ANY_PORT) as daemon:
        assert (status(daemon.port), status(daemon.port, "/healthz")) == (200, 200)
        daemon.terminate()
        wait_until(lambda: status(daemon.port) == 503, lambda: daemon.log)
        assert status(daemon.port, "/healthz") == 200
        daemon.wait_for(r"not ready: ports are closed in 3600 seconds \(drain_delay\)$")
        with LineClient.to(daemon.port) as line:
            assert line.call("calc.add", 1, 2)["result"] == 3.0
        daemon.process.kill()


def test_a_daemon_ends_after_the_delay(start: Start, project: Path) -> None:
    (project / "rpc.toml").write_text("[limits]\ndrain_delay = 0.2\n", encoding="utf-8")
    with start("--config", "rpc.toml", "--hybrid", ANY_PORT) as daemon:
        daemon.terminate()
        daemon.wait()
        assert is_refused(daemon.port)
        assert "Server Shut Down." in daemon.log


class ServiceTests(TestCase):
    """A daemon in this process, whose time stands still."""

    def setUp(self) -> None:
        self.clock = Clock()

    def make(self, limits: Limits | None = None) -> RPCService:
        """A service with one listener."""
        config = Config(listen=(Listener(transport="http", endpoint=ANY_PORT),))
        server = Server(limits=limits, reactor=self.clock)
        return make_service(config, server, reactor=reactor)

    def reason(self, service: RPCService) -> str | None:
        """Why it is not ready."""
        return self.successResultOf(service.server.health.report()).reason

    async def test_it_is_ready_once_it_has_started(self) -> None:
        service = self.make()
        self.assertEqual(self.reason(service), "starting")
        service.privilegedStartService()
        self.assertEqual(self.reason(service), "starting")
        service.startService()
        self.assertIsNone(self.reason(service))
        stopped = service.stopService()
        self.assertEqual(self.reason(service), "draining")
        await stopped
        self.assertEqual(self.reason(service), "draining")

    async def test_it_is_not_while_a_port_is_not_bound(self) -> None:
        service = self.make()
        listener = Listener(transport="tcp", endpoint=ANY_PORT)
        place = Place(service.server, listener, insecure_public=False, reactor=reactor)
        bound: Deferred[Any] = Deferred()
        bind = place.listen
        self.patch(place, "listen", lambda factory: bound)
        factory: Any = next(iter(service.listeners))._factory
        late = ListenerService(place, factory, "tcp", reactor=reactor)
        late.setServiceParent(service.listeners)
        service.startService()
        self.assertEqual(self.reason(service), "starting")
        bind(factory).chainDeferred(bound)
        self.assertIsNone(self.reason(service))
        await service.stopService()

    async def test_the_ports_are_open_until_the_delay_is_over(self) -> None:
        service = self.make(Limits(drain_delay=10))
        service.startService()
        (listener,) = service.listeners
        with capturedLogs() as events:
            stopped = service.stopService()
        said = "not ready: ports are closed in 10 seconds (drain_delay)"
        self.assertIn(said, map(formatEvent, events))
        self.assertEqual(self.reason(service), "draining")
        self.clock.advance(9.9)
        self.assertIsNotNone(listener.port)
        self.clock.advance(0.1)
        self.assertIsNone(listener.port)
        await stopped

    async def test_what_was_never_ready_stops_at_once(self) -> None:
        service = self.make(Limits(drain_delay=10))
        service.privilegedStartService()
        await service.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
