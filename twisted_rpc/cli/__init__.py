"""`twisted-rpc`, the command line: calls, batches, notifications and measurements by URL."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from twisted_rpc.cli.loading import ending_at_once

__all__ = ["main"]


def main() -> None:
    """Run the command line, and end the process with its exit status.

    Raises:
        SystemExit: always.
    """
    _open_closed()
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        hint = f"{names} not installed: pip install 'twisted_rpc[cli]'"
        print(f"twisted-rpc: {hint}", file=sys.stderr)
        sys.exit(2)
    with ending_at_once():
        from twisted_rpc.cli.program import program
        from twisted_rpc.cli.status import exit_status

    sys.exit(exit_status(lambda: program.main(prog_name="twisted-rpc", standalone_mode=False)))


def _open_closed() -> None:
    """Put something in the place of standard streams that are closed.

    A socket would take their numbers.  Reading the one and writing the other fails, so nobody
    takes it for success.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDWR)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # which takes the least number that is free
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
