"""Messages as values: absent is not null, and what is absent is not written."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import UNSET

from twisted_rpc.errors import ErrorObject, InvalidRequest
from twisted_rpc.message import (
    MAX_ID_LENGTH,
    ErrorResponse,
    Invalid,
    Message,
    Request,
    Response,
)

encode = msgspec.json.encode


def test_absent_members_of_a_message_are_unset() -> None:
    message = msgspec.json.decode(b'{"jsonrpc":"2.0"}', type=Message)
    assert (message.method, message.params, message.id) == (UNSET, UNSET, UNSET)
    assert (message.result, message.error) == (UNSET, UNSET)


def test_null_members_are_not_absent() -> None:
    text = b'{"jsonrpc":"2.0","id":null,"params":null,"result":null,"error":null}'
    message = msgspec.json.decode(text, type=Message)
    assert message.id is None
    for member in (message.params, message.result, message.error):
        assert isinstance(member, msgspec.Raw)
        assert bytes(member) == b"null"


@pytest.mark.parametrize("version", [b'"1.0"', b'"2"', b"2.0", b"2", b"null"])
def test_version_is_exactly_2_0(version: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"jsonrpc":%b}' % version, type=Message)


@pytest.mark.parametrize(("length", "fits"), [(MAX_ID_LENGTH, True), (MAX_ID_LENGTH + 1, False)])
def test_string_id_is_bounded(length: int, fits: bool) -> None:
    text = b'{"jsonrpc":"2.0","id":"%b"}' % (b"x" * length)
    if fits:
        assert msgspec.json.decode(text, type=Message).id == "x" * length
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(text, type=Message)


def test_request_without_id_is_a_notification() -> None:
    notification = Request("2.0", "tick")
    assert notification.is_notification
    assert encode(notification) == b'{"jsonrpc":"2.0","method":"tick"}'


def test_request_with_null_id_is_a_call() -> None:
    call = Request("2.0", "tick", [1], None)
    assert not call.is_notification
    assert encode(call) == b'{"jsonrpc":"2.0","method":"tick","params":[1],"id":null}'


def test_answers_are_written_as_the_specification_wants_them() -> None:
    assert encode(Response("2.0", None, 1)) == b'{"jsonrpc":"2.0","result":null,"id":1}'
    failed = ErrorResponse("2.0", ErrorObject(-1, "no"), "a")
    assert encode(failed) == b'{"jsonrpc":"2.0","error":{"code":-1,"message":"no"},"id":"a"}'


def test_data_of_an_error_is_written_also_when_null() -> None:
    assert encode(ErrorObject(-1, "no", None)) == b'{"code":-1,"message":"no","data":null}'


def test_invalid_has_a_null_id_unless_one_was_read() -> None:
    error = InvalidRequest()
    assert Invalid(error).id is None
    assert Invalid(error, 7).id == 7
