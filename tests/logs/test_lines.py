"""Events become lines that no far side can break out of, whatever it sends."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from twisted_rpc.logs.events import LONGEST
from twisted_rpc.logs.lines import json_line, text_line

hostile = st.text(
    st.characters() | st.sampled_from("\"'\\\n\r\t\x00\x1b\x7f\x85\x9b\u2028\u2029\u202e\ud800{}%")
)
unseen = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def event(text: str = "{what}", /, **fields: Any) -> dict[str, Any]:
    """An event of a second after the epoch."""
    said = {"log_time": 1.0025, "log_level": LogLevel.info, "log_namespace": "a.b"}
    return {**said, "log_format": text, **fields}


def failure(error: BaseException) -> Failure:
    """A failure as it is caught."""
    try:
        raise error
    except BaseException:
        return Failure()


class Unsayable(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_text_line() -> None:
    assert text_line(event("{n} of them", n=3)) == "1970-01-01T00:00:01.002Z [a.b#info] 3 of them\n"


def test_a_text_line_in_colour_is_modest() -> None:
    assert text_line(event(what="x"), coloured=True) == text_line(event(what="x"))
    warning = text_line(event(what="x", log_level=LogLevel.warn), coloured=True)
    assert warning == "1970-01-01T00:00:01.002Z \x1b[33m[a.b#warn]\x1b[0m x\n"


def test_a_text_line_names_the_request() -> None:
    assert text_line(event(what="x", request_id="a-1")).endswith("] x (a-1)\n")


def test_a_json_line() -> None:
    assert json.loads(json_line(event("{n} of them", n=3, log_source=object()))) == {
        "time": "1970-01-01T00:00:01.002Z",
        "level": "info",
        "namespace": "a.b",
        "message": "3 of them",
        "n": 3,
    }


def test_a_field_has_no_name_that_is_taken() -> None:
    said = json.loads(json_line(event("{level} {message}", level="l", message="m")))
    assert (said["level"], said["message"]) == ("info", "l m")


def test_fields_are_those_that_json_can_say() -> None:
    said = {
        "big": 2**80,
        "infinite": float("inf"),
        "list": [1, ("a\n", None)],
        "map": {"k": True, 3: 4},
        "object": object(),
        "deep": [[[[1]]]],
        "nothing": None,
        "name": type("Name", (str,), {})("alice"),
        "log_source": "x",
    }
    told = json.loads(json_line(event(**said)))
    assert {name: told[name] for name in said if name in told} == {
        "big": hex(2**80),
        "list": [1, ["a\\n", None]],
        "map": {"k": True},
        "deep": [[[None]]],
        "name": "alice",
    }


def test_legacy_events_have_their_text_alone() -> None:
    legacy = event(
        "{log_text}", log_text="hello", log_namespace="log_legacy", isError=0, system="-"
    )
    assert set(json.loads(json_line(legacy))) == {"time", "level", "namespace", "message"}


def test_an_event_that_cannot_be_formatted_is_a_line_all_the_same() -> None:
    for broken in (event("{nothing.there}"), {}, event("{what}", what=Unsayable())):
        assert text_line(broken).count("\n") == 1
        assert json.loads(json_line(broken))["message"] is not None


def test_a_failure_is_one_field() -> None:
    said = json.loads(json_line(event("it failed", log_failure=failure(ValueError("no\nluck")))))
    assert said["failure"].splitlines()[0].startswith("Traceback")
    assert said["failure"].endswith("no\nluck")


def test_a_traceback_is_indented() -> None:
    forged = "1970-01-01T00:00:01.002Z [a.b#info] all is well\x1b[2K"
    lines = text_line(event("it failed", log_failure=failure(ValueError(f"no\n{forged}"))))
    first, *rest = lines.splitlines()
    assert first.endswith("[a.b#info] it failed")
    assert rest[-1] == "    1970-01-01T00:00:01.002Z [a.b#info] all is well\\x1b[2K"
    assert all(line.startswith("    ") for line in rest)


def test_a_stack_of_ours_is_indented() -> None:
    stood = event("it stands\n{stack}", stack="one\n  two")
    assert text_line(stood).splitlines()[1:] == ["    one", "      two"]
    said = json.loads(json_line(stood))
    assert (said["message"], said["stack"]) == ("it stands", "one\n  two")


def test_a_failure_that_cannot_be_told_is_named() -> None:
    said = json.loads(json_line(event("x", log_failure=failure(Unsayable()))))
    assert "Unsayable" in said["failure"]


def test_what_is_long_is_cut() -> None:
    said = json.loads(json_line(event(what="x" * 3 * LONGEST)))
    assert said["what"] == "x" * LONGEST + f"... ({3 * LONGEST} characters)"
    assert len(said["message"]) < LONGEST + 100


@given(hostile, hostile, hostile)
def test_hostile_text_stays_inside_a_text_line(what: str, name: str, request: str) -> None:
    line = text_line(event("{what} {name!r}", what=what, name=name, request_id=request))
    assert line.endswith("\n")
    assert not unseen.search(line[:-1])
    line.encode("utf-8")


@given(hostile, st.dictionaries(hostile, hostile, max_size=3), hostile)
def test_hostile_text_stays_inside_a_json_line(what: str, names: Any, error: str) -> None:
    fields = {name: text for name, text in names.items() if not name.startswith("log_")}
    line = json_line({**event(what=what, log_failure=failure(ValueError(error))), **fields})
    assert line.endswith("\n")
    assert not unseen.search(line[:-1])
    assert isinstance(json.loads(line.encode("utf-8")), dict)


@given(hostile)
def test_hostile_text_in_a_traceback_is_indented(error: str) -> None:
    lines = text_line(event("x", log_failure=failure(ValueError(error)))).split("\n")
    assert lines.pop() == ""
    assert all(line.startswith("    ") for line in lines[1:])
    assert not any(unseen.search(line) for line in lines)
