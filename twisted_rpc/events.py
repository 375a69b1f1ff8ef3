"""What an application says that it sends to clients: notifications, and calls of its own.

It is documentation, for clients that are written by it; nothing is checked against it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Struct

from twisted_rpc.errors import ExposeError

__all__ = ["Event", "events_of"]


class Event(Struct, frozen=True):
    """Something that clients are sent.

    Args:
        params: a type whose members are its parameters: those of a class by name, those of a
            tuple by position; None for no parameters.
        result: the type of what a client answers; `UNSET` for a notification.
        description: what it means, as a docstring says it; that of `params` unless given.
        access: the access level of those who are told of it; None for everybody.
        deprecated: what takes its place, if it is not to be relied on any longer.

    Raises:
        TypeError: one of the last three is no text.
    """

    params: Any = None
    result: Any = UNSET
    description: str | None = None
    access: str | None = None
    deprecated: str | None = None

    def __post_init__(self) -> None:
        for key in ("description", "access", "deprecated"):
            said = getattr(self, key)
            if not isinstance(said, str | None):
                raise TypeError(f"{key} of an event is a text, not {said!r}")

    @property
    def is_call(self) -> bool:
        """Whether it is answered."""
        return self.result is not UNSET


def events_of(target: Any) -> Iterator[tuple[str, Event]]:
    """What an object says that it sends, by its mapping `sends` of names to events.

    Raises:
        ExposeError: there is something else in it.
    """
    said = None if inspect.isroutine(target) else getattr(target, "sends", None)
    for name, event in said.items() if isinstance(said, Mapping) else ():
        if not isinstance(event, Event):
            raise ExposeError(f"sends of {name!r}: give an Event, not {event!r}")
        yield str(name), event
