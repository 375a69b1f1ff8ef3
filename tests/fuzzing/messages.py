"""One JSON text over every transport: all have to give the same answers, and those due."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import LoopingCall

from tests.conversation import value_of
from tests.fuzzing.oracle import faults_of, normal
from tests.players import TRANSPORTS, Closed, Reply, Session
from twisted_rpc import Limits, Server

__all__ = ["Messages"]

_COMPARED = (
    *("memory", "line", "header", "netstring", "http", "websocket", "websocket_binary"),
    *("hybrid_line", "hybrid_http", "hybrid_websocket"),
)
_numbers = count(1)
_TICK = 0.05
"""Seconds; time in which this whole process did not run is one of these at most."""
_T = TypeVar("_T")


class Messages:
    """A server for each transport, and a client of each.

    Args:
        serve: makes a server.
        patience: seconds in which an answer has to come.
    """

    def __init__(self, serve: Callable[..., Server], patience: float) -> None:
        self._patience = patience
        self._sessions = {name: Session(serve(Limits()), TRANSPORTS[name]) for name in _COMPARED}

    async def open(self) -> None:
        """Connect; a stream whose first message cannot be one would be closed."""
        for session in self._sessions.values():
            await session.open()
            await self._exchange(session, b"{}")

    async def close(self) -> None:
        """Leave nothing open."""
        for session in self._sessions.values():
            await session.close()

    async def fault_of(self, text: bytes) -> str | None:
        """Send a text over all transports; what is wrong with what comes back."""
        text = text.replace(b"\n", b" ")
        if not text.strip():
            return None  # an empty line is no message
        exchanges = [
            Deferred.fromCoroutine(self._fault_or_answers(session, text))
            for session in self._sessions.values()
        ]
        outcomes = dict(zip(self._sessions, await gatherResults(exchanges), strict=True))
        for name, outcome in outcomes.items():
            if isinstance(outcome, str):
                return f"over {name}: {outcome}"
        expected = outcomes["memory"]
        for name, answers in outcomes.items():
            if answers is not None and answers != expected:
                return f"{expected!r} in memory, {answers!r} over {name}"
        return None

    async def _fault_or_answers(self, session: Session, text: bytes) -> Any:
        """What is wrong, as text; or the answers; None where they are not to be compared."""
        try:
            answers = await self._exchange(session, text)
        except CancelledError:
            return f"there is no answer to a good call after {self._patience:g} seconds"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if answers is not None:
            return faults_of(answers, text) or normal(answers)
        # The one difference: a text frame that is no text ends a WebSocket (RFC 6455, 8.1).
        await session.connect()
        is_text = session.transport.client is TRANSPORTS["websocket"].client
        return None if is_text and not _is_utf8(text) else "the line was closed"

    async def _exchange(self, session: Session, text: bytes) -> list[Any] | None:
        """What comes for a message before the answer to a good call that follows it."""
        name = session.transport.name
        pong = f"fuzz {next(_numbers)}"
        session.send([text])
        # There, nothing but the one answer belongs to a message.
        answers_alone = name == "memory" or name.endswith("http")
        if not answers_alone:
            session.send([b'{"jsonrpc": "2.0", "method": "ping", "id": "%b"}' % pong.encode()])
        answers: list[Any] = []
        while True:
            reply = await self._receive(session)
            if isinstance(reply, Closed):
                return None
            if reply.body is not None:
                value = value_of(reply.body)
                if isinstance(value, dict) and value.get("id") == pong:
                    return answers
                answers.append(value)
            if answers_alone:
                return answers

    async def _receive(self, session: Session) -> Reply | Closed:
        return await _within(self._patience, Deferred.fromCoroutine(session.receive()))


def _within(seconds: float, awaited: Deferred[_T]) -> Deferred[_T]:
    """Cancel what takes longer, on a machine that has other work as well."""
    left = round(seconds / _TICK)

    def tick() -> None:
        nonlocal left
        left -= 1
        if not left:
            awaited.cancel()

    def stop(result: Any) -> Any:
        ticks.stop()
        return result

    ticks = LoopingCall(tick)
    ticks.start(_TICK, now=False)
    return awaited.addBoth(stop)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
