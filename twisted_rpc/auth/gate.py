"""The first message of a line: a call of `auth`, and nothing before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET
from twisted.cred.credentials import UsernamePassword
from twisted.python.failure import Failure

from twisted_rpc import codec
from twisted_rpc.answers import id_of
from twisted_rpc.auth.portal import authenticated
from twisted_rpc.dispatch import Dispatcher
from twisted_rpc.errors import BatchTooBig, InvalidParams, RPCError, Unauthorized
from twisted_rpc.message import Invalid, Message
from twisted_rpc.running import Answer, Caller

__all__ = ["Gate"]

_decode_pair = msgspec.json.Decoder(tuple[str, str]).decode


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
