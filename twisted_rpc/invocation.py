"""Running one call or notification, with everything that may be put around it.

From a request to what the method returned: middleware, the endpoint's hooks,
authorization, the table, fallbacks, listeners, threads.  Nothing here knows of bytes.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from typing import Any, Protocol

from msgspec import UNSET, Raw, UnsetType
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc import codec
from twisted_rpc.binding import Binder, check_shape
from twisted_rpc.context import Context
from twisted_rpc.errors import InvalidParams, MethodNotFound, RPCError
from twisted_rpc.message import Request
from twisted_rpc.namespace import Listeners, Method, Namespace, is_reserved

__all__ = ["CallNext", "Hooks", "Invoker", "Middleware", "as_deferred", "chained", "default"]

CallNext = Callable[[Request, Context], Awaitable[Any]]
"""What a middleware awaits to go on inwards."""

Middleware = Callable[[CallNext, Request, Context], Awaitable[Any]]
"""`async def middleware(call_next, request, context)`, around every call."""

_Step = Callable[[str, Raw | UnsetType, Context], Any]

METHODS = "rpc.methods"
"""The method that lists methods; names beginning with `rpc.` are the protocol's."""

_DEFAULT = "__is_default__"


class Hooks(Protocol):
    """What an endpoint lets its subclasses override."""

    def handle_call(self, request: Request, context: Context) -> Any:
        """Run one call; return its result or an awaitable of it."""

    def handle_notification(self, request: Request, context: Context) -> Any:
        """Act on one notification."""

    def authorize(self, identity: Any, method: str, params: Any) -> Any:
        """Say, at once or later, whether this caller may know of this method."""

    def error_for(self, error: BaseException) -> RPCError | None:
        """The error to answer with for an exception of the application's."""


def default(hook: Any) -> Any:
    """Mark a hook's own version, so that the cost of an overridden one is paid only then."""
    setattr(hook, _DEFAULT, True)
    return hook


def as_deferred(result: Any) -> Deferred[Any] | None:
    """A Deferred for a result that has to be waited for; None for any other."""
    if isinstance(result, Deferred):
        return result
    if inspect.iscoroutine(result):
        return Deferred.fromCoroutine(result)
    if hasattr(type(result), "_asyncio_future_blocking"):  # what asyncio.isfuture() looks at
        return Deferred.fromFuture(result)
    if hasattr(type(result), "__await__"):

        async def wait() -> Any:
            return await result

        return Deferred.fromCoroutine(wait())
    return None


def chained(result: Any) -> Any:
    """What a callback has to return for a Deferred to wait for a result of any kind."""
    waiting = as_deferred(result)
    return result if waiting is None else waiting


class Invoker:
    """Runs requests against a namespace.

    Attributes:
        authorizes: whether the endpoint's `authorize` is asked.
        plain: whether nothing is installed around calls, so that a method may be called
            without going through here.
        check_rate: asked before a method with a rate of its own is called; raises.
    """

    _log = Logger()

    def __init__(self, namespace: Namespace, hooks: Hooks, clock: IReactorTime) -> None:
        self.listeners = Listeners()
        self._namespace = namespace
        self._hooks = hooks
        self._clock = clock
        self._middleware: list[Middleware] = []
        self._unfit: set[str] = set()
        self._own: dict[str, Method] = {}
        self.provide(METHODS, self.names_for)
        self.check_rate: Callable[[Method, Context], None] = _no_rate
        self.authorizes = not hasattr(hooks.authorize, _DEFAULT)
        # Where a hook is the endpoint's own, there is a shorter way to what it does.
        own_call = hasattr(hooks.handle_call, _DEFAULT)
        own_notify = hasattr(hooks.handle_notification, _DEFAULT)
        self._handle_call = self.call if own_call else hooks.handle_call
        self._handle_notification = self.notify if own_notify else hooks.handle_notification
        self._shows_params = not (own_call and own_notify)
        self.plain = own_call and not self.authorizes

    def provide(self, name: str, function: Callable[..., Any]) -> None:
        """Answer a method of the protocol's; such names begin with `rpc.`."""
        self._own[name] = Method(name, function, Binder(function, name))

    def withdraw(self, name: str) -> None:
        """Answer a method of the protocol's no longer."""
        self._own.pop(name, None)

    def knows(self, name: str) -> bool:
        """Whether there is a method of this name, for whomever."""
        return name in self._namespace.methods or name in self._own

    def use(self, middleware: Middleware) -> None:
        """Put a middleware around every call, inside those added before."""
        self._middleware.append(middleware)
        self._shows_params = True
        self.plain = False

    def run(self, request: Request, context: Context) -> Any:
        """Run a call or notification through middleware and hooks.

        Returns:
            Its result, or an awaitable of it.

        Raises:
            RPCError, or whatever the method raises.
        """
        if self._shows_params:
            request = _with_values(request)  # what is wrong in it says nothing of the name
            if not self._permits(context, request.method):  # before a middleware sees it
                raise MethodNotFound()
        innermost = self._handle_notification if request.is_notification else self._handle_call
        if not self._middleware:
            return innermost(request, context)

        async def call_innermost(request: Request, context: Context) -> Any:
            result = innermost(request, context)
            waiting = as_deferred(result)
            return result if waiting is None else await waiting

        call_next: CallNext = call_innermost
        for middleware in reversed(self._middleware):
            call_next = _around(middleware, call_next)
        return call_next(request, context)

    def call(self, request: Request, context: Context) -> Any:
        """Call the method a request names.

        Returns:
            Its result, or an awaitable of it.

        Raises:
            MethodNotFound: there is none, or none that this caller may know of.
            InvalidParams, InvalidRequest: the parameters do not fit.
        """
        raw = _raw_params(request)
        check_shape(raw)
        return self._if_allowed(self._look_up, request.method, raw, context)

    def _if_allowed(self, go_on: _Step, name: str, raw: Raw | UnsetType, context: Context) -> Any:
        """Go on, if the rules and the endpoint's `authorize` let this caller use a name."""
        params: Any = UNSET
        if self.authorizes and raw is not UNSET:
            params = codec.decode_value(raw)
        if not self._permits(context, name):  # a middleware may have put another name there
            raise MethodNotFound()
        if not self.authorizes:
            return go_on(name, raw, context)
        allowed = self._hooks.authorize(context.identity, name, params)
        waiting = as_deferred(allowed)
        if waiting is None:
            return _go_on_if(allowed, go_on, name, raw, context)
        return waiting.addCallback(_go_on_if, go_on, name, raw, context).addCallback(chained)

    def notify(self, request: Request, context: Context) -> Any:
        """Tell the method of a notification's name, if there is one, and every listener.

        Returns:
            What the method returned, to be awaited if it can be.

        Raises:
            MethodNotFound: there is neither, or none that this caller may know of.
        """
        raw = _raw_params(request)
        check_shape(raw)
        return self._if_allowed(self._notify, request.method, raw, context)

    def _notify(self, name: str, raw: Raw | UnsetType, context: Context) -> Any:
        listeners = self.listeners.of(name)
        if context.connection is not None:
            listeners += context.connection.listeners.of(name)
        for listener in listeners:
            self._tell(listener, raw, context)
        if listeners and name not in self._namespace.methods:
            return None
        return self._look_up(name, raw, context)

    def _tell(self, listener: Method, raw: Raw | UnsetType, context: Context) -> None:
        """Tell one listener; what it raises is logged and stops nobody else."""

        def log(failure: Failure) -> None:
            if failure.check(InvalidParams) is not None:
                self._tell_once(context.method, failure)
                return
            self._log.failure("a listener of {method} failed", failure, method=repr(context.method))

        try:
            waiting = as_deferred(self._call_method(listener, raw, context))
        except BaseException:
            log(Failure())
        else:
            if waiting is not None:
                waiting.addErrback(log)

    def _tell_once(self, name: str, failure: Failure) -> None:
        """Log parameters that a listener does not take, but not as often as they are sent."""
        if name not in self._unfit:
            self._unfit.add(name)
            self._log.warn(
                "a listener of {method} does not take what was sent (not told again): {reason}",
                method=repr(name),
                reason=repr(getattr(failure.value, "data", "")),
            )

    async def names_for(self, context: Context) -> list[str]:
        """The full names of the methods that this caller may know of, in their order."""
        return await self.known(sorted(self._namespace.methods), context)

    async def known(self, names: Iterable[str], context: Context) -> list[str]:
        """Those of some names that a caller may know of."""
        names = [name for name in names if self._permits(context, name)]
        if not self.authorizes:
            return names
        known: list[str] = []
        failures: list[Failure] = []
        for name in names:
            try:
                allowed = self._hooks.authorize(context.identity, name, UNSET)
                waiting = as_deferred(allowed)
                if allowed if waiting is None else await waiting:
                    known.append(name)
            except RPCError:  # another way to say no
                continue
            except Exception:
                failures.append(Failure())
        if failures:  # one is told: there may be as many as methods
            text = "authorize failed for {failures} methods, which are not told of"
            self._log.failure(text, failures[0], failures=len(failures))
        return known

    def _permits(self, context: Context, name: str) -> bool:
        """Whether the rules let a caller use a name; the protocol's own are everybody's."""
        return context.view is None or name in self._own or context.view.permits(name)

    def _look_up(self, name: str, raw: Raw | UnsetType, context: Context) -> Any:
        method = self._namespace.methods.get(name) or self._own.get(name)
        if method is not None:
            if method.rate is not None:
                self.check_rate(method, context)
            return self._call_method(method, raw, context)
        fallbacks = [] if is_reserved(name) else self._namespace.fallbacks
        return self._try(fallbacks, raw, context)

    def _try(self, fallbacks: list[Method], raw: Raw | UnsetType, context: Context) -> Any:
        """Ask one fallback after the other until one does not say MethodNotFound."""
        for index, fallback in enumerate(fallbacks):
            try:
                result = self._call_method(fallback, raw, context)
            except MethodNotFound:
                continue
            waiting = as_deferred(result)
            if waiting is None:
                return result
            return waiting.addErrback(self._passed_on, fallbacks[index + 1 :], raw, context)
        raise MethodNotFound()

    def _passed_on(self, failure: Failure, rest: list[Method], raw: Any, context: Context) -> Any:
        failure.trap(MethodNotFound)
        return chained(self._try(rest, raw, context))

    def _call_method(self, method: Method, raw: Raw | UnsetType, context: Context) -> Any:
        args, kwargs = method.arguments(raw, context)
        if method.thread:
            threads: Any = self._clock  # a reactor, outside unit tests
            pool = threads.getThreadPool()
            run = copy_context().run  # so that its logs and its spans are the call's
            return deferToThreadPool(threads, pool, run, method.function, *args, **kwargs)
        return method.function(*args, **kwargs)


def _no_rate(method: Method, context: Context) -> None:
    """Whoever counts puts something else here."""


def _go_on_if(allowed: Any, go_on: _Step, name: str, raw: Raw | UnsetType, context: Context) -> Any:
    if not allowed:
        raise MethodNotFound()
    return go_on(name, raw, context)


def _around(middleware: Middleware, call_next: CallNext) -> CallNext:
    def call(request: Request, context: Context) -> Awaitable[Any]:
        return middleware(call_next, request, context)

    return call


def _with_values(request: Request) -> Request:
    """The request with its parameters decoded, for who looks at them."""
    raw = request.params
    check_shape(raw)
    params = UNSET if raw is UNSET else codec.decode_value(raw)
    return Request("2.0", request.method, params, request.id)


def _raw_params(request: Request) -> Raw | UnsetType:
    """A request's parameters undecoded, also when a middleware has put values there."""
    params = request.params
    if params is UNSET or isinstance(params, Raw):
        return params
    return Raw(codec.encode(params))
