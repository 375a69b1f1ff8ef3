"""The client: one far side, and a connection to it that comes back by itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_rpc.batching import BatchCalls
from twisted_rpc.config import Limits
from twisted_rpc.correlation import Correlated
from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import (
    CallError,
    ConnectionLost,
    nobody_calls,
)
from twisted_rpc.keeping import Backoff, Connect, KeptConnection, State
from twisted_rpc.offline import Offline, OfflineBuffer, Parcel
from twisted_rpc.outgoing import Call, checked_seconds, encoded_notification
from twisted_rpc.proxy import Proxy

__all__ = ["CLIENT_LIMITS", "Client"]

T = TypeVar("T")

CLIENT_LIMITS = Limits(
    max_message=16 * 1024 * 1024,
    max_batch=None,
    max_outgoing=None,
    max_unread=None,
    unread_timeout=None,
)
"""A client takes longer answers than a server takes requests, and waits for a busy server."""


class Client(KeptConnection):
    """An endpoint that keeps one connection to a far side.

    It begins to connect in the reactor's next turn.  `await client` waits for the first
    connection and fails, with the client closed, if that cannot be made.  After that it
    comes back by itself: it waits, a little longer and by chance, after each failure;
    proves who it is; and calls what `on_connected` was given.  Methods and listeners stay.

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
        one_way: whether nothing but answers comes from there, as over HTTP.
        debug, reactor: see `Endpoint`.

    Attributes:
        state: where it stands.
        connection: the one it has, if it has one.
    """

    answers_rubbish: ClassVar[bool] = False
    _log = Logger()

    def __init__(
        self,
        connect: Connect,
        peer: str,
        *,
        limits: Limits = CLIENT_LIMITS,
        reconnect: bool = True,
        offline: Offline | None = None,
        backoff: Backoff | None = None,
        ids: Callable[[], Iterator[int | str]] | None = None,
        one_way: bool = False,
        debug: bool = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        super().__init__(
            connect,
            peer,
            reconnect=reconnect,
            backoff=backoff,
            limits=limits,
            debug=debug,
            reactor=reactor,
        )
        self._buffer = OfflineBuffer(offline or Offline(), self.clock)
        self._ids = ids
        self._one_way = one_way
        self._again = Deadline(self.clock, self._send_kept)

    # -- what applications use ---------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float | None | UnsetType = UNSET,
        retry: bool = False,
        trace: Correlated | None = None,
    ) -> Deferred[Any]:
        """Call a method of the far side, or keep the call until there is a connection.

        Args:
            method: its full name.
            params: a list or tuple, or a mapping, or None for none.
            timeout: seconds, those without a connection included; None waits for ever;
                `call_timeout` of the limits unless given.
            retry: send it again if its line is lost; for methods that may run twice.
            trace: see `Connection.call`.

        Returns:
            A Deferred of the result, which fails with a `CallError`: see `Connection.call`.

        Raises:
            TypeError, ValueError: the parameters cannot be sent, or the timeout or the request
                id is none.
        """
        call = Call(method, params, self.peer, trace)
        seconds = checked_seconds(self.call_timeout if timeout is UNSET else timeout)
        self.call_made(call)
        if retry:
            call.retries = self._retry
        self.begin_calls([call])
        if not call.result.called:
            call.expire_in(seconds, self.clock)
        return call.result

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification, or keep it until there is a connection.

        Raises:
            ConnectionLost: the client is closed, or too much waits already.
            TypeError, ValueError: the parameters cannot be sent.
        """
        self.begin_calls([], [encoded_notification(method, params)])

    def batch(self) -> BatchCalls:
        """Calls and notifications that are sent as one message; see `BatchCalls`."""
        return BatchCalls(self)

    def expose(self, name: str, target: T) -> T:
        """Make something callable for the far side; see `Endpoint.expose`.

        Raises:
            NotFullDuplex: nothing but answers comes over HTTP.
        """
        self._check_hears(name or "expose")
        return super().expose(name, target)

    def fallback(self, function: Callable[..., Any]) -> None:
        """Ask a function for methods that are not exposed; raises as `expose` does."""
        self._check_hears("fallback")
        super().fallback(function)

    def on(self, method: str, listener: Callable[..., Any]) -> Callable[[], None]:
        """Be told of a notification on whichever connection; raises as `expose` does."""
        self._check_hears(method)
        return super().on(method, listener)

    def _check_hears(self, what: str) -> None:
        if self._one_way:
            raise nobody_calls(what, self.peer)

    @property
    def proxy(self) -> Proxy:
        """The far side's methods as attributes: `client.proxy.calc.add(1, 2)`."""
        return Proxy(self.call)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.peer}: {self.state.value}>"

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
        connection = self.connection
        if self.state is State.CONNECTED and connection is not None and not connection.is_closed:
            connection.begin_calls(calls, notifications)
            return
        try:
            if self.state is State.CLOSED:
                raise self._closed_error()
            self._buffer.keep(
                Parcel(calls, notifications), f"there is no connection to {self.peer}"
            )
        except CallError as error:
            if not calls:
                raise
            for call in calls:
                call.fail(type(error)(f"{call.method}: {error}"))

    def _retry(self, call: Call) -> None:
        if self.state is State.CLOSED:
            call.fail(ConnectionLost(f"{call.method}: {self._closed_error()}"))
            return
        self._buffer.keep_first(call)
        # Over HTTP no line is made anew.
        if self.state is State.CONNECTED and self._again.at is None:
            self._again.set(self._backoff(1))

    def _send_kept(self) -> None:
        if self.state is State.CONNECTED:
            for parcel in self._buffer.take_all():
                self.begin_calls(parcel.calls, parcel.notifications)

    def new_ids(self) -> Iterator[int | str] | None:
        """See `IConnectionOwner`."""
        return None if self._ids is None else self._ids()

    # -- what becomes of what waits ----------------------------------------------------------

    def _established(self) -> None:
        """See `KeptConnection`."""
        self._send_kept()

    def _ended(self, error: CallError) -> None:
        """See `KeptConnection`."""
        self._again.stop()
        self._buffer.fail(str(error))


def _stop(outcome: Any, deadline: Deadline) -> Any:
    deadline.stop()
    return outcome
