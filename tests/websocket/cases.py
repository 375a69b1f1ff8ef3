"""What a case is, and the steps that many of them take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from tests.helpers import request
from tests.transports.websocket_client import TEXT, frame
from tests.websocket.client import RawClient

__all__ = [
    "BAD_DATA",
    "PROTOCOL_ERROR",
    "TOO_BIG",
    "WAYS",
    "Case",
    "Way",
    "call",
    "is_answered",
    "is_echoed",
    "refused",
]

PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1002, 1007, 1009

Way = Callable[[RawClient, list[bytes]], None]


class Case(NamedTuple):
    """A case.

    Attributes:
        number: its group, and its place there.
        title: what is sent.
        run: sends it, and sees what comes back.
    """

    number: str
    title: str
    run: Callable[[RawClient], None]


def _together(client: RawClient, frames: list[bytes]) -> None:
    client.write(*frames)


def _one_by_one(client: RawClient, frames: list[bytes]) -> None:
    for each in frames:
        client.write(each)


def _octets(client: RawClient, frames: list[bytes]) -> None:
    client.write(*frames, chop=1)


WAYS: dict[str, Way] = {
    "in one write": _together,
    "a write each": _one_by_one,
    "octet by octet": _octets,
}
"""How the frames of a case leave."""


def call(size: int = 0, character: str = "*") -> tuple[bytes, str]:
    """A call of so many octets, if they suffice, and the text that its answer has to bear."""
    text = character * max(1, size - len(request("echo", [""])))
    return request("echo", [text]), text


def is_answered(client: RawClient, frames: list[bytes], text: str, way: Way = _together) -> None:
    """These frames are one call, and it is answered with this text."""
    way(client, frames)
    assert client.answer()["result"] == text


def is_echoed(client: RawClient, size: int, opcode: int = TEXT, chop: int | None = None) -> None:
    """A call of this size is answered."""
    message, text = call(size)
    client.write(frame(message, opcode), chop=chop)
    assert client.answer()["result"] == text


def is_refused(client: RawClient, frames: list[bytes], way: Way, code: int) -> None:
    """A call is answered; the frames after it end the line, and what follows is not run."""
    message, text = call(100)
    is_answered(client, [frame(message)], text)
    way(client, [*frames, frame(message)])
    client.closed_with(code)


def refused(number: str, title: str, frames: list[bytes], code: int = PROTOCOL_ERROR) -> list[Case]:
    """The cases of frames that end the line, in each of the ways they may leave."""
    return [
        Case(number, f"{title}, {name}", partial(is_refused, frames=frames, way=way, code=code))
        for name, way in WAYS.items()
    ]
