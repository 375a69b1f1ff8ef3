"""One login, whichever way its credentials came: budget, proof, delay, a line in the log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from twisted_rpc.auth.portal import Login, authenticated, only_login_failed
from twisted_rpc.auth.tickets import Ticket, Tickets
from twisted_rpc.auth.validity import what_ended
from twisted_rpc.config import Limits
from twisted_rpc.rates import Buckets

__all__ = ["Logins", "Origin", "TooManyAttempts"]

_MINUTE = 60.0

_LONGEST_NAME = 64
"""So much of a user name stands in the log."""


class TooManyAttempts(LoginFailed):
    """An address has spent its budget of failed logins.

    Attributes:
        retry_after: seconds until it may try again.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many failed logins from this address (max_auth_attempts)")
        self.retry_after = round(retry_after, 1)


class Origin(Protocol):
    """Where credentials come from."""

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
        self._attempts = None if most is None else Buckets(most / _MINUTE, most, clock)
        self._told = Buckets(1 / _MINUTE, 1, clock)

    def ask(self, credentials: ICredentials, origin: Origin) -> Deferred[Login]:
        """Log in whom credentials belong to that somebody has sent.

        A failure is told `auth_delay` seconds after the attempt, or a multiple of that: how
        long it took to find out says nothing to who waits for it.

        Raises (in the Deferred):
            TooManyAttempts: the address has to wait; nobody was asked.
            LoginFailed: they prove nothing, or nobody can tell; the log says why then.
        """
        wait = self._spend(origin)
        if wait:
            return self._fail(TooManyAttempts(wait), credentials, origin)
        began = self._clock.seconds()
        asked = self._prove(credentials)
        asked.addCallback(self._succeeded, origin)
        return asked.addErrback(self._failed, credentials, origin, began)

    def _spend(self, origin: Origin) -> float:
        """Pay for an attempt before it begins, or many at once would get by.

        Returns:
            0, or the seconds after which there is something to spend again.
        """
        if self._attempts is None:
            return 0
        wait = self._attempts.wait(origin.source)
        if not wait:
            self._attempts.take(origin.source)
        return wait

    def ask_line(self, credentials: Sequence[ICredentials]) -> Deferred[Login]:
        """Log in by what a line brings along, a certificate or the kernel's word.

        Nobody has typed it: it costs no attempt, and a failure is neither delayed nor logged.

        Raises (in the Deferred):
            LoginFailed: it proves nothing.
        """
        asked = self._prove(credentials[0])
        if len(credentials) == 1:
            return asked

        def go_on(failure: Failure) -> Deferred[Login]:
            failure.trap(LoginFailed)
            return self.ask_line(credentials[1:])

        return asked.addErrback(go_on)

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
        return Failure(LoginFailed("authentication is out of order"))

    def _checked(self, identity: Any) -> Login:
        login = identity if isinstance(identity, Login) else Login(identity)
        why = what_ended(login.identity, self._clock.seconds())
        if why is not None:
            raise UnauthorizedLogin(why)
        self._owner.rights_of(login.identity)  # whom nobody can judge is not let in
        return login

    def _succeeded(self, login: Login, origin: Origin) -> Login:
        if self._attempts is not None:
            self._attempts.take(origin.source, -1)  # only those that fail cost something
        return login

    def _failed(
        self, failure: Failure, credentials: ICredentials, origin: Origin, began: float
    ) -> Deferred[Login]:
        failure.trap(LoginFailed)
        self._counters.failed_logins += 1
        who = _described(credentials)
        self._log.warn("{peer}: login of {who} failed", peer=origin.peer, who=who)
        return self._later(failure, began)

    def _fail(
        self, error: TooManyAttempts, credentials: ICredentials, origin: Origin
    ) -> Deferred[Login]:
        self._counters.failed_logins += 1
        self._counters.hit("max_auth_attempts")
        if not self._told.wait(origin.source):  # not as often as it is tried
            self._told.take(origin.source)
            who = _described(credentials)
            self._log.warn(
                "{peer}: login of {who} not tried: {error}", peer=origin.peer, who=who, error=error
            )
        return self._later(Failure(error), self._clock.seconds())

    def _later(self, failure: Failure, began: float) -> Deferred[Login]:
        if self._delay is None:
            return fail(failure)
        took = self._clock.seconds() - began
        told: Deferred[Any] = deferLater(self._clock, self._delay - took % self._delay)
        return told.addCallback(lambda _: failure)


def _described(credentials: ICredentials) -> str:
    """Who wants to be let in, as the log may say it."""
    name = getattr(credentials, "username", None)
    if name is None:
        return type(credentials).__name__
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)
    return repr(text[:_LONGEST_NAME])
