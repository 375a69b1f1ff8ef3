"""Feeding a framer: whole, byte by byte, or cut anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from twisted_rpc.framing import Framer


class Outcome(NamedTuple):
    """All that a stream came to.

    Attributes:
        frames: the frames, without the white space around them.
        failed: the code of the error it failed with.
        rest: what was left when it ended.
    """

    frames: list[bytes]
    failed: int | None
    rest: list[bytes]


def feed_all(framer: Framer, pieces: Iterable[bytes]) -> list[bytes]:
    """The frames of all pieces; the framer's promise on memory is checked after each."""
    frames: list[bytes] = []
    for piece in pieces:
        frames += framer.feed(piece)
        assert kept_bytes(framer) <= framer.limit + OVERHEAD
    return [frame.strip() for frame in frames]


OVERHEAD = 4096 + 32
"""What may be kept beside a message: a header block, a length, a few bytes in doubt."""


def kept_bytes(framer: Framer) -> int:
    """How many bytes a framer, and those it consists of, hold back."""
    parts = [part for part in vars(framer).values() if isinstance(part, Framer)]
    return len(framer._buffer) + sum(map(kept_bytes, parts))


def outcome(framer: Framer, pieces: Iterable[bytes]) -> Outcome:
    """What a stream that arrives in these pieces comes to."""
    frames = feed_all(framer, pieces)
    failed = framer.failed.code if framer.failed else None
    return Outcome(frames, failed, [rest.strip() for rest in framer.finish()])


def single_bytes(stream: bytes) -> list[bytes]:
    """A stream byte by byte."""
    return [stream[at : at + 1] for at in range(len(stream))]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """A stream cut at these places."""
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(edges)]


places = st.lists(st.integers(0, 10**6), max_size=8)
"""Where to `cut`."""
