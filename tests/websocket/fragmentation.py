"""5: messages in fragments, and what may come between these."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.transports.websocket_client import CONTINUATION, PING, PONG, frame
from tests.websocket.cases import WAYS, Case, Way, call, is_answered, refused
from tests.websocket.client import RawClient, framed

__all__ = ["CASES"]

MESSAGE, TEXT_OF_IT = call(100)
FIRST, LAST = framed(MESSAGE, 50)
BEGUN = frame(MESSAGE[:50], CONTINUATION, fin=False)


def interrupted(client: RawClient, way: Way) -> None:
    """A ping between two fragments is answered, and then the message."""
    way(client, [FIRST, frame(b"ping", PING), LAST])
    client.expect(PONG, b"ping")
    assert client.answer()["result"] == TEXT_OF_IT


def often_interrupted(client: RawClient, way: Way) -> None:
    """So are two pings between five fragments."""
    parts = framed(MESSAGE, 20)
    way(client, [*parts[:2], frame(b"1", PING), *parts[2:4], frame(b"2", PING), *parts[4:]])
    client.expect(PONG, b"1")
    client.expect(PONG, b"2")
    assert client.answer()["result"] == TEXT_OF_IT


def _in_order() -> Iterator[Case]:
    for number, (name, way) in enumerate(WAYS.items()):
        joined = partial(is_answered, frames=[FIRST, LAST], text=TEXT_OF_IT, way=way)
        yield Case(f"5.{3 + number}", f"two fragments, {name}", joined)
        run = partial(interrupted, way=way)
        yield Case(f"5.{6 + number}", f"a ping between fragments, {name}", run)
        yield Case(
            "5.19", f"two pings between fragments, {name}", partial(often_interrupted, way=way)
        )


CASES = [
    *refused("5.1", "ping in fragments", [frame(b"p", PING, fin=False), frame(b"", CONTINUATION)]),
    *refused("5.2", "pong in fragments", [frame(b"p", PONG, fin=False), frame(b"", CONTINUATION)]),
    *_in_order(),
    *refused("5.9", "last fragment of nothing", [frame(MESSAGE, CONTINUATION)]),
    *refused("5.12", "fragment of nothing", [BEGUN]),
    *refused("5.12", "empty fragment of nothing", [frame(b"", CONTINUATION, fin=False)]),
    *refused("5.16", "fragment of nothing, then a message in fragments", [BEGUN, FIRST, LAST]),
    *refused("5.18", "message inside a message", [FIRST, frame(MESSAGE)]),
    *refused("5.18", "message in fragments inside a message", [FIRST, FIRST, LAST]),
]
