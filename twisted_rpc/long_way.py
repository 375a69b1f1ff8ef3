"""A call by the long way: admitted, told its circumstances, and waited for.

What a call runs through inside, such as middleware, is in `invocation`; one whose result
comes later is waited for in `running`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET, MsgspecError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_rpc.admission import Admission
from twisted_rpc.answers import Answers, Counters
from twisted_rpc.codec import decode_cancelled
from twisted_rpc.config import Limits
from twisted_rpc.context import Context
from twisted_rpc.correlation import CURRENT, Correlation, correlation_for, correlation_of
from twisted_rpc.invocation import Invoker, as_deferred
from twisted_rpc.message import Message, Request, Watched
from twisted_rpc.namespace import Method
from twisted_rpc.running import Answer, Caller, Running

__all__ = ["CANCEL", "LongWay"]

CANCEL = frozenset({"$/cancelRequest", "rpc.cancel"})
"""Notifications that cancel a call: the Language Server Protocol's, and its name among ours."""


class LongWay:
    """Answers notifications, and calls that cannot take the short way; waits for results.

    Args:
        invoker: calls methods.
        answers: makes answers.
        methods: those there are.
        limits: how long a call may take.
        counters: told what is left undone.
        admission: lets calls in.
        clock: where time comes from.
        no_request: answers what turns out to be none.

    Attributes:
        runs: makes what waits for a result: a `Running`.
    """

    def __init__(
        self,
        invoker: Invoker,
        answers: Answers,
        *,
        methods: Mapping[str, Method],
        limits: Limits,
        counters: Counters,
        admission: Admission,
        clock: IReactorTime,
        no_request: Callable[[Message, Caller], Answer],
    ) -> None:
        self._invoker = invoker
        self._answers = answers
        self._methods = methods
        self._limits = limits
        self._counters = counters
        self._check_admission = admission.check
        self._load = admission.load
        self._clock = clock
        self._no_request = no_request
        self.runs: Callable[..., Running] = Running

    def handle(self, message: Message, caller: Caller) -> Answer:
        """Answer a notification, or a call that cannot take the short way."""
        if message.method is UNSET:
            return self._no_request(message, caller)
        if message.method in CANCEL and message.id is UNSET and message.method not in self._methods:
            self._cancel(message, caller)
            return None
        request = Request("2.0", message.method, message.params, message.id)
        correlation = correlation_for(message, caller)
        token = CURRENT.set(correlation)
        try:
            self._check_admission(caller)
            result = self._invoker.run(request, self._context(message, caller, correlation))
            waiting = as_deferred(result)
        except BaseException as error:
            return self._answers.to_failure(error, message, caller)
        finally:
            CURRENT.reset(token)
        return self._wait_for(waiting, result, message, caller)

    def _cancel(self, message: Message, caller: Caller) -> None:
        """Cancel a call of the same caller; its answer is -32800 unless it ends otherwise."""
        try:
            request_id = decode_cancelled(b"" if message.params is UNSET else message.params)
        except MsgspecError:
            self._counters.ignored_notifications += 1
            return
        running = caller.running.get(request_id)
        if running is not None:
            running.cancel()

    def _context(self, message: Message, caller: Caller, correlation: Correlation) -> Context:
        timeout, _ = self._timeout_of(message)
        context = Context(
            method=str(message.method),
            id=message.id,
            connection=caller.connection,
            identity=caller.identity,
            deadline=None if timeout is None else self._clock.seconds() + timeout,
            headers=caller.headers,
            view=caller.view,
            request_id=correlation.request_id,
            trace=correlation.trace,
        )
        if type(message) is Watched:
            message.context = context
        return context

    def _timeout_of(self, message: Message) -> tuple[float | None, str]:
        """Seconds a call may take, and which limit says so: its method's, or that for all."""
        method = self._methods.get(str(message.method))
        if method is None or method.timeout is UNSET:
            return self._limits.call_timeout, "call_timeout"
        return method.timeout, "timeout of the method"

    def settle(self, result: Any, message: Message, caller: Caller) -> Answer:
        """The answer for what a method returned, waited for where it has to be."""
        brings = message.request_id is not UNSET or message.traceparent is not UNSET
        token = None
        if brings or caller.brings:
            token = CURRENT.set(correlation_of(message, caller))
        try:
            waiting = as_deferred(result)  # where a coroutine begins to run
        except BaseException as error:  # its type answers questions by code of its own
            return self._answers.to_failure(error, message, caller)
        finally:
            if token is not None:
                CURRENT.reset(token)
        return self._wait_for(waiting, result, message, caller)

    def _wait_for(
        self, waiting: Deferred[Any] | None, result: Any, message: Message, caller: Caller
    ) -> Answer:
        """The answer for a result; `waiting` is what it is waited for with, if it has to be."""
        if waiting is None:
            return self._answers.to_result(result, message, caller)
        running = self.runs(self._answers, message, caller, self._load, clock=self._clock)
        waiting.addCallbacks(running.succeeded, running.failed)
        if running.ended:
            return running.answer
        return running.wait(waiting, *self._timeout_of(message))
