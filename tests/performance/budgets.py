"""The table of what requests may cost, and how what they do cost is compared with it."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct

from tests.performance.counting import Cost

__all__ = ["COLUMNS", "TABLE", "Budgets", "Costs", "current_versions", "read", "text"]

Costs = dict[str, dict[str, Cost]]
"""By transport and kind of request."""

TABLE = Path(__file__).with_name("budgets.toml")
COLUMNS = Cost.__struct_fields__
_ROOM = 0.9
"""A number below this part of its budget: the budget is to be lowered, or it guards nothing."""

_LIBRARIES = ("twisted", "autobahn", "pyopenssl", "httptools", "msgspec")
_WRITE = "`python -m tests.performance --write` does it"
_INTRO = """\
# What one request may cost; see docs/performance.md, "The guard".
# `python -m tests.performance --write` writes it: look at what that changes before you commit it.
"""


class Budgets(Struct, frozen=True):
    """The table.

    Attributes:
        versions: those it was measured with, of Python and the libraries.
        rows: what is allowed.
    """

    versions: dict[str, str]
    rows: Costs

    def faults(
        self, transport: str, costs: Mapping[str, Cost], versions: Mapping[str, str]
    ) -> Iterator[str]:
        """What is wrong with what was measured over one transport, each in a line.

        Args:
            transport: which.
            costs: what was measured, by kind of request.
            versions: those it was measured with.
        """
        allowed = self.rows.get(transport, {})
        for name in sorted(costs.keys() | allowed.keys()):
            row = f"{transport}.{name}"
            if name not in allowed:
                yield f"{row} is measured and has no budget: add one; {_WRITE}"
            elif name not in costs:
                yield f"{row} has a budget and is not measured: take it out; {_WRITE}"
            else:
                yield from self._compare(row, costs[name], allowed[name], versions)

    def _compare(
        self, row: str, cost: Cost, allowed: Cost, versions: Mapping[str, str]
    ) -> Iterator[str]:
        for column in COLUMNS:
            measured, most = getattr(cost, column), getattr(allowed, column)
            said = f"{row}: {measured:g} {column}, {most:g} allowed"
            may_exceed, may_fall_short = self._excused(column, versions)
            if measured > most and not may_exceed:
                yield f"{said}; run `python -m tests.performance --where {row}` to see where"
            elif measured < most * _ROOM and not may_fall_short:
                yield f"{said}: lower the budget, so that it guards what was gained; {_WRITE}"

    def _excused(self, column: str, versions: Mapping[str, str]) -> tuple[bool, bool]:
        """Whether a number may be above its budget, and below, because of other versions.

        Instructions and what is built in differ with each version of Python.  Functions
        only become fewer (3.12 runs comprehensions in place, PEP 709).  What other
        packages do is theirs.
        """
        other_python = versions["python"] != self.versions["python"]
        if column == "functions":
            return False, other_python
        if column in ("builtins", "instructions"):
            return other_python, other_python
        if column == "others":
            return versions != self.versions, versions != self.versions
        return False, False


def current_versions() -> dict[str, str]:
    """Those that run here."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{name: version(name) for name in _LIBRARIES}}


def read() -> Budgets:
    """Read the table."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    versions = table.pop("versions")
    rows = {
        transport: {name: Cost(*numbers) for name, numbers in kinds.items()}
        for transport, kinds in table.items()
    }
    return Budgets(versions, rows)


def text(budgets: Budgets) -> str:
    """The table as TOML, in columns."""
    lines = [_INTRO, "[versions]"]
    lines += [f'{name} = "{number}"' for name, number in budgets.versions.items()]
    head = ", ".join(f"{column:>{_width(column)}}" for column in COLUMNS)
    for transport, costs in budgets.rows.items():
        lines += ["", f"[{transport}]", f"# {'':12}   {head}"]
        lines += [f"{name:<14} = [{_numbers(cost)}]" for name, cost in costs.items()]
    return "\n".join(lines) + "\n"


def _numbers(cost: Cost) -> str:
    return ", ".join(f"{getattr(cost, column):>{_width(column)}g}" for column in COLUMNS)


def _width(column: str) -> int:
    return max(len(column), 6)
