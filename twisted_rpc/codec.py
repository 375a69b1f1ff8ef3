"""Bytes to messages and back, strictly.

The one place that reads and writes JSON-RPC's JSON.  Strict means: UTF-8 and nothing
else (RFC 8259, section 8.1), no NaN, no lone surrogates, nesting bounded, and what we
send decodes to what the method returned, or is an error instead.

Knows nothing of sockets, framing or methods.  Limits come as plain numbers.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import UNSET, MsgspecError, Raw, UnsetType, ValidationError

from twisted_rpc.errors import (
    ErrorObject,
    InvalidRequest,
    ParseError,
    ResponseTooBig,
    RPCError,
)
from twisted_rpc.message import (
    MAX_ID_LENGTH,
    CancelParams,
    ErrorResponse,
    Id,
    Invalid,
    Message,
    Request,
    Response,
)

__all__ = [
    "BACKSLASH",
    "PLAIN",
    "Decoded",
    "checked",
    "decode",
    "decode_cancelled",
    "decode_plain",
    "decode_value",
    "encode",
    "encode_error",
    "encode_plain",
    "encode_result",
    "error_answer",
    "error_code",
    "item_sizes",
    "join_batch",
]

Decoded = Message | Invalid | list[Message | Invalid]
"""What one text holds: a message, something invalid, or a batch of both."""

_VERSION = "2.0"
_NULL = Raw(b"null")
_decode_fast = msgspec.json.Decoder(Message | list[Message]).decode

decode_plain = msgspec.json.Decoder(Message).decode
"""For one message in text that needs no look before: ASCII, no backslash, too short to nest
too deep.  It raises `MsgspecError`; its members are still to be `checked` together."""

encode_plain: Callable[[Response | list[Response] | Request], bytes] = msgspec.json.Encoder().encode
"""For what needs none of the checks of `encode_result` or `encode`: a result of a type in
`PLAIN`, parameters that are encoded already."""

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode
_check_syntax = msgspec.json.Decoder(Raw).decode
_decode_any = msgspec.json.Decoder().decode
_decode_cancelled = msgspec.json.Decoder(CancelParams | tuple[int | str]).decode
_decode_id = msgspec.json.Decoder(int | str | None).decode


def _as_builtin(value: Any) -> Any:
    """What msgspec leaves to us: strings of other types, such as the name of an identity."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_encode_any = msgspec.json.Encoder(enc_hook=_as_builtin).encode

BACKSLASH = 0x5C  # searching bytes for a number is four times as fast as for bytes
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LONG = 16 * 1024
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NUMERIC_KEY = re.compile(rb'[{,]"(?:[-0-9.eE+]+|nan|-?inf)":')
PLAIN = frozenset({int, str, bool, type(None)})
"""Types of results that JSON can say whatever their value."""


def decode(data: bytes, max_depth: int) -> Decoded:
    """Decode one JSON text.

    Never raises: text that is not JSON is an `Invalid` with -32700, JSON that is no
    request an `Invalid` with -32600 (specification, section 5.1).

    Args:
        data: the whole text.
        max_depth: how deep arrays and objects may nest.
    """
    try:
        if not data.isascii() or BACKSLASH in data:
            _check_text(data)
        # Fewer bytes than that cannot close what they would have to open.
        if len(data) > 2 * max_depth and _is_deeper(data, max_depth):
            error = ParseError(f"nested deeper than {max_depth} levels (max_depth)")
            return Invalid(error, limit="max_depth")
        try:
            message = _decode_fast(data)
        except ValidationError:
            return _decode_slowly(data)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Invalid(ParseError(_why_not_json(error)))
    if type(message) is Message:
        return checked(message)
    return [
        item
        if item.result is UNSET and item.error is UNSET and item.method is not UNSET
        else checked(item)
        for item in message
    ] or Invalid(InvalidRequest("empty batch"))


def checked(message: Message) -> Message | Invalid:
    """The message, or what is wrong with its members taken together."""
    if message.result is UNSET and message.error is UNSET:
        if message.method is UNSET:
            known = _known(message.id)
            meant = None if known is None else Message("2.0", id=message.id, result=_NULL)
            return Invalid(InvalidRequest("no method"), known, meant)
        return message
    if message.method is not UNSET:
        return Invalid(InvalidRequest("both a request and a response"), _known(message.id))
    return message


def decode_value(raw: Raw | bytes) -> Any:
    """Decode a part that a `Message` kept raw.

    Raises:
        InvalidRequest: a number in it is out of range.
    """
    try:
        return _decode_any(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(_why_not_json(error)) from error


def decode_cancelled(params: Raw | bytes) -> int | str:
    """The id in the parameters of a `$/cancelRequest`: `{"id": …}`, or `[…]`.

    Raises:
        MsgspecError: there is none.
    """
    asked: CancelParams | tuple[int | str] = _decode_cancelled(params)
    return asked[0] if isinstance(asked, tuple) else asked.id


def _known(request_id: Any) -> Id:
    return None if request_id is UNSET else cast("Id", request_id)


def _why_not_json(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error)


def _check_text(data: bytes) -> None:
    """Raise for bytes that are not UTF-8, and for escaped lone surrogates.

    `Raw` members are only checked for syntax by the decoder, so both are looked for
    before; an escape is rare enough to decode the whole text for it.
    """
    data.decode("utf-8")
    if b"\\u" in data:
        # A number out of range is a matter for whoever reads it.
        with contextlib.suppress(ValidationError):
            _decode_any(data)


def _is_deeper(data: bytes, max_depth: int) -> bool:
    # Counting costs by bracket and what follows by byte: a long text may be one string.
    if len(data) > _LONG and data.count(b"[") + data.count(b"{") <= max_depth:
        return False
    return _nesting_exceeds(data, max_depth) and _nesting_exceeds(_STRING.sub(b"", data), max_depth)


def _nesting_exceeds(data: bytes, max_depth: int) -> bool:
    """Peel the innermost pairs off, a level a turn: linear work for each, in C.

    Brackets inside strings only ever add to what remains, so "no" is certain and "yes"
    is asked again without the strings.  Text whose brackets do not match is no JSON and
    may answer either way: the decoder refuses it.
    """
    brackets = data.translate(_AS_SQUARE, _NOT_BRACKETS)
    for _ in range(max_depth):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def _decode_slowly(data: bytes) -> Decoded:
    """Find out, item by item, what the fast decoder refused.

    It stops where it refuses, so what follows there has not been read yet.

    Raises:
        MsgspecError, RecursionError: the whole is no JSON.
    """
    _check_syntax(data)
    try:
        items = _decode_items(data)
    except ValidationError:
        return _decode_item(data)
    return [_decode_item(item) for item in items]


def _decode_item(raw: bytes | Raw) -> Message | Invalid:
    try:
        members = _decode_members(raw)
    except ValidationError:
        return Invalid(InvalidRequest("not an object"))
    request_id: Id | UnsetType = None
    try:
        request_id = _read_id(members.get("id"))
        return checked(_read_message(members, request_id))
    except InvalidRequest as error:
        return Invalid(error, _known(request_id), _event(members))


def _event(members: dict[str, Raw]) -> Message | None:
    """What rpc-websockets sends for an event: `{"notification": NAME, "params": …}`."""
    name = members.get("notification")
    if name is None or "id" in members or not bytes(name).startswith(b'"'):
        return None
    return Message("2.0", decode_value(name), members.get("params", UNSET))


def _read_message(members: dict[str, Raw], request_id: Id | UnsetType) -> Message:
    if "jsonrpc" not in members or decode_value(members["jsonrpc"]) != _VERSION:
        raise InvalidRequest('jsonrpc must be exactly "2.0"')
    method = decode_value(members["method"]) if "method" in members else UNSET
    if not isinstance(method, str | UnsetType):
        raise InvalidRequest("method must be a string")
    return Message(
        "2.0",
        method,
        members.get("params", UNSET),
        cast("int | str | None | UnsetType", request_id),
        members.get("result", UNSET),
        members.get("error", UNSET),
        members.get("request_id", UNSET),
        members.get("traceparent", UNSET),
        members.get("tracestate", UNSET),
    )


def _read_id(raw: Raw | None) -> Id | UnsetType:
    """The id of a request, as a value or, where Python would write it otherwise, raw.

    Raises:
        InvalidRequest: it is neither a string, a number nor null, or a string too long.
    """
    if raw is None:
        return UNSET
    text = bytes(raw)
    if text[:1] in (b"{", b"[", b"t", b"f"):
        raise InvalidRequest("id must be a string, a number or null")
    if text[:1] not in (b'"', b"n"):
        return raw.copy()
    value = cast("str | None", _decode_id(text))
    if value is not None and len(value) > MAX_ID_LENGTH:
        raise InvalidRequest(f"id is longer than {MAX_ID_LENGTH} characters")
    return value


def encode(value: Any) -> bytes:
    """Encode a value of ours, a request or a notification.

    Raises:
        TypeError, ValueError: it cannot be said in JSON; the text says why.
    """
    try:
        encoded = _encode_any(value)
    except RecursionError:
        raise ValueError("nested too deep, or in a cycle") from None
    _check_faithful(value, encoded)
    return encoded


def encode_result(result: Any, request_id: Id, max_response: int) -> bytes:
    """The answer to a call that ended well.

    Raises:
        TypeError, ValueError: the result cannot be said in JSON.
        ResponseTooBig: the answer is longer than `max_response` bytes.
    """
    try:
        encoded = _encode_any(Response(_VERSION, result, request_id))
    except RecursionError:
        raise ValueError("nested too deep, or in a cycle") from None
    kind = type(result)
    if kind is float:
        if result - result != 0:  # infinite, or no number: cheaper than asking math
            raise ValueError(f"{result} is not a JSON number")
    elif kind not in PLAIN:
        _check_faithful(result, encoded)
    if len(encoded) > max_response:
        raise ResponseTooBig(f"the answer is longer than {max_response} bytes (max_response)")
    return encoded


def encode_error(error: ErrorObject, request_id: Id) -> bytes:
    """The answer to a call that failed.

    Raises:
        TypeError, ValueError: the error's data cannot be said in JSON.
    """
    try:
        encoded = _encode_any(ErrorResponse(_VERSION, error, request_id))
    except RecursionError:
        raise ValueError("nested too deep, or in a cycle") from None
    if error.data is not UNSET:
        _check_faithful(error.data, encoded)
    return encoded


def error_answer(error: RPCError, request_id: Id = None) -> bytes:
    """The answer for an error of the table, whose data is always a string or absent."""
    return _encode_any(ErrorResponse(_VERSION, error.to_object(), request_id))


def error_code(answer: bytes) -> int:
    """The code of an error, from the answer it was written into."""
    return int(_decode_any(answer)["error"]["code"])


def item_sizes(data: bytes) -> list[int]:
    """How many bytes each item of a batch has that was decoded before."""
    return [len(memoryview(item)) for item in _decode_items(data)]


def join_batch(answers: list[bytes]) -> bytes:
    """The answers of a batch as one array (specification, section 6)."""
    return b"[" + b",".join(answers) + b"]"


def _check_faithful(value: Any, encoded: bytes) -> None:
    """Raise for what the encoder writes without a word as something else.

    NaN and infinity become null and integer keys strings.  Neither can be there when
    the encoded text holds no null and no numeric key, so most values are never walked.
    """
    if b"null" in encoded or _NUMERIC_KEY.search(encoded):
        _walk(value)


def _as_value(value: Any) -> Any:
    return _decode_any(value) if isinstance(value, Raw) else _as_builtin(value)


def _walk(value: Any) -> None:
    waiting = [msgspec.to_builtins(value, enc_hook=_as_value)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    raise TypeError(f"the key {key!r} is not a string")
            waiting.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            waiting.extend(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"{item} is not a JSON number")
