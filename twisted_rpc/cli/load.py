"""A load of calls on a server, over several connections, for a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import LoopingCall

from twisted_rpc.cli.statistics import Latencies
from twisted_rpc.client import Client
from twisted_rpc.errors import CallError, ConnectError, RemoteError

__all__ = ["Load"]

_TICK = 0.25
"""Seconds between two reports of how it goes."""


class Load:
    """Calls one method over and over, and counts what comes of it.

    Args:
        method: its name.
        params: for each call.
        outstanding: how many calls of each client are under way at any time.

    Attributes:
        results: how many calls had a result.
        errors: how many had not, by the code of the error or the name of the exception.
        unanswered: how many were under way when the time was over.
        latencies: of the calls that were answered, be it with an error.
        seconds: how long it took.
        failure: the first that was no answer, if there was one.
    """

    def __init__(self, method: str, params: Any, outstanding: int) -> None:
        self._method = method
        self._params = params
        self._outstanding = outstanding
        self._began = 0.0
        self.results = 0
        self.errors: Counter[str] = Counter()
        self.unanswered = 0
        self.latencies = Latencies()
        self.seconds = 0.0
        self.failure: CallError | None = None

    @property
    def answered(self) -> int:
        """How many calls were answered."""
        return self.latencies.count

    @property
    def rate(self) -> float:
        """Answered calls a second, so far."""
        seconds = self.seconds or time.perf_counter() - self._began
        return self.answered / seconds if seconds else 0.0

    def progress(self) -> str:
        """How it goes, in a few words."""
        failed = sum(self.errors.values())
        return f"{self.answered:,} calls, {self.rate:,.0f} calls/s, {failed:,} errors"

    def report(self) -> dict[str, Any]:
        """All that was counted, as JSON can say it."""
        return {
            "seconds": round(self.seconds, 3),
            "calls": self.answered,
            "calls_per_second": round(self.rate, 1),
            "results": self.results,
            "errors": dict(sorted(self.errors.items())),
            "unanswered": self.unanswered,
            "latency_ms": self.latencies.summary(),
            "histogram": self.latencies.bars(),
        }

    async def run(
        self, clients: Sequence[Client], seconds: float, tick: Callable[[], None], reactor: Any
    ) -> None:
        """Call until the time is over, or every connection is lost.

        Args:
            clients: are connected.
            seconds: how long; calls under way are cancelled then.
            tick: called now and then.
            reactor: tells the time.
        """
        self._began = time.perf_counter()
        callers = [
            Deferred.fromCoroutine(self._call_on(client))
            for client in clients
            for _ in range(self._outstanding)
        ]
        ended = DeferredList(callers, fireOnOneErrback=True, consumeErrors=True)
        timer = reactor.callLater(seconds, ended.cancel)
        ticking = LoopingCall(tick)
        ticking.clock = reactor
        ticking.start(_TICK).addErrback(lambda _: None)
        try:
            await ended
        finally:
            self.seconds = time.perf_counter() - self._began
            ticking.stop()
            if timer.active():
                timer.cancel()

    async def _call_on(self, client: Client) -> None:
        clock = time.perf_counter
        while True:
            began = clock()
            try:
                await client.call(self._method, self._params)
            except CancelledError:
                self.unanswered += 1
                return
            except RemoteError as error:
                self.errors[str(error.code)] += 1
            except CallError as error:
                self.errors[type(error).__name__] += 1
                self.failure = self.failure or error
                if self._is_in_vain(client, error):
                    return
                continue
            else:
                self.results += 1
            self.latencies.add(clock() - began)

    def _is_in_vain(self, client: Client, error: CallError) -> bool:
        """Whether every further call would end so: the line is lost, or there never was one.

        HTTP has none that could be lost.
        """
        connection = client.connection
        is_lost = connection is None or connection.is_closed
        return is_lost or (isinstance(error, ConnectError) and not self.answered)
