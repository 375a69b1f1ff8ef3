"""Checkers to one portal, and a portal to an identity."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from msgspec import Struct
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from twisted_rpc.identity import Identity
from twisted_rpc.invocation import chained

__all__ = [
    "IIdentity",
    "Login",
    "OneUser",
    "OutOfOrder",
    "add_checker",
    "authenticated",
    "log_in",
    "only_login_failed",
    "portal_for",
]

_log = Logger()


class IIdentity(Interface):
    """What a realm is asked for: whatever stands for the caller.

    Attributes of it that have a meaning, if it has them, are those of `Identity`; its name
    is what `str` makes of it.
    """


class OutOfOrder(LoginFailed):
    """Nobody can tell whose credentials these are: the log says why, the caller may not know."""

    def __init__(self) -> None:
        super().__init__("authentication is out of order")


class Login(Struct, frozen=True):
    """A login that succeeded.

    Attributes:
        identity: who it is.
        logout: what the realm wants to be called when the connection has ended.
    """

    identity: Any
    logout: Callable[[], Any] = lambda: None

    def end(self) -> None:
        """The connection has ended; a realm that fails then disturbs nobody."""
        maybeDeferred(self.logout).addErrback(
            lambda failure: _log.failure("a logout failed", failure)
        )


@implementer(IRealm)
class _Names:
    """A realm in which everybody is who the checker says: the avatar id itself."""

    def requestAvatar(
        self, avatarId: Any, mind: object, *interfaces: type[Interface]
    ) -> tuple[type[Interface], Identity, Callable[[], None]]:
        return IIdentity, _identity(avatarId), lambda: None


def _identity(avatar_id: Any) -> Identity:
    if isinstance(avatar_id, Identity):
        return avatar_id
    if isinstance(avatar_id, bytes):
        try:
            avatar_id = avatar_id.decode("utf-8")
        except UnicodeDecodeError:  # two names must not become one
            raise UnauthorizedLogin("the user's name is not UTF-8") from None
    return Identity(str(avatar_id or "anonymous"))  # `()` is how cred says that it is nobody


@implementer(ICredentialsChecker)
class _Either:
    """Asks a second checker about credentials that prove nothing to a first."""

    credentialInterfaces: tuple[type[Interface], ...]

    def __init__(
        self, first: ICredentialsChecker, second: ICredentialsChecker, kind: type[Interface]
    ) -> None:
        self.credentialInterfaces = (kind,)
        self._first = first
        self._second = second

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        def ask_second(failure: Failure) -> Any:
            failure.trap(LoginFailed)
            return self._second.requestAvatarId(credentials)

        asked: Deferred[Any] = maybeDeferred(self._first.requestAvatarId, credentials)
        return asked.addErrback(ask_second)


def portal_for(checker: ICredentialsChecker) -> Portal:
    """A portal whose avatars are user names."""
    return Portal(_Names(), [checker])


def add_checker(portal: Portal, checker: ICredentialsChecker) -> None:
    """Let a portal ask one more checker; `registerChecker` would put it in another's place."""
    for kind in checker.credentialInterfaces:
        others = portal.checkers.get(kind)
        both = checker if others is None else _Either(others, checker, kind)
        portal.registerChecker(both, kind)


@implementer(ICredentialsChecker)
class OneUser:
    """Knows one user, and takes as long for every wrong password and name."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, user: str, password: str) -> None:
        self._user = user.encode("utf-8")
        self._digest = sha256(password.encode("utf-8")).digest()

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """See `ICredentialsChecker`."""
        is_user = compare_digest(credentials.username, self._user)
        if compare_digest(sha256(credentials.password).digest(), self._digest) and is_user:
            return succeed(self._user)
        return fail(UnauthorizedLogin())


def log_in(portal: Portal, credentials: Any) -> Deferred[Login]:
    """The login that credentials are good for.

    Raises (in the Deferred):
        LoginFailed: they prove nothing.
    """
    asked: Deferred[Any] = maybeDeferred(portal.login, credentials, None, IIdentity)
    return asked.addCallback(lambda avatar: Login(avatar[1], avatar[2]))


def authenticated(authenticate: Callable[[Any], Any], credentials: Any) -> Deferred[Any]:
    """Ask an endpoint's `authenticate`, whichever way it answers.

    Raises (in the Deferred):
        LoginFailed: the credentials prove nothing, or nobody can tell; the log says why then.
    """
    asked: Deferred[Any] = maybeDeferred(lambda: chained(authenticate(credentials)))
    return asked.addErrback(only_login_failed)


def only_login_failed(failure: Failure) -> Failure:
    """Log what is no verdict on the credentials, and make it one that tells nothing."""
    if failure.check(LoginFailed, CancelledError) is None:
        _log.failure("authentication failed for another reason than the credentials", failure)
        return Failure(OutOfOrder())
    return failure
