"""What is exposed, to whom, and how a message is answered without any transport."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime

from twisted_rpc.access import Access, Rights, doubts
from twisted_rpc.answers import Counters
from twisted_rpc.config import AccessRule, Limits
from twisted_rpc.context import Context
from twisted_rpc.correlation import brings
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.errors import RPCError
from twisted_rpc.identity import words
from twisted_rpc.invocation import Middleware, default
from twisted_rpc.message import Request
from twisted_rpc.namespace import Method, Namespace
from twisted_rpc.running import Caller

__all__ = ["Exposing"]

T = TypeVar("T")


class Exposing:
    """Methods and listeners, who may use them, and the hooks around a call.

    Args:
        limits: what a far side may use up.
        debug: send tracebacks to callers; also on when the environment has
            `DEBUG=jsonrpc`.
        reactor: where time and threads come from; the installed one unless given.

    Attributes:
        counters: what was counted since the start.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        debug: bool = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.debug = debug or "jsonrpc" in os.environ.get("DEBUG", "").split(",")
        self.counters = Counters()
        self.namespace = Namespace()
        self._reactor = reactor
        self._access = Access(lambda: self.requires_authentication, self.namespace.apart)

    # -- what applications use ---------------------------------------------------------------

    def expose(self, name: str, target: T) -> T:
        """Make a function, an object, a module or a mapping callable; return it.

        See `Namespace.expose` for what is taken and what is raised.
        """
        self.namespace.expose(name, target)
        return target

    def unexpose(self, name: str) -> None:
        """Take back a method or everything under a namespace; see `Namespace.unexpose`."""
        self.namespace.unexpose(name)

    def fallback(self, function: Callable[..., Any]) -> None:
        """Ask a function for methods that are not exposed; see `Namespace.fallback`."""
        self.namespace.fallback(function)

    def on(self, method: str, listener: Callable[..., Any]) -> Callable[[], None]:
        """Be told of a notification from anybody; call what is returned to end it."""
        return self.dispatcher.invoker.listeners.on(method, listener)

    def set_access(
        self,
        name: str,
        *,
        roles: Iterable[str] = (),
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
    ) -> None:
        """Say what one identity may call, as `[access.NAME]` does; for logins from now on.

        Args:
            name: the identity's, or `*` for everybody.
            roles: access levels of methods it has, beside those its login brings.
            allow: patterns of names such as `users.*`, of which one has to match.  Once
                anybody has this list, who has none may call nothing.
            deny: patterns of names it may not call, whatever else is said.

        Raises:
            TypeError: one of them is a single word, and no collection.
        """
        self._access.rules[name] = AccessRule(
            roles=tuple(words(roles, "roles")),
            allow=None if allow is None else tuple(words(allow, "allow")),
            deny=tuple(words(deny, "deny")),
        )

    def use(self, middleware: Middleware) -> None:
        """Put `async def middleware(call_next, request, context)` around every call."""
        self.dispatcher.use(middleware)

    @property
    def methods(self) -> Mapping[str, Method]:
        """What is exposed, by full name."""
        return self.namespace.methods

    def dispatch(self, raw: bytes, context: Context | None = None) -> Deferred[bytes | None]:
        """Answer one JSON text without any transport.

        Args:
            raw: a message or a batch.
            context: who sends it (`identity`, `headers`, `connection`); its other
                members are found out.

        Returns:
            A Deferred of the answer, or of None if there is none to give.

        Raises:
            TypeError: `raw` is not bytes.
        """
        if not isinstance(raw, bytes):
            raise TypeError(f"dispatch takes bytes, not {type(raw).__name__}")
        caller = _caller(context or Context())
        caller.see(self.dispatcher.views.of(caller.identity))
        answer = self.dispatcher.way(raw, caller)
        return answer if isinstance(answer, Deferred) else succeed(answer)

    # -- hooks -------------------------------------------------------------------------------

    @default
    async def handle_call(self, request: Request, context: Context) -> Any:
        """Run a call: return its result, or raise.

        An override may be a plain function or a coroutine, and awaits this one to go on.
        """
        return await maybeDeferred(self.dispatcher.invoker.call, request, context)

    @default
    async def handle_notification(self, request: Request, context: Context) -> Any:
        """Act on a notification: the method of that name and every listener are told."""
        return await maybeDeferred(self.dispatcher.invoker.notify, request, context)

    @default
    def authorize(self, identity: Any, method: str, params: Any) -> Any:
        """Whether a caller may know of a method; also later, as an awaitable."""
        return True

    def error_for(self, error: BaseException) -> RPCError | None:
        """The error to answer with for an exception; None for one that must not be told."""
        return error if isinstance(error, RPCError) else None

    # -- what is made of it ------------------------------------------------------------------

    @property
    def requires_authentication(self) -> bool:
        """Whether callers have to prove who they are."""
        return False

    def rights_of(self, identity: Any) -> Rights:
        """What an identity may call; see `Access.rights_of`."""
        return self._access.rights_of(identity)

    def doubts(self) -> list[str]:
        """What the access rules say that nothing comes of, in words; fallbacks answer any name."""
        if self.namespace.fallbacks:
            return []
        return list(doubts(self._access.rules, self.methods))

    @property
    def ignores_levels(self) -> bool:
        """Whether methods of the application have access levels that nobody is asked for."""
        if self.requires_authentication or self._access.rules:
            return False
        apart = self.namespace.apart
        return any(m.access for m in self.methods.values() if m.namespace not in apart)

    @cached_property
    def clock(self) -> IReactorTime:
        """Where time comes from."""
        if self._reactor is None:
            from twisted.internet import reactor

            return IReactorTime(reactor)
        return self._reactor

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """What answers messages."""
        return Dispatcher(
            self.namespace,
            self.limits,
            self,
            self._access,
            self.counters,
            debug=self.debug,
            clock=self.clock,
        )


def _caller(context: Context) -> Caller:
    caller = Caller()
    caller.identity = context.identity
    caller.headers = context.headers
    caller.brings = brings(context.headers)
    caller.connection = context.connection
    return caller
