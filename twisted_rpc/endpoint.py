"""Endpoint and Server: what is exposed, who is connected, and the hooks.

An endpoint owns the namespace, the limits and the open connections.  Subclass it and
override a hook; what is added to `Endpoint` reaches every kind of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import Interface, implementer

from twisted_rpc.access import Access
from twisted_rpc.answers import Counters
from twisted_rpc.auth import portal
from twisted_rpc.auth.logins import Logins
from twisted_rpc.config import AccessRule, Limits
from twisted_rpc.connection import Connection
from twisted_rpc.context import Context
from twisted_rpc.deadline import Deadline
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.errors import MethodNotFound, RPCError
from twisted_rpc.interfaces import IConnectionOwner, ILine
from twisted_rpc.invocation import Middleware, default
from twisted_rpc.lines import Lines
from twisted_rpc.message import Request
from twisted_rpc.namespace import Method, Namespace
from twisted_rpc.outgoing import encoded_notification
from twisted_rpc.reloading import Reloads
from twisted_rpc.running import Caller

__all__ = ["Endpoint", "Server"]

T = TypeVar("T")
_log = Logger()


@implementer(IConnectionOwner)
class Endpoint:
    """One side of JSON-RPC: methods and listeners for the other, and connections to it.

    Args:
        limits: what a far side may use up.
        debug: print every message to standard error and send tracebacks to callers;
            also on when the environment has `DEBUG=jsonrpc`.
        reactor: where time and threads come from; the installed one unless given.

    Attributes:
        connections: the open ones by their ids.
        lines: every line there is, also those that have not come to be a connection.
        counters: what was counted since the start.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        debug: bool = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.debug = debug or "jsonrpc" in os.environ.get("DEBUG", "").split(",")
        self.connections: dict[str, Connection] = {}
        self.namespace = Namespace()
        self._reactor = reactor
        self._portal: Portal | None = None
        self._access = Access(lambda: self.requires_authentication)
        self.counters = Counters()
        self.lines = Lines(self.limits, self.counters)

    # -- what applications use ---------------------------------------------------------------

    def expose(self, name: str, target: T) -> T:
        """Make a function, an object, a module or a mapping callable; return it.

        See `Namespace.expose` for what is taken and what is raised.
        """
        self.namespace.expose(name, target)
        return target

    def unexpose(self, name: str) -> None:
        """Take back a method or everything under a namespace; see `Namespace.unexpose`."""
        self.namespace.unexpose(name)

    def fallback(self, function: Callable[..., Any]) -> None:
        """Ask a function for methods that are not exposed; see `Namespace.fallback`."""
        self.namespace.fallback(function)

    def on(self, method: str, listener: Callable[..., Any]) -> Callable[[], None]:
        """Be told of a notification from anybody; call what is returned to end it."""
        return self.dispatcher.invoker.listeners.on(method, listener)

    def set_access(
        self,
        name: str,
        *,
        roles: Iterable[str] = (),
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
    ) -> None:
        """Say what one identity may call, as `[access.NAME]` does; for logins from now on.

        Args:
            name: the identity's, or `*` for everybody.
            roles: access levels of methods it has, beside those its login brings.
            allow: patterns of names such as `users.*`, of which one has to match.  Once
                anybody has this list, who has none may call nothing.
            deny: patterns of names it may not call, whatever else is said.
        """
        allowed = None if allow is None else tuple(allow)
        self._access.rules[name] = AccessRule(roles=tuple(roles), allow=allowed, deny=tuple(deny))

    def use(self, middleware: Middleware) -> None:
        """Put `async def middleware(call_next, request, context)` around every call."""
        self.dispatcher.use(middleware)

    @property
    def methods(self) -> Mapping[str, Method]:
        """What is exposed, by full name."""
        return self.namespace.methods

    def dispatch(self, raw: bytes, context: Context | None = None) -> Deferred[bytes | None]:
        """Answer one JSON text without any transport.

        Args:
            raw: a message or a batch.
            context: who sends it (`identity`, `headers`, `connection`); its other
                members are found out.

        Returns:
            A Deferred of the answer, or of None if there is none to give.

        Raises:
            TypeError: `raw` is not bytes.
        """
        if not isinstance(raw, bytes):
            raise TypeError(f"dispatch takes bytes, not {type(raw).__name__}")
        caller = _caller(context or Context())
        caller.see(self.dispatcher.views.of(caller.identity))
        answer = self.dispatcher.dispatch(raw, caller)
        return answer if isinstance(answer, Deferred) else succeed(answer)

    def notify_all(
        self, method: str, params: Any = None, exclude: Collection[Connection] = ()
    ) -> int:
        """Notify every full-duplex connection but some; return how many were.

        Who has yet to prove who it is learns nothing.

        Raises:
            TypeError, ValueError: the parameters cannot be sent.
        """
        notification = encoded_notification(method, params)
        told = 0
        for connection in list(self.connections.values()):
            may_know = connection.full_duplex and connection.is_admitted
            if may_know and not connection.is_closed and connection not in exclude:
                connection.notify_encoded(notification)
                told += 1
        return told

    # -- hooks -------------------------------------------------------------------------------

    def connection_opened(self, connection: Connection) -> None:
        """A far side has connected."""

    def connection_closed(self, connection: Connection) -> None:
        """A far side is gone."""

    @default
    async def handle_call(self, request: Request, context: Context) -> Any:
        """Run a call: return its result, or raise.

        An override may be a plain function or a coroutine, and awaits this one to go on.
        """
        return await maybeDeferred(self.dispatcher.invoker.call, request, context)

    @default
    async def handle_notification(self, request: Request, context: Context) -> Any:
        """Act on a notification: the method of that name and every listener are told."""
        return await maybeDeferred(self.dispatcher.invoker.notify, request, context)

    def authenticate(self, credentials: Any) -> Any:
        """Find out whose `twisted.cred` credentials these are: return an identity, or raise.

        Asks the portal that `enable_auth` made.  An override is asked about the kinds in
        `credential_kinds`, passwords unless that is overridden as well.
        """
        return maybeDeferred(self._log_in, credentials).addCallback(lambda login: login.identity)

    @property
    def credential_kinds(self) -> Collection[type[Interface]]:
        """The interfaces of the credentials that `authenticate` can tell something of."""
        if self._portal is not None:
            return list(self._portal.checkers)
        return (IUsernamePassword,)

    @default
    def authorize(self, identity: Any, method: str, params: Any) -> Any:
        """Whether a caller may know of a method; also later, as an awaitable."""
        return True

    def error_for(self, error: BaseException) -> RPCError | None:
        """The error to answer with for an exception; None for one that must not be told."""
        return error if isinstance(error, RPCError) else None

    @default
    def trace(self, direction: str, message: bytes, connection: Connection) -> None:
        """A message came in (`"<--"`) or is going out (`"-->"`).  Prints it, when debugging."""
        text = message.decode("utf-8", "backslashreplace")
        # A password may be in it however badly it is spelt: until somebody has logged in,
        # nothing of theirs is shown.
        stranger = self.requires_authentication and connection.identity is None
        hidden = '"auth"' in text or (stranger and direction == "<--")
        # No message may move the cursor of who reads it on a terminal.
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        shown = '"auth" (not shown)' if hidden else text
        print(f"{connection.transport} {connection.id} {direction} {shown}", file=sys.stderr)

    # -- what connections and transports use -------------------------------------------------

    @cached_property
    def clock(self) -> IReactorTime:
        """Where time comes from."""
        if self._reactor is None:
            from twisted.internet import reactor

            return IReactorTime(reactor)
        return self._reactor

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """What answers messages."""
        dispatcher = Dispatcher(
            self.namespace,
            self.limits,
            self,
            self._access,
            self.counters,
            debug=self.debug,
            clock=self.clock,
        )
        dispatcher.invoker.provide("rpc.ticket", self._ticket)
        return dispatcher

    def _ticket(self, ctx: Context) -> dict[str, Any]:
        """A ticket for the caller, to log in with where no header can be sent."""
        if not self.requires_authentication or ctx.identity is None:
            raise MethodNotFound()
        ticket = self.logins.tickets.issue(ctx.identity)
        return {"ticket": ticket, "expires_in": self.limits.ticket_timeout}

    @cached_property
    def logins(self) -> Logins:
        """What finds out who callers are."""
        authenticate = self.authenticate if self._is_overridden else self._log_in
        return Logins(
            authenticate, lambda: self.credential_kinds, self.limits, self.counters, self.clock
        )

    def _log_in(self, credentials: Any) -> Deferred[portal.Login]:
        if self._portal is None:
            raise LoginFailed("no authentication is set up")
        return portal.log_in(self._portal, credentials)

    @cached_property
    def tracing(self) -> bool:
        """Whether messages are shown to `trace`."""
        return self.debug or type(self).trace is not Endpoint.trace

    answers_rubbish: ClassVar[bool] = True

    def new_ids(self) -> Iterator[int | str] | None:
        """See `IConnectionOwner`."""
        return None

    @property
    def requires_authentication(self) -> bool:
        """Whether callers have to prove who they are."""
        return self._is_overridden or self._portal is not None

    @property
    def ignores_levels(self) -> bool:
        """Whether methods have access levels that nobody is asked for."""
        is_open = not (self.requires_authentication or self._access.rules)
        return is_open and any(method.access for method in self.methods.values())

    @property
    def _is_overridden(self) -> bool:
        return getattr(self.authenticate, "__func__", None) is not Endpoint.authenticate

    def opened(self, connection: Connection) -> None:
        """See `IConnectionOwner`."""
        self.connections[connection.id] = connection
        try:
            self.connection_opened(connection)
        except BaseException:  # it may have been about to refuse it
            _log.failure("connection_opened failed: {peer} is not served", peer=connection.peer)
            connection.lost()
            connection.abort()

    def closed(self, connection: Connection) -> None:
        """See `IConnectionOwner`."""
        if self.connections.pop(connection.id, None) is not None:
            try:
                self.connection_closed(connection)
            except BaseException:
                _log.failure("connection_closed failed for {peer}", peer=connection.peer)

    def traced(self, direction: str, message: bytes, connection: Connection) -> None:
        """See `IConnectionOwner`."""
        try:
            self.trace(direction, message, connection)
        except BaseException:
            _log.failure("trace failed")

    def admit(self, line: ILine, address: str, *, identity: Any = None) -> str | None:
        """Count one more line, from an address; whose it is, if that is proved already.

        Returns:
            None, or why it is refused; only an admitted one is released.
        """
        stranger = identity is None and self.requires_authentication
        return self.lines.admit(line, address, stranger=stranger)

    def release(self, line: ILine) -> None:
        """An admitted line is gone."""
        self.lines.release(line)


class Server(Endpoint):
    """An endpoint that many connect to."""

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

    def reload(self) -> None:
        """Call what `on_reload` was given."""
        self._reloads.run()

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


def _caller(context: Context) -> Caller:
    caller = Caller()
    caller.identity = context.identity
    caller.headers = context.headers
    caller.connection = context.connection
    return caller
