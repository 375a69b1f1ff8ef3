"""One far side: messages in, answers out, and calls of ours the other way.

A transport feeds whole messages to `receive` and implements how messages leave.  All
else is the same on every transport: how many calls run at once and when reading stops
(`flow`), which answer belongs to which call (`calling`), who is let in, and what happens
when the line drops.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_rpc import codec
from twisted_rpc.auth.gate import Gate
from twisted_rpc.auth.portal import Login
from twisted_rpc.auth.validity import Validity
from twisted_rpc.broadcasting import Broadcasts
from twisted_rpc.calling import Calling
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.correlation import brings
from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import RequestTooBig, RPCError, Unauthorized
from twisted_rpc.interfaces import IConnectionOwner, ILine, IRPCConnection
from twisted_rpc.lines import source_of
from twisted_rpc.namespace import Listeners
from twisted_rpc.running import Answer, Caller, Dispatch

__all__ = ["Connection"]

_numbers = count(1)


@implementer(IRPCConnection)
class Connection(Calling):
    """See `IRPCConnection`; a transport subclasses it.

    Args:
        owner: the endpoint it belongs to.
        peer: where the far side is, such as `127.0.0.1:5000`.
        headers: what it came with.
        login: who it is, if that is known already.

    Attributes:
        address: where it is, as far as addresses have limits.
        namespaces: the only ones it may see; see `Access.rights_of`.
        opened_at: when that was, on the owner's clock.
        urls: where the listener is reached by which it came.
        line_credentials: what the line proves who it is with, before it has said a word.
        line: what carries it, if that is counted as a stranger's until it is admitted.
    """

    __slots__ = (
        *("_gate", "_handshake", "_has_ended", "_listeners", "_login", "_source", "_tracing"),
        *("_broadcasts", "_unproved"),
        *("_validity", "_watchers", "address", "headers", "id", "identity", "line"),
        *("line_credentials", "namespaces", "opened_at", "urls"),
    )

    def __init__(
        self,
        owner: IConnectionOwner,
        peer: str,
        headers: Mapping[str, str] = NO_HEADERS,
        login: Login | None = None,
    ) -> None:
        super().__init__(owner, peer)
        self.id = str(next(_numbers))
        self.headers = headers
        self.opened_at = owner.clock.seconds()
        if headers is not NO_HEADERS and brings(headers):
            self.brings = True
        self.identity = None if login is None else login.identity
        self._listeners: Listeners | None = None
        self._tracing: bool = owner.tracing
        self._broadcasts: Broadcasts = owner.broadcasts
        self.address = ""
        self.line: ILine | None = None
        self.namespaces: Collection[str] | None = None
        self.urls: Sequence[str] = ()
        self.line_credentials: Sequence[ICredentials] = ()
        self._source: str | None = None
        self._gate: Gate | None = None
        self._login = login
        self._unproved = 0
        self._has_ended = False
        self._validity: Validity | None = None
        self._watchers: list[Deferred[None]] = []
        self._handshake: Deadline | None = None
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

    @property
    def is_admitted(self) -> bool:
        """Whether it has proved who it is, and that still holds; or nobody asks."""
        return self._gate is None and not self._has_ended

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
        if self._owner.requires_authentication and self._login is None:
            self._stand_at_gate()
        else:
            self.be(self.identity)
            self._watch_validity()
        self._owner.opened(self)
        if self._gate is not None and self.line_credentials:
            self._ask_line(self.line_credentials)

    def lost(self) -> None:
        """The line is down."""
        self._end(self._calls_lost)

    def _end(self, end_calls: Callable[[], None]) -> None:
        if self.is_closed:
            return
        self.is_closed = True  # before a call ends: who then calls again waits for a new line
        self._backlog.clear()
        if self._handshake is not None:
            self._handshake.stop()
        if self._validity is not None:
            self._validity.stop()
        if self._gate is not None:
            self._gate.close()
        if self._login is not None:
            self._login.end()
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

    def refuse(self, error: RPCError) -> None:
        """Answer what cannot be read any further."""
        self.send([codec.error_answer(error)])

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

    def _answer_by(self, dispatch: Dispatch) -> None:
        """Have messages answered like this, shown to `trace` before if it wants to see them."""

        def traced(message: bytes, caller: Caller) -> Answer:
            self._owner.traced("<--", message, self)
            return dispatch(message, caller)

        self._dispatch = traced if self._tracing else dispatch

    def follow(self) -> None:
        """Have messages answered in the dispatcher's present way, once it is known who calls."""
        if self._gate is None:
            self._answer_by(self._owner.dispatcher.way)

    # -- authentication ----------------------------------------------------------------------

    def be(self, identity: Any) -> None:
        """Call as somebody from now on, and see what that one may see."""
        view = self._owner.dispatcher.views.of(identity, self.namespaces)
        self.identity = identity
        self.see(view)

    def _stand_at_gate(self) -> None:
        self._gate = Gate(self._owner.logins, self._owner.dispatcher, self, self)
        self._answer_by(self._dispatch_at_gate)
        self._handshake = Deadline(self.clock, self._handshake_expired)
        self._handshake.set(self._limits.handshake_timeout)
        limits = self._limits
        sizes = [size for size in (limits.max_message, limits.max_auth_message) if size is not None]
        self._limit_messages(min(sizes, default=None), "max_auth_message")

    def _limit_messages(self, size: int | None, name: str) -> None:
        """Let no message be longer; a transport that collects them sees to it."""

    def _ask_line(self, credentials: Sequence[ICredentials]) -> None:
        """Find out who it is before anything is heard; if it is nobody, it may still say so."""

        def go_on(_: Any) -> None:
            self._held = False
            self._work()

        self._held = True
        asked = self._owner.logins.ask_line(credentials, self)
        asked.addCallbacks(self.admit, lambda failure: None).addCallback(go_on)

    def _dispatch_at_gate(self, message: bytes, caller: Caller) -> Answer:
        """Answer before it is known who calls; what follows an `auth` waits for its outcome."""
        assert self._gate is not None
        self._unproved += len(message)
        limit = self._limits.max_auth_message
        if limit is not None and self._unproved > limit:
            self._owner.counters.hit("max_auth_message")
            self._backlog.clear()
            self._ending = True
            return codec.error_answer(RequestTooBig(f"{limit} bytes at most (max_auth_message)"))
        answer = self._gate.dispatch(message, caller)
        self._held = isinstance(answer, Deferred)
        return answer

    def admit(self, login: Login) -> None:
        """It has proved who it is."""
        if self.is_closed:
            login.end()
            return
        self._gate = None
        self._login = login
        if self.line is not None:
            self._owner.lines.proved(self.line)
        self._answer_by(self._owner.dispatcher.way)
        if self._handshake is not None:
            self._handshake.clear()
        self._limit_messages(self._limits.max_message, "max_message")
        self.be(login.identity)
        self._watch_validity()

    def _watch_validity(self) -> None:
        """Look after what may end by itself, which takes somebody."""
        if self.identity is not None:
            recheck = self._limits.auth_recheck
            self._validity = Validity(recheck, self.clock, self._login_ended)
            self._validity.watch(self.identity)

    def again(self, message: bytes) -> None:
        """Handle a message once more, before all others."""
        self._backlog.appendleft(message)

    def _login_ended(self, why: str) -> None:
        """Let nobody go on whose login does not hold any more."""
        self.refuse(Unauthorized(why))
        # Before there is room for what waits behind them.
        self._backlog.clear()
        self.see(self._owner.dispatcher.views.nothing)
        self._has_ended = True
        for running in list(self.running.values()):
            running.cancel()
        self.close()

    def _handshake_expired(self) -> None:
        seconds = self._limits.handshake_timeout
        self._owner.counters.hit("handshake_timeout")
        self.refuse(Unauthorized(f"not within {seconds:g} seconds (handshake_timeout)"))
        self.close()
