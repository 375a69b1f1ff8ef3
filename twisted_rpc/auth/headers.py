"""Who sends the requests of one line over HTTP, each of which says so itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_rpc.auth.logins import FarSide, Logins
from twisted_rpc.auth.portal import Login

__all__ = ["HeaderLogin"]


class HeaderLogin:
    """A login that is good for the requests of one line that say the same.

    It is asked for again after `recheck` seconds, and when the identity expires.

    Args:
        logins: the endpoint's.
        origin: where the requests come from.
        recheck: seconds; None for never.
        clock: where time comes from.

    Attributes:
        identity: whose requests those are that `knows` knows.
        times: how many logins there were: with each, rights may be others.
    """

    __slots__ = (
        *("_asked", "_clock", "_header", "_login", "_logins", "_origin", "_recheck", "_until"),
        *("identity", "times"),
    )

    def __init__(
        self, logins: Logins, origin: FarSide, recheck: float | None, clock: IReactorTime
    ) -> None:
        self.identity: Any = None
        self.times = 0
        self._logins = logins
        self._origin = origin
        self._recheck = math.inf if recheck is None else recheck
        self._clock = clock
        self._login: Login | None = None
        self._header: bytes | None = None
        self._until = 0.0
        self._asked: Deferred[Any] | None = None

    def knows(self, header: bytes) -> bool:
        """Whether this Authorization header has proved who sends it; empty for none."""
        return header == self._header and self._clock.seconds() < self._until

    def ask(self, header: bytes, credentials: Sequence[ICredentials]) -> Deferred[None]:
        """Find out whose requests those with this header are; see `Logins.ask`.

        Args:
            header: empty if there is none, and `credentials` are the line's own.
            credentials: what it says.
        """
        if header:
            asked = self._logins.ask(credentials[0], self._origin)
        else:
            asked = self._logins.ask_line(credentials, self._origin)
        self._asked = asked
        return asked.addCallback(self._keep, header)

    def _keep(self, login: Login, header: bytes) -> None:
        self._log_out()
        self.times += 1
        self._login, self._header, self.identity = login, header, login.identity
        expires = getattr(login.identity, "expires", None)
        self._until = self._clock.seconds() + self._recheck
        if expires is not None:
            self._until = min(self._until, expires)

    def hand_on(self) -> Login | None:
        """The login, for who goes on with the line and sees to its end; None without one."""
        login, self._login = self._login, None
        return login

    def stop(self) -> None:
        """The line is down."""
        if self._asked is not None:
            self._asked.cancel()
        self._log_out()

    def _log_out(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            login.end()
