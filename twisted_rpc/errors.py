"""Error codes, the exceptions that carry them, and the exceptions of a caller.

Two families, kept apart on purpose:

- `RPCError` and its subclasses are what *we* answer with.  Raise one in a method
  and the far side receives its code, message and data.
- `CallError` and its subclasses are what a call of ours to the far side may end
  in: it answered with an error, the line dropped, or time ran out.

Codes follow the JSON-RPC 2.0 specification, section 5.1; the server-defined range
-32000..-32099 is allotted in the table below, -32800 comes from the Language Server
Protocol.  Applications use codes outside -32768..-32000.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

from msgspec import UNSET, Struct, UnsetType

__all__ = [
    "AuthenticationFailed",
    "BatchResponseTooBig",
    "BatchTooBig",
    "Busy",
    "CallError",
    "CallTimeout",
    "Cancelled",
    "CertificateRefused",
    "ConfigError",
    "ConnectError",
    "ConnectionLost",
    "ConnectionRefused",
    "ErrorCode",
    "ErrorObject",
    "ExposeError",
    "Forbidden",
    "InternalError",
    "InvalidParams",
    "InvalidRequest",
    "MethodNotFound",
    "NotFullDuplex",
    "ParseError",
    "ProtocolError",
    "RPCError",
    "RateLimited",
    "RemoteError",
    "RequestTimeout",
    "RequestTooBig",
    "ResponseTooBig",
    "ServerError",
    "ShuttingDown",
    "TooManyCalls",
    "TooManySubscriptions",
    "Unauthorized",
    "UnknownHost",
    "nobody_calls",
]


class ErrorCode(IntEnum):
    """Every code the daemon itself answers with."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    SERVER_ERROR = -32000
    UNAUTHORIZED = -32001
    TIMEOUT = -32002
    FORBIDDEN = -32004
    RATE_LIMITED = -32005
    TOO_MANY_SUBSCRIPTIONS = -32006
    REQUEST_TOO_BIG = -32007
    RESPONSE_TOO_BIG = -32008
    BUSY = -32009
    BATCH_TOO_BIG = -32010
    BATCH_RESPONSE_TOO_BIG = -32011
    SHUTTING_DOWN = -32012
    CANCELLED = -32800


class ErrorObject(Struct, frozen=True, omit_defaults=True):
    """The `error` member of a response (JSON-RPC 2.0, section 5.1)."""

    code: int
    message: str
    data: Any = UNSET


class RPCError(Exception):
    """An error the far side is told about.

    Args:
        code: an integer; applications choose one outside -32768..-32000.
        message: one short sentence.
        data: anything that can be encoded as JSON; left out when not given.
    """

    def __init__(self, code: int, message: str, data: Any = UNSET) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"

    @property
    def is_sound(self) -> bool:
        """Whether code and message are what the specification wants them to be."""
        integer = isinstance(self.code, int) and not isinstance(self.code, bool)
        return integer and isinstance(self.message, str)

    def to_object(self) -> ErrorObject:
        """The error as it stands in a response."""
        return ErrorObject(int(self.code), self.message, self.data)


class _StandardError(RPCError):
    """An error of the table: its class fixes the code, and the message unless one is given."""

    default_code: ClassVar[ErrorCode]
    default_message: ClassVar[str]

    def __init__(self, data: Any = UNSET, message: str | None = None) -> None:
        super().__init__(self.default_code, message or self.default_message, data)


class ParseError(_StandardError):
    """The bytes are not one JSON text (RFC 8259) in UTF-8."""

    default_code = ErrorCode.PARSE_ERROR
    default_message = "Parse error"


class InvalidRequest(_StandardError):
    """The JSON is not a request object."""

    default_code = ErrorCode.INVALID_REQUEST
    default_message = "Invalid Request"


class MethodNotFound(_StandardError):
    """No such method, or none that the caller may know of."""

    default_code = ErrorCode.METHOD_NOT_FOUND
    default_message = "Method not found"


class InvalidParams(_StandardError):
    """The parameters do not fit the method's signature; `data` names the place."""

    default_code = ErrorCode.INVALID_PARAMS
    default_message = "Invalid params"


class InternalError(_StandardError):
    """Something failed on our side; `data` carries the incident's id, never the cause."""

    default_code = ErrorCode.INTERNAL_ERROR
    default_message = "Internal error"


class ServerError(_StandardError):
    """A generic failure of the server."""

    default_code = ErrorCode.SERVER_ERROR
    default_message = "Server error"


class Unauthorized(_StandardError):
    """The caller has not proved who it is."""

    default_code = ErrorCode.UNAUTHORIZED
    default_message = "Unauthorized"


class RequestTimeout(_StandardError):
    """A method, or the arrival of a message, took longer than its limit."""

    default_code = ErrorCode.TIMEOUT
    default_message = "Timeout"


class Forbidden(_StandardError):
    """The caller is known and may not do this."""

    default_code = ErrorCode.FORBIDDEN
    default_message = "Forbidden"


class RateLimited(_StandardError):
    """The caller asks too often; `data` is `{"limit": NAME, "retry_after": SECONDS}`."""

    default_code = ErrorCode.RATE_LIMITED
    default_message = "Rate limited"


class TooManySubscriptions(_StandardError):
    """The caller holds as many subscriptions as it may."""

    default_code = ErrorCode.TOO_MANY_SUBSCRIPTIONS
    default_message = "Too many subscriptions"


class RequestTooBig(_StandardError):
    """A message is longer than `max_message`."""

    default_code = ErrorCode.REQUEST_TOO_BIG
    default_message = "Request too big"


class ResponseTooBig(_StandardError):
    """An answer is longer than `max_response`."""

    default_code = ErrorCode.RESPONSE_TOO_BIG
    default_message = "Response too big"


class Busy(_StandardError):
    """As many calls are running as may (`max_in_flight`, `max_calls`), or the server is full."""

    default_code = ErrorCode.BUSY
    default_message = "Busy"


class BatchTooBig(_StandardError):
    """A batch has more items than `max_batch`."""

    default_code = ErrorCode.BATCH_TOO_BIG
    default_message = "Batch too big"


class BatchResponseTooBig(_StandardError):
    """The answers of a batch together are longer than `max_response`."""

    default_code = ErrorCode.BATCH_RESPONSE_TOO_BIG
    default_message = "Batch response too big"


class ShuttingDown(_StandardError):
    """The server takes no new calls."""

    default_code = ErrorCode.SHUTTING_DOWN
    default_message = "Shutting down"


class Cancelled(_StandardError):
    """The call was cancelled before it ended."""

    default_code = ErrorCode.CANCELLED
    default_message = "Request cancelled"


class CallError(Exception):
    """A call of ours to the far side did not end in a result."""


class RemoteError(CallError):
    """The far side answered with an error.

    Args:
        code, message: as they came.
        data: `UNSET` when the answer bore none.
        method: what was called, if it is known.
        peer: who answered.
    """

    def __init__(
        self,
        code: int,
        message: str,
        data: Any | UnsetType = UNSET,
        *,
        method: str = "",
        peer: str = "",
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data
        self.method = method
        self.peer = peer

    def __str__(self) -> str:
        called = f"{self.method}: " if self.method else ""
        at = f" from {self.peer}" if self.peer else ""
        why = f": {self.data}" if isinstance(self.data, str) else ""
        return f"{called}{self.message} ({self.code}){at}{why}"


class CallTimeout(CallError, TimeoutError):
    """The far side did not answer in time."""


class ConnectionLost(CallError):
    """The line dropped before the answer came, or was down already."""


class ProtocolError(CallError):
    """The far side sent what is no answer: no JSON, a message too long, another status."""


class TooManyCalls(CallError):
    """As many calls wait for the far side as may (`max_outgoing`): this one was not sent."""


class ConnectError(CallError):
    """No connection could be made; the text says why, and what can be done."""


class ConnectionRefused(ConnectError, ConnectionRefusedError):
    """Nobody listens there."""


class UnknownHost(ConnectError):
    """The name has no address."""


class CertificateRefused(ConnectError):
    """The far side's certificate proves nothing to us."""


class AuthenticationFailed(ConnectError):
    """The far side does not take our credentials."""


class NotFullDuplex(CallError):
    """This transport answers only: nobody can be called or notified over it."""


def nobody_calls(what: str, peer: str) -> NotFullDuplex:
    """Why something is not to be called, or heard, by whom we are connected to over HTTP."""
    return NotFullDuplex(
        f"{what}: {peer} answers, and can neither call nor notify us over HTTP: "
        "connect by ws:// or tcp:// instead"
    )


class ExposeError(ValueError):
    """A name or an object cannot be exposed; the text says why and how to mend it."""


class ConfigError(ValueError):
    """The configuration is wrong; the text names file, table and key."""
