"""`python -m tests.performance.measuring TRANSPORT [NAME]`: what requests cost, as JSON.

With a name it is one kind of request, function by function.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, astuple

from tests.helpers import batch, notification, request
from tests.performance.counting import Cost, Profile, count, left
from tests.performance.serving import Client, Served, framed, settle, work
from twisted_rpc import metering

__all__ = ["Exchange", "costs", "exchange", "kinds_of", "notifying"]

PEERS = 100
"""How many connections a notification goes to."""

_WARM = 3
"""Exchanges that are not counted: caches fill, and a head is only known once it has come again."""

_TRIES = 3
"""Exchanges that are counted.  The cheapest is taken: a timer that fires meanwhile only adds."""

_KEPT = 300
"""Calls during which nothing may be kept."""


class Case(Struct, frozen=True):
    """One kind of request.

    Attributes:
        messages: sent together, in one write.
        calls: how many calls these are, by which what they cost is divided.
        answers: how many results come.
    """

    messages: list[bytes]
    calls: int = 1
    answers: int = 1


_ADD = request("calc.add", [1, 2])

CASES = {
    "call": Case([_ADD]),
    "sixteen": Case([_ADD] * 16, 16, 16),
    "batch": Case([batch(*[_ADD] * 100)], 100, 100),
    "notification": Case([notification("calc.add", [1, 2])], answers=0),
    "by_name": Case([request("calc.add", {"a": 1, "b": 2})]),
    "context": Case([request("calc.add_in_context", [1, 2])]),
    "coroutine": Case([request("calc.add_as_coroutine", [1, 2])]),
    "deferred": Case([request("calc.add_later", [1, 2])]),
}
"""By name; besides, `notify_all` to `PEERS` connections at once."""

METERED = "metered_"
"""Before the name of a kind: the same on a server that is measured."""

_METERED = tuple(f"{METERED}{name}" for name in ("call", "sixteen", "batch", "coroutine"))
_SHORT = ("call", "sixteen")
_OF = {"netstring": _SHORT, "header": _SHORT, "tls": _SHORT}


def kinds_of(transport: str) -> Iterator[str]:
    """The names of what is measured over a transport.

    What dispatch does is the same for all streams, and measured over one of them.
    """
    yield from _OF.get(transport, CASES)
    if transport not in _OF:
        yield from _METERED
    if transport != "http":
        yield "notify_all"


class Exchange(Struct, frozen=True):
    """What is measured.

    Attributes:
        prepare: makes sure that there is something to do.
        run: what is counted.
        finish: reads what came of it.
        calls: by which the work is divided.
        writes: by which system calls are divided.
    """

    prepare: Callable[[], object]
    run: Callable[[], object]
    finish: Callable[[], object]
    calls: int = 1
    writes: int = 1

    def __call__(self) -> None:
        """Do it without counting."""
        self.prepare()
        self.run()
        self.finish()

    def profile(self) -> Profile:
        """Count it."""
        self.prepare()
        profile = count(self.run)
        self.finish()
        return profile

    def cheapest(self) -> Profile:
        """Count it once it is warm, more than once."""
        for _ in range(_WARM):
            self()
        profiles = [self.profile() for _ in range(_TRIES)]
        return min(profiles, key=lambda profile: astuple(profile.cost()))

    def cost(self) -> Cost:
        """What it costs: for each call, system calls for each write, and what is left by all."""
        found = self.cheapest().cost()
        by_call = ("functions", "builtins", "instructions", "others")
        divided = {
            name: round(number / (self.calls if name in by_call else self.writes), 1)
            for name, number in asdict(found).items()
        }
        times = max(10, _KEPT // self.calls)
        # What has nothing to do with it, such as a new date, is kept once at most.
        blocks, garbage = min(left(self, times) for _ in range(_TRIES))
        kept = {"blocks": max(0, round(blocks)), "garbage": round(garbage)}
        return Cost(**{**divided, **kept})


def exchange(transport: str, name: str, served: Served | None = None) -> Exchange:
    """What is measured under a name, on a connection of its own."""
    served = served or Served(transport)
    if name == "notify_all":
        return notifying(served, [served.connect() for _ in range(PEERS)])
    if name.startswith(METERED):
        metering._QUICK = 1 << 62  # few are timed, however slow this machine is
        served.server.measure()
    case, client = CASES[name.removeprefix(METERED)], served.connect()
    sent = framed(transport, case.messages)
    token = b'"result":3' if case.answers else b"204 No Content\r\n"
    answers = case.answers or (transport == "http")
    return Exchange(
        lambda: client.socket.sendall(sent),
        work,
        lambda: client.receive(token, answers),
        case.calls,
    )


def notifying(served: Served, clients: list[Client]) -> Exchange:
    """A notification of all clients."""

    def notify() -> None:
        served.server.notify_all("tick", [1])
        settle()

    def receive() -> None:
        for client in clients:
            client.receive(b'"tick"', 1)

    return Exchange(lambda: None, notify, receive, len(clients), len(clients))


def costs(transport: str) -> dict[str, Cost]:
    """What every kind of request costs over a transport."""
    return {name: exchange(transport, name).cost() for name in kinds_of(transport)}


def main() -> None:
    """Print the costs over one transport, or where they come from."""
    transport, *names = sys.argv[1:]
    found = [exchange(transport, name) for name in names]
    lines = [line for each in found for line in each.cheapest().lines(each.calls)]
    sys.stdout.write(msgspec.json.encode(lines or costs(transport)).decode())


if __name__ == "__main__":
    main()
