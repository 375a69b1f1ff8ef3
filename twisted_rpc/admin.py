"""The namespace `admin`: what an operator may see of a running daemon, and do to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_rpc.answers import Counters
from twisted_rpc.connection import Connection
from twisted_rpc.context import Context
from twisted_rpc.errors import ConfigError, ExposeError, InvalidParams, RPCError
from twisted_rpc.health import Report
from twisted_rpc.listener import ADMIN
from twisted_rpc.logs.levels import Levels
from twisted_rpc.marking import method
from twisted_rpc.server import Server
from twisted_rpc.transports.base import listener_name

__all__ = ["Admin", "LimitState", "OpenConnection", "expose_admin"]

LevelName = Literal["debug", "info", "warn", "error", "critical"]

NO_LEVELS = 1
"""The code of the error where the log is not the daemon's own."""


class OpenConnection(Struct, frozen=True):
    """One connection.

    Attributes:
        id: what `admin.kick` takes.
        transport: `tcp`, `http` or `websocket`.
        listener: where it came in, as the log calls that; empty if that is not known.
        peer: where the far side is.
        identity: who it is, or sent the last request; None if nobody asked.
        opened: when, in UTC.
        seconds: how long ago that is.
        in_flight: calls of it that run.
        unread: bytes of answers and notifications that it has yet to read, as far as they wait
            in this process.
        own: whether it is the one that asks.
    """

    id: str
    transport: str
    listener: str
    peer: str
    identity: str | None
    opened: datetime
    seconds: float
    in_flight: int
    unread: int
    own: bool


class LimitState(Struct, frozen=True):
    """One limit.

    Attributes:
        name: its key in `[limits]`.
        value: what it is set to; None if it is off, or no key of that table.
        hits: how often it has refused, dropped or slowed down somebody.
    """

    name: str
    value: float | None
    hits: int


class Admin:
    """What the daemon exposes as `admin` on listeners that have `admin = true`.

    Args:
        server: what it is about.
        stop: begins an orderly stop of the daemon.
        levels: of its log; returns None where that is not the daemon's own.
    """

    _log = Logger()

    def __init__(
        self, server: Server, *, stop: Callable[[], Any], levels: Callable[[], Levels | None]
    ) -> None:
        self._server = server
        self._stop = stop
        self._levels = levels
        self._is_stopping = False

    # -- what there is to see ----------------------------------------------------------------

    @method(access="admin")
    def connections(self, ctx: Context) -> list[OpenConnection]:
        """The connections that are open, the oldest first."""
        return [self._state(connection, line, ctx) for connection, line in self._open()]

    def _state(self, connection: Connection, line: Any, ctx: Context) -> OpenConnection:
        age = max(0.0, self._server.clock.seconds() - connection.opened_at)
        return OpenConnection(
            id=connection.id,
            transport=connection.transport,
            listener="" if line is None else listener_name(line.transport.getHost()),
            peer=connection.peer,
            identity=None if connection.identity is None else str(connection.identity),
            opened=datetime.fromtimestamp(time.time() - age, UTC),
            seconds=round(age, 3),
            in_flight=connection.in_flight,
            unread=0 if line is None else line.wire.holds(),
            own=connection is ctx.connection,
        )

    def _open(self) -> Iterator[tuple[Connection, Any]]:
        """Connections, with the lines of our own that carry them."""
        ours = [line for line in self._server.lines if not isinstance(line, Connection)]
        lines = {getattr(line, "connection", None): line for line in ours}
        for connection in self._server.connections.values():
            yield connection, lines.get(connection)

    @method(access="admin")
    def limits(self) -> list[LimitState]:
        """The limits in force, and how often each was hit since the start."""
        hits = self._server.counters.limits
        limits = self._server.limits
        names = dict.fromkeys((*limits.__struct_fields__, *hits))
        return [LimitState(n, getattr(limits, n, None), hits.get(n, 0)) for n in names]

    @method(access="admin")
    def counters(self) -> Counters:
        """What was counted since the start."""
        return self._server.counters

    @method(access="admin", timeout=None)
    def checks(self) -> Deferred[Report]:
        """Whether the daemon is ready, and what its checks have found: as `/readyz`."""
        return self._server.health.report()

    # -- what there is to do -----------------------------------------------------------------

    @method(access="admin")
    def kick(self, id: str, ctx: Context, reason: str = "") -> bool:
        """Cancel the calls of a connection, and close it once they are answered.

        Nothing keeps its far side from connecting again.

        Args:
            id: of `admin.connections`.
            ctx: who asks.
            reason: for the log.

        Returns:
            Whether there was such a connection.

        Raises:
            InvalidParams: it is the one that this call came by.
        """
        connection = self._server.connections.get(id)
        if connection is None:
            return False
        if connection is ctx.connection:
            raise InvalidParams("id: this call came by that connection")
        self._tell(ctx, f"closes connection {id} to {connection.peer}", reason)
        for running in list(connection.running.values()):
            running.cancel()
        connection.close()
        return True

    @method(access="admin")
    def log_level(
        self, namespace: str, ctx: Context, level: LevelName | None | UnsetType = UNSET
    ) -> str:
        """Tell or set the level of a namespace of the log, until the daemon ends.

        Args:
            namespace: such as `twisted_rpc.transports`, with those below it; empty for all.
            ctx: who asks.
            level: the least important events that are logged from now on; null for what the
                configuration says; left out to be told.

        Returns:
            The level that holds now.

        Raises:
            RPCError: the log is not the daemon's own (1).
        """
        levels = self._levels()
        if levels is None:
            raise RPCError(NO_LEVELS, "the log is not the daemon's own: there is no [log]")
        if level is not UNSET:
            said = "what is configured" if level is None else level
            self._tell(ctx, f"sets the level of {namespace!r} in the log to {said}")
            levels.change(namespace, level)
        return levels.of(namespace)

    @method(access="admin")
    def drain(self, ctx: Context) -> bool:
        """Begin to stop the daemon in good order, as SIGTERM does.

        Returns:
            Whether it was this call that began it.
        """
        if self._is_stopping or self._server.health.unready == "draining":
            return False
        self._is_stopping = True
        self._tell(ctx, "stops the daemon")
        self._stop()
        return True

    @method(access="admin")
    def reload(self, ctx: Context) -> Deferred[list[str]]:
        """Read files again, as SIGHUP does.

        Returns:
            What could not be read, each in one line; it goes on as it was.
        """
        self._tell(ctx, "reloads")
        return self._server.reload()

    def _tell(self, ctx: Context, what: str, reason: str = "") -> None:
        """Leave a trace in the log of who has done something."""
        who = getattr(ctx.connection, "peer", "this process")
        if ctx.identity is not None:
            who = f"{ctx.identity} at {who}"
        self._log.info(
            "{who} {what}{why}",
            who=repr(who)[1:-1],
            what=what,
            why=f": {reason!r}" if reason else "",
        )


def expose_admin(server: Server, *, stop: Callable[[], Any], log: Callable[[], Any]) -> None:
    """Expose the daemon's own methods, for listeners that show them.

    Args:
        server: what they are about.
        stop: see `Admin`.
        log: returns the daemon's `Log`, or None where it has none of its own.

    Raises:
        ConfigError: the application has that namespace already.
    """

    def levels() -> Levels | None:
        return getattr(log(), "levels", None)

    try:
        server.namespace.expose_apart(ADMIN, Admin(server, stop=stop, levels=levels))
    except ExposeError as error:
        text = f"admin = true: the daemon's own methods have that name, and {error}"
        raise ConfigError(f"{text}; give it another") from error
