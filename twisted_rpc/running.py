"""Calls that do not end at once, and batches, which end when their last call does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import UNSET
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from twisted_rpc.context import NO_HEADERS
from twisted_rpc.errors import RequestTimeout
from twisted_rpc.invocation import as_deferred
from twisted_rpc.message import Invalid, Message

__all__ = ["Answer", "Batch", "Caller", "Running"]

Answer = bytes | None | Deferred[bytes | None]
"""What a message is answered with: bytes now, nothing, or either of them later."""


class Caller:
    """Who a message comes from, as far as dispatch is concerned.

    Attributes:
        identity, headers, connection: what a `Context` tells a method.
        in_flight: how many of its calls are running.
        awaits_answer: whether we wait for an answer from it ourselves.
    """

    identity: Any = None
    headers: Mapping[str, str] = NO_HEADERS
    connection: Any = None
    in_flight: int = 0
    awaits_answer: bool = False

    def take_response(self, message: Message) -> bool:
        """An answer to a call of ours came; say whether anybody waited for it."""
        return False

    def call_ended(self) -> None:
        """One of its calls has ended, which may make room for the next."""


class Answers(Protocol):
    """How results and failures become bytes."""

    clock: IReactorTime

    def answer_result(self, result: Any, message: Message) -> bytes | None:
        """The answer for a result."""

    def answer_failure(self, error: BaseException, message: Message) -> bytes | None:
        """The answer for an exception."""


class Running:
    """One call whose result is waited for.

    It ends once: with its result, its failure, or at its time limit, whatever the method
    does afterwards.
    """

    def __init__(self, answers: Answers, message: Message, caller: Caller) -> None:
        self.ended = False
        self.answer: bytes | None = None
        self._answers = answers
        self._message = message
        self._caller = caller
        self._timer: IDelayedCall | None = None
        self._answered: Deferred[bytes | None] | None = None

    def wait(self, result: Deferred[Any], timeout: float | None) -> Deferred[bytes | None]:
        """Count the call as running until it ends; fire with its answer then."""
        self._caller.in_flight += 1
        self._answered = Deferred()
        if timeout is not None:
            clock = self._answers.clock
            self._timer = clock.callLater(timeout, self._time_out, result, timeout)
        return self._answered

    def succeeded(self, result: Any) -> Deferred[None] | None:
        """The method returned; what it returned may have to be waited for as well."""
        waiting = as_deferred(result)
        if waiting is not None:
            return waiting.addCallbacks(self.succeeded, self.failed)
        if not self.ended:
            self._end(self._answers.answer_result(result, self._message))
        return None

    def failed(self, failure: Failure) -> None:
        """The method raised."""
        if not self.ended:
            assert failure.value is not None
            self._end(self._answers.answer_failure(failure.value, self._message))

    def _time_out(self, result: Deferred[Any], timeout: float) -> None:
        self._timer = None
        error = RequestTimeout(f"no result within {timeout:g} seconds")
        self._end(self._answers.answer_failure(error, self._message))
        result.cancel()

    def _end(self, answer: bytes | None) -> None:
        self.ended = True
        self.answer = answer
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answered is not None:
            self._caller.in_flight -= 1
            self._answered.callback(answer)
            self._caller.call_ended()


class Items(Protocol):
    """How the items of a batch are answered, and the answers joined."""

    def dispatch(self, data: Message | Invalid, caller: Caller) -> Answer:
        """Answer one item."""

    def has_room(self, caller: Caller) -> bool:
        """Whether an item may start, or be refused, now."""

    def fit(self, item: Message | Invalid, answer: bytes, size: int) -> bytes:
        """The answer of an item, or an error when all together have become too long."""

    def join(self, answers: list[bytes | None]) -> bytes | None:
        """The answers as one message."""


class Batch:
    """The items of one batch, run concurrently, answered together and in order.

    No more of them run at a time than the caller may have in flight.
    """

    def __init__(self, items: list[Message | Invalid], source: Items, caller: Caller) -> None:
        self._items = items
        self._source = source
        self._caller = caller
        self._answers: list[bytes | None] = [None] * len(items)
        self._size = 0
        self._started = 0
        self._unanswered = len(items)
        self._answered: Deferred[bytes | None] | None = None

    def run(self) -> Answer:
        """Start as many items as may run; the answer, once every item has its own."""
        self._advance()
        if self._unanswered == 0:
            return self._source.join(self._answers)
        self._answered = Deferred()
        return self._answered

    def _advance(self) -> None:
        while self._started < len(self._items) and self._may_start:
            index = self._started
            self._started += 1
            answer = self._source.dispatch(self._items[index], self._caller)
            if isinstance(answer, Deferred):
                answer.addCallback(self._take_later, index)
            else:
                self._take(answer, index)

    @property
    def _may_start(self) -> bool:
        # Where none of ours runs whose end would start the next, the next is started even
        # without room, and refused.
        answered = len(self._items) - self._unanswered
        return self._started == answered or self._source.has_room(self._caller)

    def _take(self, answer: bytes | None, index: int) -> None:
        if answer is not None:
            self._size += len(answer)
            answer = self._source.fit(self._items[index], answer, self._size)
        self._answers[index] = answer
        self._unanswered -= 1

    def _take_later(self, answer: bytes | None, index: int) -> None:
        self._take(answer, index)
        self._advance()
        if self._unanswered == 0 and self._answered is not None:
            answered, self._answered = self._answered, None
            answered.callback(self._source.join(self._answers))


def id_of(item: Message | Invalid) -> Any:
    """The id an item's answer bears; null where it has none."""
    return None if item.id is UNSET else item.id
