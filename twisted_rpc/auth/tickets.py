"""Tickets: who has proved who it is by a header may do so where no header can be sent.

A page cannot give a WebSocket an Authorization header.  It asks for a ticket over HTTP,
with one, and opens the WebSocket with that.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import Any

from msgspec import Struct
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_rpc.answers import Counters

__all__ = ["Ticket", "Tickets"]

_MOST = 10_000
"""So many tickets may be out at a time; the oldest are void beyond that."""

_MOST_OF_ONE = 100
"""So many of one identity: nobody can void those of others."""


@implementer(ICredentials)
class Ticket(Struct, frozen=True):
    """A ticket as a caller gives it back."""

    text: str

    def __repr__(self) -> str:
        return "Ticket(...)"  # it may end in a log


class Tickets:
    """Those that are out.

    Args:
        lifetime: seconds one is good for; None for ever.
        counters: told of one that came too late.
        clock: where time comes from.
    """

    def __init__(self, lifetime: float | None, counters: Counters, clock: IReactorTime) -> None:
        self._lifetime = lifetime
        self._counters = counters
        self._clock = clock
        self._out: dict[str, tuple[Any, float]] = {}
        self._by_owner: dict[str, deque[str]] = {}

    def issue(self, identity: Any) -> str:
        """A ticket for somebody; 256 bits that nobody guesses, good for once."""
        text = secrets.token_urlsafe(32)
        self._out[text] = identity, self._clock.seconds()
        of_owner = self._by_owner.setdefault(str(identity), deque())
        of_owner.append(text)
        if len(of_owner) > _MOST_OF_ONE:
            self._void(of_owner[0])
        if len(self._out) > _MOST:
            self._void(next(iter(self._out)))
        return text

    def _void(self, text: str) -> tuple[Any, float]:
        identity, issued = self._out.pop(text)
        owner = str(identity)
        self._by_owner[owner].remove(text)
        if not self._by_owner[owner]:
            del self._by_owner[owner]
        return identity, issued

    def redeem(self, ticket: Ticket) -> Any:
        """Whose ticket it is; it is no good any more then.

        Raises:
            UnauthorizedLogin: nobody's, or too old.
        """
        if ticket.text not in self._out:
            raise UnauthorizedLogin("no such ticket")
        identity, issued = self._void(ticket.text)
        if self._lifetime is not None and self._clock.seconds() - issued > self._lifetime:
            self._counters.hit("ticket_timeout")
            raise UnauthorizedLogin("the ticket is too old (ticket_timeout)")
        return identity
