"""The outcome of authentication: a name that knows what it may do, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

__all__ = ["Identity", "words"]


def words(given: Iterable[str], what: str) -> frozenset[str]:
    """A collection of words.

    Raises:
        TypeError: it is a single one, whose letters would be taken for words, or holds
            anything else.
    """
    found = None if isinstance(given, str | bytes) else frozenset(given)
    if found is None or not all(isinstance(word, str) for word in found):
        raise TypeError(f"{what}: expected a collection of words, not {given!r}")
    return found


class Identity(str):
    """Who a caller is: a string, its name, with what a checker knows besides.

    Args:
        name: the name, as shown in logs and asked for in `[access.NAME]`.
        roles: words of the application; a method's access level is asked for among them.
        expires: when it is no longer good, in seconds since the epoch; None for never.
        namespaces: the only ones it may see; None for all.
        still_valid: asked from time to time while its connection is open; it says False
            when the identity has been revoked.
    """

    __slots__ = ("expires", "namespaces", "roles", "still_valid")

    roles: frozenset[str]
    expires: float | None
    namespaces: frozenset[str] | None
    still_valid: Callable[[], bool] | None

    def __new__(
        cls,
        name: str,
        *,
        roles: Iterable[str] = (),
        expires: float | None = None,
        namespaces: Iterable[str] | None = None,
        still_valid: Callable[[], bool] | None = None,
    ) -> Self:
        """Make one; see the class."""
        self = super().__new__(cls, name)
        self.roles = words(roles, "roles")
        self.expires = expires
        self.namespaces = None if namespaces is None else words(namespaces, "namespaces")
        self.still_valid = still_valid
        return self
