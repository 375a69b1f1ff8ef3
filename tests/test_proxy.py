"""`proxy.calc.add(1, 2)`: attributes spell a name, a call makes one."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from twisted_rpc.proxy import Proxy


class Line:
    """Keeps what was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def call(self, method: str, params: Any) -> Deferred[Any]:
        self.calls.append((method, params))
        return succeed(len(self.calls))


def test_attributes_become_the_name() -> None:
    line = Line()
    proxy = Proxy(line.call)
    proxy.ping()
    proxy.calc.history.last(1, 2)
    proxy.calc.add(a=1, b=2)
    assert line.calls == [
        ("ping", None),
        ("calc.history.last", [1, 2]),
        ("calc.add", {"a": 1, "b": 2}),
    ]


def test_call_returns_what_the_connection_returns() -> None:
    results: list[int] = []
    Proxy(Line().call).ping().addCallback(results.append)
    assert results == [1]


def test_a_part_of_a_name_can_be_kept_and_used_again() -> None:
    line = Line()
    calc = Proxy(line.call).calc
    calc.add()
    calc.sub()
    assert [method for method, _ in line.calls] == ["calc.add", "calc.sub"]


def test_positions_and_names_do_not_mix() -> None:
    line = Line()
    with pytest.raises(TypeError, match=r"calc\.add: give parameters by position or by name"):
        Proxy(line.call).calc.add(1, b=2)
    assert line.calls == []


def test_dunder_names_are_never_remote() -> None:
    line = Line()
    proxy = Proxy(line.call)
    with pytest.raises(AttributeError):
        _ = proxy.__wrapped__
    assert not hasattr(proxy, "__await__")
    copy.copy(proxy).ping()
    assert line.calls == [("ping", None)]


def test_repr_shows_the_name_so_far() -> None:
    proxy = Proxy(Line().call)
    assert repr(proxy) == "<Proxy of a connection>"
    assert repr(proxy.calc.add) == "<Proxy calc.add>"
