"""Generated values that several test modules share: JSON, and messages of the protocol."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# What every text encoding can say: no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value, small."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


def structured() -> st.SearchStrategy[Any]:
    """What parameters may be."""
    return st.lists(json_values(), max_size=4) | st.dictionaries(texts, json_values(), max_size=4)


def ids() -> st.SearchStrategy[Any]:
    """What an id may be."""
    return st.none() | numbers | texts


def messages() -> st.SearchStrategy[dict[str, Any]]:
    """A request, a notification or a response, as a dictionary."""
    version = {"jsonrpc": st.just("2.0")}
    request = st.fixed_dictionaries(
        {**version, "method": texts}, optional={"params": structured(), "id": ids()}
    )
    result = st.fixed_dictionaries({**version, "result": json_values(), "id": ids()})
    error = st.fixed_dictionaries({**version, "error": json_values(), "id": ids()})
    return st.one_of(request, result, error)
