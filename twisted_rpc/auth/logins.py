"""One login, whichever way its credentials came: budget, proof, delay, a line in the log."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any, Protocol

from twisted.cred.credentials import ICredentials
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface

from twisted_rpc.answers import Counters
from twisted_rpc.auth.budget import Budget
from twisted_rpc.auth.credentials import ClientCertificate, UnixPeer
from twisted_rpc.auth.portal import Login, OutOfOrder, authenticated, only_login_failed
from twisted_rpc.auth.tickets import Ticket, Tickets
from twisted_rpc.auth.validity import what_ended
from twisted_rpc.config import Limits
from twisted_rpc.sparing import Sparing

__all__ = ["FarSide", "Logins", "TooManyAttempts"]

_USERS = 10
"""An address may fail so many times as often as one user may from there."""

_MOST_LINES = 100
"""So many failed logins a minute are in the log one by one."""

_LONGEST_NAME = 64
"""So much of a user name stands in the log, and is told apart from others."""

_LONGEST_REASON = 200


class TooManyAttempts(LoginFailed):
    """An address has spent its budget of failed logins.

    Attributes:
        retry_after: seconds until it may try again.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many failed logins from this address (max_auth_attempts)")
        self.retry_after = round(retry_after, 1)


class FarSide(Protocol):
    """Who sends credentials, before it is known who that is."""

    @property
    def peer(self) -> str:
        """Where it is, for people to read."""

    @property
    def source(self) -> str:
        """What its address is counted by."""


class Knows(Protocol):
    """Who can tell whose credentials are: an endpoint."""

    limits: Limits
    counters: Counters

    @property
    def clock(self) -> IReactorTime:
        """Where time comes from."""

    @property
    def credential_kinds(self) -> Collection[type[Interface]]:
        """The interfaces of credentials that it takes."""

    def prove(self, credentials: ICredentials) -> Any:
        """Return the identity or `Login` that credentials are good for, now or later."""

    def rights_of(self, identity: Any) -> Any:
        """What an identity may call."""


class Logins:
    """Logs callers in.

    Args:
        owner: asked whose credentials are.

    Attributes:
        tickets: those that are out.
    """

    _log = Logger()

    def __init__(self, owner: Knows) -> None:
        limits, clock = owner.limits, owner.clock
        self.tickets = Tickets(limits.ticket_timeout, owner.counters, clock)
        self._owner = owner
        self._counters = owner.counters
        self._clock = clock
        self._delay = limits.auth_delay
        self._timeout = limits.handshake_timeout
        most = limits.max_auth_attempts
        self._budgets = (
            None if most is None else (Budget(most, clock), Budget(most * _USERS, clock))
        )
        self._lines = Sparing(clock, _MOST_LINES)
        self._entries = Sparing(clock, _MOST_LINES)

    def ask(self, credentials: ICredentials, origin: FarSide) -> Deferred[Login]:
        """Log in whom credentials belong to that somebody has sent.

        A failure is told `auth_delay` seconds after the attempt, or a multiple of that: how
        long it took to find out says nothing to who waits for it.

        Raises (in the Deferred):
            TooManyAttempts: too many have failed; nobody was asked.
            OutOfOrder: nobody can tell; the log says why.
            LoginFailed: they prove nothing.
        """
        # Nobody guesses a ticket.  Of one user from one address there may be few failures,
        # of all users from there ten times as many.
        budgets: list[tuple[Budget, Hashable]] = []
        if self._budgets is not None and not isinstance(credentials, Ticket):
            of_users, of_sources = self._budgets
            # Of a name not more than is kept apart: it is kept for as long as it owes something.
            user = (getattr(credentials, "username", None) or b"")[:_LONGEST_NAME]
            budgets = [(of_users, (origin.source, user)), (of_sources, origin.source)]
        return Deferred.fromCoroutine(self._ask(credentials, origin, budgets))

    async def _ask(
        self, credentials: ICredentials, origin: FarSide, budgets: list[tuple[Budget, Hashable]]
    ) -> Login:
        entered: list[tuple[Budget, Hashable]] = []
        failed = True
        try:
            for budget, key in budgets:
                wait = await budget.enter(key)
                if wait:
                    raise TooManyAttempts(wait)
                entered.append((budget, key))
            began = self._clock.seconds()
            login = await self._prove(credentials)
            failed = False
            return self._let_in(login, origin)
        except OutOfOrder:
            failed = False
            raise
        except LoginFailed as error:
            self._tell(credentials, origin, error)
            if not isinstance(error, TooManyAttempts):
                await self._delayed(self._clock.seconds() - began)
            elif self._delay is not None:
                await self._delayed(0)
            raise
        finally:
            for budget, key in entered:
                budget.leave(key, failed=failed)

    def _tell(self, credentials: ICredentials, origin: FarSide, error: LoginFailed) -> None:
        self._counters.failed_logins += 1
        if isinstance(error, TooManyAttempts):
            self._counters.hit("max_auth_attempts")
        more = self._lines.more()
        if more is not None:
            self._log.warn(
                "{peer}: login of {who} failed{reason}{more}",
                peer=origin.peer,
                who=_described(credentials),
                reason=f": {_shown(error)}" if str(error) else "",
                more=more,
            )

    async def _delayed(self, took: float) -> None:
        if self._delay is not None:
            await deferLater(self._clock, self._delay - took % self._delay)

    def ask_line(self, credentials: Sequence[ICredentials], origin: FarSide) -> Deferred[Login]:
        """Log in by what a line brings along, a certificate or the kernel's word.

        Nobody has typed it: it costs no attempt, and a failure is not delayed.

        Raises (in the Deferred):
            LoginFailed: it proves nothing.
        """
        return Deferred.fromCoroutine(self._ask_line(credentials, origin))

    async def _ask_line(self, credentials: Sequence[ICredentials], origin: FarSide) -> Login:
        for each in credentials:
            try:
                return self._let_in(await self._prove(each), origin)
            except LoginFailed:
                more = self._lines.more()
                if more is not None:
                    who = _described(each)
                    self._log.info(
                        "{peer}: {who} is not let in{more}", peer=origin.peer, who=who, more=more
                    )
        raise UnauthorizedLogin

    def _let_in(self, login: Login, origin: FarSide) -> Login:
        more = self._entries.more()
        if more is not None:
            who = repr(str(login.identity))
            self._log.debug("{peer}: {who} is let in{more}", peer=origin.peer, who=who, more=more)
        return login

    def takes(self, kind: type[Interface]) -> bool:
        """Whether somebody can be asked about credentials of a kind."""
        return kind in self._owner.credential_kinds

    def _prove(self, credentials: ICredentials) -> Deferred[Login]:
        if isinstance(credentials, Ticket):
            proved = maybeDeferred(self.tickets.redeem, credentials)
        elif any(kind.providedBy(credentials) for kind in self._owner.credential_kinds):
            proved = authenticated(self._owner.prove, credentials)
            if self._timeout is not None:
                proved.addTimeout(self._timeout, self._clock, self._timed_out)
        else:
            proved = fail(UnauthorizedLogin("credentials of a kind that nobody knows"))
        return proved.addCallback(self._checked).addErrback(only_login_failed)

    def _timed_out(self, _: object, timeout: float) -> Failure:
        self._log.error("a login took more than {timeout} s (handshake_timeout)", timeout=timeout)
        return Failure(OutOfOrder())

    def _checked(self, identity: Any) -> Login:
        login = identity if isinstance(identity, Login) else Login(identity)
        who = login.identity
        try:
            if who is None or who is False or (isinstance(who, str) and not who):
                # What a hook returns that forgets to raise, or to return.
                raise TypeError(f"authentication has found out that it is {who!r}")
            why = what_ended(who, self._clock.seconds())
            if why is not None:
                raise UnauthorizedLogin(why)
            self._owner.rights_of(who)  # whom no rule can judge is not let in
        except Exception:
            login.end()
            raise
        return login


def _shown(error: LoginFailed) -> str:
    """A checker's reason; what a caller has put into it moves no cursor of who reads the log."""
    text = str(error)[:_LONGEST_REASON]
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _described(credentials: ICredentials) -> str:
    """Who wants to be let in, as the log may say it."""
    name = getattr(credentials, "username", None)
    if name is not None:
        text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)
        return repr(text[:_LONGEST_NAME])
    if isinstance(credentials, ClientCertificate):
        return f"the certificate of {credentials.certificate.subject.rfc4514_string()!r}"
    if isinstance(credentials, UnixPeer):
        return f"the user with uid {credentials.uid}"
    return type(credentials).__name__
