"""Our own calls that have not been answered yet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

__all__ = ["Pending"]

T = TypeVar("T")


class Pending(Generic[T]):
    """Ids handed out, and who waits for the answer to each.

    Ids are integers from 1.  An answer is matched once; a second one, one with an id
    nobody waits for, or one whose id has another type, finds nobody.
    """

    def __init__(self) -> None:
        self._ids = count(1)
        self._waiting: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiter: T) -> int:
        """Keep a waiter; return the id to send."""
        request_id = next(self._ids)
        self._waiting[request_id] = waiter
        return request_id

    def take(self, request_id: object) -> T | None:
        """The waiter for that id, which is forgotten with it."""
        if type(request_id) is not int:
            return None
        return self._waiting.pop(request_id, None)

    def take_all(self) -> Iterator[T]:
        """Every waiter, each forgotten as it is handed out."""
        while self._waiting:
            yield self._waiting.popitem()[1]
