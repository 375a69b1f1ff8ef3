"""`python -m benchmarks`."""

from __future__ import annotations

import argparse
import re
import sys

from benchmarks import generator
from benchmarks.processes import Failed
from benchmarks.report import table
from benchmarks.rounds import run
from benchmarks.rows import ROWS


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; 5")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long, each time; 1.5")
    parser.add_argument("--only", type=re.compile, help="the rows whose title has this in it")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rows = [row for row in ROWS if row.quick or not options.quick]
    rows = [row for row in rows if not options.only or options.only.search(row.title)]
    try:
        generator.build()
    except Failed as error:
        sys.exit(f"benchmarks: {error}")
    plan = [(row, row.servers()) for row in rows]
    results = run(plan, options.rounds, options.seconds, lambda text: print(text, file=sys.stderr))
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
