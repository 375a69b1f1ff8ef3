"""The daemon as a Twisted service: listeners that start or fail together, and a clean stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.web.resource import IResource

from twisted_rpc.config import Config, ServerTable
from twisted_rpc.errors import ConfigError, ExposeError
from twisted_rpc.lag import Lag
from twisted_rpc.listener import Listener
from twisted_rpc.loading import instance, load_object
from twisted_rpc.pages.choosing import pages_for
from twisted_rpc.ports import ListenerService, StdioService
from twisted_rpc.server import Server
from twisted_rpc.signals import SignalService
from twisted_rpc.transports.listening import Place, factory_for
from twisted_rpc.transports.stream import StreamFactory
from twisted_rpc.watchdog import Watchdog

__all__ = ["RPCService", "make_server", "make_service"]


class _CannotStart(SystemExit, Exception):
    """Ends the process quietly: the log has said why.

    Being an `Exception` too, it makes a daemonised twistd remove its pid file.
    """


class RPCService(MultiService):
    """The whole daemon: exposed services, listeners, and the server that drains.

    Args:
        server: whose service this is.

    Attributes:
        log: the observer that an application logs to, if that is not its program's affair.
    """

    _log = Logger()

    def __init__(self, server: Server, *, reactor: Any) -> None:
        super().__init__()
        self.server = server
        self._is_leaving = False
        server.health.hold(self._unready)
        self.log: Any = None  # a `Log`, which nobody needs without `[log]`
        SignalService(server, reactor=reactor).setServiceParent(self)
        self.listeners = MultiService()
        self.listeners.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """Belong to an application, which twistd asks for its log (`ILogObserver`)."""
        super().setServiceParent(parent)
        if self.log is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.log)

    def privilegedStartService(self) -> None:
        """Bind every port, or end the process: a daemon that is half there helps nobody.

        Raises:
            SystemExit: a port cannot be bound; the log says which.
        """
        try:
            super().privilegedStartService()
        except Exception as error:  # the log has said which port, and why
            raise _CannotStart(1) from error

    def startService(self) -> None:
        """Say what is exposed, and start; see `privilegedStartService`."""
        for name, count in sorted(self.server.namespace.counts().items()):
            plural = "" if count == 1 else "s"
            shown = name or "(no namespace)"
            self._log.info("exposed {name}: {count} method{s}", name=shown, count=count, s=plural)
        for doubt in self.server.doubts():
            self._log.warn("{doubt}", doubt=doubt)
        if self.server.ignores_levels:
            self._log.info("nobody has to log in: access levels of methods say nothing")
        try:
            super().startService()
        except CannotListenError:
            raise _CannotStart(1) from None
        except Exception as error:  # whatever an exposed service raises
            kind = type(error).__name__
            self._log.critical("cannot start: {kind}: {error}", kind=kind, error=error)
            raise _CannotStart(1) from error

    def _unready(self) -> str | None:
        """Why no calls are taken; None once every listener listens, until it stops."""
        if self._is_leaving:
            return "draining"
        ports = [child.port for child in self.listeners if isinstance(child, ListenerService)]
        return None if self.running and None not in ports else "starting"

    def load_pages(self) -> None:
        """Load what would be loaded when the first page, or `rpc.discover`, is asked for.

        To look at something is to load it.
        """
        _ = self.server.discovery
        for listener in self.listeners:
            if isinstance(listener, ListenerService) and listener.pages is not None:
                _ = listener.pages.resource

    async def _leave(self) -> None:
        """Be not ready, and let load balancers see that while calls are still taken."""
        was_ready = self._unready() is None
        self._is_leaving = True
        delay = self.server.limits.drain_delay
        if delay is not None and was_ready:
            text = "not ready: ports are closed in {delay:g} seconds (drain_delay)"
            self._log.info(text, delay=delay)
            await deferLater(self.server.clock, delay)

    async def _stop(self) -> None:
        await self._leave()
        stopped = self.listeners.stopService()
        await self.server.drain()
        await stopped
        self.listeners.disownServiceParent()
        rest = super().stopService()
        if rest is not None:
            await rest
        if self.log is not None:
            self.log.flush()

    def stopService(self) -> Deferred[None]:
        """Close the ports, let running calls end, close every line, stop what is exposed.

        Before all that, `drain_delay` seconds pass, if it is set.
        """
        return Deferred.fromCoroutine(self._stop())


def make_server(config: Config, *, reactor: Any = None) -> Server:
    """The server a configuration describes, with everything exposed.

    Raises:
        ConfigError: an object cannot be imported, made or exposed.
    """
    made: Any = Server
    if config.server.class_ is not None:
        made = load_object(config.server.class_)
        if not (isinstance(made, type) and issubclass(made, Server)):
            raise ConfigError(f"{config.server.class_}: not a subclass of twisted_rpc.Server")
    try:
        server: Server = made(limits=config.limits, debug=config.server.debug, reactor=reactor)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{config.server.class_}: cannot be made: {reason}") from error
    _introduce(server, config.server)
    for name, rule in config.access.items():
        server.set_access(name, roles=rule.roles, allow=rule.allow, deny=rule.deny)
    for name, reference in config.expose.items():
        try:
            server.expose(name, instance(reference))
        except ExposeError as error:
            raise ConfigError(f"expose {name!r}: {reference}: {error}") from error
        except ConfigError as error:
            raise ConfigError(f"expose {name!r}: {error}") from error
    return server


def _introduce(server: Server, table: ServerTable) -> None:
    """Let a server say of itself what the configuration says of it."""
    for key in ("title", "version", "description"):
        said = getattr(table, key)
        if said is not None:
            setattr(server, key, said)
    if not table.discover:
        server.conceal()


def make_service(
    config: Config, server: Server, *, reactor: Any, output: int | None = None
) -> RPCService:
    """The daemon for a server; `output` as in `StdioService`.

    Raises:
        ConfigError: a listener's description, its TLS or the `[web]` resource is wrong, or
            others can reach it without TLS or authentication.
    """
    _check_places(config.listen)
    service = RPCService(server, reactor=reactor)
    for target in _services(server):
        target.setServiceParent(service)
    _observe(service, config, reactor=reactor)
    resource = None
    if config.web.resource is not None:
        resource = instance(config.web.resource)
        if not IResource.providedBy(resource):
            raise ConfigError(f"{config.web.resource}: not a twisted.web resource")
    if any(listener.admin for listener in config.listen):
        from twisted_rpc.admin import expose_admin  # nobody else needs it

        expose_admin(server, stop=reactor.stop, log=lambda: service.log)
    for listener in config.listen:
        _check_namespaces(server, listener)
        child: Service
        if listener.transport == "stdio":
            lines = StreamFactory(server, listener.framing or "line", listener.shown)
            child = StdioService(lines, output, reactor=reactor)
        else:
            child = _listener_service(server, listener, config, resource, reactor=reactor)
        child.setServiceParent(service.listeners)
    if server.meters is not None:
        Lag(server.meters.lag, reactor=reactor).setServiceParent(service)
    return service


def _observe(service: RPCService, config: Config, *, reactor: Any) -> None:
    """Have the daemon watched, and its calls logged and traced, as the configuration says."""
    server = service.server
    stall = config.server.stall_warning
    if stall is not None:
        Watchdog(stall, server.counters, reactor=reactor).setServiceParent(service)
    if config.log is not None:
        from twisted_rpc.logs.access import observe_calls
        from twisted_rpc.spans import trace_with_otel

        observe_calls(server, config.log, lambda: service.log)
        if config.log.otel:
            trace_with_otel(server)


def _listener_service(
    server: Server, listener: Listener, config: Config, site: IResource | None, *, reactor: Any
) -> ListenerService:
    insecure = config.server.insecure_public
    hosts = config.web.hosts
    place = Place(server, listener, insecure_public=insecure, hosts=hosts, reactor=reactor)
    if place.tls is not None:
        server.on_reload(place.reload)
    pages = pages_for(server, listener, config.web, site, is_own=place.is_own)
    factory = factory_for(server, listener, config.web, pages)
    return ListenerService(place, factory, listener.transport, pages, reactor=reactor)


def _check_places(listeners: Iterable[Listener]) -> None:
    """Refuse what is sure to fail when the second of two is bound."""
    places: set[str] = set()
    for listener in listeners:
        place = listener.endpoint or listener.transport
        if place in places and not place.startswith(("tcp:0", "tcp6:0")):
            raise ConfigError(f"{place!r} is listened on twice")
        places.add(place)


def _check_namespaces(server: Server, listener: Listener) -> None:
    """Refuse a namespace that has nothing in it: it is a misspelt one."""
    for space in listener.namespaces or ():
        if space.partition(".")[0] in server.namespace.apart:
            place = listener.endpoint or listener.transport
            raise ConfigError(f"{place!r}: it is admin = true that shows {space!r}, not namespaces")
        names = (name == space or name.startswith(f"{space}.") for name in server.methods)
        if not any(names) and not server.namespace.fallbacks:
            place = listener.endpoint or listener.transport
            raise ConfigError(f"{place!r}: nothing is exposed under the namespace {space!r}")


def _services(server: Server) -> list[Any]:
    """The exposed objects that are services: they start and stop with the daemon."""
    owners = [getattr(method.function, "__self__", None) for method in server.methods.values()]
    services: list[Any] = []
    for owner in owners:
        if owner is not None and IService.providedBy(owner) and owner not in services:
            services.append(owner)
    return services
