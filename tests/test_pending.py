"""Ids of our own calls: each answer finds its waiter once."""

from __future__ import annotations

import pytest

from twisted_rpc.pending import Pending


def test_ids_count_from_one_and_are_not_used_again() -> None:
    pending: Pending[str] = Pending()
    assert [pending.add("a"), pending.add("b")] == [1, 2]
    pending.take(2)
    assert pending.add("c") == 3


def test_answer_is_matched_once() -> None:
    pending: Pending[str] = Pending()
    request_id = pending.add("waiter")
    assert pending.take(request_id) == "waiter"
    assert pending.take(request_id) is None


@pytest.mark.parametrize("request_id", ["1", 1.0, True, None, [1], 2, 0, -1])
def test_answer_with_another_id_finds_nobody(request_id: object) -> None:
    pending: Pending[str] = Pending()
    pending.add("waiter")
    assert pending.take(request_id) is None
    assert len(pending) == 1


def test_take_all_forgets_each_waiter_as_it_is_handed_out() -> None:
    pending: Pending[str] = Pending()
    for waiter in "abc":
        pending.add(waiter)
    seen = [(waiter, len(pending)) for waiter in pending.take_all()]
    assert sorted(waiter for waiter, _ in seen) == ["a", "b", "c"]
    assert [left for _, left in seen] == [2, 1, 0]


def test_take_all_also_ends_a_waiter_added_meanwhile() -> None:
    pending: Pending[str] = Pending()
    pending.add("first")
    seen = []
    for waiter in pending.take_all():
        seen.append(waiter)
        if waiter == "first":
            pending.add("second")
    assert seen == ["first", "second"]
    assert len(pending) == 0
