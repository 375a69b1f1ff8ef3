"""The first message of a line: a call of `auth`, and nothing before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Struct
from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, UsernamePassword
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_rpc import codec
from twisted_rpc.answers import id_of
from twisted_rpc.auth.credentials import BearerToken
from twisted_rpc.auth.logins import FarSide, Logins, TooManyAttempts
from twisted_rpc.auth.portal import Login, OutOfOrder
from twisted_rpc.auth.tickets import Ticket
from twisted_rpc.codec import Decoded
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.errors import (
    BatchTooBig,
    InternalError,
    InvalidParams,
    RateLimited,
    RPCError,
    Unauthorized,
)
from twisted_rpc.message import Invalid, Message
from twisted_rpc.running import Answer, Caller

__all__ = ["Gate", "auth_credentials"]


class _Proof(Struct, forbid_unknown_fields=True):
    user: str | None = None
    password: str | None = None
    token: str | None = None
    ticket: str | None = None


_decode_proof = msgspec.json.Decoder(tuple[str, str] | _Proof).decode


def auth_credentials(params: bytes) -> ICredentials:
    """What the parameters of a call of `auth` prove somebody with.

    Raises:
        InvalidParams: nothing.
    """
    try:
        proof = _decode_proof(params)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        proof = _Proof()
    if isinstance(proof, tuple):
        return _password(*proof)
    given = [name for name in proof.__struct_fields__ if getattr(proof, name) is not None]
    if given == ["user", "password"]:
        return _password(str(proof.user), str(proof.password))
    if given == ["token"]:
        return BearerToken(str(proof.token).encode("utf-8", "surrogatepass"))
    if given == ["ticket"]:
        return Ticket(str(proof.ticket))
    raise InvalidParams('auth takes [user, password], {"token": ...} or {"ticket": ...}')


def _password(user: str, password: str) -> UsernamePassword:
    return UsernamePassword(user.encode("utf-8"), password.encode("utf-8"))


class Admits(Protocol):
    """Whom a gate stands before."""

    def admit(self, login: Login) -> None:
        """It has proved who it is."""

    def again(self, message: bytes) -> None:
        """Handle a message that came before that, as the first."""


class Gate:
    """Answers a connection's messages until it has proved who it is.

    The ancestor's convention: the first message is a call of `auth` with user and
    password, or with a token or ticket by name.  Anything else is answered -32001, and no
    method is looked up.  Where anybody may come in, who begins with anything else is
    `anonymous` from then on.

    Args:
        logins: the endpoint's.
        dispatcher: decodes within the limits.
        origin: where the messages come from.
        inside: told of a login that succeeded.
    """

    def __init__(
        self, logins: Logins, dispatcher: Dispatcher, origin: FarSide, inside: Admits
    ) -> None:
        self._logins = logins
        self._dispatcher = dispatcher
        self._origin = origin
        self._inside = inside
        self._asked: Deferred[Any] | None = None

    def dispatch(self, data: bytes, caller: Caller) -> Answer:
        """Answer one text; see `Dispatcher.dispatch`."""
        message = codec.decode(data, self._dispatcher.max_depth)
        if isinstance(message, Message) and message.method == "auth":
            return self._log_in(message)
        if self._logins.takes(IAnonymous):
            asked = self._logins.ask_line([Anonymous()], self._origin)
            return self._answer_after(
                asked.addCallback(self._let_in, data),
                lambda _: self._refuse_all(message, caller),
            )
        return self._refuse_all(message, caller)

    def _let_in(self, login: Login, data: bytes) -> None:
        self._inside.admit(login)
        self._inside.again(data)

    def _answer_after(
        self, asked: Deferred[Any], failed: Callable[[Failure], bytes | None]
    ) -> Deferred[bytes | None]:
        self._asked = asked
        return asked.addErrback(failed)

    def _refuse_all(self, message: Decoded, caller: Caller) -> bytes | None:
        if isinstance(message, list):
            most = self._dispatcher.limits.max_batch
            if most is not None and len(message) > most:
                self._dispatcher.counters.hit("max_batch")
                return codec.error_answer(BatchTooBig(f"{most} items at most (max_batch)"))
            refused = [
                answer for item in message if (answer := self._refuse(item, caller)) is not None
            ]
            return codec.join_batch(refused) if refused else None
        return self._refuse(message, caller)

    def close(self) -> None:
        """The connection has ended: nobody waits for an outcome any more."""
        if self._asked is not None:
            self._asked.cancel()

    def _refuse(self, item: Message | Invalid, caller: Caller) -> bytes | None:
        if isinstance(item, Invalid):
            return self._dispatcher.refuse(item, caller)
        if item.method is UNSET or item.id is UNSET:
            return None
        error = Unauthorized("call auth with [user, password] first")
        self._dispatcher.rates.fine(caller, error)
        return codec.error_answer(error, item.id)

    def _log_in(self, message: Message) -> Answer:
        try:
            credentials = auth_credentials(b"" if message.params is UNSET else message.params)
        except InvalidParams as error:
            return _failure(error, message)
        asked = self._logins.ask(credentials, self._origin)
        return self._answer_after(
            asked.addCallback(self._succeeded, message),
            lambda failure: self._failed(failure, message),
        )

    def _succeeded(self, login: Login, message: Message) -> bytes | None:
        self._inside.admit(login)
        return None if message.id is UNSET else codec.encode_result(True, id_of(message), 1 << 20)

    def _failed(self, failure: Failure, message: Message) -> bytes | None:
        if isinstance(failure.value, TooManyAttempts):
            wait = {"limit": "max_auth_attempts", "retry_after": failure.value.retry_after}
            return _failure(RateLimited(wait), message)
        if isinstance(failure.value, OutOfOrder):
            return _failure(InternalError(str(failure.value)), message)
        return _failure(Unauthorized("invalid credentials"), message)


def _failure(error: RPCError, message: Message) -> bytes | None:
    if message.id is UNSET:
        return None
    return codec.encode_error(error.to_object(), id_of(message))
