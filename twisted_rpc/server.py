"""Server: an endpoint that many connect to, that asks who they are, and stops in good order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from msgspec import UNSET, Raw
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_rpc.auth import portal
from twisted_rpc.context import Context
from twisted_rpc.deadline import Deadline
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.events import Event
from twisted_rpc.health import Health
from twisted_rpc.interfaces import ILine
from twisted_rpc.invocation import METHODS
from twisted_rpc.metering import Meters
from twisted_rpc.reloading import Reloads

__all__ = ["Server"]

_log = Logger()

DISCOVER = "rpc.discover"
"""OpenRPC's method of that name, "Service Discovery Method" (OpenRPC 1.3)."""


class Server(Endpoint):
    """An endpoint that many connect to.

    Attributes:
        title, version, description: what `rpc.discover` says of it; unless given, the name
            of the class, the version of its distribution, and its docstring.
        is_discoverable: whether it tells what it has; see `conceal`.
    """

    title: str | None = None
    version: str | None = None
    description: str | None = None
    is_discoverable = True
    _drained: Deferred[None] | None = None

    @cached_property
    def _reloads(self) -> Reloads:
        return Reloads()

    def on_reload(self, function: Callable[[], Any]) -> Callable[[], None]:
        """Call a function whenever files are to be read again: on SIGHUP, in the daemon.

        Args:
            function: takes nothing and may be a coroutine function.  A `ConfigError` that
                it raises is logged as one line, and what it had read before stays in use.

        Returns:
            What ends it.
        """
        return self._reloads.add(function)

    def reload(self) -> Deferred[list[str]]:
        """Call what `on_reload` was given.

        Returns:
            A Deferred of what is wrong with each of those that fail, in one line.
        """
        return self._reloads.run()

    @cached_property
    def health(self) -> Health:
        """Whether it can do its work."""
        health = Health(self.clock)
        health.hold(lambda: None if self._drained is None else "draining")
        return health

    def add_check(
        self,
        name: str,
        function: Callable[[], Any],
        *,
        timeout: float = 2.0,
        thread: bool = False,
    ) -> Callable[[], None]:
        """Let `/readyz` depend on something that the methods need, such as a database.

        All checks run at once when somebody asks, and what they found is told for a second
        to whoever asks then.

        Args:
            name: what it is called there.
            function: takes nothing, and may be a coroutine function or return a Deferred.
                None and True say that all is well; False, a text that says what is wrong,
                and an exception that it is not, and so does anything else.
            timeout: seconds after which it has failed, and is cancelled.
            thread: run it in the reactor's thread pool, because it blocks.

        Returns:
            What ends it.

        Raises:
            ValueError: there is a check of that name, or the timeout is no number of seconds.
        """
        return self.health.add(name, function, timeout=timeout, thread=thread)

    def measure(self) -> Meters:
        """Count calls, their times and what comes and goes, on lines from now on.

        Once is enough; what is counted is in `meters`.
        """
        if self.meters is None:
            self.meters = Meters(self.dispatcher.invoker.knows)
            self.dispatcher.measure(self.meters)
        return self.meters

    @cached_property
    def metrics(self) -> Any:
        """The `CollectorRegistry` that `/metrics` shows, for metrics of your own.

        Raises:
            ImportError: prometheus_client is not there: it comes with `twisted_rpc[metrics]`.
        """
        from prometheus_client import CollectorRegistry

        return CollectorRegistry(auto_describe=True)

    def enable_auth(
        self, user: str | ICredentialsChecker | Portal, password: str | None = None
    ) -> None:
        """Let in only who proves who they are, on every transport.

        Args:
            user: a user name, or a `twisted.cred` checker, of which each call adds one; or
                a portal of your own, whose realm is asked for an `IIdentity`.
            password: the user's; none with a checker or portal.

        Raises:
            TypeError: it is neither, or a portal comes after something else.
        """
        if isinstance(user, Portal):
            if self._portal is not None:
                raise TypeError("a portal has to be the first that enable_auth is given")
            self._portal = user
            return
        if isinstance(user, str):
            if password is None:
                raise TypeError("enable_auth takes a user and a password, a checker or a portal")
            checker: ICredentialsChecker = portal.OneUser(user, password)
        else:
            checker = user
        if self._portal is None:
            self._portal = portal.portal_for(checker)
        else:
            portal.add_checker(self._portal, checker)

    def declare_event(
        self,
        name: str,
        params: Any = None,
        *,
        description: str | None = None,
        access: str | None = None,
        deprecated: str | None = None,
    ) -> None:
        """Let `rpc.discover` tell of a notification that clients are sent; see `Event`.

        Raises:
            ExposeError: the name is declared already, reserved or malformed.
        """
        event = Event(params, UNSET, description, access, deprecated)
        self.namespace.declare(name, event)

    def declare_call(
        self,
        name: str,
        params: Any = None,
        result: Any = None,
        *,
        description: str | None = None,
        access: str | None = None,
        deprecated: str | None = None,
    ) -> None:
        """Let `rpc.discover` tell of a call that clients are asked to answer; see `Event`.

        Raises:
            ExposeError: as of `declare_event`.
        """
        event = Event(params, result, description, access, deprecated)
        self.namespace.declare(name, event)

    def conceal(self) -> None:
        """Answer neither `rpc.discover` nor `rpc.methods`, nor show `/openrpc.json`."""
        self.is_discoverable = False
        for name in (METHODS, DISCOVER):
            self.dispatcher.invoker.withdraw(name)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """What answers messages."""
        dispatcher = super().dispatcher
        dispatcher.invoker.provide(DISCOVER, self._discover)
        return dispatcher

    @cached_property
    def discovery(self) -> Any:
        """The documents of `rpc.discover`; nothing of it is loaded before somebody asks."""
        from twisted_rpc.discovery import Discovery

        _ = self._own_info  # as long as the files are in reach that tell the version
        return Discovery(self.namespace, self.dispatcher.invoker, self._info)

    async def _discover(self, ctx: Context, version: str = "1.3") -> Raw:
        urls = getattr(ctx.connection, "urls", ())
        return Raw((await self.discovery.describe(ctx, version, urls)).text)

    def _info(self) -> dict[str, str]:
        said = {"title": self.title, "version": self.version, "description": self.description}
        return {**self._own_info, **{key: text for key, text in said.items() if text is not None}}

    @cached_property
    def _own_info(self) -> dict[str, str]:
        from twisted_rpc.discovery import info_of

        return info_of(type(self), Server)

    def drain(self) -> Deferred[None]:
        """Refuse new calls, let running ones end, close every connection.

        Returns:
            A Deferred that fires when all are closed: after `drain_timeout` seconds they
            are aborted.
        """
        self.dispatcher.drain()
        if self._drained is None:
            self._drained = Deferred()
            deadline = Deadline(self.clock, self._abort_all)
            deadline.set(self.limits.drain_timeout)
            self._drained.addCallback(lambda _: deadline.stop())
            for line in self.lines:
                line.drain()
            self._check_drained()
        return self._drained

    def admit(self, line: ILine, address: str, *, identity: Any = None) -> str | None:
        """See `Endpoint.admit`; nobody is admitted any more while it drains."""
        if self._drained is not None:
            return "shutting down"
        return super().admit(line, address, identity=identity)

    def release(self, line: ILine) -> None:
        """See `Endpoint.release`."""
        super().release(line)
        self._check_drained()

    def _check_drained(self) -> None:
        if self._drained is not None and not self.lines and not self._drained.called:
            self._drained.callback(None)

    def _abort_all(self) -> None:
        self.counters.hit("drain_timeout")
        _log.warn(
            "{count} lines are open after {seconds} seconds (drain_timeout): they are aborted, "
            "and what still runs for them is cancelled",
            count=len(self.lines),
            seconds=self.limits.drain_timeout,
        )
        for connection in list(self.connections.values()):
            for running in list(connection.running.values()):
                running.cancel()
        for line in self.lines:
            line.abort()
