"""One far side: messages in, answers out, and calls of ours the other way.

A transport feeds whole messages to `receive` and implements how messages leave.  All
else is the same on every transport: how many calls run at once and when reading stops
(`flow`), which answer belongs to which call (`calling`), who is let in (`entering`), and
what happens when the line drops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_rpc.auth.portal import Login
from twisted_rpc.broadcasting import Broadcasts
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.correlation import brings
from twisted_rpc.entering import Entering
from twisted_rpc.interfaces import IConnectionOwner, IRPCConnection
from twisted_rpc.lines import source_of
from twisted_rpc.namespace import Listeners

__all__ = ["Connection"]

_numbers = count(1)


@implementer(IRPCConnection)
class Connection(Entering):
    """See `IRPCConnection`; a transport subclasses it.

    Args:
        owner: the endpoint it belongs to.
        peer: where the far side is, such as `127.0.0.1:5000`.
        headers: what it came with.
        login: who it is, if that is known already.

    Attributes:
        address: where it is, as far as addresses have limits.
        opened_at: when that was, on the owner's clock.
        urls: where the listener is reached by which it came.
    """

    __slots__ = (
        *("_broadcasts", "_listeners", "_source", "_watchers", "address", "headers", "id"),
        *("opened_at", "urls"),
    )

    def __init__(
        self,
        owner: IConnectionOwner,
        peer: str,
        headers: Mapping[str, str] = NO_HEADERS,
        login: Login | None = None,
    ) -> None:
        super().__init__(owner, peer, login)
        self.id = str(next(_numbers))
        self.headers = headers
        self.opened_at = owner.clock.seconds()
        if headers is not NO_HEADERS and brings(headers):
            self.brings = True
        self._listeners: Listeners | None = None
        self._broadcasts: Broadcasts = owner.broadcasts
        self.address = ""
        self.urls: Sequence[str] = ()
        self._source: str | None = None
        self._watchers: list[Deferred[None]] = []
        self._answer_by(owner.dispatcher.way)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<{type(self).__name__} {self.id} to {self.peer}: {state}>"

    @property
    def source(self) -> str:  # type: ignore[override]
        """See `Caller`."""
        if self._source is None:
            self._source = source_of(self.address or self.peer)
        return self._source

    @property
    def listeners(self) -> Listeners:
        """What is told of its notifications."""
        if self._listeners is None:
            self._listeners = Listeners()
        return self._listeners

    @property
    def connection(self) -> Connection:
        """Itself: what a `Context` holds."""
        return self

    # -- what applications use ---------------------------------------------------------------

    def on(self, method: str, listener: Callable[..., Any]) -> Callable[[], None]:
        """Be told of a notification from this far side; call what is returned to end it.

        Raises:
            NotFullDuplex: nothing but answers comes over this transport.
        """
        self.check_hears(method)
        return self.listeners.on(method, listener)

    def check_hears(self, what: str) -> None:
        """See that the far side can call and notify us, as it can on every line that stays.

        Raises:
            NotFullDuplex: it cannot.
        """

    def closed(self) -> Deferred[None]:
        """A Deferred that fires when the connection has ended; at once if it has."""
        watcher: Deferred[None] = Deferred(self._watchers.remove)
        if self.is_closed:
            watcher.callback(None)
        else:
            self._watchers.append(watcher)
        return watcher

    # -- what transports use -----------------------------------------------------------------

    def opened(self) -> None:
        """The line is ready."""
        self._enter()
        self._owner.opened(self)
        self._ask_line()

    def lost(self) -> None:
        """The line is down."""
        self._end(self._calls_lost)

    def _end(self, end_calls: Callable[[], None]) -> None:
        if self.is_closed:
            return
        self.is_closed = True  # before a call ends: who then calls again waits for a new line
        self._backlog.clear()
        self._leave()
        self._owner.closed(self)
        end_calls()
        while self._watchers:  # one may cancel another
            self._watchers.pop(0).callback(None)

    def send(self, messages: list[bytes]) -> None:
        """Write messages, framed, in one piece."""
        if self.is_closed:
            return
        if self._broadcasts.waiting:
            self._broadcasts.send()
        if self._tracing:
            for message in messages:
                self._owner.traced("-->", message, self)
        self._write(messages)

    def _write(self, messages: list[bytes]) -> None:
        """Frame and write."""
        raise NotImplementedError

    @property
    def framing(self) -> str:
        """A name for how messages to it are framed; empty if each is to be sent for itself.

        What is `framed` for one connection may be given to `push` of any other with the
        same name.
        """
        return ""

    def framed(self, messages: list[bytes]) -> bytes:
        """The bytes that carry messages to it."""
        raise NotImplementedError

    def push(self, frames: bytes, messages: int) -> None:
        """Write so many that it has not asked for, unless it leaves too much of that unread."""
        raise NotImplementedError
