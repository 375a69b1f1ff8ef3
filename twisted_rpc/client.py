"""The client: one far side, and a connection to it that comes back by itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from enum import Enum
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from msgspec import UNSET, UnsetType
from twisted.application.internet import backoffPolicy
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_rpc.batching import BatchCalls
from twisted_rpc.config import Limits
from twisted_rpc.connection import Connection
from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.errors import (
    AuthenticationFailed,
    CallError,
    CertificateRefused,
    ConnectError,
    ConnectionLost,
)
from twisted_rpc.invocation import chained
from twisted_rpc.offline import Offline, OfflineBuffer, Parcel
from twisted_rpc.outgoing import Call, encoded_notification
from twisted_rpc.proxy import Proxy

__all__ = ["CLIENT_LIMITS", "Client", "State"]

CLIENT_LIMITS = Limits(
    max_message=16 * 1024 * 1024, max_batch=None, max_unread=None, unread_timeout=None
)
"""A client takes longer answers than a server takes requests, and waits for a busy server."""

T = TypeVar("T")

Backoff = Callable[[int], float]
"""Seconds to wait after so many failures in a row."""


class State(Enum):
    """Where a client stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    CLOSED = "closed"


class Client(Endpoint):
    """An endpoint that keeps one connection to a far side.

    It connects at once.  `await client` waits for the first connection and fails, with
    the client closed, if that cannot be made.  After that it comes back by itself: it
    waits, a little longer and by chance, after each failure; proves who it is; and calls
    what `on_connected` was given.  Methods and listeners stay.

    A call under way when the line is lost fails with `ConnectionLost` at once, unless it
    was made with `retry=True`.  What is called or notified in between waits (`Offline`).

    Args:
        connect: makes a connection, ready for calls.
        peer: where that leads, for messages.
        limits: what the far side may use up, and `call_timeout`, how long a call may take.
        reconnect: whether it comes back after its line was lost.
        offline: what waits while there is no connection.
        backoff: seconds to wait after so many failures.
        ids: makes an iterator of ids for each connection; 1, 2, 3 unless given.
        debug, reactor: see `Endpoint`.

    Attributes:
        state: where it stands.
        connection: the one it has, if it has one.
    """

    answers_rubbish: ClassVar[bool] = False
    _log = Logger()

    def __init__(
        self,
        connect: Callable[[Client], Deferred[Connection]],
        peer: str,
        *,
        limits: Limits = CLIENT_LIMITS,
        reconnect: bool = True,
        offline: Offline | None = None,
        backoff: Backoff | None = None,
        ids: Callable[[], Iterator[int | str]] | None = None,
        debug: bool = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        super().__init__(limits=limits, debug=debug, reactor=reactor)
        self.peer = peer
        self.state = State.CONNECTING
        self.connection: Connection | None = None
        self._connect = connect
        self._reconnect = reconnect
        self._buffer = OfflineBuffer(offline or Offline(), self.clock)
        self._backoff = backoff or backoffPolicy(initialDelay=0.5, maxDelay=30.0)
        self._ids = ids
        self._prepare: list[Callable[[Client], Any]] = []
        self._observers: list[Callable[[State], Any]] = []
        self._waiting: list[Deferred[Self]] = []
        self._reason: CallError | None = None
        self._awaited: Deferred[Any] | None = None
        self._again = Deadline(self.clock, self._send_kept)

    def start(self) -> Self:
        """Begin to connect; `connect()` has done it."""
        Deferred.fromCoroutine(self._live()).addErrback(self._died)
        return self

    # -- what applications use ---------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float | None | UnsetType = UNSET,
        retry: bool = False,
    ) -> Deferred[Any]:
        """Call a method of the far side, or keep the call until there is a connection.

        Args:
            method: its full name.
            params: a list or tuple, or a mapping, or None for none.
            timeout: seconds, those without a connection included; None waits for ever;
                `call_timeout` of the limits unless given.
            retry: send it again if its line is lost; for methods that may run twice.

        Returns:
            A Deferred of the result, which fails with a `CallError`: see `Connection.call`.

        Raises:
            TypeError, ValueError: the parameters cannot be sent.
        """
        call = Call(method, params, self.peer)
        if retry:
            call.retries = self._retry
        self.begin_calls([call])
        if not call.result.called:
            call.expire_in(self.call_timeout if timeout is UNSET else timeout, self.clock)
        return call.result

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification, or keep it until there is a connection.

        Raises:
            ConnectionLost: the client is closed, or too much waits already.
            NotFullDuplex: never; every transport can carry it.
            TypeError, ValueError: the parameters cannot be sent.
        """
        self.begin_calls([], [encoded_notification(method, params)])

    def batch(self) -> BatchCalls:
        """Calls and notifications that are sent as one message; see `BatchCalls`."""
        return BatchCalls(self)

    @property
    def proxy(self) -> Proxy:
        """The far side's methods as attributes: `client.proxy.calc.add(1, 2)`."""
        return Proxy(self.call)

    def on_connected(self, function: Callable[[Client], Any]) -> None:
        """Call a function whenever a connection has been made, before anything else is sent.

        It may be a coroutine.  Where it raises, the connection is given up.
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
        waiting: Deferred[Self] = Deferred(self._waiting.remove)
        if self.state is State.CLOSED:
            waiting.errback(self._closed_error())
        else:
            self._waiting.append(waiting)
        return waiting

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._first().__await__()

    async def _first(self) -> Self:
        try:
            return await self.connected()
        except BaseException:
            await self.close()
            raise

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def close(self) -> Deferred[None]:
        """Close for good, whatever it is doing; what waits fails with `ConnectionLost`.

        Returns:
            A Deferred that fires when the line is down, which is aborted after
            `drain_timeout`.
        """
        self._end(None)
        connection = self.connection
        if connection is None or connection.is_closed:
            return succeed(None)
        closed: Deferred[None] = connection.closed()
        connection.close()
        seconds = self.limits.drain_timeout
        if seconds is not None and not closed.called:
            deadline = Deadline(self.clock, connection.abort)
            deadline.set(seconds)
            closed.addBoth(_stop, deadline)
        return closed

    # -- what batches and connections use ----------------------------------------------------

    @property
    def call_timeout(self) -> float | None:
        """Seconds a call may take unless it says otherwise."""
        return self.limits.call_timeout

    def begin_calls(self, calls: Sequence[Call], notifications: Sequence[bytes] = ()) -> None:
        """Send calls and notifications as one message, or keep them; see `Connection`.

        Raises:
            ConnectionLost: notifications alone cannot be kept.
        """
        if self.state is State.CONNECTED and self.connection is not None:
            self.connection.begin_calls(calls, notifications)
            return
        try:
            if self.state is State.CLOSED:
                raise self._closed_error()
            self._buffer.keep(
                Parcel(calls, notifications), f"there is no connection to {self.peer}"
            )
        except ConnectionLost as error:
            if not calls:
                raise
            for call in calls:
                call.fail(ConnectionLost(f"{call.method}: {error}"))

    def _retry(self, call: Call) -> None:
        if self.state is State.CLOSED:
            call.fail(ConnectionLost(f"{call.method}: {self._closed_error()}"))
            return
        self._buffer.keep_first(call)
        if self.state is State.CONNECTED:  # over HTTP, where no line is made anew
            self._again.set(self._backoff(1))

    def _send_kept(self) -> None:
        if self.state is State.CONNECTED:
            for parcel in self._buffer.take_all():
                self.begin_calls(parcel.calls, parcel.notifications)

    def new_ids(self) -> Iterator[int | str] | None:
        """See `IConnectionOwner`."""
        return None if self._ids is None else self._ids()

    # -- one connection after the other ------------------------------------------------------

    async def _live(self) -> None:
        failures = 0
        while True:
            self._enter(State.CONNECTING)
            try:
                await self._make_connection()
            except CancelledError:
                raise
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
        seconds = self.limits.handshake_timeout
        connecting = self._connect(self)
        if seconds is not None:
            connecting.addTimeout(seconds, self.clock, self._took_too_long)
        connection = await self._wait_for(connecting)
        self.connection = connection
        try:
            for function in self._prepare:
                prepared: Deferred[Any] = maybeDeferred(_chained, function, self)
                await self._wait_for(prepared)
        except BaseException:
            connection.abort()
            raise

    async def _stay(self) -> None:
        connection = self.connection
        assert connection is not None
        self._enter(State.CONNECTED)
        self._send_kept()
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
        self._again.stop()
        self._buffer.fail(str(error))
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(error)
        if self._awaited is not None:
            self._awaited.cancel()

    async def _wait_for(self, deferred: Deferred[T]) -> T:
        """Wait for the next step, until somebody closes the client."""
        if self.state is State.CLOSED:
            deferred.addErrback(lambda _: None)
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
            try:
                observer(state)
            except Exception:
                self._log.failure("an observer of states failed")


def _stop(outcome: Any, deadline: Deadline) -> Any:
    deadline.stop()
    return outcome


def _chained(function: Callable[[Client], Any], client: Client) -> Any:
    return chained(function(client))
