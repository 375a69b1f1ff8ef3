"""The measurement of refused logins: what it finds, and that it runs.

How long they take is measured by `python -m benchmarks.logins`; what keeps them alike is
tested in `test_htpasswd`.
"""

from __future__ import annotations

import random

from benchmarks.logins import MAX_Z, TRIES, measure, serving, z_of


def test_a_shift_is_found_and_chance_is_not() -> None:
    chance = random.Random(1)
    some = [chance.lognormvariate(0, 1) for _ in range(600)]
    others = [chance.lognormvariate(0, 1) for _ in range(600)]
    assert abs(z_of(some, others)) < MAX_Z
    assert z_of([1.5 * value for value in some], others) > MAX_Z
    assert z_of(some, [1.5 * value for value in others]) < -MAX_Z


def test_ranks_are_counted_as_in_the_book() -> None:
    assert z_of([1, 2, 3], [4, 5, 6]) == -z_of([4, 5, 6], [1, 2, 3])
    # U = 0, its mean 4.5, its variance 3 * 3 * 7 / 12
    assert abs(z_of([1, 2, 3], [4, 5, 6]) + 4.5 / 5.25**0.5) < 1e-12
    assert z_of([1, 1], [1, 1]) == 0


def test_every_kind_of_try_is_refused_and_timed() -> None:
    with serving() as port:
        times = measure(port, 30)
    assert {kind: len(found) for kind, found in times.items()} == dict.fromkeys(TRIES, 10)
