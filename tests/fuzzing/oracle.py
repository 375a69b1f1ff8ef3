"""What has to be answered, found out a second time with the `json` of the standard library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.conversation import Number, value_of

__all__ = ["due", "fault_in", "faults_of", "normal"]

_DEPTH = 64
_BATCH = 100
_ID = 256
_SURROGATE = re.compile("[\ud800-\udfff]")

Due = tuple[Any, int | None]
"""The id of an answer and its error code; None for a result, or any error of a method."""
_NOT_JSON: Due = (None, -32700)


def due(text: bytes) -> list[Due | list[Due]]:
    """The answers to one text: none, one, or one list of those of a batch."""
    try:
        value = value_of(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return [_NOT_JSON]
    if _is_refused(value):
        return [_NOT_JSON]
    if not isinstance(value, list) or isinstance(value, Number):
        return list(_due_to(value))
    if not value:
        return [(None, -32600)]
    if len(value) > _BATCH:
        return [(None, -32010)]
    answers = [answer for item in value for answer in _due_to(item)]
    return [answers] if answers else []


def _is_refused(value: Any) -> bool:
    """Whether it is JSON for Python alone: too deep, or with half a character in it."""
    level = [value]
    for _ in range(_DEPTH + 1):
        if any(isinstance(item, str) and _SURROGATE.search(item) for item in level):
            return True
        level = [inner for item in level for inner in _inside(item)]
    return bool(level)


def _inside(item: Any) -> Iterator[Any]:
    """What is in an array or object; an empty one is a level all the same."""
    if isinstance(item, dict):
        yield from (*item.keys(), *item.values(), 0)
    elif isinstance(item, list):
        yield from (*item, 0)


def _due_to(item: Any) -> Iterator[Due]:
    if not isinstance(item, dict):
        yield None, -32600
        return
    request_id = item.get("id")
    known = _is_id(request_id)
    echoed = request_id if known else None
    is_call = isinstance(item.get("method"), str) and not isinstance(item["method"], Number)
    is_answer = "result" in item or "error" in item
    sound = known and item.get("jsonrpc") == "2.0" and (is_call or "method" not in item)
    if (
        not sound
        or ("method" in item) == is_answer
        or ("method" in item and "params" in item and not _may_be_params(item["params"]))
    ):
        yield echoed, -32600
    elif "method" in item and "id" in item:
        yield echoed, None


def _is_id(value: Any) -> bool:
    if value is None or isinstance(value, Number):
        return True
    return isinstance(value, str) and len(value) <= _ID


def _may_be_params(value: Any) -> bool:
    return value is None or (isinstance(value, dict | list) and not isinstance(value, Number))


# -- what was answered -------------------------------------------------------------------------


def faults_of(answers: list[Any], text: bytes) -> str | None:
    """What is wrong with the answers to a text, if anything is."""
    for answer in answers:
        fault = fault_in(answer, text)
        if fault is not None:
            return fault
    expected = due(text)
    got = [_said(answer) for answer in answers]
    if len(got) != len(expected) or not all(map(_is_due, expected, got)):
        return f"answers are due to {_shown(expected)}, and there are {_shown(got)}"
    return None


def fault_in(answer: Any, cause: bytes) -> str | None:
    """What makes it no answer, or array of answers (specification, sections 5 and 6)."""
    if isinstance(answer, list) and not isinstance(answer, Number):
        if not answer:
            return "an empty array is no answer"
        return next(filter(None, (fault_in(item, cause) for item in answer)), None)
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0" or "id" not in answer:
        return f"{answer!r} is no answer"
    if not _is_id(answer["id"]) or ("result" in answer) == ("error" in answer):
        return f"{answer!r} is no answer"
    if answer.keys() - {"jsonrpc", "id", "result", "error"}:
        return f"{answer!r} has members that no answer has"
    return _fault_in_error(answer["error"], cause) if "error" in answer else None


def _fault_in_error(error: Any, cause: bytes) -> str | None:
    if not isinstance(error, dict) or error.keys() - {"code", "message", "data"}:
        return f"{error!r} is no error"
    code, message = error.get("code"), error.get("message")
    is_code = isinstance(code, Number) and re.fullmatch(r"-?[0-9]+", code.text)
    if not is_code or not isinstance(message, str) or isinstance(message, Number):
        return f"{error!r} is no error"
    for secret in ("Traceback", "secret", 'File "'):
        if secret in str(error) and secret.encode() not in cause:
            return f"{error!r} tells what a caller must not know"
    return None


def _said(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_said(item) for item in answer]
    error = answer.get("error")
    return answer["id"], None if error is None else int(error["code"].text)


def _is_due(expected: Any, got: Any) -> bool:
    if isinstance(expected, list) or isinstance(got, list):
        same = isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got)
        return bool(same and all(map(_is_due, expected, got)))
    if not _is_same_id(expected[0], got[0]):
        return False
    # What a method takes may be refused for a number in it that Python cannot hold.
    return bool(got[1] == expected[1] if expected[1] is not None else got[1] != -32700)


def _is_same_id(sent: Any, echoed: Any) -> bool:
    return bool(sent == echoed) or (sent == Number("-0") and echoed == Number("0"))


def _shown(answers: Any) -> str:
    text = repr(answers)
    return text if len(text) < 300 else f"{text[:300]}... ({len(answers)})"


def normal(value: Any) -> Any:
    """An answer without the ids of its incidents, each of which is another."""
    if isinstance(value, Number) or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [normal(item) for item in value]
    return {
        name: "an incident" if name == "incident" else normal(item) for name, item in value.items()
    }
