"""Messages in, in their order; answers out, together; reading stopped where that is due."""

from __future__ import annotations

from collections import deque

from twisted_rpc.answers import Counters
from twisted_rpc.running import Caller, Dispatch

__all__ = ["NO_BACKLOG", "Flow"]

_LARGE = 4096
"""An answer of so many bytes is not kept until those of the same read are ready."""


NO_BACKLOG: deque[bytes] = deque(maxlen=0)
"""For who is never fed by `receive`: an empty one of its own takes 760 bytes."""


class Flow(Caller):
    """What is read from one far side and not answered yet.

    No more than `max_in_flight` calls run at a time.  Beyond that, and while the far side
    does not read its answers, nothing more is read from it, so that TCP slows it down.

    Args:
        max_in_flight: None for any number.
        counters: told when it is reached.

    Attributes:
        is_closed: whether the line is down.
    """

    __slots__ = (
        *("_backlog", "_congested", "_counters", "_dispatch", "_ending", "_held"),
        *("_input_ended", "_max_in_flight", "_reading", "_working", "is_closed"),
    )

    _dispatch: Dispatch

    def __init__(self, max_in_flight: int | None, counters: Counters) -> None:
        super().__init__()
        self._counters = counters
        self.is_closed = False
        self._max_in_flight = max_in_flight or 1 << 31
        self._backlog: deque[bytes] = deque()
        self._working = False
        self._held = False
        self._ending = False
        self._input_ended = False
        self._congested = False
        self._reading = True

    def receive(self, messages: list[bytes]) -> None:
        """Handle messages that arrived together; answers that are ready leave in one write."""
        self._backlog.extend(messages)
        self._work()

    def end_input(self) -> None:
        """Nothing more will come: answer what did, then close."""
        self._input_ended = True
        self.drain()

    def drain(self) -> None:
        """Close when everything is answered; see `ILine.drain`.

        Until then the far side is read, for its answers to calls of ours.
        """
        self.finish()

    def finish(self) -> None:
        """Close when everything is answered, for whatever reason."""
        self._ending = True
        self._work()

    def congested(self, congested: bool) -> None:
        """The far side does not read what we write, or reads again."""
        self._congested = congested
        self._work()

    @property
    def is_congested(self) -> bool:
        """Whether the far side leaves much of what was written unread."""
        return self._congested

    @property
    def backlog(self) -> int:
        """How many messages were read and wait for their turn."""
        return len(self._backlog)

    def call_ended(self) -> None:
        """See `Caller.call_ended`."""
        self._work()

    # -- what a connection sees to -----------------------------------------------------------

    def send(self, messages: list[bytes]) -> None:
        """Write messages, framed, in one piece."""
        raise NotImplementedError

    def close(self) -> None:
        """Close once everything written is out."""
        raise NotImplementedError

    def _calls_lost(self) -> None:
        """End our own calls: no answer can come any more."""
        raise NotImplementedError

    def _set_reading(self, reading: bool) -> None:
        """Go on or stop reading from the transport."""
        raise NotImplementedError

    # -- one message after the other ---------------------------------------------------------

    def _work(self) -> None:
        """Handle what was read, as far as the calls in flight allow.

        Every message comes through here, so it asks for each thing itself and in place.
        """
        if self._working:
            return
        self._working = True
        backlog = self._backlog
        answers: list[bytes] = []
        try:
            while backlog and not (self._held or self._congested):
                if self.in_flight >= self._max_in_flight and self._is_full:
                    break
                answer = self._dispatch(backlog.popleft(), self)
                if type(answer) is bytes:
                    answers.append(answer)
                    if len(answer) >= _LARGE:
                        self.send(answers)
                        answers = []
                elif answer is not None:
                    answer.addCallback(self._answer_later)  # type: ignore[union-attr]
        finally:
            self._working = False
        if answers:
            self.send(answers)
        # Where nothing runs and nothing waits, there is nothing to decide.
        if self.in_flight or backlog or self._ending or self._congested or not self._reading:
            self._consider_reading()

    @property
    def _is_full(self) -> bool:
        # While we wait for an answer of the far side ourselves, it has to be read, or two
        # ends that call each other back would wait for ever.
        return self.in_flight >= self._max_in_flight and not self.awaits_answer

    def _consider_reading(self) -> None:
        """Close when everything is answered; go on or stop reading otherwise."""
        if self._input_ended and not self._backlog and self.awaits_answer and not self.is_closed:
            self._calls_lost()
        if self.is_closed:
            return
        if self._ending and not (self._backlog or self.in_flight or self._held):
            self.close()
        elif not self._input_ended:
            self._follow_reading()

    def _follow_reading(self) -> None:
        reading = not (self._is_full or self._backlog or self._congested or self._held)
        if reading is not self._reading:
            self._reading = reading
            if self._is_full:
                self._counters.hit("max_in_flight")
            self._set_reading(reading)

    def _answer_later(self, answer: bytes | None) -> None:
        if answer is not None:
            self.send([answer])
        if self._held:
            self._held = False
            self._work()
