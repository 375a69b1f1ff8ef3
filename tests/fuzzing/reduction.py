"""The smallest inputs that still go wrong (Zeller and Hildebrandt, delta debugging)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import structs

from tests.fuzzing.inputs import Finding, Input

__all__ = ["reduced"]

Find = Callable[[Sequence[Input]], Awaitable[Finding | None]]
T = TypeVar("T", bytes, tuple[Input, ...], tuple[bytes, ...])


class _Search:
    """Tries smaller inputs as long as there are tries left.

    Args:
        finding: what is to be made smaller.
        find: tries inputs from the beginning.
        tries: how often that may be done.
    """

    def __init__(self, finding: Finding, find: Find, tries: int) -> None:
        self.finding = finding
        self._find = find
        self._tries = tries

    async def fails(self, inputs: Sequence[Input]) -> bool:
        """Whether these go wrong as well; then they are the finding from now on."""
        if self._tries <= 0 or not inputs:
            return False
        self._tries -= 1
        found = await self._find(inputs)
        if found is not None:
            self.finding = found
        return found is not None

    async def shortened(self, whole: T, rebuilt: Callable[[T], Sequence[Input]]) -> None:
        """Leave out halves, quarters and so on, down to single elements."""
        size = len(whole) // 2
        while size:
            start = 0
            while start < len(whole):
                rest = whole[:start] + whole[start + size :]
                if rest and await self.fails(rebuilt(rest)):
                    whole = rest
                else:
                    start += size
            size //= 2


async def reduced(finding: Finding, find: Find, tries: int) -> Finding:
    """Make a finding smaller: fewer inputs, fewer pieces, fewer bytes.

    Args:
        finding: with all inputs that may have led to it.
        find: tries inputs on a fresh target.
        tries: how often that may be done.

    Returns:
        The smallest one seen; it need not be the same mistake.
    """
    search = _Search(finding, find, tries)
    if not await search.fails(finding.inputs[-1:]):
        await search.shortened(finding.inputs, lambda inputs: inputs)
    for index in range(len(search.finding.inputs)):
        if index < len(search.finding.inputs):
            await _shorten_input(search, index)
    return search.finding


async def _shorten_input(search: _Search, index: int) -> None:
    inputs = search.finding.inputs

    def rebuilt(pieces: tuple[bytes, ...]) -> list[Input]:
        other = structs.replace(inputs[index], pieces=pieces)
        return [*inputs[:index], other, *inputs[index + 1 :]]

    await search.fails(rebuilt((inputs[index].data,)))
    await search.shortened(_pieces(search, index), rebuilt)
    for at in range(len(_pieces(search, index))):
        await _shorten_piece(search, index, at, rebuilt)


async def _shorten_piece(
    search: _Search, index: int, at: int, rebuilt: Callable[[tuple[bytes, ...]], list[Input]]
) -> None:
    pieces = _pieces(search, index)
    if at < len(pieces):
        before, after = pieces[:at], pieces[at + 1 :]
        await search.shortened(pieces[at], lambda data: rebuilt((*before, data, *after)))


def _pieces(search: _Search, index: int) -> tuple[bytes, ...]:
    inputs = search.finding.inputs
    return inputs[index].pieces if index < len(inputs) else ()
