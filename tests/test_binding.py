"""Binding by position and by name: what each shape of signature takes, and what it answers."""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tests.strategies import json_values
from twisted_rpc.binding import Binder, check_shape
from twisted_rpc.context import Context
from twisted_rpc.errors import ErrorCode, InvalidParams, InvalidRequest
from twisted_rpc.namespace import Method
from twisted_rpc.params import Params

Function = Callable[..., Any]
CONTEXT = Context(method="m")
ABSENT = object()


def raw_of(params: Any) -> Any:
    return UNSET if params is ABSENT else Raw(json.dumps(params).encode())


def called(function: Function, params: Any = ABSENT) -> Any:
    """What a function returns, called with these parameters through its binder."""
    entry = Method("m", function, Binder(function, "m"))
    args, kwargs = entry.arguments(raw_of(params), CONTEXT)
    return function(*args, **kwargs)


def complaint(function: Function, params: Any = ABSENT) -> str:
    with pytest.raises(InvalidParams) as caught:
        called(function, params)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert isinstance(caught.value.data, str)
    return caught.value.data


def plain(a: int, b: str) -> Any:
    return a, b


def defaults(a: int, b: int = 2, c: int | None = None) -> Any:
    return a, b, c


def rest(a: int, *more: int) -> Any:
    return a, more


def keywords(a: int, **more: int) -> Any:
    return a, more


def keyword_only(a: int, *, b: int, c: int = 3) -> Any:
    return a, b, c


def keyword_default(a: int, *, b: int = 2) -> Any:
    return a, b


def positional_only(a: int, b: int = 2, /, c: int = 3) -> Any:
    return a, b, c


def positional_default(a: int = 1, /, **more: int) -> Any:
    return a, more


def everything(a: int, /, b: int = 2, *more: int, c: int = 3, **others: int) -> Any:
    return a, b, more, c, others


def optional_everything(a: int = 1, *more: int, c: int = 3, **others: int) -> Any:
    return a, more, c, others


def nothing() -> Any:
    return "nothing"


def untyped(a, b=None):  # type: ignore[no-untyped-def]
    return a, b


TAKEN: list[tuple[Function, Any, Any]] = [
    (plain, [1, "x"], (1, "x")),
    (plain, {"b": "x", "a": 1}, (1, "x")),
    (defaults, [1], (1, 2, None)),
    (defaults, [1, 5], (1, 5, None)),
    (defaults, [1, 5, 6], (1, 5, 6)),
    (defaults, [1, 5, None], (1, 5, None)),
    (defaults, {"c": 7, "a": 1}, (1, 2, 7)),
    (rest, [1], (1, ())),
    (rest, [1, 2, 3], (1, (2, 3))),
    (rest, {"a": 1}, (1, ())),
    (keywords, {"a": 1, "x": 2, "y": 3}, (1, {"x": 2, "y": 3})),
    (keywords, [1], (1, {})),
    (keyword_only, {"a": 1, "b": 2}, (1, 2, 3)),
    (keyword_default, [1], (1, 2)),
    (keyword_default, {"a": 1, "b": 5}, (1, 5)),
    (positional_only, [1], (1, 2, 3)),
    (positional_only, [1, 5, 6], (1, 5, 6)),
    (positional_default, {"a": 5}, (1, {"a": 5})),
    (everything, [1, 5, 6, 7], (1, 5, (6, 7), 3, {})),
    (optional_everything, {"a": 5, "c": 6, "x": 7}, (5, (), 6, {"x": 7})),
    (nothing, ABSENT, "nothing"),
    (nothing, None, "nothing"),
    (nothing, [], "nothing"),
    (nothing, {}, "nothing"),
    (untyped, [1], (1, None)),
    (untyped, {"a": {"x": [1.5, None, True]}}, ({"x": [1.5, None, True]}, None)),
    (optional_everything, ABSENT, (1, (), 3, {})),
    (optional_everything, None, (1, (), 3, {})),
    (lambda x: x * 2, [3], 6),
    (functools.partial(defaults, 7), [8], (7, 8, None)),
    (functools.partial(defaults, b=7), [8], (8, 7, None)),
    (functools.partial(defaults, b=7), {"a": 1, "c": 3}, (1, 7, 3)),
]


@pytest.mark.parametrize(("function", "params", "result"), TAKEN)
def test_parameters_reach_the_function(function: Function, params: Any, result: Any) -> None:
    assert called(function, params) == result


REFUSED: list[tuple[Function, Any, str]] = [
    (plain, ABSENT, "missing: a, b"),
    (plain, None, "missing: a, b"),
    (plain, [], "missing: a, b"),
    (plain, [1], "missing: b"),
    (plain, [1, "x", 2], "takes at most 2 parameters, got 3"),
    (plain, {"a": 1}, "missing: b"),
    (plain, {"a": 1, "b": "x", "c": 2}, "unknown parameter 'c', takes a, b"),
    (plain, ["1", "x"], "a: Expected `int`, got `str`"),
    (plain, [1, None], "b: Expected `str`, got `null`"),
    (plain, [True, "x"], "a: Expected `int`, got `bool`"),
    (plain, [1.5, "x"], "a: Expected `int`, got `float`"),
    (plain, {"a": 1, "b": 2}, "b: Expected `str`, got `int`"),
    (defaults, [], "missing: a"),
    (defaults, [1, None], "b: Expected `int`, got `null`"),
    (defaults, [1, 2, 3, 4], "takes at most 3 parameters, got 4"),
    (defaults, {"b": 1}, "missing: a"),
    (rest, [1, "x"], "[1]: Expected `int`, got `str`"),
    (rest, [1, 2, 3, None], "[3]: Expected `int`, got `null`"),
    (rest, ["x"], "a: Expected `int`, got `str`"),
    (rest, [], "missing: a"),
    (rest, {"a": 1, "more": 2}, "unknown parameter 'more', takes a"),
    (keywords, {"a": 1, "x": "y"}, "x: Expected `int`, got `str`"),
    (keywords, {"x": 1}, "missing: a"),
    (keywords, [1, 2], "takes at most 1 parameters, got 2"),
    (keyword_only, [1, 2], "give the parameters by name: b has no position"),
    (keyword_default, [1, 2], "takes at most 1 parameters, got 2"),
    (positional_only, {"a": 1}, "give the parameters by position: a has no name"),
    (everything, {"a": 1}, "give the parameters by position: a has no name"),
    (nothing, [1], "takes at most 0 parameters, got 1"),
    (nothing, {"a": 1}, "unknown parameter 'a', takes none"),
]


@pytest.mark.parametrize(("function", "params", "data"), REFUSED)
def test_parameters_that_do_not_fit_are_explained(
    function: Function, params: Any, data: str
) -> None:
    assert complaint(function, params) == data


def test_unknown_name_is_quoted_and_cut_short() -> None:
    data = complaint(plain, {"a": 1, "b": "x", "\n" * 1000: 1})
    assert data.startswith("unknown parameter '\\n\\n")
    assert len(data) < 120


@pytest.mark.parametrize("params", [5, 1.5, "x", True, False])
@pytest.mark.parametrize("function", [plain, rest, nothing])
def test_parameters_that_are_no_structure_are_an_invalid_request(
    function: Function, params: Any
) -> None:
    with pytest.raises(InvalidRequest):
        called(function, params)
    with pytest.raises(InvalidRequest):
        check_shape(raw_of(params))


@pytest.mark.parametrize("params", [ABSENT, None, [], {}, [1], {"a": 1}])
def test_structures_null_and_nothing_have_the_right_shape(params: Any) -> None:
    check_shape(raw_of(params))


@pytest.mark.parametrize("function", [defaults, untyped, rest, keywords])
@pytest.mark.parametrize("raw", [b"[1e999]", b'{"a":1e999}'])
def test_number_beyond_all_floats_is_named(function: Function, raw: bytes) -> None:
    with pytest.raises(InvalidParams) as caught:
        Binder(function, "m").bind(Raw(raw))
    assert caught.value.data.startswith("a: ")


@pytest.mark.parametrize("function", [untyped, rest])
def test_text_that_is_not_utf_8_is_refused(function: Function) -> None:
    """The codec lets none through; whoever binds without it is as safe."""
    with pytest.raises(InvalidParams):
        Binder(function, "m").bind(Raw(b'["\xff"]'))


@pytest.mark.parametrize("function", [untyped, rest, plain])
def test_nesting_beyond_the_decoder_is_refused(function: Function) -> None:
    deep = b"[" * 10**5 + b"]" * 10**5
    for raw in (b"[%b,1]" % deep, b'{"a":%b}' % deep):
        with pytest.raises(InvalidParams):
            Binder(function, "m").bind(Raw(raw))


def test_built_in_function_that_does_not_tell_takes_positions() -> None:
    assert called(max, [3, 9, 4]) == 9
    assert complaint(max, {"a": 1}) == "unknown parameter 'a', takes none"


class Counter:
    """A callable object, and methods of each kind."""

    def __call__(self, a: int) -> int:
        return a + 1

    def method(self, a: int) -> int:
        return a + 2

    @classmethod
    def of_class(cls, a: int) -> int:
        return a + 3

    @staticmethod
    def of_none(a: int) -> int:
        return a + 4


COUNTER = Counter()


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (COUNTER, 11),
        (COUNTER.method, 12),
        (COUNTER.of_class, 13),
        (COUNTER.of_none, 14),
        (functools.partial(COUNTER, 10), 11),
    ],
)
def test_any_callable_binds_by_its_annotations(function: Function, result: int) -> None:
    params = [] if isinstance(function, functools.partial) else [10]
    assert called(function, params) == result
    if params:
        assert complaint(function, ["x"]) == "a: Expected `int`, got `str`"


def logged(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def test_decorated_function_keeps_its_signature() -> None:
    assert called(logged(plain), {"a": 1, "b": "x"}) == (1, "x")
    assert complaint(logged(plain), ["1", "x"]) == "a: Expected `int`, got `str`"


def with_context(ctx: Context, a: int, b: int = 2) -> Any:
    return ctx, a, b


def context_between(a: int, ctx: Context, b: int = 2) -> Any:
    return ctx, a, b


def context_after_defaults(a: int = 1, b: int = 2, ctx: Context = CONTEXT) -> Any:
    return ctx, a, b


def context_by_name(a: int, b: int = 2, *, ctx: Context) -> Any:
    return ctx, a, b


def context_and_rest(ctx: Context, a: int, *b: int) -> Any:
    return ctx, a, *(b or (2,))


@pytest.mark.parametrize(
    "function",
    [with_context, context_between, context_after_defaults, context_by_name, context_and_rest],
)
def test_context_comes_from_us_wherever_it_stands(function: Function) -> None:
    assert called(function, [7]) == (CONTEXT, 7, 2)
    assert called(function, [7, 8]) == (CONTEXT, 7, 8)
    assert called(function, {"a": 7}) == (CONTEXT, 7, 2)
    for forged in ({"a": 7, "ctx": {}}, {"a": 7, "ctx": None}):
        assert complaint(function, forged).startswith("unknown parameter 'ctx'")
    assert complaint(function, ["x"]).startswith("a: ")


def context_and_others(ctx: Context, **others: Any) -> Any:
    return ctx, others


def test_context_cannot_be_forged_among_any_names() -> None:
    assert called(context_and_others, {"a": 1}) == (CONTEXT, {"a": 1})
    forged = {"ctx": {"identity": "admin"}}
    assert complaint(context_and_others, forged) == "unknown parameter 'ctx'"


def context_alone(ctx: Context) -> Any:
    return ctx


def test_context_alone_takes_no_parameters() -> None:
    for params in (ABSENT, None, [], {}):
        assert called(context_alone, params) is CONTEXT
    assert complaint(context_alone, [{}]) == "takes at most 0 parameters, got 1"


def raw_parameters(params: Params) -> Any:
    return params.value(ABSENT)


def raw_with_context(params: Params, *, ctx: Context) -> Any:
    return ctx, params.value()


@pytest.mark.parametrize("value", [[], {}, [1, "x"], {"a": {"b": None}}])
def test_params_receive_all_there_is(value: Any) -> None:
    assert called(raw_parameters, value) == value
    assert called(raw_with_context, value) == (CONTEXT, value)


def test_params_of_a_call_with_null() -> None:
    assert called(raw_parameters, None) is None


def test_params_that_cannot_be_decoded_are_refused() -> None:
    with pytest.raises(InvalidParams) as caught:
        Binder(raw_parameters, "m").bind(Raw(b"[1e999]"))
    assert caught.value.data.startswith("params")


@given(st.lists(json_values(), max_size=4) | st.dictionaries(st.text("abc"), json_values()))
def test_binding_calls_like_python_or_refuses(params: Any) -> None:
    """What the binder lets through is what Python itself makes of such arguments."""
    for function in (untyped, nothing, lambda a=1, *b, c=2, **d: (a, b, c, d)):
        try:
            expected = function(**params) if isinstance(params, dict) else function(*params)
        except TypeError:
            with pytest.raises(InvalidParams):
                called(function, params)
        else:
            assert called(function, params) == expected


def test_methods_with_the_same_parameters_share_what_decodes_them() -> None:
    def other(a: int, b: str) -> Any:
        return b, a

    def with_other_names(b: int, a: str) -> Any:
        return a, b

    assert Binder(plain, "m").quick is Binder(other, "n").quick
    assert Binder(plain, "m").quick is not Binder(with_other_names, "m").quick
    assert called(other, {"a": 1, "b": "x"}) == ("x", 1)
    assert called(with_other_names, {"b": 1, "a": "x"}) == ("x", 1)


def test_an_annotation_may_hold_what_is_no_key() -> None:
    def function(a: Annotated[int, ["a list"]]) -> Any:
        return a

    assert called(function, [1]) == 1
    assert "Expected `int`" in complaint(function, ["x"])


def test_annotations_are_evaluated_once_for_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    class Adder:
        def add(self, a: int, b: int) -> int:
            return a + b

    evaluated: list[Any] = []
    evaluate = typing.get_type_hints

    def counted(function: Any, **options: Any) -> dict[str, Any]:
        evaluated.append(function)
        return evaluate(function, **options)

    monkeypatch.setattr(typing, "get_type_hints", counted)
    assert [called(Adder().add, [1, 2]) for _ in range(3)] == [3, 3, 3]
    assert evaluated == [Adder.add]


def test_a_built_in_function_has_no_annotations() -> None:
    assert called(len, [[1, 2]]) == 2
