"""The table of errors: each class with its code and message, and what may be given instead."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from twisted_rpc import errors
from twisted_rpc.errors import (
    CallError,
    CallTimeout,
    ConnectionLost,
    ErrorCode,
    InvalidParams,
    NotFullDuplex,
    RemoteError,
    RPCError,
)

TABLE = {
    "ParseError": (-32700, "Parse error"),
    "InvalidRequest": (-32600, "Invalid Request"),
    "MethodNotFound": (-32601, "Method not found"),
    "InvalidParams": (-32602, "Invalid params"),
    "InternalError": (-32603, "Internal error"),
    "ServerError": (-32000, "Server error"),
    "Unauthorized": (-32001, "Unauthorized"),
    "RequestTimeout": (-32002, "Timeout"),
    "Forbidden": (-32004, "Forbidden"),
    "RateLimited": (-32005, "Rate limited"),
    "TooManySubscriptions": (-32006, "Too many subscriptions"),
    "RequestTooBig": (-32007, "Request too big"),
    "ResponseTooBig": (-32008, "Response too big"),
    "Busy": (-32009, "Busy"),
    "BatchTooBig": (-32010, "Batch too big"),
    "BatchResponseTooBig": (-32011, "Batch response too big"),
    "ShuttingDown": (-32012, "Shutting down"),
    "Cancelled": (-32800, "Request cancelled"),
}


@pytest.mark.parametrize(("name", "code", "message"), [(n, *row) for n, row in TABLE.items()])
def test_class_of_the_table_has_its_code_and_message(name: str, code: int, message: str) -> None:
    error = getattr(errors, name)()
    assert (error.code, error.message, error.data) == (code, message, UNSET)
    assert error.is_sound
    assert str(error) == f"{message} ({code})"


def test_table_holds_every_code_once() -> None:
    codes = [code for code, _ in TABLE.values()]
    assert sorted(codes) == sorted(ErrorCode)


def test_everything_public_is_exported() -> None:
    public = {
        name
        for name, value in vars(errors).items()
        if getattr(value, "__module__", None) == errors.__name__ and not name.startswith("_")
    }
    assert public == set(errors.__all__)


def test_data_and_message_may_be_given() -> None:
    error = InvalidParams({"at": "a"}, message="Nothing fits")
    assert (error.code, error.message, error.data) == (-32602, "Nothing fits", {"at": "a"})


def test_error_object_is_what_goes_into_a_response() -> None:
    answered = RPCError(7, "Seven", [7]).to_object()
    assert (answered.code, answered.message, answered.data) == (7, "Seven", [7])


def test_code_of_an_enum_becomes_a_plain_integer() -> None:
    assert type(InvalidParams().to_object().code) is int


@pytest.mark.parametrize(("code", "message"), [("7", "x"), (True, "x"), (1.5, "x"), (1, None)])
def test_error_is_unsound_with_a_wrong_code_or_message(code: object, message: object) -> None:
    assert not RPCError(code, message).is_sound  # type: ignore[arg-type]


def test_remote_error_tells_what_the_far_side_said() -> None:
    error = RemoteError(-1, "no", None)
    assert (error.code, error.message, error.data, str(error)) == (-1, "no", None, "no (-1)")
    assert RemoteError(-1, "no").data is UNSET


@pytest.mark.parametrize("kind", [CallTimeout, ConnectionLost, NotFullDuplex, RemoteError])
def test_ends_of_our_calls_are_never_answers(kind: type[Exception]) -> None:
    assert issubclass(kind, CallError)
    assert not issubclass(kind, RPCError)


def test_call_timeout_is_a_timeout_error() -> None:
    assert issubclass(CallTimeout, TimeoutError)
