"""Who a caller is: credentials from the wire to `twisted.cred` and back.

One way for every transport.  A transport extracts credentials (an Authorization header,
the first message of a stream); the endpoint's `authenticate` finds out whose they are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET
from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from twisted_rpc import codec
from twisted_rpc.answers import id_of
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.errors import BatchTooBig, InvalidParams, RPCError, Unauthorized
from twisted_rpc.invocation import chained
from twisted_rpc.message import Invalid, Message
from twisted_rpc.running import Answer, Caller

__all__ = [
    "Gate",
    "HeaderLogin",
    "add_checker",
    "authenticated",
    "basic_credentials",
    "log_in",
    "password_checker",
    "portal_for",
]

_log = Logger()
_decode_pair = msgspec.json.Decoder(tuple[str, str]).decode


class IIdentity(Interface):
    """What a realm is asked for: whatever stands for the caller."""


@implementer(IRealm)
class _Names:
    """A realm in which everybody is who the checker says: the avatar id itself."""

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> tuple[type[Interface], Any, Callable[[], None]]:
        identity = avatarId.decode("utf-8", "replace") if isinstance(avatarId, bytes) else None
        return IIdentity, identity if identity is not None else "anonymous", lambda: None


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


def password_checker(user: str, password: str) -> ICredentialsChecker:
    """A checker that knows one user."""
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(user.encode("utf-8"), password.encode("utf-8"))
    return checker


def log_in(portal: Portal, credentials: Any) -> Deferred[Any]:
    """The identity that credentials prove.

    Raises (in the Deferred):
        LoginFailed: they prove nothing.
    """
    return maybeDeferred(portal.login, credentials, None, IIdentity).addCallback(
        lambda avatar: avatar[1]
    )


def basic_credentials(header: str) -> UsernamePassword | None:
    """The user name and password in an Authorization header (RFC 7617); None if there are none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.partition(b":")
    return UsernamePassword(user, password) if colon else None


class Gate:
    """Answers a connection's messages until it has proved who it is.

    The ancestor's convention: the first message is a call of `auth` with user and
    password.  Anything else is answered -32001, and no method is looked up.

    Args:
        authenticate: the endpoint's.
        dispatcher: decodes within the limits.
        admit: called with the identity once it is known.
    """

    def __init__(
        self,
        authenticate: Callable[[Any], Any],
        dispatcher: Dispatcher,
        admit: Callable[[Any], None],
    ) -> None:
        self._authenticate = authenticate
        self._dispatcher = dispatcher
        self._admit = admit

    def dispatch(self, data: bytes, caller: Caller) -> Answer:
        """Answer one text; see `Dispatcher.dispatch`."""
        message = codec.decode(data, self._dispatcher.max_depth)
        if isinstance(message, list):
            most = self._dispatcher.limits.max_batch
            if most is not None and len(message) > most:
                return codec.error_answer(BatchTooBig(f"{most} items at most (max_batch)"))
            refused = [answer for item in message if (answer := self._refuse(item)) is not None]
            return codec.join_batch(refused) if refused else None
        if isinstance(message, Message) and message.method == "auth":
            return self._log_in(message)
        return self._refuse(message)

    def _refuse(self, item: Message | Invalid) -> bytes | None:
        if isinstance(item, Invalid):
            return codec.error_answer(item.error, item.id)
        if item.method is UNSET or item.id is UNSET:
            return None
        return codec.error_answer(Unauthorized("call auth with [user, password] first"), item.id)

    def _log_in(self, message: Message) -> Answer:
        try:
            user, password = _decode_pair(b"" if message.params is UNSET else message.params)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            error: RPCError = InvalidParams("auth takes [user, password]")
            return None if message.id is UNSET else codec.error_answer(error, id_of(message))
        credentials = UsernamePassword(user.encode("utf-8"), password.encode("utf-8"))
        proved = authenticated(self._authenticate, credentials)
        proved.addCallbacks(self._succeeded, self._failed, (message,), {}, (message,))
        return proved

    def _succeeded(self, identity: Any, message: Message) -> bytes | None:
        self._admit(identity)
        return None if message.id is UNSET else codec.encode_result(True, id_of(message), 1 << 20)

    def _failed(self, _: Failure, message: Message) -> bytes | None:
        if message.id is UNSET:
            return None
        return codec.error_answer(Unauthorized("invalid credentials"), id_of(message))


def authenticated(authenticate: Callable[[Any], Any], credentials: Any) -> Deferred[Any]:
    """Ask an endpoint's `authenticate`, whichever way it answers.

    Raises (in the Deferred):
        LoginFailed: the credentials prove nothing, or nobody can tell; the log says why then.
    """
    asked: Deferred[Any] = maybeDeferred(lambda: chained(authenticate(credentials)))
    return asked.addErrback(_only_login_failed)


def _only_login_failed(failure: Failure) -> Failure:
    if failure.check(LoginFailed) is None:
        _log.failure("authentication failed for another reason than the credentials", failure)
        return Failure(LoginFailed("authentication is out of order"))
    return failure


class HeaderLogin:
    """Who sends the requests of one line: asked once, as long as they say the same.

    Args:
        authenticate: the endpoint's.

    Attributes:
        identity: whose header it is that `knows` knows.
    """

    def __init__(self, authenticate: Callable[[Any], Any]) -> None:
        self.identity: Any = None
        self._authenticate = authenticate
        self._header: bytes | None = None

    def knows(self, header: bytes) -> bool:
        """Whether this Authorization header has proved who sends it."""
        return header == self._header

    def ask(self, header: bytes, credentials: Any) -> Deferred[Any]:
        """The identity that a header's credentials prove; see `authenticated`."""
        return authenticated(self._authenticate, credentials).addCallback(self._keep, header)

    def _keep(self, identity: Any, header: bytes) -> Any:
        self._header, self.identity = header, identity
        return identity
