"""1: whole text and binary messages, of the sizes around which the length changes its form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.transports.websocket_client import BINARY, TEXT, frame
from tests.websocket.cases import Case, is_echoed
from tests.websocket.client import RawClient

__all__ = ["CASES"]

SIZES = (125, 126, 127, 128, 65535, 65536)
CHOPS = ((65536, 997), (4096, 1), (5000, 7))


def nothing_is_no_json(client: RawClient, opcode: int) -> None:
    """An empty message is answered with a parse error, and the line stays."""
    client.write(frame(b"", opcode))
    assert client.answer()["error"]["code"] == -32700
    is_echoed(client, 100, opcode)


def _cases(group: str, opcode: int, kind: str) -> Iterator[Case]:
    yield Case(f"{group}.1", f"empty {kind}", partial(nothing_is_no_json, opcode=opcode))
    for number, size in enumerate(SIZES, 2):
        run = partial(is_echoed, size=size, opcode=opcode)
        yield Case(f"{group}.{number}", f"{kind} of {size} octets", run)
    for size, chop in CHOPS:
        run = partial(is_echoed, size=size, opcode=opcode, chop=chop)
        yield Case(f"{group}.8", f"{kind} of {size} octets in writes of {chop}", run)


CASES = [*_cases("1.1", TEXT, "text"), *_cases("1.2", BINARY, "binary")]
