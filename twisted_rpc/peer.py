"""The peer: one line, and an equal at its other end."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred, fail, succeed

from twisted_rpc.batching import BatchCalls
from twisted_rpc.connection import Connection
from twisted_rpc.correlation import Correlated
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import ConnectError, ConnectionLost, NotFullDuplex
from twisted_rpc.interfaces import ILine
from twisted_rpc.keeping import Connect
from twisted_rpc.proxy import Proxy

__all__ = ["Peer"]


class Peer(Endpoint):
    """An endpoint with one far side, equal on both ends of a full-duplex line.

    One of the two opens the line; the other listens for it, and refuses whoever comes
    while it has one.  When the line is lost it stays lost until somebody opens another:
    a line that comes back by itself is a `Client`'s.

    Attributes:
        connection: the line, while there is one.
    """

    connection: Connection | None = None
    _opening = False

    def open(self, connect: Connect) -> Deferred[Connection]:
        """Open the line.

        Args:
            connect: makes the connection, such as `connector("tcp://127.0.0.1:7080")`.

        Returns:
            A Deferred of the connection.  It fails with a `ConnectError`, also if there is
            a line already, or with `NotFullDuplex`.
        """
        if not callable(connect):
            raise TypeError(f"open takes what connector(...) makes, not {connect!r}")
        if self.connection is not None:
            return fail(ConnectError(f"there is a line already, to {self.connection.peer}"))
        if self._opening:
            return fail(ConnectError("a line is being opened already"))
        self._opening = True
        return connect(self).addBoth(self._opened).addCallback(_both_ways)

    def _opened(self, outcome: Any) -> Any:
        self._opening = False
        return outcome

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float | None | UnsetType = UNSET,
        trace: Correlated | None = None,
    ) -> Deferred[Any]:
        """Call the far side; see `Connection.call`."""
        if self.connection is None:
            return fail(ConnectionLost(f"{method}: there is no line"))
        return self.connection.call(method, params, timeout=timeout, trace=trace)

    def notify(self, method: str, params: Any = None) -> None:
        """Notify the far side; see `Connection.notify`.

        Raises:
            ConnectionLost: there is no line.
        """
        self._line.notify(method, params)

    def batch(self) -> BatchCalls:
        """Calls and notifications that are sent as one message; see `BatchCalls`.

        Raises:
            ConnectionLost: there is no line.
        """
        return self._line.batch()

    @property
    def proxy(self) -> Proxy:
        """The far side's methods as attributes: `peer.proxy.calc.add(1, 2)`."""
        return Proxy(self.call)

    def close(self) -> Deferred[None]:
        """Close the line, if there is one; the Deferred fires when it is down."""
        if self.connection is None:
            return succeed(None)
        closed = self.connection.closed()
        self.connection.close()
        return closed

    @property
    def _line(self) -> Connection:
        if self.connection is None:
            raise ConnectionLost("there is no line")
        return self.connection

    # -- what connections and transports use -------------------------------------------------

    def admit(self, line: ILine, address: str, *, identity: Any = None) -> str | None:
        """See `Endpoint.admit`; a peer has one far side."""
        if self.lines:
            return "it has a peer already"
        return super().admit(line, address, identity=identity)

    def opened(self, connection: Connection) -> None:
        """See `IConnectionOwner`."""
        self.connection = connection
        super().opened(connection)

    def closed(self, connection: Connection) -> None:
        """See `IConnectionOwner`."""
        if connection is self.connection:
            self.connection = None
        super().closed(connection)


def _both_ways(connection: Connection) -> Connection:
    try:
        connection.check_hears("open")
    except NotFullDuplex:
        connection.close()
        raise
    return connection
