"""The codec under generated input: it never raises, and what it understands comes back."""

from __future__ import annotations

import json
import math

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tests.strategies import ids, json_values, messages, numbers, structured, texts
from twisted_rpc import codec
from twisted_rpc.errors import ErrorCode, ErrorObject
from twisted_rpc.message import Invalid, Message, Request

DEPTH = 64


def understood(data: bytes) -> Message:
    decoded = codec.decode(data, DEPTH)
    assert isinstance(decoded, Message), decoded
    return decoded


def _call(id: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","method":"m","id":%b}' % id


def _is_json(data: bytes) -> bool:
    """What the standard library thinks, made as strict as we are."""

    def refuse(_: str) -> None:
        raise ValueError

    try:
        json.dumps(json.loads(data.decode(), parse_constant=refuse), ensure_ascii=False).encode()
    except ValueError:
        return False
    return not data.startswith(b"\xef\xbb\xbf")


def _check_documented(decoded: codec.Decoded, data: bytes) -> None:
    items = decoded if isinstance(decoded, list) else [decoded]
    assert items, "an empty batch is one invalid request"
    for item in items:
        assert type(item) in (Message, Invalid)
        if isinstance(item, Invalid):
            assert item.error.code in (ErrorCode.PARSE_ERROR, ErrorCode.INVALID_REQUEST)
            assert json.loads(codec.error_answer(item.error, item.id))["jsonrpc"] == "2.0"
        else:
            assert item.jsonrpc == "2.0"
    parse_errors = [i for i in items if isinstance(i, Invalid) and i.error.code == -32700]
    assert bool(parse_errors) is not _is_json(data)
    assert not parse_errors or not isinstance(decoded, list)


# Pieces of JSON in any order: nearly always wrong, often only just.
pieces = st.lists(
    st.sampled_from(
        [
            *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\ud800", b"\\u0041", b" "),
            *(b'"jsonrpc":"2.0"', b'"method":"m"', b'"id":1', b'"params":', b"1", b"1e999"),
            *(b"NaN", b"null", b"true", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"0", b"-"),
        ]
    ),
    max_size=12,
).map(b"".join)


@given(st.one_of(st.binary(max_size=80), pieces))
@example(b"[1,")
@example(b"1 2")
@example(b'{"jsonrpc":"1.0"')
def test_any_bytes_give_a_documented_value(data: bytes) -> None:
    _check_documented(codec.decode(data, DEPTH), data)


@given(messages(), st.data())
def test_damaged_message_gives_a_documented_value(message: object, data: st.DataObject) -> None:
    text = bytearray(json.dumps(message, ensure_ascii=data.draw(st.booleans())).encode())
    at = data.draw(st.integers(0, len(text)))
    text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _check_documented(codec.decode(bytes(text), DEPTH), bytes(text))


@given(json_values())
def test_any_json_gives_a_documented_value(value: object) -> None:
    text = json.dumps(value).encode()
    _check_documented(codec.decode(text, DEPTH), text)


@given(messages())
def test_any_message_is_understood(message: dict[str, object]) -> None:
    decoded = understood(json.dumps(message).encode())
    for member in ("method", "id"):
        value = getattr(decoded, member)
        value = codec.decode_value(value) if isinstance(value, Raw) else value
        assert value == message.get(member, UNSET)
    for member in ("params", "result", "error"):
        raw = getattr(decoded, member)
        value = codec.decode_value(raw) if isinstance(raw, Raw) else raw
        assert value == message.get(member, UNSET)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**250), 10**250))
def test_any_number_as_id_comes_back(id: float) -> None:
    message = understood(_call(json.dumps(id).encode()))
    answer = json.loads(codec.encode_result(None, message.id, 10**6))  # type: ignore[arg-type]
    assert answer["id"] == id
    assert math.copysign(1, answer["id"]) == math.copysign(1, id)


@given(texts, structured(), ids())
def test_request_of_ours_comes_back(method: str, params: object, id: object) -> None:
    decoded = understood(codec.encode(Request("2.0", method, params, id)))
    assert isinstance(decoded.params, Raw)
    assert (decoded.method, codec.decode_value(decoded.params)) == (method, params)
    assert _value(decoded.id) == id


@given(json_values(), ids())
def test_result_comes_back(result: object, id: object) -> None:
    decoded = understood(codec.encode_result(result, id, 10**6))  # type: ignore[arg-type]
    assert isinstance(decoded.result, Raw)
    assert codec.decode_value(decoded.result) == result
    assert _value(decoded.id) == id


@given(st.integers(-(2**31), 2**31), texts, json_values())
def test_error_comes_back(code: int, message: str, data: object) -> None:
    decoded = understood(codec.encode_error(ErrorObject(code, message, data), 1))
    assert isinstance(decoded.error, Raw)
    expected = {"code": code, "message": message, "data": data}
    assert codec.decode_value(decoded.error) == expected


@given(st.lists(messages(), min_size=1, max_size=5))
def test_batch_comes_back_in_order(items: list[dict[str, object]]) -> None:
    joined = codec.join_batch([codec.encode(item) for item in items])
    decoded = codec.decode(joined, DEPTH)
    assert isinstance(decoded, list)
    assert [_value(item.id) for item in decoded] == [item.get("id", UNSET) for item in items]


# What a method may return beside JSON: the encoder says it, or the call fails; never a
# text that decodes to something else.
anything = st.recursive(
    st.none() | numbers | texts | st.floats() | st.text() | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.floats(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(anything)
def test_any_result_is_said_faithfully_or_refused(result: object) -> None:
    try:
        encoded = codec.encode_result(result, 1, 10**6)
    except (TypeError, ValueError):
        return
    assert json.loads(encoded)["result"] == _plain(result)


def _plain(value: object) -> object:
    """A value as JSON has it: tuples are arrays, bytes base64, keys strings already."""
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return msgspec.to_builtins(value)


def _value(id: object) -> object:
    return codec.decode_value(id) if isinstance(id, Raw) else id
