"""Our own calls that have not been answered yet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

__all__ = ["Pending"]

T = TypeVar("T")


class Pending(Generic[T]):
    """Ids handed out, and who waits for the answer to each.

    An answer is matched once; a second one, one with an id nobody waits for, or one whose
    id has another type, finds nobody.

    Args:
        ids: where ids come from; integers from 1 unless given.
    """

    __slots__ = ("_ids", "_waiting")

    def __init__(self, ids: Iterator[int | str] | None = None) -> None:
        self._ids = count(1) if ids is None else ids
        self._waiting: dict[int | str, T] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[T]:
        return iter(self._waiting.values())

    def add(self, waiter: T) -> int | str:
        """Keep a waiter; return the id to send.

        Raises:
            RuntimeError: the ids that were given have come to an end.
        """
        try:
            request_id = next(self._ids)
        except StopIteration:
            raise RuntimeError("there are no more ids for calls") from None
        self._waiting[request_id] = waiter
        return request_id

    def take(self, request_id: object) -> T | None:
        """The waiter for that id, which is forgotten with it."""
        if type(request_id) is not int and type(request_id) is not str:
            return None
        return self._waiting.pop(request_id, None)

    def remove(self, waiter: T) -> bool:
        """Forget a waiter, whatever its id; say whether it waited."""
        for request_id, each in self._waiting.items():
            if each is waiter:
                del self._waiting[request_id]
                return True
        return False

    def take_all(self) -> Iterator[T]:
        """Every waiter, each forgotten as it is handed out."""
        while self._waiting:
            yield self._waiting.popitem()[1]
