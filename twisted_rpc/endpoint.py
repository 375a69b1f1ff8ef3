"""Endpoint: what is exposed, who is connected, and the hooks.

An endpoint owns the namespace, the limits and the open connections.  Subclass it and
override a hook; what is added to `Endpoint` reaches every kind of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import Any, ClassVar

from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import Interface, implementer

from twisted_rpc.auth import portal
from twisted_rpc.auth.logins import Logins
from twisted_rpc.broadcasting import Broadcasts
from twisted_rpc.config import Limits
from twisted_rpc.connection import Connection
from twisted_rpc.context import Context
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.errors import MethodNotFound
from twisted_rpc.exposing import Exposing
from twisted_rpc.interfaces import IConnectionOwner, ILine
from twisted_rpc.invocation import default
from twisted_rpc.lines import Lines
from twisted_rpc.metering import Meters, Traffic
from twisted_rpc.outgoing import Call, encoded_notification

__all__ = ["Endpoint"]

_log = Logger()


@implementer(IConnectionOwner)
class Endpoint(Exposing):
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
        broadcasts: what everybody is still to be told.
        meters: what is counted beside that, if anything is; see `Server.measure`.
        traffic: what has come and gone, by transport.
    """

    meters: Meters | None = None

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        debug: bool = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        super().__init__(limits=limits, debug=debug, reactor=reactor)
        self.connections: dict[str, Connection] = {}
        self.lines = Lines(self.limits, self.counters)
        self.broadcasts = Broadcasts(self.clock)
        self.traffic: dict[str, Traffic] = {}
        self._portal: Portal | None = None
        self._call_observers: tuple[Callable[[Call], None], ...] = ()

    def notify_all(
        self, method: str, params: Any = None, exclude: Collection[Connection] = ()
    ) -> int:
        """Notify every full-duplex connection but some; return how many were.

        Who has yet to prove who it is learns nothing.  It leaves before anything that is sent
        later, and at the end of this turn of the reactor's loop at the latest; where that is
        the reactor's last turn, and not the daemon's stop, nothing leaves any more.

        Raises:
            TypeError, ValueError: the parameters cannot be sent.
        """
        notification = encoded_notification(method, params)
        hearers = [
            connection
            for connection in self.connections.values()
            if connection.full_duplex
            and connection.is_admitted
            and not connection.is_closed
            and connection not in exclude
        ]
        if hearers:
            hearers[0].check_thread("notify")
            self.broadcasts.add(hearers, notification)
        return len(hearers)

    def on_call(self, observer: Callable[[Call], None]) -> Callable[[], None]:
        """Tell of each call of ours before it is sent; call what is returned to end it.

        What an observer raises is logged; the call is sent all the same.
        """
        self._call_observers += (observer,)

        def end() -> None:
            kept = (each for each in self._call_observers if each is not observer)
            self._call_observers = tuple(kept)

        return end

    def call_made(self, call: Call) -> None:
        """See `IConnectionOwner`."""
        for observer in self._call_observers:
            try:
                observer(call)
            except Exception:
                _log.failure("an observer of calls failed")

    # -- hooks -------------------------------------------------------------------------------

    def connection_opened(self, connection: Connection) -> None:
        """A far side has connected."""

    def connection_closed(self, connection: Connection) -> None:
        """A far side is gone."""

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
    def trace(self, direction: str, message: bytes, connection: Connection) -> None:
        """A message came in (`"<--"`) or is going out (`"-->"`).  Prints it, when debugging."""
        text = message.decode("utf-8", "backslashreplace")
        # A password may be in it however badly it is spelt: until somebody has logged in,
        # nothing of theirs is shown.
        stranger = self.requires_authentication and connection.identity is None
        hidden = '"auth"' in text or '"ticket"' in text or (stranger and direction == "<--")
        # No message may move the cursor of who reads it on a terminal.
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        shown = '"auth" (not shown)' if hidden else text
        print(f"{connection.transport} {connection.id} {direction} {shown}", file=sys.stderr)

    # -- what connections and transports use -------------------------------------------------

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """What answers messages."""
        dispatcher = super().dispatcher
        dispatcher.invoker.provide("rpc.ticket", self._ticket)
        dispatcher.way_changed = self._way_changed
        return dispatcher

    def _way_changed(self) -> None:
        for connection in self.connections.values():
            connection.follow()

    def _ticket(self, ctx: Context) -> dict[str, Any]:
        """A ticket for the caller, to log in with where no header can be sent."""
        if not self.requires_authentication or ctx.identity is None:
            raise MethodNotFound()
        ticket = self.logins.tickets.issue(ctx.identity)
        return {"ticket": ticket, "expires_in": self.limits.ticket_timeout}

    @cached_property
    def logins(self) -> Logins:
        """What finds out who callers are."""
        return Logins(self)

    def prove(self, credentials: Any) -> Any:
        """Whose credentials these are, with the logout that the portal wants."""
        return (self.authenticate if self._is_overridden else self._log_in)(credentials)

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
    def knows_callers(self) -> bool:
        """Whether it is more than asked: of `anonymous` alone nothing is known."""
        return self.requires_authentication and [*self.credential_kinds] != [IAnonymous]

    @property
    def _is_overridden(self) -> bool:
        return getattr(self.authenticate, "__func__", None) is not Endpoint.authenticate

    def opened(self, connection: Connection) -> None:
        """See `IConnectionOwner`."""
        self.connections[connection.id] = connection
        self.traffic_of(connection.transport).connections += 1
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

    def traffic_of(self, transport: str) -> Traffic:
        """What is counted for a transport; of one without a name it is not kept."""
        return self.traffic.setdefault(transport, Traffic()) if transport else Traffic()

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
