"""Who a far side is: what it may say before it has proved that, and when it ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred

from twisted_rpc import codec
from twisted_rpc.auth.gate import Gate
from twisted_rpc.auth.portal import Login
from twisted_rpc.auth.validity import Validity
from twisted_rpc.calling import Calling
from twisted_rpc.deadline import Deadline
from twisted_rpc.errors import RequestTooBig, RPCError, Unauthorized
from twisted_rpc.interfaces import IConnectionOwner, ILine
from twisted_rpc.running import Answer, Caller, Dispatch

__all__ = ["Entering"]


class Entering(Calling):
    """A far side that has to prove who it is, where somebody asks.

    Args:
        owner: the endpoint it belongs to.
        peer: where the far side is.
        login: who it is, if that is known already.

    Attributes:
        namespaces: the only ones it may see; see `Access.rights_of`.
        line_credentials: what the line proves who it is with, before it has said a word.
        line: what carries it, if that is counted as a stranger's until it is admitted.
    """

    __slots__ = (
        *("_gate", "_handshake", "_has_ended", "_login", "_tracing", "_unproved", "_validity"),
        *("identity", "line", "line_credentials", "namespaces"),
    )

    def __init__(self, owner: IConnectionOwner, peer: str, login: Login | None) -> None:
        super().__init__(owner, peer)
        self.identity = None if login is None else login.identity
        self.line: ILine | None = None
        self.namespaces: Collection[str] | None = None
        self.line_credentials: Sequence[ICredentials] = ()
        self._tracing: bool = owner.tracing
        self._gate: Gate | None = None
        self._login = login
        self._unproved = 0
        self._has_ended = False
        self._validity: Validity | None = None
        self._handshake: Deadline | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether it has proved who it is, and that still holds; or nobody asks."""
        return self._gate is None and not self._has_ended

    def refuse(self, error: RPCError) -> None:
        """Answer what cannot be read any further."""
        self.send([codec.error_answer(error)])

    def _enter(self) -> None:
        """The line is ready."""
        if self._owner.requires_authentication and self._login is None:
            self._stand_at_gate()
        else:
            self.be(self.identity)
            self._watch_validity()

    def _leave(self) -> None:
        """The line is down."""
        if self._handshake is not None:
            self._handshake.stop()
        if self._validity is not None:
            self._validity.stop()
        if self._gate is not None:
            self._gate.close()
        if self._login is not None:
            self._login.end()

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

    def _ask_line(self) -> None:
        """Find out who it is before anything is heard; if it is nobody, it may still say so."""
        if self._gate is None or not self.line_credentials:
            return

        def go_on(_: Any) -> None:
            self._held = False
            self._work()

        self._held = True
        asked = self._owner.logins.ask_line(self.line_credentials, self)
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
