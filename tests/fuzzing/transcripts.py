"""What came over a line, cut into answers by readers that forgive nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.conversation import value_of
from tests.fuzzing.oracle import fault_in, normal

__all__ = ["Unsound", "transcript"]

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [ -~]*\r\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~]*)\r\n")
_CLOSE_CODES = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011}


class Unsound(Exception):
    """What came is not what the transport carries; says what it is."""


def transcript(carrier: str, received: bytes, sent: bytes) -> list[Any]:
    """What was answered: values of JSON, statuses of HTTP, and how a WebSocket was closed.

    Args:
        carrier: the transport.
        received: everything that came.
        sent: for what.

    Raises:
        Unsound: no client could read it.
    """
    read = _READERS.get(carrier, _either)
    items = read(received, sent)
    return [_checked(item, sent) if isinstance(item, bytes) else item for item in items]


def _checked(body: bytes, sent: bytes) -> Any:
    try:
        value = value_of(body.decode("utf-8"))
    except ValueError as error:
        raise Unsound(f"{body!r} is no JSON: {error}") from None
    fault = fault_in(value, sent)
    if fault is not None:
        raise Unsound(fault)
    return normal(value)


def _lines(received: bytes, _: bytes) -> Iterator[bytes]:
    *lines, rest = received.split(b"\n")
    if rest:
        raise Unsound(f"{rest!r} is no whole line")
    yield from lines


def _headers(received: bytes, _: bytes) -> Iterator[bytes]:
    while received:
        found = re.match(rb"Content-Length: ([0-9]+)\r\n\r\n", received)
        if found is None or len(received) < found.end() + int(found[1]):
            raise Unsound(f"{received!r} is no frame with a Content-Length")
        end = found.end() + int(found[1])
        yield received[found.end() : end]
        received = received[end:]


def _netstrings(received: bytes, _: bytes) -> Iterator[bytes]:
    while received:
        found = re.match(rb"([0-9]+):", received)
        end = found.end() + int(found[1]) if found else 0
        if found is None or received[end : end + 1] != b",":
            raise Unsound(f"{received!r} is no netstring")
        yield received[found.end() : end]
        received = received[end + 1 :]


def _responses(received: bytes, sent: bytes) -> Iterator[Any]:
    """Responses (RFC 9112, section 4); after a 101 frames of a WebSocket."""
    while received:
        status, fields, rest = _head(received)
        if status == 101:
            yield 101
            yield from _frames(rest, sent)
            return
        size = int(fields.get(b"content-length", b"0"))
        # The answer to a HEAD has a length and no body.
        bodiless = b"HEAD" in sent and (not rest or rest.startswith(b"HTTP/1.1 "))
        if len(rest) < size and not bodiless:
            raise Unsound(f"{received!r} is no whole response")
        body, received = (b"", rest) if bodiless else (rest[:size], rest[size:])
        if status >= 200:
            yield status
        if body and fields.get(b"content-type") == b"application/json":
            yield body


def _head(received: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    line = _STATUS_LINE.match(received)
    at = line.end() if line else 0
    fields: dict[bytes, bytes] = {}
    while field := _FIELD.match(received, at):
        if field[1].lower() in fields and field[1].lower() == b"content-length":
            raise Unsound(f"{received!r} has two lengths")
        fields[field[1].lower()] = field[2]
        at = field.end()
    if line is None or received[at : at + 2] != b"\r\n":
        raise Unsound(f"{received!r} is no response")
    return int(line[1]), fields, received[at + 2 :]


def _frames(received: bytes, _: bytes) -> Iterator[Any]:
    """Frames of a server (RFC 6455, section 5.2): whole, not masked, nothing reserved."""
    while received:
        first, size, start = received[0], received[1] if len(received) > 1 else 0, 2
        if size in (126, 127):
            start = 4 if size == 126 else 10
            size = int.from_bytes(received[2:start], "big")
        payload = received[start : start + size]
        if len(received) < 2 or received[1] > 127 or len(payload) < size:
            raise Unsound(f"{received!r} is no frame")
        yield from _frame(first, payload)
        received = received[start + size :]
        if first == 0x88 and received:
            raise Unsound(f"{received!r} comes after a close frame")


def _frame(first: int, payload: bytes) -> Iterator[Any]:
    if first == 0x81:
        yield payload
    elif first == 0x88:
        code = int.from_bytes(payload[:2], "big")
        if (payload and code not in _CLOSE_CODES and not 3000 <= code < 5000) or len(payload) == 1:
            raise Unsound(f"{payload!r} is no reason to close")
        payload[2:].decode("utf-8")
        yield f"closed {code}"
    elif first not in (0x89, 0x8A) or len(payload) > 125:
        raise Unsound(f"{first:#x} {payload!r} is no frame of ours")


def _either(received: bytes, sent: bytes) -> Iterator[Any]:
    """What a port for everything answers, by how it begins."""
    if received.startswith(b"HTTP/"):
        return _responses(received, sent)
    if received.startswith(b"Content-Length"):
        return _headers(received, sent)
    if received[:1].isdigit():
        return _netstrings(received, sent)
    return _lines(received, sent)


_READERS: dict[str, Callable[[bytes, bytes], Iterator[Any]]] = {
    "line": _lines,
    "stream": _lines,
    "header": _headers,
    "netstring": _netstrings,
    "http": _responses,
    "websocket": _frames,
}
