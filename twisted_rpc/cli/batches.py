"""Requests as lines of JSON, read in chunks, so that any number of them may come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

import click
import msgspec
from msgspec import UNSET, Struct, UnsetType
from twisted.internet.defer import Deferred, DeferredList

from twisted_rpc.cli.output import error_object
from twisted_rpc.client import Client
from twisted_rpc.errors import RemoteError

__all__ = ["Line", "answers_to", "is_unanswered", "read_chunks"]

_READ = 1 << 16
"""So many bytes are read at once."""


class _Request(Struct, frozen=True, forbid_unknown_fields=True):
    """A request object (JSON-RPC 2.0, section 4); the version may be left out."""

    method: str
    params: list[Any] | dict[str, Any] | UnsetType = UNSET
    id: int | float | str | None | UnsetType = UNSET
    jsonrpc: Literal["2.0"] = "2.0"


class Line(Struct, frozen=True):
    """A line and what it asks for.

    Attributes:
        number: counted from 1.
        request: a notification if it has no id.
    """

    number: int
    request: _Request

    @property
    def is_notification(self) -> bool:
        """Whether nobody waits for an answer (section 4.1)."""
        return self.request.id is UNSET


_decode = msgspec.json.Decoder(_Request).decode


def read_chunks(descriptor: int, name: str, size: int) -> Iterator[list[Line]]:
    """The requests of a file in their order, so many at a time; empty lines are left out.

    Args:
        descriptor: of a file with lines of JSON.
        name: of the file, for messages.
        size: how many requests make a chunk.

    Raises:
        UsageError: the file cannot be read, or a line is no request; nothing of its chunk has
            been returned then.
    """
    lines = (
        Line(number, _parsed(line, f"{name}, line {number}"))
        for number, line in enumerate(_lines(descriptor, name), 1)
        if line.strip()
    )
    while chunk := list(islice(lines, size)):
        yield chunk


def _lines(descriptor: int, name: str) -> Iterator[bytes]:
    """The lines of a file, without their ends.

    A file object would do the same, but a thread that waits for input keeps its lock, and the
    interpreter wants that of standard input at its end.
    """
    begun: list[bytes] = []
    while data := _read(descriptor, name):
        *ended, rest = data.split(b"\n")
        for line in ended:
            yield b"".join([*begun, line])
            begun.clear()
        begun.append(rest)
    yield b"".join(begun)


def _read(descriptor: int, name: str) -> bytes:
    try:
        return os.read(descriptor, _READ)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}") from None


def _parsed(line: bytes, place: str) -> _Request:
    try:
        return _decode(line)
    except UnicodeDecodeError:
        raise click.UsageError(f"{place}: not UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.UsageError(f"{place}: no request: {error}") from None


def is_unanswered(chunk: list[Line]) -> bool:
    """Whether it holds nothing but notifications."""
    return all(line.is_notification for line in chunk)


async def answers_to(chunk: list[Line], client: Client) -> Iterator[dict[str, Any]]:
    """Send a chunk as one batch; return the answers to its calls.

    They come in the order of the lines, as response objects with the ids of the lines.  The
    iterator raises a `CallError` that names the line where there is none.
    """
    lines: list[Line] = []
    calls: list[Deferred[Any]] = []
    async with client.batch() as batch:
        for line in chunk:
            request = line.request
            params = None if request.params is UNSET else request.params
            if line.is_notification:
                batch.notify(request.method, params)
            else:
                lines.append(line)
                calls.append(batch.call(request.method, params))
    outcomes: Any = await DeferredList(calls, consumeErrors=True)
    return (
        _response(line, succeeded, outcome)
        for line, (succeeded, outcome) in zip(lines, outcomes, strict=True)
    )


def _response(line: Line, succeeded: bool, outcome: Any) -> dict[str, Any]:
    """A response object (JSON-RPC 2.0, section 5)."""
    response: dict[str, Any] = {"jsonrpc": "2.0"}
    if succeeded:
        response["result"] = outcome
    elif isinstance(outcome.value, RemoteError):
        response["error"] = error_object(outcome.value)
    else:
        raise type(outcome.value)(f"line {line.number}: {outcome.value}")
    return {**response, "id": line.request.id}
