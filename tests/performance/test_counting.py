"""What is counted is what happens, and nobody else's tracing is disturbed."""

from __future__ import annotations

import sys

from tests.performance.counting import allocated, count, left
from twisted_rpc.framing import LineFramer


def test_instructions_and_functions_of_the_package_are_counted() -> None:
    framer = LineFramer(100)
    once = count(lambda: framer.feed(b"a\n"))
    twice = count(lambda: (framer.feed(b"a\n"), framer.feed(b"a\n")))
    assert once.cost().functions == 1
    assert once.cost().instructions > 20
    assert twice.cost().instructions == 2 * once.cost().instructions
    assert twice.cost().builtins == 2 * once.cost().builtins
    assert "twisted_rpc/framing.py" in once.lines(1)[1]
    assert "LineFramer.feed: bytes.split 1, list.pop 1" in once.lines(1)[1]


def test_tracing_is_as_it_was_afterwards() -> None:
    before = sys.gettrace(), sys.getprofile()
    count(lambda: None)
    allocated(lambda: None)
    assert (sys.gettrace(), sys.getprofile()) == before


def test_what_is_left_is_counted() -> None:
    kept: list[list[int]] = []

    def circle() -> None:
        round_and_round: list[object] = []
        round_and_round.append(round_and_round)

    assert left(lambda: [1, 2, 3], 100)[0] < 0.5
    assert left(lambda: kept.append([1]), 100)[0] >= 1
    assert left(circle, 100)[1] == 1


def test_copies_are_seen() -> None:
    def copying(pieces: int) -> int:
        def collect() -> None:
            collected = b""
            for _ in range(pieces):
                collected = collected + bytes(1000)

        return allocated(collect)[0]

    def growing(pieces: int) -> int:
        def collect() -> None:
            collected = bytearray()
            for _ in range(pieces):
                collected += bytes(1000)

        return allocated(collect)[0]

    assert copying(400) > 3.5 * copying(200)
    assert growing(400) < 2.2 * growing(200)
