"""What a daemon holds at one time, and what of it is too much later."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

__all__ = ["Counts", "grown"]

_SLACK = {"delayed calls": 8, "watched": 1, "descriptors": 1, "blocks": 4000, "KiB": 16 * 1024}
"""By how much they may differ: lines that stay have timers or none, the allocator keeps some."""

_OBJECTS = 60
"""By how many objects of one type: caches fill, and tracebacks linger."""


class Counts(Struct, frozen=True):
    """What `soak.counts` has answered.

    Attributes:
        totals: by their names.
        objects: those that the garbage collector knows, by type.
    """

    totals: dict[str, int]
    objects: dict[str, int]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Counts:
        """What an answer says."""
        totals = {name: count for name, count in answer.items() if name != "objects"}
        return cls(totals, answer["objects"])

    def __str__(self) -> str:
        totals = ", ".join(f"{count:,} {name}" for name, count in self.totals.items())
        return f"{totals}, {sum(self.objects.values()):,} objects"


def grown(before: Counts, after: Counts) -> list[str]:
    """What has become more than it may, each in a line."""
    found = [
        f"{name}: {before.totals[name]:,}, then {count:,}"
        for name, count in after.totals.items()
        if count > before.totals[name] + _SLACK.get(name, 0)
    ]
    more = {kind: count - before.objects.get(kind, 0) for kind, count in after.objects.items()}
    found += [
        f"objects of {kind}: {before.objects.get(kind, 0):,}, then {after.objects[kind]:,}"
        for kind, count in sorted(more.items(), key=lambda item: -item[1])
        if count > _OBJECTS
    ]
    return found
