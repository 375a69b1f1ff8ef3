"""Calls that do not end at once: they are waited for, against their deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.access import View
from twisted_rpc.answers import Answers
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.correlation import CURRENT
from twisted_rpc.errors import RequestTimeout
from twisted_rpc.invocation import as_deferred
from twisted_rpc.message import Invalid, Message
from twisted_rpc.namespace import Ready

__all__ = ["Answer", "Caller", "Dispatch", "Load", "Running"]

Answer = bytes | None | Deferred[bytes | None]
"""What a message is answered with: bytes now, nothing, or either of them later."""


_NOTHING: Mapping[str, Ready | None] = {}


class Caller:
    """Who a message comes from, as far as dispatch is concerned.

    Attributes:
        identity, headers, connection: what a `Context` tells a method.
        brings: whether its header fields name a request or a trace; see `correlation`.
        source: what its address is counted by.
        in_flight: how many of its calls run.
        errors: how many in a row of what came from it were no messages.
        awaits_answer: whether we wait for an answer from it ourselves.
        running: those of its calls that run, by their ids.
        view: what it may see of the methods.
        direct: what to call for those of them that may be called by the short way.
        delay: seconds for which its last call was refused, if it was for a rate.
    """

    identity: Any = None
    source: str = "process"
    headers: Mapping[str, str] = NO_HEADERS
    brings: bool = False
    connection: Any = None
    awaits_answer: bool = False

    # A connection has more attributes than the keys of their dictionaries can be shared for,
    # and would take a kilobyte more.  The dictionary is for what an application keeps there.
    __slots__ = (
        *("__dict__", "__weakref__"),
        *("delay", "direct", "errors", "in_flight", "running", "view"),
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.view: View | None = None
        self.direct: Mapping[str, Ready | None] = _NOTHING
        self.errors = 0
        self.delay: float | None = None
        self.running: dict[Any, Running] = {}

    def see(self, view: View) -> None:
        """Let it see methods like this."""
        self.view = view
        self.direct = view.direct

    def field(self, name: str) -> str:
        """One of its header fields, by its lower-case name; empty if it is not there."""
        return self.headers.get(name, "")

    def take_response(self, message: Message) -> bool:
        """An answer to a call of ours came; say whether anybody waited for it."""
        return False

    def take_invalid(self, invalid: Invalid) -> Invalid | None:
        """Something came that is no message; say what is to be answered, if anything."""
        return invalid

    def call_ended(self) -> None:
        """One of its calls has ended, which may make room for the next."""


Dispatch = Callable[[bytes, Caller], Answer]
"""What answers one message or batch; see `Dispatcher.dispatch`."""


class Load:
    """How many calls run, for all callers together.

    Args:
        most: how many there may be; None for any number.
        changed: told when that number is reached, and when it is no longer.

    Attributes:
        is_full: whether no other may begin.
        running: how many there are.
    """

    def __init__(self, most: int | None, changed: Callable[[], None]) -> None:
        self.is_full = False
        self.running = 0
        self._most = most or 1 << 62
        self._changed = changed

    def add(self, calls: int) -> None:
        """So many more run, or fewer."""
        self.running += calls
        is_full = self.running >= self._most
        if is_full is not self.is_full:
            self.is_full = is_full
            self._changed()


class Running:
    """One call whose result is waited for.

    It ends once: with its result, its failure, or at its time limit, whatever the method
    does afterwards.
    """

    _log = Logger()

    def __init__(
        self,
        answers: Answers,
        message: Message,
        caller: Caller,
        load: Load,
        *,
        clock: IReactorTime,
    ) -> None:
        self.ended = False
        self.answer: bytes | None = None
        self._load = load
        self._limit = ""
        self._answers = answers
        self._message = message
        self._caller = caller
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self._result: Deferred[Any] | None = None
        self._answered: Deferred[bytes | None] | None = None

    @property
    def _key(self) -> Any:
        key = self._message.id
        return bytes(key) if isinstance(key, Raw) else key

    def wait(
        self, result: Deferred[Any], timeout: float | None, limit: str
    ) -> Deferred[bytes | None]:
        """Count the call as running until it ends; fire with its answer then.

        Args:
            result: what the method returned.
            timeout: seconds it may take; None for ever.
            limit: what says so.
        """
        self._result = result
        self._limit = limit
        self._load.add(1)
        self._caller.in_flight += 1
        self._caller.running[self._key] = self
        self._answered = Deferred()
        if timeout is not None:
            self._timer = self._clock.callLater(timeout, self._time_out, timeout)
        return self._answered

    def succeeded(self, result: Any) -> Deferred[None] | None:
        """The method returned; what it returned may have to be waited for as well."""
        try:
            waiting = as_deferred(result)
        except BaseException:
            self.failed(Failure())
            return None
        if waiting is not None:
            return waiting.addCallbacks(self.succeeded, self.failed)
        if not self.ended:
            self._end(self._answers.to_result(result, self._message, self._caller))
        return None

    def failed(self, failure: Failure) -> None:
        """The method raised."""
        if not self.ended:
            assert failure.value is not None
            self._end(self._answers.to_failure(failure.value, self._message, self._caller))

    def cancel(self) -> None:
        """Its caller does not want it any more."""
        if self._result is not None:
            try:
                self._result.cancel()
            except BaseException:  # the application's way of cancelling fails: that ends it too
                method = repr(self._message.method)
                self._log.failure("{method} could not be cancelled", method=method)
                self.failed(Failure())

    def _time_out(self, timeout: float) -> None:
        self._timer = None
        self._answers.counters.hit("call_timeout")
        error = RequestTimeout(f"no result within {timeout:g} seconds ({self._limit})")
        self._end(self._answers.to_failure(error, self._message, self._caller))
        self.cancel()

    def _end(self, answer: bytes | None) -> None:
        self.ended = True
        self.answer = answer
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answered is not None:
            self._load.add(-1)
            self._caller.in_flight -= 1
            if self._caller.running.get(self._key) is self:  # ids may be used twice
                del self._caller.running[self._key]
            # Others that have waited may begin now, and who ended this one may be in a call.
            token = None if CURRENT.get() is None else CURRENT.set(None)
            try:
                self._answered.callback(answer)
                self._caller.call_ended()
            finally:
                if token is not None:
                    CURRENT.reset(token)
