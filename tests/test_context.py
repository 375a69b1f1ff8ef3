"""The context of a call: a value with sensible emptiness."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from twisted_rpc.context import NO_HEADERS, Context


def test_empty_context_says_nothing() -> None:
    context = Context()
    assert (context.method, context.id) == ("", UNSET)
    assert (context.connection, context.identity, context.deadline) == (None, None, None)
    assert context.headers is NO_HEADERS


def test_context_cannot_be_changed() -> None:
    context = Context(identity="alice")
    with pytest.raises(AttributeError):
        context.identity = "bob"  # type: ignore[misc]
    assert context.identity == "alice"


def test_shared_empty_headers_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        NO_HEADERS["x"] = "y"  # type: ignore[index]


def test_members_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        Context("calc.add")  # type: ignore[call-arg]
    assert Context(method="calc.add", id=1, deadline=2.5).deadline == 2.5
