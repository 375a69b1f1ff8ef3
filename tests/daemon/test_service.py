"""The daemon as a service: it starts whole or not at all, and stops in order."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    AdoptedStreamServerEndpoint,
    TCP4ClientEndpoint,
    connectProtocol,
)
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from tests.transports.harness import until
from twisted_rpc import Server, Watchdog, method
from twisted_rpc.config import Config, Limits
from twisted_rpc.configuration_file import parse
from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import Listener
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.observers import Log
from twisted_rpc.ports import ListenerService, StdioService, take_output
from twisted_rpc.service import RPCService, make_server, make_service
from twisted_rpc.transports import listening as listening_module
from twisted_rpc.transports.listening import Place
from twisted_rpc.transports.stream import StreamFactory

HERE = __name__
ANY_PORT = "tcp:0:interface=127.0.0.1"
CLOCK: Any = IReactorTime(reactor)


class Worker(Service):
    """A service with two methods."""

    @method
    def is_running(self) -> bool:
        return bool(self.running)

    @method
    def other(self) -> None: ...


class Stubborn(Worker):
    """A service that cannot start."""

    def startService(self) -> None:
        raise RuntimeError("no luck")


class Slow:
    """One call that ends when the test says so."""

    def __init__(self) -> None:
        self.result: Deferred[str] = Deferred()

    @method
    def wait(self) -> Deferred[str]:
        return self.result


class Refusing(Server):
    """A server that cannot be made."""

    def __init__(self, **options: Any) -> None:
        raise RuntimeError("no luck")


class Page(Resource):
    """Something for other paths."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"a page"


class Talk(Protocol):
    """Keeps what it receives until somebody wants it."""

    def __init__(self, opening: bytes = b"") -> None:
        self._opening = opening
        self.received = b""
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._opening)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)


class _Stoppable:
    """The reactor, but for its end."""

    def __init__(self, stopped: Deferred[None]) -> None:
        self._stopped = stopped

    def stop(self) -> None:
        self._stopped.callback(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


def config_of(text: str) -> Config:
    """A configuration."""
    return parse(text, "rpc.toml")


def listening(*transports: str, text: str = "") -> Config:
    """A configuration with these transports, each on a port that the system picks."""
    tables = [f'[[listen]]\ntransport = "{t}"\nendpoint = "{ANY_PORT}"\n' for t in transports]
    return config_of("".join(tables) + text)


def text_of(path: str) -> str:
    """What is in a file."""
    return Path(path).read_text(encoding="utf-8")


def connect(listener: Any, opening: bytes = b"") -> Deferred[Talk]:
    """Connect to a listener."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", listener.port.getHost().port)
    connected: Deferred[Talk] = connectProtocol(endpoint, Talk(opening))
    return connected


class ServiceTests(TestCase):
    """A whole daemon in this process."""

    def make(self, config: Config, server: Server | None = None) -> RPCService:
        """A service that is stopped when the test ends."""
        service = make_service(config, server or Server(), reactor=reactor)
        self.addCleanup(lambda: service.stopService() if service.running else None)
        return service

    async def answer(self, listener: Any, message: bytes) -> bytes:
        """What a listener answers before it closes."""
        talk = await connect(listener, message)
        assert talk.transport is not None
        talk.transport.loseWriteConnection()  # type: ignore[attr-defined]
        await talk.lost
        return talk.received

    async def test_every_listener_is_bound_and_let_go(self) -> None:
        service = self.make(listening("tcp", "http", "websocket", "hybrid"))
        service.privilegedStartService()
        service.startService()
        listeners = [each for each in service.listeners if isinstance(each, ListenerService)]
        ports = [_number(each.port) for each in listeners]
        self.assertEqual(len(set(ports)), 4)
        await service.stopService()
        for port in ports:
            with self.assertRaises(Refused):
                await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(_factory_of_nothing())

    async def test_a_start_without_privileges_binds_as_well(self) -> None:
        service = self.make(listening("tcp"))
        service.startService()
        (listener,) = service.listeners
        call = b'{"jsonrpc":"2.0","method":"x","id":1}\n'
        self.assertIn(b"-32601", await self.answer(listener, call))

    def test_a_port_that_is_taken_ends_the_process_with_status_1(self) -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        busy = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        config = config_of(f'[[listen]]\ntransport = "tcp"\nendpoint = "{busy}"\n')
        for start in ("privilegedStartService", "startService"):
            service = make_service(config, Server(), reactor=reactor)
            with self.assertRaises(SystemExit) as caught:
                getattr(service, start)()
            self.assertEqual(caught.exception.code, 1)
            # A daemonised twistd reports, and cleans up after, exceptions only.
            self.assertIsInstance(caught.exception, Exception)

    async def test_a_port_that_others_turn_out_to_reach_ends_the_process(self) -> None:
        given = socket.create_server(("0.0.0.0", 0))
        adopted = AdoptedStreamServerEndpoint(reactor, given.detach(), socket.AF_INET)
        self.patch(listening_module, "serverFromString", lambda *_: adopted)
        service = make_service(listening("tcp"), Server(), reactor=reactor)
        self.addCleanup(service.stopService)
        with capturedLogs() as events, self.assertRaises(SystemExit) as caught:
            service.startService()
        self.assertEqual(caught.exception.code, 1)
        said = [str(formatEvent(event)) for event in events if "cannot" in str(formatEvent(event))]
        self.assertEqual(len(said), 1)
        self.assertRegex(said[0], "^cannot listen on tcp:0.* can be reached by others, and has no")
        await _turn()

    async def test_a_port_that_fails_later_ends_the_daemon(self) -> None:
        bound: Deferred[Any] = Deferred()
        stopped: Deferred[None] = Deferred()
        listener = Listener(transport="tcp", endpoint=ANY_PORT)
        place = Place(Server(), listener, insecure_public=False, reactor=reactor)
        self.patch(place, "listen", lambda factory: bound)
        service = ListenerService(place, _factory_of_nothing(), "tcp", reactor=_Stoppable(stopped))
        service.startService()
        self.assertNoResult(stopped)
        with capturedLogs() as events:
            bound.errback(Failure(ConfigError("no luck")))
        await stopped
        self.assertIn(f"cannot listen on {ANY_PORT}: no luck", map(formatEvent, events))

    async def test_other_paths_go_to_the_resource(self) -> None:
        text = f'[web]\nresource = "{HERE}:Page"\n'
        service = self.make(listening("http", text=text))
        service.startService()
        (listener,) = service.listeners
        get = b"GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self.assertTrue((await self.answer(listener, get)).endswith(b"a page"))

    async def test_the_path_is_the_one_that_is_configured(self) -> None:
        service = self.make(listening("http", text='path = "/api"\n'))
        service.startService()
        (listener,) = service.listeners
        head = b"Host: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        found = await self.answer(listener, b"POST /api HTTP/1.1\r\n" + head)
        self.assertIn(b"-32700", found)
        self.assertIn(b" 404 ", await self.answer(listener, b"POST /rpc HTTP/1.1\r\n" + head))

    async def test_the_framing_is_the_one_that_is_configured(self) -> None:
        service = self.make(listening("tcp", text='framing = "netstring"\n'))
        service.startService()
        (listener,) = service.listeners
        answer = await self.answer(listener, b'37:{"jsonrpc":"2.0","method":"x","id":1},')
        self.assertRegex(answer, rb"^\d+:\{.*\},$")

    async def test_an_exposed_service_starts_and_stops_with_the_daemon(self) -> None:
        server = Server()
        worker = server.expose("worker", Worker())
        service = self.make(listening("tcp"), server)
        self.assertFalse(worker.running)
        service.startService()
        self.assertTrue(worker.running)
        await service.stopService()
        self.assertFalse(worker.running)
        self.assertIs(worker.parent, service)

    async def test_the_watchdog_runs_as_long_as_the_daemon(self) -> None:
        service = self.make(listening("tcp"))
        (watchdog,) = (child for child in service if isinstance(child, Watchdog))
        service.startService()
        await until(lambda: watchdog._thread is not None, "it does not watch")
        await service.stopService()
        self.assertIsNone(watchdog._thread)

    def test_the_watchdog_may_be_left_out(self) -> None:
        service = self.make(listening("tcp", text='[server]\nstall_warning = "none"'))
        self.assertEqual([child for child in service if isinstance(child, Watchdog)], [])

    async def test_an_exposed_service_that_cannot_start_ends_the_process(self) -> None:
        server = Server()
        server.expose("worker", Stubborn())
        service = self.make(listening("tcp"), server)
        with capturedLogs() as events, self.assertRaises(SystemExit) as caught:
            service.startService()
        self.assertEqual(caught.exception.code, 1)
        self.assertIn("cannot start: RuntimeError: no luck", map(formatEvent, events))

    async def test_stopping_waits_for_calls_and_what_they_use(self) -> None:
        server = Server()
        slow, worker = server.expose("slow", Slow()), server.expose("worker", Worker())
        service = self.make(listening("tcp"), server)
        service.startService()
        (listener,) = service.listeners
        talk = await connect(listener, b'{"jsonrpc":"2.0","method":"slow.wait","id":1}\n')
        while not any(each.in_flight for each in server.connections.values()):
            await _turn()
        stopped = service.stopService()
        await _turn()
        self.assertNoResult(stopped)
        self.assertTrue(worker.running)
        slow.result.callback("done")
        await stopped
        await talk.lost
        self.assertEqual(talk.received, b'{"jsonrpc":"2.0","result":"done","id":1}\n')

    async def test_the_last_calls_are_in_the_access_log_when_it_has_stopped(self) -> None:
        path = self.mktemp()
        server = Server()
        server.expose("worker", Worker())
        service = self.make(listening("tcp", text="[log]\naccess = true"), server)
        # No turn of the reactor comes any more.
        service.log = Log(LogTable(file=path, access=True), 1, later=lambda work: None)
        service.startService()
        server.dispatch(b'{"jsonrpc":"2.0","method":"worker.other","id":"the last"}')
        self.assertNotIn("the last", text_of(path))
        await service.stopService()
        self.assertIn("the last", text_of(path))


class MakeServerTests(TestCase):
    """From a configuration to a server."""

    def refusal(self, text: str) -> str:
        """Why a configuration makes no server, or no service."""
        with self.assertRaises(ConfigError) as caught:
            config = config_of(text)
            make_service(config, make_server(config), reactor=reactor)
        return str(caught.exception)

    def test_limits_and_debug_are_the_configurations(self) -> None:
        text = "[server]\ndebug = true\n[limits]\nmax_batch = 3\n"
        server = make_server(config_of(text), reactor=CLOCK)
        self.assertEqual((server.limits, server.debug), (Limits(max_batch=3), True))
        self.assertIs(server.clock, CLOCK)

    def test_classes_are_made_and_exposed(self) -> None:
        server = make_server(config_of(f'[expose]\nworker = "{HERE}:Worker"\n'))
        self.assertEqual(sorted(server.methods), ["worker.is_running", "worker.other"])

    def test_what_cannot_be_exposed_is_named(self) -> None:
        text = f'[expose]\npage = "{HERE}:Page"\n'
        self.assertRegex(
            self.refusal(text), rf"^expose 'page': {HERE}:Page: 'page': nothing in Page object is"
        )

    def test_what_cannot_be_imported_is_named(self) -> None:
        text = '[expose]\ncalc = "nowhere:Thing"\n'
        self.assertRegex(self.refusal(text), "^expose 'calc': nowhere:Thing: cannot import")

    def test_a_place_is_listened_on_once(self) -> None:
        stdio = '[[listen]]\ntransport = "stdio"\n'
        self.assertEqual(self.refusal(stdio * 2), "'stdio' is listened on twice")
        port = '[[listen]]\ntransport = "tcp"\nendpoint = "tcp:7080"\n'
        self.assertEqual(self.refusal(port * 2), "'tcp:7080' is listened on twice")

    def test_a_namespace_of_the_application_is_not_covered_by_the_daemons(self) -> None:
        admin = f'[[listen]]\ntransport = "tcp"\nendpoint = "{ANY_PORT}"\nadmin = true\n'
        mine = f'[expose]\n"admin.worker" = "{HERE}:Worker"\n'
        self.assertEqual(
            self.refusal(admin + mine),
            "admin = true: the daemon's own methods have that name, and something is exposed as "
            "'admin' already; give it another",
        )
        own = '[[listen]]\ntransport = "tcp"\nendpoint = "unix:x"\nnamespaces = ["admin.worker"]\n'
        make_service(config_of(own + mine), make_server(config_of(mine)), reactor=reactor)
        self.assertEqual(
            self.refusal(admin + own.replace(".worker", "")),
            "'unix:x': it is admin = true that shows 'admin', not namespaces",
        )

    def test_the_daemons_own_methods_are_there_where_they_are_asked_for(self) -> None:
        for line, count in (("", 0), ("admin = false", 0), ("admin = true", 8)):
            config = listening("tcp", text=line)
            server = make_server(config)
            make_service(config, server, reactor=reactor)
            self.assertEqual(len(server.methods), count)

    def test_a_server_has_to_be_one(self) -> None:
        text = f'[server]\nclass = "{HERE}:Worker"\n'
        self.assertEqual(self.refusal(text), f"{HERE}:Worker: not a subclass of twisted_rpc.Server")

    def test_a_server_that_cannot_be_made_says_why(self) -> None:
        text = f'[server]\nclass = "{HERE}:Refusing"\n'
        self.assertEqual(
            self.refusal(text), f"{HERE}:Refusing: cannot be made: RuntimeError: no luck"
        )

    def test_a_resource_has_to_be_one(self) -> None:
        text = f'[web]\nresource = "{HERE}:Worker"\n'
        self.assertEqual(self.refusal(text), f"{HERE}:Worker: not a twisted.web resource")

    def test_an_endpoint_that_is_none_is_named_as_it_was_written(self) -> None:
        text = '[[listen]]\ntransport = "tcp"\nendpoint = "tcp:x"\n'
        self.assertRegex(self.refusal(text), r"^endpoint 'tcp:x': ")


def test_standard_output_is_kept_for_the_protocol(capfd: pytest.CaptureFixture[str]) -> None:
    kept = os.dup(1)
    try:
        output = take_output()
        os.write(1, b"noise")
        os.write(output, b"message")
        os.close(output)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert capfd.readouterr() == ("message", "noise")


def test_standard_input_is_a_service_of_its_own() -> None:
    config = config_of('[[listen]]\ntransport = "stdio"\n')
    service = make_service(config, Server(), reactor=reactor, output=1)
    assert [type(child) for child in service.listeners] == [StdioService]


def _number(port: Any) -> int:
    number: int = port.getHost().port
    return number


def _factory_of_nothing() -> Any:
    return Factory.forProtocol(Protocol)


def _turn() -> Deferred[None]:
    return deferLater(CLOCK, 0)


class StdioTests(TestCase):
    """Standard input as a line; a pipe stands in for it."""

    async def test_the_daemon_ends_when_its_input_does(self) -> None:
        reads, writes = os.pipe()
        answers, output = os.pipe()
        kept = os.dup(0)
        os.dup2(reads, 0)
        self.addCleanup(os.close, reads)
        self.addCleanup(os.close, kept)
        self.addCleanup(os.dup2, kept, 0)
        stopped: Deferred[None] = Deferred()
        service = StdioService(StreamFactory(Server()), output, reactor=_Stoppable(stopped))
        service.startService()
        os.write(writes, b'{"jsonrpc":"2.0","method":"x","id":1}\n')
        os.close(writes)
        await stopped
        self.assertIn(b"-32601", os.read(answers, 1000))
        os.close(answers)
        service.stopService()
