"""`python -m tests.performance.scaling SUBJECT`: what it costs where there is more, as JSON."""

from __future__ import annotations

import resource
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec

from tests.helpers import batch, request
from tests.performance.counting import allocated, count
from tests.performance.measuring import Exchange, notifying
from tests.performance.serving import Client, Served, framed, work
from tests.websocket.client import framed as fragments
from twisted_rpc import Server, method

__all__ = ["SUBJECTS", "Series"]

Series = dict[str, dict[int, float]]
"""What was counted, by what was done and by how much of it there was."""

PIECES = (1 << 10, 1 << 12, 63 << 10)
"""Bytes that arrive at a time; with what frames them, no more than are read at a time."""

BODY = 1 << 20
"""Bytes of a message."""

_CHUNKED = (
    b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def add(a: int, b: int) -> int:
    """What all these methods do."""
    return a + b


def three() -> int:
    """A method that is exposed in no time."""
    return 3


def methods() -> Series:
    """Instructions of a call, by the number of methods that are exposed."""
    found = {}
    for size in (1, 1_000, 100_000):
        served = Served("tcp")
        served.server.expose("many", {f"m{number}": three for number in range(size)})
        found[size] = _instructions(served, [_call(f"many.m{size - 1}", "[]")])
    return {"call": found}


class Small:
    """A small object."""

    @method
    def add(self, a: int, b: int) -> int:
        return a + b

    @method
    def name(self, key: str) -> str:
        return key


def exposing() -> Series:
    """Instructions and functions it takes to expose so many methods, and to take them back."""

    def objects(server: Server, size: int) -> None:
        for number in range(size // 2):
            server.expose(f"some.small{number}", Small())

    def members(server: Server, size: int) -> None:
        server.expose("one", type("Large", (), {f"m{n}": method(_copy()) for n in range(size)})())

    def mapping(server: Server, size: int) -> None:
        server.expose("all", {f"m{number}": add for number in range(size)})

    def objects_for_a_while(server: Server, size: int) -> None:
        objects(server, size)
        for number in range(size // 2):
            server.unexpose(f"some.small{number}")

    def cost(expose: Callable[[Server, int], None], size: int) -> float:
        server = Server()
        found = count(lambda: expose(server, size)).cost()
        assert len(server.methods) == (0 if expose is objects_for_a_while else size)
        return found.functions + found.instructions + found.others

    ways = (objects, members, mapping, objects_for_a_while)
    for expose in ways:
        expose(Server(), 2)
    return {way.__name__: {size: cost(way, size) for size in (20, 40, 80)} for way in ways}


def _copy() -> Callable[[Any, int, int], int]:
    def member(self: Any, a: int, b: int) -> int:
        return a + b

    return member


def connections() -> Series:
    """Instructions by the number of open connections, and what `notify_all` encodes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: Series = {"call": {}, "notify_all": {}, "encode": {}, "open": {}, "close": {}}
    served = Served("tcp")
    clients: list[Client] = []
    for size in (1, 100, 1_000):
        clients += [served.connect() for _ in range(size - len(clients))]
        found["call"][size] = _instructions(served, [_call()])
        notified = notifying(served, clients).cheapest()
        found["notify_all"][size] = notified.cost().instructions
        found["encode"][size] = sum(
            times for (_, name), times in notified.called.items() if name == "Encoder.encode"
        )
        found["open"][size], found["close"][size] = _coming_and_going(served)
    return found


def _coming_and_going(served: Served) -> tuple[float, float]:
    """Instructions of a connection's beginning and of its end."""
    costs = []
    for _ in range(3):
        clients: list[Client] = []
        opened = count(lambda: clients.append(served.connect()))  # noqa: B023
        clients[0].socket.close()
        costs.append((opened.cost().instructions, count(work).cost().instructions))
    return min(costs)


def items() -> Series:
    """Instructions by the number of items of a batch, and by the calls that come in one read."""
    sizes = (10, 100, 1_000)
    served = Served("tcp")
    found: Series = {
        "batch": {size: _instructions(served, [batch(*[_call()] * size)], size) for size in sizes}
    }
    for transport in ("tcp", "netstring", "header", "http", "websocket"):
        served = Served(transport)
        found[f"{transport}, in one read"] = {
            size: _instructions(served, [_call()] * size, size, transport) for size in (5, 20, 80)
        }
    return found


def _call(name: str = "calc.add", params: str = "[1,2]") -> bytes:
    """A call, as short as it can be: a thousand of them are read at once."""
    return f'{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":1}}'.encode()


def _instructions(
    served: Served, messages: list[bytes], answers: int = 1, transport: str = "tcp"
) -> float:
    sent, client = framed(transport, messages), served.connect()
    exchange = Exchange(
        lambda: client.socket.sendall(sent),
        work,
        lambda: client.receive(b'"result":3', answers),
    )
    return exchange.cheapest().cost().instructions


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _chunks(message: bytes, size: int) -> list[bytes]:
    """The body of a request in chunks (RFC 9112, section 7.1)."""
    cut = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in _cut(message, size)]
    return [_CHUNKED, *cut, b"0\r\n\r\n"]


WAYS: dict[str, tuple[str, Callable[[bytes, int], list[bytes]]]] = {
    "tcp": ("tcp", lambda message, size: _cut(framed("tcp", [message]), size)),
    "stream": ("stream", _cut),
    "netstring": ("netstring", lambda message, size: _cut(framed("netstring", [message]), size)),
    "header": ("header", lambda message, size: _cut(framed("header", [message]), size)),
    "tls": ("tls", lambda message, size: _cut(framed("tls", [message]), size)),
    "http": ("http", lambda message, size: _cut(framed("http", [message]), size)),
    "http, chunked": ("http", _chunks),
    "websocket": ("websocket", lambda message, size: _cut(framed("websocket", [message]), size)),
    "websocket, fragmented": ("websocket", fragments),
}
"""How a large message arrives: over which transport, and in which pieces."""


def pieces() -> Series:
    """Bytes allocated, and lines executed, in the first and the last eighth of a long message."""
    found: Series = {}
    for way, (transport, cut) in WAYS.items():
        client = Served(transport).connect()
        for size in PIECES:
            eighths = _eighths(client, cut(request("calc.size", ["x" * BODY]), size))
            for eighth, (memory, lines) in eighths.items():
                found.setdefault(f"{way} in {size}: bytes", {})[eighth] = memory
                found.setdefault(f"{way} in {size}: lines", {})[eighth] = lines
    return found


def _eighths(client: Client, cut: list[bytes]) -> dict[int, tuple[int, int]]:
    """Let a message arrive; what its first eighth took, and its last but for the very end."""

    def arrive(pieces: list[bytes]) -> None:
        for piece in pieces:
            client.send(piece)

    *cut, end = cut
    size = len(cut) // 8
    tracemalloc.start()  # from the beginning, or what was there already would seem new
    try:
        first = allocated(lambda: arrive(cut[:size]))
        arrive(cut[size:-size])
        last = allocated(lambda: arrive(cut[-size:]))
    finally:
        tracemalloc.stop()
    client.send(end)
    client.receive(b'"result":%d' % BODY, 1)
    return {1: first, 8: last}


SUBJECTS = {
    subject.__name__: subject for subject in (methods, exposing, connections, items, pieces)
}


def main() -> None:
    """Print one subject."""
    sys.stdout.write(msgspec.json.encode(SUBJECTS[sys.argv[1]]()).decode())


if __name__ == "__main__":
    main()
