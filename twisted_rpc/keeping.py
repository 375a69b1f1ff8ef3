"""One connection after the other to the same far side, until somebody closes for good."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Self, TypeVar

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_rpc.config import Limits
from twisted_rpc.connection import Connection
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import (
    AuthenticationFailed,
    CallError,
    CertificateRefused,
    ConnectError,
    ConnectionLost,
)
from twisted_rpc.invocation import chained

__all__ = ["Backoff", "Connect", "KeptConnection", "State"]

T = TypeVar("T")

Connect = Callable[[Endpoint], Deferred[Connection]]
"""Makes a connection of an endpoint, ready for calls."""

Backoff = Callable[[int], float]
"""Seconds to wait after so many failures in a row."""


class State(Enum):
    """Where a client stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    CLOSED = "closed"


class KeptConnection(Endpoint):
    """An endpoint that connects, and connects again when its line is lost.

    A subclass says what else happens then: `_established` and `_ended`.

    Args:
        connect: makes a connection.
        peer: where that leads, for messages.
        reconnect: whether it comes back after its line was lost.
        backoff: seconds to wait after so many failures.
        limits, debug, reactor: see `Endpoint`.

    Attributes:
        state: where it stands.
        connection: the one it has, if it has one.
    """

    _log = Logger()

    def __init__(
        self,
        connect: Connect,
        peer: str,
        *,
        reconnect: bool,
        backoff: Backoff | None,
        limits: Limits,
        debug: bool,
        reactor: IReactorTime | None,
    ) -> None:
        super().__init__(limits=limits, debug=debug, reactor=reactor)
        self.peer = peer
        self.state = State.CONNECTING
        self.connection: Connection | None = None
        self._connect = connect
        self._reconnect = reconnect
        self._backoff = backoff or _later_and_later()
        self._prepare: list[Callable[[Connection], Any]] = []
        self._observers: list[Callable[[State], Any]] = []
        self._waiting: list[Deferred[Self]] = []
        self._reason: CallError | None = None
        self._awaited: Deferred[Any] | None = None

    def start(self) -> Self:
        """Begin to connect; `connect()` has done it."""
        Deferred.fromCoroutine(self._live()).addErrback(self._died)
        return self

    def on_connected(self, function: Callable[[Connection], Any]) -> None:
        """Call a function with each new connection, before anything else is sent over it.

        It may be a coroutine, and calls over the connection: what the client itself is
        called for waits until it is done.  Where it raises, the connection is given up, and
        on `AuthenticationFailed` the client is closed.
        """
        self._prepare.append(function)

    def on_state(self, observer: Callable[[State], Any]) -> None:
        """Call a function with each new state."""
        self._observers.append(observer)

    def connected(self) -> Deferred[Self]:
        """A Deferred of the client that fires once it is connected.

        It fails when the attempt under way does; the client itself goes on trying.
        """
        if self.state is State.CONNECTED:
            return succeed(self)
        waiting: Deferred[Self] = Deferred(self._wait_no_longer)
        if self.state is State.CLOSED:
            waiting.errback(self._closed_error())
        else:
            self._waiting.append(waiting)
        return waiting

    def _wait_no_longer(self, waiting: Deferred[Self]) -> None:
        if waiting in self._waiting:  # else the others are being told
            self._waiting.remove(waiting)

    def _established(self) -> None:
        """A connection is there and prepared."""
        raise NotImplementedError

    def _ended(self, error: CallError) -> None:
        """It is closed for good, and why."""
        raise NotImplementedError

    # -- one connection after the other ------------------------------------------------------

    async def _live(self) -> None:
        failures = 0
        # Not at once: whoever made the client has yet to say what it exposes and prepares.
        await self._wait_for(deferLater(self.clock, 0))
        while True:
            self._enter(State.CONNECTING)
            try:
                await self._make_connection()
            except Exception as error:
                if self.state is State.CLOSED:
                    return None
                failures += 1
                self._failed(error)
                if isinstance(error, (AuthenticationFailed, CertificateRefused)):
                    return self._end(error)  # trying again would only be refused again
            else:
                failures = 0
                await self._stay()
            if not self._reconnect:
                return self._end(self._reason)
            self._enter(State.DISCONNECTED)
            await self._wait_for(deferLater(self.clock, self._backoff(failures)))

    async def _make_connection(self) -> None:
        if self.state is State.CLOSED:
            raise CancelledError
        seconds = self.limits.handshake_timeout
        connecting = self._connect(self)
        if seconds is not None:
            connecting.addTimeout(seconds, self.clock, self._took_too_long)
        connection = await self._wait_for(connecting)
        self.connection = connection
        try:
            for function in self._prepare:
                prepared: Deferred[Any] = maybeDeferred(_chained, function, connection)
                await self._wait_unless_lost(prepared, connection)
        except BaseException:
            connection.abort()
            raise

    async def _wait_unless_lost(self, prepared: Deferred[Any], connection: Connection) -> None:
        lost = connection.closed()
        lost.addCallback(lambda _: prepared.cancel()).addErrback(lambda _: None)
        try:
            await self._wait_for(prepared)
        except CancelledError:
            if connection.is_closed:
                raise ConnectionLost(f"the connection to {self.peer} was lost") from None
            raise
        finally:
            lost.cancel()

    async def _stay(self) -> None:
        connection = self.connection
        assert connection is not None
        self._enter(State.CONNECTED)
        self._established()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(self)  # type: ignore[arg-type]
        await self._wait_for(connection.closed())
        self.connection = None
        self._reason = ConnectionLost(f"the connection to {self.peer} was lost")

    def _took_too_long(self, *_: Any) -> Any:
        seconds = self.limits.handshake_timeout
        raise ConnectError(
            f"{self.peer}: no connection within {seconds:g} seconds (handshake_timeout)"
        )

    def _failed(self, error: Exception) -> None:
        self.connection = None
        self._reason = (
            error if isinstance(error, CallError) else ConnectError(f"{self.peer}: {error}")
        )
        self._log.info("{reason}", reason=self._reason)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(self._reason)

    def _died(self, failure: Any) -> None:
        if failure.check(CancelledError) is None:
            self._log.failure("the client has stopped", failure)
            self._end(None)

    def _end(self, reason: CallError | None) -> None:
        if self.state is State.CLOSED:
            return
        self._reason = reason
        self._enter(State.CLOSED)
        error = self._closed_error()
        self._ended(error)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(error)
        if self._awaited is not None:
            self._awaited.cancel()

    async def _wait_for(self, deferred: Deferred[T]) -> T:
        """Wait for the next step, until somebody closes the client."""
        if self.state is State.CLOSED:
            deferred.addCallbacks(_let_go, lambda _: None)
            deferred.cancel()
            raise CancelledError
        self._awaited = deferred
        try:
            return await deferred
        finally:
            self._awaited = None

    def _closed_error(self) -> CallError:
        if self._reason is not None:
            return self._reason
        return ConnectionLost(f"the client of {self.peer} is closed")

    def _enter(self, state: State) -> None:
        if self.state is State.CLOSED:  # which is for ever
            return
        self.state = state
        for observer in self._observers:
            if self.state is not state:  # one of them has closed it, and all were told
                return
            try:
                observer(state)
            except Exception:
                self._log.failure("an observer of states failed")


def _later_and_later() -> Backoff:
    # Imported here: a daemon has no clients, and would start later by what this brings along.
    from twisted.application.internet import backoffPolicy

    policy: Backoff = backoffPolicy(initialDelay=0.5, maxDelay=30.0)
    return policy


def _let_go(result: Any) -> None:
    if isinstance(result, Connection):
        result.abort()


def _chained(function: Callable[[Connection], Any], connection: Connection) -> Any:
    return chained(function(connection))
