"""Calls and notifications that are sent as one message (specification, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from msgspec import UNSET, UnsetType
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_rpc.correlation import Correlated
from twisted_rpc.outgoing import Call, checked_seconds, encoded_notification
from twisted_rpc.proxy import Proxy

__all__ = ["BatchCalls"]


class Sender(Protocol):
    """What a batch is sent over: a connection, a client, or the batch around it."""

    @property
    def peer(self) -> str:
        """Who is called, for messages."""

    @property
    def clock(self) -> IReactorTime:
        """Where time comes from."""

    @property
    def call_timeout(self) -> float | None:
        """Seconds a call may take unless it says otherwise."""

    def call_made(self, call: Call) -> None:
        """Tell who wants to know of a call before it is sent."""

    def begin_calls(self, calls: Sequence[Call], notifications: Sequence[bytes] = ()) -> None:
        """Send calls, and notifications that are encoded already."""


class BatchCalls:
    """Collects calls and notifications inside `async with`, and sends them at its end.

    Each call has its own result: a Deferred that fires, or fails, when the batch has been
    answered.  The block ends when every one has; none of them is to be awaited inside it.
    Where the block raises, nothing is sent, and its calls are cancelled; so are those
    that are left when waiting for them is.

    A batch inside a batch joins the outer one.  One with a single call is sent as a plain
    call, an empty one not at all.  How many calls the far side takes at once is its own
    limit (`max_batch`); a batch is never split.

    Args:
        over: what it is sent over.
    """

    def __init__(self, over: Sender) -> None:
        self._over = over
        self._calls: list[Call] = []
        self._notifications: list[bytes] = []

    @property
    def peer(self) -> str:
        """Who is called."""
        return self._over.peer

    @property
    def clock(self) -> IReactorTime:
        """Where time comes from."""
        return self._over.clock

    @property
    def call_timeout(self) -> float | None:
        """Seconds a call may take unless it says otherwise."""
        return self._over.call_timeout

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        timeout: float | None | UnsetType = UNSET,
        trace: Correlated | None = None,
    ) -> Deferred[Any]:
        """Add a call; see `Connection.call`."""
        call = Call(method, params, self.peer, trace)
        seconds = checked_seconds(self.call_timeout if timeout is UNSET else timeout)
        self.call_made(call)
        self._keep(call)
        call.expire_in(seconds, self.clock)
        return call.result

    def call_made(self, call: Call) -> None:
        """See `Connection.call_made`."""
        self._over.call_made(call)

    def _keep(self, call: Call) -> None:
        self._calls.append(call)
        call.forget = lambda: self._forget(call)

    def _forget(self, call: Call) -> None:
        if call in self._calls:
            self._calls.remove(call)

    def notify(self, method: str, params: Any = None) -> None:
        """Add a notification; see `Connection.notify`."""
        self._notifications.append(encoded_notification(method, params))

    @property
    def proxy(self) -> Proxy:
        """The far side's methods as attributes."""
        return Proxy(self.call)

    def batch(self) -> BatchCalls:
        """A batch that joins this one."""
        return BatchCalls(self)

    def begin_calls(self, calls: Sequence[Call], notifications: Sequence[bytes] = ()) -> None:
        """Take what an inner batch has collected."""
        for call in calls:
            self._keep(call)
        self._notifications.extend(notifications)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            _cancel(self._calls)
            return
        calls, self._calls = self._calls, []
        if isinstance(self._over, BatchCalls):
            self._over.begin_calls(calls, self._notifications)
            return
        ended = _end_of_all(calls)
        self._over.begin_calls(calls, self._notifications)
        await ended


def _end_of_all(calls: Sequence[Call]) -> Deferred[None]:
    """A Deferred that fires when every call has ended; cancelling it cancels those left."""
    left = set(calls)

    def end(call: Call) -> None:
        left.discard(call)
        if not left:
            ended.callback(None)

    def cancel(_: object) -> None:
        for call in calls:
            call.ended = _nothing
        _cancel(left)

    ended: Deferred[None] = Deferred(cancel)
    for call in calls:
        call.ended = partial(end, call)
    if not calls:
        ended.callback(None)
    return ended


def _cancel(calls: Iterable[Call]) -> None:
    for call in tuple(calls):
        call.result.addErrback(lambda _: None)
        call.result.cancel()


def _nothing() -> None:
    """Nobody waits for the end of a call."""
