"""Calls that do not end at once, and batches, which end when their last call does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import UNSET, Raw
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.access import View
from twisted_rpc.answers import Answers
from twisted_rpc.context import NO_HEADERS
from twisted_rpc.errors import RequestTimeout
from twisted_rpc.invocation import as_deferred
from twisted_rpc.message import Invalid, Message
from twisted_rpc.namespace import Short

__all__ = ["Answer", "Batch", "Caller", "Load", "Running"]

Answer = bytes | None | Deferred[bytes | None]
"""What a message is answered with: bytes now, nothing, or either of them later."""


_NOTHING: Mapping[str, Short | None] = {}


class Caller:
    """Who a message comes from, as far as dispatch is concerned.

    Attributes:
        identity, headers, connection: what a `Context` tells a method.
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
        self.direct: Mapping[str, Short | None] = _NOTHING
        self.errors = 0
        self.delay: float | None = None
        self.running: dict[Any, Running] = {}

    def see(self, view: View) -> None:
        """Let it see methods like this."""
        self.view = view
        self.direct = view.direct

    def take_response(self, message: Message) -> bool:
        """An answer to a call of ours came; say whether anybody waited for it."""
        return False

    def take_invalid(self, invalid: Invalid) -> Invalid | None:
        """Something came that is no message; say what is to be answered, if anything."""
        return invalid

    def call_ended(self) -> None:
        """One of its calls has ended, which may make room for the next."""


class Load:
    """How many calls run, for all callers together.

    Args:
        most: how many there may be; None for any number.
        changed: told when that number is reached, and when it is no longer.

    Attributes:
        is_full: whether no other may begin.
    """

    def __init__(self, most: int | None, changed: Callable[[], None]) -> None:
        self.is_full = False
        self._running = 0
        self._most = most or 1 << 62
        self._changed = changed

    def add(self, calls: int) -> None:
        """So many more run, or fewer."""
        self._running += calls
        is_full = self._running >= self._most
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
            self._answered.callback(answer)
            self._caller.call_ended()


class Items(Protocol):
    """How the items of a batch are answered."""

    def start(self, item: Message | Invalid, caller: Caller) -> Answer:
        """Run one item."""

    def has_room(self, caller: Caller) -> bool:
        """Whether an item may start, or be refused, now."""


class Batch:
    """The items of one batch, run concurrently, answered together and in order.

    No more of them run at a time than the caller may have in flight.
    """

    def __init__(
        self, items: list[Message | Invalid], source: Items, answers: Answers, caller: Caller
    ) -> None:
        self._items = items
        self._source = source
        self._answers = answers
        self._caller = caller
        self._given: list[bytes | None] = [None] * len(items)
        self._size = 0
        self._started = 0
        self._done = 0
        self._answered: Deferred[bytes | None] | None = None

    def run(self, begun: list[Answer]) -> Answer:
        """Start as many items as may run; the answer, once every item has its own.

        Args:
            begun: what the first of them came to, if these were run already.
        """
        self._started = len(begun)
        for index, answer in enumerate(begun):
            self._accept(answer, index)
        self._advance()
        if self._done == len(self._items):
            return self._answers.join(self._given)
        self._answered = Deferred()
        return self._answered

    def _advance(self) -> None:
        items, caller, source = self._items, self._caller, self._source
        # Where none of ours runs whose end would start the next, the next is started even
        # without room, and refused.
        while self._started < len(items) and (
            self._started == self._done or source.has_room(caller)
        ):
            index = self._started
            self._started += 1
            item = items[index]
            # Without an id nobody knows, among others, what a response answers.
            if type(item) is Message and item.method is UNSET and item.id is None:
                self._answers.counters.unexpected_responses += 1
                self._done += 1
                continue
            self._accept(source.start(item, caller), index)

    def _accept(self, answer: Answer, index: int) -> None:
        if isinstance(answer, Deferred):
            answer.addCallback(self._take_later, index)
        else:
            self._take(answer, index)

    def _take(self, answer: bytes | None, index: int) -> None:
        self._done += 1
        if answer is not None:
            self._size += len(answer)
            self._given[index] = self._answers.fit(self._items[index], answer, self._size)

    def _take_later(self, answer: bytes | None, index: int) -> None:
        self._take(answer, index)
        self._advance()
        if self._done == len(self._items) and self._answered is not None:
            answered, self._answered = self._answered, None
            answered.callback(self._answers.join(self._given))
