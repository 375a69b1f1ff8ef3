"""What a dispatcher does otherwise while its calls are counted."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from msgspec import UNSET

from twisted_rpc.answers import Answers, note
from twisted_rpc.errors import RPCError
from twisted_rpc.message import Message
from twisted_rpc.metering import Meters
from twisted_rpc.running import Answer, Caller, Running

__all__ = ["Metering"]


class Metering:
    """Counts what does not take the short way, or ends later; and all that fails.

    Args:
        meters: what is counted.
        answers: told of what fails.
    """

    def __init__(self, meters: Meters, answers: Answers) -> None:
        self._meters = meters
        answers.note = self._note_failure

    def timed(
        self, handle: Callable[[Message, Caller], Answer]
    ) -> Callable[[Message, Caller], Answer]:
        """Measure calls and notifications that go the long way, unless they end later."""
        meters = self._meters

        def measured(message: Message, caller: Caller) -> Answer:
            if message.method is UNSET:
                return handle(message, caller)
            meter = meters.meter_of(message)
            began = meter.start()
            outcome = handle(message, caller)
            if message.id is UNSET:
                meters.notifications += 1
            if not meters.has_waited(message):
                meter.add(perf_counter_ns() - began)
            return outcome

        return measured

    def settled(
        self, settle: Callable[[Any, Message, Caller], Answer]
    ) -> Callable[[Any, Message, Caller], Answer]:
        """Count calls that went the short way, but have not ended, when they have."""
        meters = self._meters

        def measured(result: Any, message: Message, caller: Caller) -> Answer:
            meter = meters.meter_of(message)
            meter.start()
            outcome = settle(result, message, caller)
            if meters.has_waited(message):
                meter.take_back()
            return outcome

        return measured

    def running(
        self, answers: Answers, message: Message, *rest: Any, **options: Any
    ) -> _MeteredRunning:
        """A call whose result is waited for."""
        return _MeteredRunning(self._meters, answers, message, *rest, **options)

    def _note_failure(self, error: RPCError, message: Message | None) -> None:
        note(error, message)
        self._meters.failed(error, message)


class _MeteredRunning(Running):
    """A call whose result is waited for, and counted when it is there."""

    def __init__(
        self, meters: Meters, answers: Answers, message: Message, *rest: Any, **options: Any
    ) -> None:
        super().__init__(answers, message, *rest, **options)
        meters.waited = message
        self._meter = meters.meter_of(message)
        self._began = self._meter.started

    def _end(self, answer: bytes | None) -> None:
        self._meter.add(perf_counter_ns() - self._began)
        super()._end(answer)
