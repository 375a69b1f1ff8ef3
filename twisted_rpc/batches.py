"""Batches: many calls in one message, answered together when the last of them has ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from msgspec import UNSET
from twisted.internet.defer import Deferred

from twisted_rpc import codec
from twisted_rpc.answers import Answers
from twisted_rpc.codec import encode_plain
from twisted_rpc.config import Limits
from twisted_rpc.errors import BatchTooBig
from twisted_rpc.message import Invalid, Message, Response
from twisted_rpc.running import Answer, Caller

__all__ = ["Batch", "Batches", "Items", "Outcome"]

Outcome = Response | Answer
"""What running a message comes to: see `Dispatcher.run`."""


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


class Batches:
    """Answers batches: as long as each item ends at once, as most do, all in one go.

    Args:
        limits: `max_batch`, `max_response`.
        answers: writes answers.
        has_room: see `Items.has_room`.
        run: runs one item; see `Dispatcher.run`.

    Attributes:
        most: so many items a batch may have.
        count: how many batches there were.
    """

    def __init__(
        self,
        limits: Limits,
        answers: Answers,
        has_room: Callable[[Caller], bool],
        run: Callable[[Message | Invalid, Caller], Outcome],
    ) -> None:
        self.count = 0
        self.has_room = has_room
        self._run = run
        self._answers = answers
        self.most = limits.max_batch or math.inf
        self._max_response = limits.max_response or 1 << 62

    def answer(self, items: list[Message | Invalid], caller: Caller) -> Answer:
        """Run the items as long as each ends at once; `Batch` sees to all others."""
        self.count += 1
        if len(items) > self.most:
            return self.refuse()
        responses: list[Response] = []
        last: list[Answer] = []
        for item in items:
            if type(item) is not Message or item.method is UNSET:
                break
            outcome = self._run(item, caller)
            if not isinstance(outcome, Response):
                last.append(outcome)
                break
            responses.append(outcome)
        else:
            answer = self._encode_together(responses)
            if answer is not None:
                return answer
        begun = [
            self._answers.to_result(response.result, item, caller)  # type: ignore[arg-type]
            for response, item in zip(responses, items, strict=False)
        ]
        return Batch(items, self, self._answers, caller).run([*begun, *last])

    def answer_each(self, items: list[Message | Invalid], source: Items, caller: Caller) -> Answer:
        """Run the items one by one, by another way than ours."""
        self.count += 1
        return Batch(items, source, self._answers, caller).run([])

    def refuse(self) -> bytes:
        """The answer to a batch of too many items."""
        self._answers.counters.invalid_requests += 1
        self._answers.counters.hit("max_batch")
        error = BatchTooBig(f"{self.most} items at most (max_batch)")
        self._answers.note(error, None)
        return codec.error_answer(error)

    def start(self, item: Message | Invalid, caller: Caller) -> Answer:
        """See `Items`."""
        outcome = self._run(item, caller)
        if isinstance(outcome, Response):
            return self._answers.to_result(outcome.result, item, caller)  # type: ignore[arg-type]
        return outcome

    def _encode_together(self, responses: list[Response]) -> bytes | None:
        """The answer to a batch; None if one of them cannot be said, or they do not fit."""
        try:
            answer = encode_plain(responses)
        except Exception:
            return None
        return answer if len(answer) <= self._max_response else None
