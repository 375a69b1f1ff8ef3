"""`python -m tests.performance`: what requests cost, beside what they may cost.

The exit status is 1 if a budget is exceeded, or is so high that it guards nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.performance import budgets
from tests.performance.apart import apart
from tests.performance.budgets import COLUMNS, Budgets, Costs
from tests.performance.counting import Cost
from tests.performance.measuring import kinds_of
from tests.performance.serving import TRANSPORTS

__all__ = ["main", "measured"]


def measured(transport: str) -> dict[str, Cost]:
    """What requests cost over one transport."""
    return apart(dict[str, Cost], "-m", "tests.performance.measuring", transport)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.performance", description=__doc__)
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--where", metavar="ROW", help="function by function: tcp, or http.batch")
    ways.add_argument("--write", action="store_true", help="make what is measured the budgets")
    options = parser.parse_args(arguments)
    if options.where is not None:
        return _tell_where(options.where)
    costs = {transport: measured(transport) for transport in TRANSPORTS}
    if options.write:
        written = Budgets(budgets.current_versions(), costs)
        budgets.TABLE.write_text(budgets.text(written), encoding="utf-8")
        return 0
    return _compare(costs)


def _compare(costs: Costs) -> int:
    """Print the table, and what is wrong."""
    allowed, versions = budgets.read(), budgets.current_versions()
    print(f"{'':22}" + "".join(f"{column:>14}" for column in COLUMNS))
    for transport, rows in costs.items():
        for name, cost in rows.items():
            budget = allowed.rows.get(transport, {}).get(name, Cost())
            print(f"{f'{transport}.{name}':22}" + "".join(_cells(cost, budget)))
    faults = [
        fault
        for transport, rows in costs.items()
        for fault in allowed.faults(transport, rows, versions)
    ]
    for name in sorted(name for name in versions if versions[name] != allowed.versions.get(name)):
        print(f"{name} is {versions[name]} here, and {allowed.versions.get(name)} in the table")
    print("\n".join(faults) or "as the table says")
    return 1 if faults else 0


def _cells(cost: Cost, budget: Cost) -> list[str]:
    """Numbers, each with its budget where that is another."""
    pairs = [(getattr(cost, column), getattr(budget, column)) for column in COLUMNS]
    shown = [f"{here:g}" if here == most else f"{here:g} ({most:g})" for here, most in pairs]
    return [f"{cell:>14}" for cell in shown]


def _tell_where(row: str) -> int:
    """Print what one row is made of."""
    transport, _, name = row.partition(".")
    name = name or "call"
    rows = [f"{each}.{kind}" for each in TRANSPORTS for kind in kinds_of(each)]
    if f"{transport}.{name}" not in rows:
        print(f"{row!r} is no row; there are {', '.join(rows)}", file=sys.stderr)
        return 2
    lines = apart(list[str], "-m", "tests.performance.measuring", transport, name)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
