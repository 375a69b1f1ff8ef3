"""3 and 4: reserved bits and reserved opcodes end the line, wherever they come."""

from __future__ import annotations

from collections.abc import Iterator

from tests.transports.websocket_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from tests.websocket.cases import Case, call, refused

__all__ = ["CASES"]

OPCODES = {"text": TEXT, "binary": BINARY, "ping": PING, "pong": PONG, "close": CLOSE}
NORMAL = (1000).to_bytes(2, "big")


def _bits() -> Iterator[Case]:
    message, _ = call(60)
    for bits in (1, 2, 4, 7):
        for kind, opcode in OPCODES.items():
            payload = {TEXT: message, BINARY: message, CLOSE: NORMAL}.get(opcode, b"there?")
            frames = [frame(payload, opcode, rsv=bits)]
            yield from refused(f"3.{bits}", f"{kind} with reserved bits {bits:03b}", frames)
        parts = [frame(message[:20], fin=False), frame(message[20:], CONTINUATION, rsv=bits)]
        yield from refused(f"3.{bits}", f"continuation with reserved bits {bits:03b}", parts)
        followed = [frame(message, rsv=bits), frame(b"there?", PING)]
        yield from refused(f"3.{bits}", f"reserved bits {bits:03b}, then a ping", followed)


def _opcodes() -> Iterator[Case]:
    message, _ = call(60)
    for group, opcodes in (("4.1", range(3, 8)), ("4.2", range(11, 16))):
        for number, opcode in enumerate(opcodes, 1):
            place = f"{group}.{number}"
            yield from refused(place, f"opcode {opcode} without payload", [frame(b"", opcode)])
            yield from refused(place, f"opcode {opcode} with payload", [frame(message, opcode)])
            followed = [frame(b"", opcode), frame(b"there?", PING)]
            yield from refused(place, f"opcode {opcode}, then a ping", followed)
            inside = [frame(message[:20], fin=False), frame(b"", opcode)]
            yield from refused(place, f"opcode {opcode} inside a message", inside)


CASES = [*_bits(), *_opcodes()]
