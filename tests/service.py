"""A service with every shape of method, every way to fail, and results no JSON fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated, Any

from msgspec import Meta, Struct
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_rpc import Context, Params, RPCError, Server, method
from twisted_rpc.config import Limits

__all__ = ["serve"]


def serve(limits: Limits, clock: IReactorTime | None = None) -> Server:
    """A server of its own, with everything below; its limits go by the clock, if there is one."""
    server = Server(limits=limits, reactor=clock)
    tempo = Tempo()
    server.expose("", Specification())
    server.expose("ping", tempo.ping)
    server.expose("echo", echo)
    server.expose("shape", Shapes(tempo))
    server.expose("fail", Failures(tempo))
    server.expose("bad", BadResults())
    server.expose("take", Takes())
    server.expose("notes", Notes(tempo))
    server.expose("deep.er.still", {"echo": echo})
    return server


def echo(value: Any) -> Any:
    """What it was given."""
    return value


class Specification:
    """The methods that the examples of the specification call (section 7)."""

    @method
    def subtract(self, minuend: int, subtrahend: int) -> int:
        return minuend - subtrahend

    @method
    def sum(self, *numbers: int) -> int:
        return sum(numbers)

    @method
    def update(self, *numbers: int) -> None:
        """Told, and answers nothing of interest."""

    @method
    def notify_hello(self, number: int) -> None:
        """Told, and answers nothing of interest."""

    @method
    def get_data(self) -> list[Any]:
        return ["hello", 5]


class Tempo:
    """Who takes time, and `ping`, which is answered when nobody does any more.

    So an answer to a ping says that no answer to anything before it is still to come.
    """

    def __init__(self) -> None:
        self._running = 0
        self._waiting: list[Deferred[str]] = []
        self.clock = IReactorTime(reactor)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Time is taken inside."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self.clock.callLater(0, self._answer_pings)

    def _answer_pings(self) -> None:
        if not self._running:
            waiting, self._waiting = self._waiting, []
            for ping in waiting:
                ping.callback("pong")

    def ping(self) -> Any:
        """Answer as soon as nothing runs."""
        if not self._running:
            return "pong"
        ping: Deferred[str] = Deferred()
        self._waiting.append(ping)
        return ping

    async def pass_time(self) -> None:
        """A moment, longer than anything that takes none."""
        with self.taken():
            await deferLater(self.clock, 0.01)


class Shapes:
    """One sum, computed in every shape a method may have."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo

    @method
    def sync(self, a: int, b: int) -> int:
        return a + b

    @method
    async def coroutine(self, a: int, b: int) -> int:
        return a + b

    @method
    async def slow_coroutine(self, a: int, b: int) -> int:
        await self._tempo.pass_time()
        return a + b

    @method
    def fired(self, a: int, b: int) -> Deferred[int]:
        return succeed(a + b)

    @method
    def deferred(self, a: int, b: int) -> Deferred[int]:
        return Deferred.fromCoroutine(self._tempo.pass_time()).addCallback(lambda _: a + b)

    @method(thread=True)
    def thread(self, a: int, b: int) -> int:
        return a + b

    @method(name="renamed")
    def by_another_name(self, a: int, b: int) -> int:
        return a + b

    @method
    def void(self) -> None:
        """Return nothing."""

    @method
    def long(self, size: int) -> str:
        return "x" * size

    @method
    def forever(self) -> Deferred[None]:
        return Deferred()

    @method(timeout=0.02)
    def not_for_long(self) -> Deferred[None]:
        return Deferred()

    def unmarked(self) -> str:
        """Not exposed: nothing marks it."""
        return "secret"

    def _private(self) -> str:
        return "secret"


class Unsayable:
    """No JSON fits it."""


class Failures:
    """Methods that fail; none of what they say may reach the caller unless it is meant to."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo

    @method
    def sync(self) -> None:
        raise ZeroDivisionError("secret")

    @method
    async def coroutine(self) -> None:
        await self._tempo.pass_time()
        raise ZeroDivisionError("secret")

    @method
    def deferred(self) -> Deferred[None]:
        return fail(ZeroDivisionError("secret"))

    @method(thread=True)
    def thread(self) -> None:
        raise ZeroDivisionError("secret")

    @method
    def type_error(self, value: Any) -> Any:
        return len(value)

    @method
    def exits(self) -> None:
        raise SystemExit(3)

    @method
    def application(self, code: int, message: str) -> None:
        raise RPCError(code, message)

    @method
    async def application_data(self, data: Any) -> None:
        await self._tempo.pass_time()
        raise RPCError(7, "Seven", data)

    @method
    def unsayable_data(self) -> None:
        raise RPCError(7, "Seven", Unsayable())

    @method
    def nan_data(self) -> None:
        raise RPCError(7, "Seven", {"value": math.nan})

    @method
    def unsound_code(self) -> None:
        raise RPCError("seven", "Seven")  # type: ignore[arg-type]


class BadResults:
    """Results that no JSON text says."""

    @method
    def unsayable(self) -> Any:
        return Unsayable()

    @method
    def nested(self) -> Any:
        return {"begins": "well", "ends": [1, 2, Unsayable()]}

    @method
    def nan(self) -> float:
        return math.nan

    @method
    async def infinity(self) -> list[float]:
        return [1.0, math.inf]

    @method
    def int_keys(self) -> dict[int, str]:
        return {1: "one"}

    @method
    def cycle(self) -> list[Any]:
        ring: list[Any] = []
        ring.append(ring)
        return ring

    @method
    def surrogate(self) -> str:
        return "\ud800"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(Struct):
    x: int
    y: int = 0


class Takes:
    """Every way to take parameters; each returns what it received."""

    @method
    def nothing(self) -> list[Any]:
        return []

    @method
    def two(self, a: int, b: str = "default") -> list[Any]:
        return [a, b]

    @method
    def untyped(self, a, b=None):  # type: ignore[no-untyped-def]
        return [a, b]

    @method
    def positional_only(self, a: int, b: int = 2, /) -> list[int]:
        return [a, b]

    @method
    def keyword_only(self, *, a: int, b: int = 2) -> list[int]:
        return [a, b]

    @method
    def rest(self, first: int, *others: int) -> list[Any]:
        return [first, list(others)]

    @method
    def members(self, a: int = 1, **others: int) -> list[Any]:
        return [a, others]

    @method
    def context(self, a: int, context: Context, b: int = 2) -> list[Any]:
        return [a, b, context.method, context.id]

    @method
    def params(self, params: Params) -> list[Any]:
        return [params["a"].as_int(), params["b"][0].as_str("default")]

    @method
    def typed(
        self, point: Point, colour: Colour, count: Annotated[int, Meta(ge=1)] = 1
    ) -> list[Any]:
        return [point, colour, count]


class Notes:
    """Writes down what it is told, so that a later call shows which notifications ran."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self._notes: list[str] = []

    @method
    def write(self, text: str) -> int:
        self._notes.append(text)
        return len(self._notes)

    @method
    async def write_later(self, text: str) -> int:
        await self._tempo.pass_time()
        return self.write(text)

    @method
    def write_and_fail(self, text: str) -> None:
        self._notes.append(text)
        raise LookupError("secret")

    @method
    def read(self) -> list[str]:
        return self._notes
