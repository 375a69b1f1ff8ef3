"""`traceparent` and `tracestate`: what is valid, what is ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_rpc.tracing import Trace, parse_trace

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{ID}-{SPAN}-01"


def test_a_trace_is_read_and_written() -> None:
    trace = parse_trace(PARENT, "a=1, b@c=2")
    assert trace == Trace(ID, SPAN, 1, "a=1,b@c=2")
    assert trace is not None
    assert trace.traceparent == PARENT


@pytest.mark.parametrize("traceparent", [f"01-{ID}-{SPAN}-03", f"cc-{ID}-{SPAN}-03-what-comes"])
def test_a_later_version_is_read_as_far_as_it_is_known(traceparent: str) -> None:
    assert parse_trace(traceparent) == Trace(ID, SPAN, 3)


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        f"ff-{ID}-{SPAN}-01",
        f"00-{ID}-{SPAN}-01-more",
        f"00-{ID}-{SPAN}-01-",
        f"01-{ID}-{SPAN}-01more",
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID[1:]}-{SPAN}-01",
        f"00-{ID}-{SPAN}-1",
        f" {PARENT}",
        f"{PARENT}\n",
        f"{PARENT}, {PARENT}",
        PARENT.replace("4", "\u0664"),
    ],
)
def test_what_is_no_trace_is_ignored(traceparent: str) -> None:
    assert parse_trace(traceparent, "a=1") is None


@pytest.mark.parametrize(
    "state",
    [
        *("a=1", "a=1,b=2", "0a_-*/=x", "tenant@vendor=!~", "a=b c", "a=" + "x" * 256),
        ",".join(f"k{number}=v" for number in range(32)),
    ],
)
def test_a_state_is_kept(state: str) -> None:
    trace = parse_trace(PARENT, state)
    assert trace is not None
    assert trace.state == state


def test_a_state_loses_what_is_between_its_members() -> None:
    assert parse_trace(PARENT, " a=1 ,\t,b=2 ") == Trace(ID, SPAN, 1, "a=1,b=2")


@pytest.mark.parametrize(
    "state",
    [
        *("a", "=1", "a=", "a= ", "A=1", "a=1;b=2,c", "a=1,a=2", "a=\x1b", "a=\u00e4", "a=1=2"),
        *("a@=1", "a@B=1", "a" * 257 + "=1", "a=" + "x" * 257, "a=1,b=\n"),
        ",".join(f"k{number}=v" for number in range(33)),
        "a=1" + "," * 9000,
    ],
)
def test_a_state_that_is_not_valid_is_none(state: str) -> None:
    assert parse_trace(PARENT, state) == Trace(ID, SPAN, 1)


@given(st.text(), st.text())
def test_whatever_is_sent_is_a_trace_or_none(traceparent: str, state: str) -> None:
    assert parse_trace(traceparent, state) is None
    trace = parse_trace(PARENT, state)
    assert trace is not None
    assert trace.state.isascii()
    assert parse_trace(trace.traceparent, trace.state) == trace
