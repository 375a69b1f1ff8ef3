"""What is tried, and the files that findings are kept in."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

__all__ = ["MESSAGE", "Finding", "Input", "read", "write"]

MESSAGE = "message"
"""The carrier of an input that is one JSON text, and goes over every transport."""


class Input(Struct, frozen=True):
    """Bytes to send.

    Attributes:
        carrier: `MESSAGE`, or the name of the transport that they are raw bytes for.
        pieces: a message is one; raw bytes are written in so many.
    """

    carrier: str
    pieces: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)

    def __str__(self) -> str:
        return f"{self.carrier}: {list(self.pieces)!r}"


class Finding(Struct, frozen=True):
    """What went wrong, and after which inputs.

    Attributes:
        what: in one line.
        inputs: in their order; the last is the one that showed it.
    """

    what: str
    inputs: tuple[Input, ...]


class _Kept(Struct):
    what: str
    inputs: list[tuple[str, list[str]]]


def write(path: Path, finding: Finding) -> None:
    """Keep a finding: JSON with each byte as the character of its number, to be legible."""
    inputs = [(each.carrier, [p.decode("latin-1") for p in each.pieces]) for each in finding.inputs]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_Kept(finding.what, inputs))))


def read(path: Path) -> Finding:
    """Read a finding.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no finding; the text says why.
    """
    kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    inputs = [
        Input(name, tuple(p.encode("latin-1") for p in pieces)) for name, pieces in kept.inputs
    ]
    return Finding(kept.what, tuple(inputs))
