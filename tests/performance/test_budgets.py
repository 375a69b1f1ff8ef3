"""Requests cost what the table says; and what costs more, or much less, is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.performance import __main__ as program
from tests.performance import budgets
from tests.performance.__main__ import main, measured
from tests.performance.apart import apart
from tests.performance.budgets import Budgets
from tests.performance.counting import Cost
from tests.performance.serving import TRANSPORTS

HERE = budgets.current_versions()
COST = Cost(10, 10, 200, 30, 1, 1, 0, 1)

_MEASURE = """
import sys, msgspec
from tests.performance.measuring import exchange
cost = exchange({transport!r}, "call").cost()
sys.stdout.write(msgspec.json.encode({{"call": cost}}).decode())
"""
QUEUES = """
from twisted_rpc.transports.wire import Wire
Wire.write = lambda self, data: self.transport.write(data)
"""
CALLS_ONCE_MORE = """
from twisted_rpc import dispatch, connection
once_more = dispatch.Dispatcher.dispatch
source = "def again(function):\\n return lambda *arguments: function(*arguments)"
module = {}
exec(compile(source, dispatch.__file__, "exec"), module)
dispatch.Dispatcher.dispatch = module["again"](once_more)
"""
KEEPS = """
from twisted_rpc.dispatch import Dispatcher
right, kept = Dispatcher.dispatch, []
def keeping(self, data, caller):
    kept.append([data])
    return right(self, data, caller)
Dispatcher.dispatch = keeping
"""


def faults(cost: Cost, versions: dict[str, str] | None = None) -> list[str]:
    """What is said of one row."""
    table = Budgets(HERE, {"tcp": {"call": COST}})
    return list(table.faults("tcp", {"call": cost}, versions or HERE))


def wrong(change: str, transport: str = "tcp") -> str:
    """What the guard says of a changed package."""
    program = change + _MEASURE.format(transport=transport)
    cost = apart(dict[str, Cost], "-c", program)
    table = budgets.read()
    only = Budgets(table.versions, {transport: {"call": table.rows[transport]["call"]}})
    return "\n".join(only.faults(transport, cost, HERE))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_requests_cost_what_the_table_says(transport: str) -> None:
    found = list(budgets.read().faults(transport, measured(transport), HERE))
    assert not found, "\n".join(found)


def test_the_table_has_a_row_for_all_that_is_measured_and_no_other() -> None:
    assert set(budgets.read().rows) == set(TRANSPORTS)
    table = Budgets(HERE, {"tcp": {"call": COST, "gone": COST}})
    said = "\n".join(table.faults("tcp", {"call": COST, "new": COST}, HERE))
    assert "tcp.new is measured and has no budget" in said
    assert "tcp.gone has a budget and is not measured" in said


def test_the_table_is_written_as_it_is_read() -> None:
    table = budgets.read()
    assert budgets.text(table) == budgets.TABLE.read_text("utf-8")


def test_more_than_is_allowed_is_told() -> None:
    assert faults(COST) == []
    (fault,) = faults(Cost(10, 10, 201, 30, 1, 1, 0, 1))
    assert fault == (
        "tcp.call: 201 instructions, 200 allowed; "
        "run `python -m tests.performance --where tcp.call` to see where"
    )


def test_much_less_than_is_allowed_lowers_the_budget() -> None:
    assert faults(Cost(10, 10, 181, 30, 1, 1, 0, 1)) == []
    (fault,) = faults(Cost(10, 10, 179, 30, 1, 1, 0, 1))
    assert fault.startswith("tcp.call: 179 instructions, 200 allowed: lower the budget")


def test_another_python_has_other_instructions_but_not_more_functions() -> None:
    other = {**HERE, "python": "3.99"}
    assert faults(Cost(5, 50, 500, 300, 1, 1, 0, 1), other) == []
    (fault,) = faults(Cost(11, 10, 200, 30, 1, 1, 0, 1), other)
    assert "11 functions, 10 allowed" in fault


def test_other_libraries_answer_for_themselves() -> None:
    other = {**HERE, "twisted": "99"}
    assert faults(Cost(10, 10, 200, 300, 1, 1, 0, 1), other) == []
    assert len(faults(Cost(11, 11, 201, 300, 2, 2, 1, 2, 1, 1), other)) == 9


def test_a_queued_answer_and_what_is_kept_are_found() -> None:
    allowed = budgets.read().rows["tcp"]["call"]
    said = wrong(QUEUES + KEEPS)
    assert f"tcp.call: {allowed.epoll_ctl + 2:g} epoll_ctl, {allowed.epoll_ctl:g} allowed" in said
    assert (
        f"tcp.call: {allowed.epoll_wait + 1:g} epoll_wait, {allowed.epoll_wait:g} allowed" in said
    )
    assert re.search(r"tcp.call: \d blocks, 0 allowed", said)


def test_one_more_function_is_found() -> None:
    allowed = budgets.read().rows["http"]["call"].functions
    said = wrong(CALLS_ONCE_MORE, "http")
    assert f"http.call: {allowed + 1:g} functions, {allowed:g} allowed" in said


def test_the_command_compares_and_writes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cost = COST
    monkeypatch.setattr(program, "TRANSPORTS", ("tcp",))
    monkeypatch.setattr(program, "measured", lambda transport: {"call": cost})
    monkeypatch.setattr(budgets, "TABLE", tmp_path / "budgets.toml")
    assert main(["--write"]) == 0
    assert main([]) == 0
    assert "as the table says" in capsys.readouterr().out
    cost = replace(COST, instructions=250)
    assert main([]) == 1
    said = capsys.readouterr().out
    assert "250 (200)" in said
    assert "tcp.call: 250 instructions, 200 allowed; run " in said


def test_where_it_goes_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--where", "tcp"]) == 0
    said = capsys.readouterr().out
    assert "Dispatcher.dispatch: bytes.isascii 1" in said
    assert "socket.send 1" in said
    assert main(["--where", "tcp.nothing"]) == 2
    assert "'tcp.nothing' is no row; there are tcp.call, " in capsys.readouterr().err
