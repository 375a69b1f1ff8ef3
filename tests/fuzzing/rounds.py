"""Inputs made by chance from a seed, round after round."""

from __future__ import annotations

from random import Random

from tests.fuzzing import corpus
from tests.fuzzing.inputs import MESSAGE, Input
from tests.fuzzing.mutation import Mutator

__all__ = ["SIZE", "round_of"]

SIZE = 100
"""Inputs of a round, which share their servers."""

_MESSAGES = 0.5
"""The share of inputs that go over every transport."""


def round_of(seed: int, number: int) -> list[Input]:
    """The inputs of a round: the same for the same seed and number."""
    random = Random(f"{seed}/{number}")
    mutator = Mutator(random)
    return [_input(random, mutator) for _ in range(SIZE)]


def _input(random: Random, mutator: Mutator) -> Input:
    if random.random() < _MESSAGES:
        return Input(MESSAGE, (mutator.message(corpus.messages()),))
    carrier = random.choice(corpus.CARRIERS)
    return Input(carrier, mutator.cut(mutator.stream(corpus.raw(carrier))))
