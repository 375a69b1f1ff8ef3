"""What is fuzzed: servers on every transport, and the log beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from tests import service
from tests.fuzzing.inputs import MESSAGE, Finding, Input
from tests.fuzzing.messages import Messages
from tests.fuzzing.raw import Raw
from twisted_rpc import Server

__all__ = ["Log", "Target", "first_finding"]

_ON_PURPOSE = ("'bad.", "'fail.")
"""Methods of the service that are there to fail, also while their answer is encoded."""


@implementer(ILogObserver)
class Log:
    """Notes what is logged as an error, but for failures of methods that fail on purpose."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        if event["log_level"] in (LogLevel.error, LogLevel.critical) and not _is_meant(event):
            failure = event.get("log_failure")
            raised = "" if failure is None else f": {failure.getBriefTraceback()}"
            self.faults.append(f"{formatEvent(event)}{raised}".replace("\n", " "))

    def __enter__(self) -> Self:
        globalLogPublisher.addObserver(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        globalLogPublisher.removeObserver(self)


def _is_meant(event: LogEvent) -> bool:
    if "incident" not in event:
        return False
    frame = event["log_failure"].value.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    raised_there = frame is not None and frame.tb_frame.f_code.co_filename == service.__file__
    return bool(raised_there or event["method"].startswith(_ON_PURPOSE))


class Target:
    """Everything that inputs are sent to; what one input needs is started when it comes.

    Args:
        serve: makes a server; see `tests.service.serve`.
        patience: seconds in which a good call has to be answered.
    """

    def __init__(
        self, serve: Callable[..., Server] = service.serve, patience: float = 10.0
    ) -> None:
        self._serve = serve
        self._patience = patience
        self._messages: Messages | None = None
        self._raw: dict[str, Raw] = {}
        self._log = Log()

    async def __aenter__(self) -> Self:
        self._log.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for raw in self._raw.values():
            await raw.close()
        if self._messages is not None:
            await self._messages.close()
        self._log.__exit__(kind, error, traceback)

    async def fault_of(self, tried: Input) -> str | None:
        """Try an input; what goes wrong, in one line."""
        if tried.carrier == MESSAGE:
            fault = await (await self._to_messages()).fault_of(tried.data)
        else:
            fault = await (await self._to_raw(tried.carrier)).fault_of(tried)
        faults, self._log.faults = self._log.faults, []
        return f"logged: {faults[0]}" if faults else fault

    async def _to_messages(self) -> Messages:
        if self._messages is None:
            self._messages = Messages(self._serve, self._patience)
            await self._messages.open()
        return self._messages

    async def _to_raw(self, carrier: str) -> Raw:
        if carrier not in self._raw:
            self._raw[carrier] = Raw(carrier, self._serve)
            await self._raw[carrier].open()
        return self._raw[carrier]


async def first_finding(
    inputs: Sequence[Input], target: Target, trying: Callable[[Input], None] = lambda _: None
) -> Finding | None:
    """Try inputs one after the other, until one goes wrong.

    Args:
        inputs: in their order.
        target: fresh; it is closed in the end.
        trying: told of each before it is tried.
    """
    async with target:
        for number, tried in enumerate(inputs, 1):
            trying(tried)
            fault = await target.fault_of(tried)
            if fault is not None:
                return Finding(fault, tuple(inputs[:number]))
    return None
