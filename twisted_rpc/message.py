"""The messages of JSON-RPC 2.0 as values.

An incoming message is one `Message` with predicates for its kind, because telling
the kinds apart costs nothing that way on the path every call takes.  What is wrong
with a message becomes a value in its place, `Invalid`, so that one bad item never
spoils the others of its batch.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from twisted_rpc.errors import ErrorObject, RPCError

__all__ = [
    "CancelParams",
    "CorrelatedRequest",
    "ErrorResponse",
    "Id",
    "Invalid",
    "Message",
    "Request",
    "Response",
    "Watched",
]

MAX_ID_LENGTH = 256
"""The longest `id` taken, in characters; what we echo must be bounded."""

Id = int | str | Raw | None
"""A request's id. `Raw` holds a number that Python would not echo digit by digit."""


class Message(Struct, gc=False):
    """One message as it came in; unknown members are ignored.

    `params`, `result` and `error` stay undecoded until somebody needs them with a type.
    An absent member is `UNSET`, which is not the same as null.  (`id` may also be a
    `Raw` that the codec put there, and `request_id` what `correlation` made of it, which
    the annotation cannot say to the decoder.)
    """

    jsonrpc: Literal["2.0"]
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    id: int | Annotated[str, Meta(max_length=MAX_ID_LENGTH)] | None | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    request_id: Raw | UnsetType = UNSET
    traceparent: Raw | UnsetType = UNSET
    tracestate: Raw | UnsetType = UNSET


class Watched(Message, gc=True):
    """A request that somebody observes, with what is found out about it on its way.

    Attributes:
        begun: when it was taken up, on `time.perf_counter`.
        size: bytes it came in, without its framing.
        identity: who sent it.
        context: what its method was told of it.
        failure: the error it ended with.
        in_batch: whether it is an item of a batch.
    """

    begun: float = 0.0
    size: int = 0
    identity: Any = None
    context: Any = None
    failure: RPCError | None = None
    in_batch: bool = False


class Invalid(Struct, frozen=True):
    """Something that is no message, with the error it is answered by.

    `meant` is what a client takes it for all the same: servers in JavaScript send no result
    where a method returned undefined, and rpc-websockets has a shape of its own for events.
    `limit` names the limit it is beyond, if it is for that.
    """

    error: RPCError
    id: Id = None
    meant: Message | None = None
    limit: str | None = None


class Request(Struct, frozen=True):
    """A call, or without an id a notification (specification, section 4.1).

    What middleware receives and passes on, and what we send to the far side.
    """

    jsonrpc: str
    method: str
    params: Any = UNSET
    id: Any = UNSET

    @property
    def is_notification(self) -> bool:
        """Whether the sender wants no answer."""
        return self.id is UNSET


class CorrelatedRequest(Request, frozen=True):
    """A call of ours that says which request and which trace it belongs to."""

    request_id: str | UnsetType = UNSET
    traceparent: str | UnsetType = UNSET
    tracestate: str | UnsetType = UNSET


class CancelParams(Struct):
    """Which call `$/cancelRequest` is about (Language Server Protocol 3.17)."""

    id: int | str


class Response(Struct, gc=False):
    """A successful answer of ours."""

    jsonrpc: str
    result: Any
    id: Any


class ErrorResponse(Struct):
    """A failed answer of ours."""

    jsonrpc: str
    error: ErrorObject
    id: Any
