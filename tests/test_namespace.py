"""What `expose` accepts and refuses, and that nothing else is ever in the table."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from msgspec import UNSET, Raw

from twisted_rpc.context import Context
from twisted_rpc.errors import ExposeError, InvalidParams
from twisted_rpc.marking import method
from twisted_rpc.namespace import Listeners, Method, Namespace, is_reserved


class Calculator:
    """Some marked, some not."""

    secret = "x"

    @method
    def add(self, a: float, b: float) -> float:
        return a + b

    @method(name="history", access="read", timeout=2.0)
    def recent(self, limit: int = 10) -> list[int]:
        return list(range(limit))

    @method(timeout=None, thread=True)
    def slow(self) -> None: ...

    @method
    @staticmethod
    def above_static() -> str:
        return "above static"

    @staticmethod
    @method
    def below_static() -> str:
        return "below static"

    @method
    @classmethod
    def above_class(cls) -> str:
        return f"above {cls.__name__}"

    @classmethod
    @method
    def below_class(cls) -> str:
        return f"below {cls.__name__}"

    @property
    def exploding(self) -> Any:
        raise AssertionError("a property must not be run")

    def unmarked(self) -> None: ...
    def _private(self) -> None: ...


class Scientific(Calculator):
    """Overrides a marked method, and adds one."""

    def add(self, a: float, b: float) -> float:
        return a + b + 0.5

    @method
    def log(self) -> None: ...


NAMES = ["above_class", "above_static", "add", "below_class", "below_static", "history", "slow"]


def exposed(name: str, target: Any) -> Namespace:
    namespace = Namespace()
    namespace.expose(name, target)
    return namespace


def run(entry: Method, params: bytes = b"[]") -> Any:
    args, kwargs = entry.arguments(Raw(params), Context())
    return entry.function(*args, **kwargs)


def refusal(name: str, target: Any) -> str:
    """What `expose` says; nothing may be exposed then."""
    namespace = Namespace()
    with pytest.raises(ExposeError) as caught:
        namespace.expose(name, target)
    assert (namespace.methods, namespace.counts()) == ({}, {})
    return str(caught.value)


def ping() -> str:
    return "pong"


def test_of_an_object_only_what_is_marked_is_exposed() -> None:
    namespace = exposed("calc", Calculator())
    assert sorted(namespace.methods) == [f"calc.{name}" for name in NAMES]


def test_methods_are_bound_to_their_object() -> None:
    methods = exposed("calc", Calculator()).methods
    assert run(methods["calc.add"], b"[1, 2]") == 3
    assert run(methods["calc.history"], b'{"limit": 2}') == [0, 1]
    for name in ("above_static", "below_static"):
        assert run(methods[f"calc.{name}"]) == name.replace("_", " ")
    assert run(methods["calc.above_class"]) == "above Calculator"
    assert run(methods["calc.below_class"]) == "below Calculator"


def test_mark_says_name_access_timeout_and_thread() -> None:
    methods = exposed("calc", Calculator()).methods
    add, history, slow = (methods[f"calc.{name}"] for name in ("add", "history", "slow"))
    assert (add.access, add.timeout, add.thread) == (None, UNSET, False)
    assert (history.access, history.timeout, history.thread) == ("read", 2.0, False)
    assert (slow.access, slow.timeout, slow.thread) == (None, None, True)
    assert add.namespace == "calc"


@pytest.mark.parametrize("timeout", ["5", True, [1]])
def test_timeout_is_a_number(timeout: Any) -> None:
    with pytest.raises(TypeError, match="timeout is a number of seconds or None, not"):
        method(timeout=timeout)


@pytest.mark.parametrize("timeout", [0, -3, float("inf"), float("nan")])
def test_timeout_is_greater_than_nothing(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be greater than 0"):
        method(timeout=timeout)


def test_method_that_overrides_a_marked_one_is_marked() -> None:
    methods = exposed("sci", Scientific()).methods
    assert sorted(methods) == sorted(f"sci.{name}" for name in [*NAMES, "log"])
    assert run(methods["sci.add"], b"[1, 2]") == 3.5


def test_marked_function_set_on_the_instance_is_exposed() -> None:
    target = Calculator()
    target.more = method(lambda: "more")  # type: ignore[attr-defined]
    assert run(exposed("c", target).methods["c.more"]) == "more"


@pytest.mark.parametrize(
    "function",
    [ping, lambda: "pong", functools.partial(lambda x: x, "pong"), Calculator().below_static],
)
def test_function_of_any_kind_is_exposed_under_the_name(function: Callable[..., Any]) -> None:
    methods = exposed("a.b", function).methods
    assert list(methods) == ["a.b"]
    assert isinstance(run(methods["a.b"]), str)


def test_marked_function_keeps_what_its_mark_says_but_the_name() -> None:
    marked = method(name="other", access="write", timeout=1)(lambda: None)
    entry = exposed("mine", marked).methods["mine"]
    assert (entry.name, entry.access, entry.timeout) == ("mine", "write", 1)


class Identity:
    def __call__(self, a: int) -> int:
        return a


def test_callable_object_with_nothing_marked_is_a_function() -> None:
    entry = exposed("f", Identity()).methods["f"]
    assert run(entry, b"[7]") == 7
    with pytest.raises(InvalidParams):
        run(entry, b'["x"]')


def test_built_in_function_is_exposed() -> None:
    assert run(exposed("max", max).methods["max"], b"[1, 3, 2]") == 3


def test_module_exposes_its_marked_functions() -> None:
    module = types.ModuleType("shop")
    module.__dict__.update(buy=method(lambda: "bought"), sell=lambda: None, Calculator=Calculator)
    assert list(exposed("shop", module).methods) == ["shop.buy"]


def test_mapping_nests_names() -> None:
    target = {"ping": ping, "deep": {"er": {"ping": ping}}, "calc": Calculator()}
    methods = exposed("top", target).methods
    assert list(methods)[:2] == ["top.ping", "top.deep.er.ping"]
    assert "top.calc.add" in methods
    assert {entry.namespace for entry in methods.values()} == {"top"}


def test_empty_name_exposes_the_members_by_themselves() -> None:
    assert list(exposed("", {"ping": ping}).methods) == ["ping"]
    assert "add" in exposed("", Calculator()).methods


class Listed:
    api: ClassVar[dict[str, Any]] = {"read": "public", "write": {"name": "put", "timeout": 3}}

    def read(self) -> str:
        return "read"

    def write(self) -> str:
        return "written"

    @method(access="extra")
    def marked(self) -> None: ...

    @method(access="of the mark")
    def other(self) -> None: ...


def test_api_mapping_lists_methods_and_their_access() -> None:
    methods = exposed("l", Listed()).methods
    assert sorted(methods) == ["l.marked", "l.other", "l.put", "l.read"]
    assert methods["l.read"].access == "public"
    assert (methods["l.put"].timeout, methods["l.put"].access) == (3, None)
    assert run(methods["l.put"]) == "written"


def test_api_mapping_decides_over_a_mark() -> None:
    target = Listed()
    target.api = {"marked": "of the api"}  # type: ignore[misc]
    methods = exposed("l", target).methods
    assert methods["l.marked"].access == "of the api"
    assert sorted(methods) == ["l.marked", "l.other"]


def test_api_that_is_no_mapping_is_an_attribute_like_any() -> None:
    module = types.ModuleType("shop")
    module.__dict__.update(api="v2", buy=method(lambda: None))
    assert list(exposed("shop", module).methods) == ["shop.buy"]


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        ({"nothing": "x"}, "Listed object: api lists 'nothing', which is no method"),
        ({"api": "x"}, "api lists 'api', which is no method"),
        ({5: "x"}, "api lists 5, which is no method"),
        ({"read": 5}, "api of 'read': give an access level or a mapping, not 5"),
        ({"read": None}, "api of 'read': give an access level or a mapping, not None"),
        ({"read": {"acces": "x"}}, "api of 'read': "),
        ({"__init__": "x"}, "'l.__init__' is reserved"),
    ],
)
def test_wrong_api_is_refused(api: Mapping[Any, Any], reason: str) -> None:
    target = Listed()
    target.api = api  # type: ignore[misc, assignment]
    assert reason in refusal("l", target)


class Unmarked:
    def add(self) -> None: ...


@pytest.mark.parametrize(
    ("target", "described"),
    [
        (Unmarked(), "Unmarked object"),
        (types.ModuleType("empty"), "module empty"),
        (5, "int object"),
        (None, "NoneType object"),
        ("text", "str object"),
        ([ping], "list object"),
    ],
)
def test_object_with_nothing_marked_is_refused_with_the_remedy(target: Any, described: str) -> None:
    said = refusal("x", target)
    assert f"'x': nothing in {described} is marked" in said
    assert "@twisted_rpc.method" in said
    assert "`api` mapping" in said


def test_class_is_refused_with_the_remedy() -> None:
    assert refusal("x", Calculator) == "'x': Calculator is a class, expose an instance of it"
    assert "is a class" in refusal("x", {"y": Calculator})


def test_empty_mapping_is_refused() -> None:
    assert refusal("x", {}) == "'x': the mapping is empty"
    assert refusal("x", {"y": {}}) == "'x.y': the mapping is empty"


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "a.b."])
def test_malformed_name_is_refused(name: str) -> None:
    assert "is no name: a name is words with dots between them" in refusal(name, ping)


@pytest.mark.parametrize("name", ["a b", "a\n", "\ta", "a\x00b", "a\u2028b", "a\ud800", "a\u200bb"])
def test_name_with_blanks_or_control_characters_is_refused(name: str) -> None:
    assert "it has white space or control characters in it" in refusal(name, ping)


RESERVED = ["rpc", "rpc.discover", "_a", "__init__", "a._b", "a.__class__", "a.b._c.d", "a_._"]


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_name_is_refused(name: str) -> None:
    assert is_reserved(name)
    assert "is reserved" in refusal(name, ping)
    assert "is reserved" in refusal("", {name: ping})


@pytest.mark.parametrize("name", ["rpcs", "rpc_x", "a.rpc", "a_b", "a_.b", "a.b_", "\u00fcber"])
def test_name_that_only_looks_reserved_is_taken(name: str) -> None:
    assert not is_reserved(name)
    assert list(exposed(name, ping).methods) == [name]


class Private:
    @method(name="_hidden")
    def shown(self) -> None: ...


def test_mark_cannot_give_a_reserved_name() -> None:
    assert "'x._hidden' is reserved" in refusal("x", Private())


def bad_signature(line: type) -> None: ...


def test_signature_that_cannot_be_served_is_refused_by_its_full_name() -> None:
    assert refusal("x", {"ping": ping, "bad": bad_signature}).startswith("x.bad: parameter 'line'")


def test_taken_name_is_refused_and_nothing_changes() -> None:
    namespace = exposed("calc", Calculator())
    before = dict(namespace.methods)
    with pytest.raises(ExposeError, match=r"'calc\.add' is exposed already"):
        namespace.expose("calc", {"new": ping, "add": ping})
    assert namespace.methods == before


class Twice:
    @method(name="same")
    def one(self) -> None: ...

    @method(name="same")
    def two(self) -> None: ...


def test_name_given_twice_at_once_is_refused() -> None:
    assert refusal("x", Twice()) == "'x.same' is exposed already"


def test_unexpose_takes_back_one_method_or_a_whole_namespace() -> None:
    namespace = exposed("calc", Calculator())
    namespace.expose("calculus", ping)
    namespace.unexpose("calc.add")
    assert "calc.add" not in namespace.methods
    assert "calc.history" in namespace.methods
    namespace.unexpose("calc")
    assert list(namespace.methods) == ["calculus"]
    namespace.expose("calc", Calculator())


@pytest.mark.parametrize("name", ["", "nothing", "cal", "calc.", "calc.add.x"])
def test_unexpose_of_nothing_is_refused(name: str) -> None:
    namespace = exposed("calc", Calculator())
    with pytest.raises(ExposeError, match="nothing is exposed as"):
        namespace.unexpose(name)
    assert len(namespace.methods) == len(NAMES)


def test_counts_are_by_the_name_of_the_exposure() -> None:
    namespace = exposed("calc", Calculator())
    namespace.expose("ping", ping)
    namespace.expose("", {"a": ping, "b": {"c": ping}})
    assert namespace.counts() == {"calc": len(NAMES), "ping": 1, "": 2}


def test_fallbacks_are_kept_in_order_and_checked() -> None:
    namespace = Namespace()
    namespace.fallback(ping)
    namespace.fallback(max)
    assert [entry.function for entry in namespace.fallbacks] == [ping, max]
    with pytest.raises(ExposeError, match="fallback: parameter 'line'"):
        namespace.fallback(bad_signature)
    assert len(namespace.fallbacks) == 2


def test_mark_leaves_the_function_as_it_was() -> None:
    assert method(ping) is ping
    assert method(access="x")(ping) is ping
    assert ping() == "pong"


def test_method_gets_its_context_and_its_parameters() -> None:
    def who(ctx: Context, a: int) -> tuple[Any, int]:
        return ctx.identity, a

    entry = exposed("who", who).methods["who"]
    args, kwargs = entry.arguments(Raw(b"[7]"), Context(identity="alice"))
    assert entry.function(*args, **kwargs) == ("alice", 7)


def test_listeners_are_any_number_for_a_name_in_order() -> None:
    listeners = Listeners()
    assert not listeners
    listeners.on("tick", ping)
    listeners.on("tick", max)
    listeners.on("tock", ping)
    assert listeners
    assert [entry.function for entry in listeners.of("tick")] == [ping, max]
    assert [entry.function for entry in listeners.of("tock")] == [ping]
    assert listeners.of("other") == []


def test_listener_is_removed_by_what_on_returned_and_only_once() -> None:
    listeners = Listeners()
    first, second = listeners.on("tick", ping), listeners.on("tick", ping)
    first()
    first()
    assert len(listeners.of("tick")) == 1
    second()
    second()
    assert not listeners


def test_listener_whose_signature_cannot_be_served_is_refused() -> None:
    listeners = Listeners()
    with pytest.raises(ExposeError, match="tick: parameter 'line'"):
        listeners.on("tick", bad_signature)
    assert not listeners


def test_list_of_listeners_is_a_copy() -> None:
    listeners = Listeners()
    remove = listeners.on("tick", ping)
    for _ in listeners.of("tick"):
        remove()
    assert listeners.of("tick") == []
