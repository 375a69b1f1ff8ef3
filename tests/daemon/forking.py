"""Starts a daemon for each line of standard input, and prints its process id.

The line is what `twistd` is called with, as JSON.  What a daemon imports is imported once,
so that many starts take no longer than what is done after that.
"""

from __future__ import annotations

import json
import os
import sys

from twisted.application import app  # noqa: F401
from twisted.scripts import twistd

import twisted_rpc.tap  # noqa: F401


def main() -> None:
    """Start one after the other, and reap those that have ended."""
    for line in sys.stdin:
        process = os.fork()
        if not process:
            sys.argv[1:] = json.loads(line)
            twistd.run()
            return
        print(process, flush=True)
        os.waitpid(process, 0)


if __name__ == "__main__":
    main()
