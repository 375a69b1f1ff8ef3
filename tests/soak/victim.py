"""A client that is killed: `python -m tests.soak.victim PORT`.

It says so when it is in the middle of everything.
"""

from __future__ import annotations

import json
import signal
import socket
import sys

from tests.soak.places import PASSWORD, USER

LINES = 10


def main(port: int) -> None:
    """Log in, ask for what takes long and for what is large, and wait for the end."""
    lines = [
        socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
        for _ in range(LINES)
    ]
    for line in lines:
        calls = (("auth", [USER, PASSWORD]), ("soak.wait", [5]), ("soak.large", [3_000_000]))
        for number, (method, params) in enumerate(calls):
            call = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
            line.sendall(json.dumps(call).encode() + b"\n")
        line.recv(10)
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]))
