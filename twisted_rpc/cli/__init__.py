"""`twisted-rpc`, the command line: calls, batches, notifications and measurements by URL."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command line, and end the process with its exit status.

    Raises:
        SystemExit: always.
    """
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        hint = f"{names} not installed: pip install 'twisted_rpc[cli]'"
        print(f"twisted-rpc: {hint}", file=sys.stderr)
        sys.exit(2)
    from twisted_rpc.cli.commands import program
    from twisted_rpc.cli.running import exit_status

    sys.exit(exit_status(lambda: program.main(prog_name="twisted-rpc", standalone_mode=False)))
