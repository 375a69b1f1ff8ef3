"""9 and 10: long messages, up to `max_message` and beyond, in pieces of every size."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.transports.websocket_client import BINARY, CONTINUATION, PING, TEXT, frame
from tests.websocket.cases import TOO_BIG, Case, call, is_answered, is_echoed
from tests.websocket.client import RawClient, framed
from twisted_rpc import Limits

__all__ = ["CASES"]

KIB = 1024
LIMIT = Limits().max_message or 0
SIZES = (64 * KIB, 256 * KIB, 512 * KIB, LIMIT)
FRAGMENTS = (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB)
CHOPS = (512, KIB, 2 * KIB, 4 * KIB)
ROUNDS = 100


def in_fragments(client: RawClient, size: int, fragment: int, opcode: int) -> None:
    """A message in fragments is answered."""
    message, text = call(size)
    is_answered(client, framed(message, fragment, opcode), text)


def again_and_again(client: RawClient, size: int, opcode: int) -> None:
    """One message after the other is answered."""
    for _ in range(ROUNDS):
        is_echoed(client, size, opcode)


def too_big(client: RawClient, frames: list[bytes]) -> None:
    """The line is closed once it is clear that a message is longer than the limit."""
    client.write(*frames)
    client.closed_with(TOO_BIG)


def _groups(opcode: int, kind: str) -> Iterator[Case]:
    other = opcode == BINARY
    for number, size in enumerate(SIZES, 1):
        run = partial(is_echoed, size=size, opcode=opcode)
        yield Case(f"9.{1 + other}.{number}", f"{kind} of {size} octets", run)
    for number, fragment in enumerate(FRAGMENTS, 1):
        size = min(LIMIT, 2 * KIB * fragment)
        run = partial(in_fragments, size=size, fragment=fragment, opcode=opcode)
        yield Case(
            f"9.{3 + other}.{number}", f"{kind} of {size} octets in fragments of {fragment}", run
        )
    for number, chop in enumerate(CHOPS, 1):
        run = partial(is_echoed, size=LIMIT, opcode=opcode, chop=chop)
        yield Case(f"9.{5 + other}.{number}", f"{kind} in writes of {chop}", run)
    for number, size in enumerate((60, 125, KIB, 4 * KIB), 1):
        run = partial(again_and_again, size=size, opcode=opcode)
        yield Case(f"9.{7 + other}.{number}", f"{ROUNDS} times {kind} of {size}", run)


def _beyond(opcode: int, kind: str) -> Iterator[Case]:
    message, _ = call(LIMIT + 1)
    whole = frame(message, opcode)
    yield Case("9.9", f"{kind} one over the limit", partial(too_big, frames=[whole]))
    yield Case(
        "9.9", f"{kind} over the limit, its head alone", partial(too_big, frames=[whole[:14]])
    )
    claimed = bytes((0x80 | opcode, 0xFF)) + (1 << 62).to_bytes(8, "big") + b"mask"
    yield Case("9.9", f"{kind} of 4 EiB, its head alone", partial(too_big, frames=[claimed]))
    parts = framed(message, 64 * KIB, opcode)
    yield Case("9.9", f"{kind} one over the limit in fragments", partial(too_big, frames=parts))
    with_pings = [piece for part in parts for piece in (part, frame(b"", PING))][:-2]
    endless = [*parts[:-1], frame(b"*" * 64 * KIB, CONTINUATION, fin=False)]
    yield Case("9.9", f"{kind} without end", partial(too_big, frames=endless))
    yield Case("9.9", f"{kind} without end, and pings", partial(pinged, frames=with_pings))


def pinged(client: RawClient, frames: list[bytes]) -> None:
    """Pings in a message without end are answered, and do not make it shorter."""
    client.write(*frames[:2])
    assert client.frame().first == 0x8A
    client.write(*frames[2:-1:2], frame(b"*" * 64 * KIB, CONTINUATION, fin=False))
    client.closed_with(TOO_BIG)


CASES = [
    *_groups(TEXT, "text"),
    *_groups(BINARY, "binary"),
    *_beyond(TEXT, "text"),
    *_beyond(BINARY, "binary"),
    Case(
        "10.1.1",
        "text of 65536 octets in fragments of 1300",
        partial(in_fragments, size=65536, fragment=1300, opcode=TEXT),
    ),
]
