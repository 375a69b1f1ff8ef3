"""What `@method` and `api` take, and refuse, of what documents a method."""

from __future__ import annotations

from typing import Any

import pytest

from twisted_rpc import Example, ExposeError, RPCError, Server, method
from twisted_rpc.errors import Forbidden
from twisted_rpc.marking import marker_of

ONE = RPCError(1, "one")


def test_what_is_said_is_kept() -> None:
    example = Example([1], 2)

    @method(errors=[ONE, Forbidden()], examples=[example], deprecated="use b")
    def a(x: int) -> int:
        return x

    marker = marker_of(a)
    assert [error.code for error in marker.errors] == [1, -32004]
    assert (marker.examples, marker.deprecated) == ((example,), "use b")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"errors": [Forbidden]}, "errors is a list of RPCError objects, not"),
        ({"errors": ONE}, "errors is a list of RPCError objects, not"),
        ({"errors": [ONE, RPCError(1, "uno")]}, r"errors: two of them have one code, of \[1, 1\]"),
        ({"errors": [RPCError(1, "one", {1, object()})]}, r"the error one \(1\) is no JSON"),
        ({"examples": [([1], 2)]}, "examples is a list of Example objects, not"),
        ({"deprecated": True}, "deprecated says what to use instead, not True"),
    ],
)
def test_what_cannot_be_shown_is_refused(said: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        method(**said)

    class Old:
        api = {"get": said}  # noqa: RUF012

        def get(self) -> None: ...

    with pytest.raises(ExposeError, match=f"api of 'get': {text}"):
        Server().expose("old", Old())


@pytest.mark.parametrize(
    ("params", "result", "text"),
    [
        ("ab", 1, "params of an example are a list or a dict, not 'ab'"),
        ([], object(), "an example is no JSON"),
        ({"a": float("nan")}, 1, "an example is no JSON"),
    ],
)
def test_example_that_cannot_be_sent(params: Any, result: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Example(params, result)
