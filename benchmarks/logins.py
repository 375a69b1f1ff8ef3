"""`python -m benchmarks.logins`: whether the time of a refused login tells why.

Logins over one TCP line to a daemon of its own: an unknown user, a password that is wrong
in its first byte, one that is wrong in its last.  They take turns in random order, so that
what else the machine does falls on all alike.  Each two are compared by the rank-sum test
of Mann and Whitney; the status is 1 if one takes longer beyond what chance explains.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from statistics import median, quantiles
from typing import Any

__all__ = ["measure", "z_of"]

PASSWORD = "correct horse battery staple"
TRIES = {
    "unknown user": ("bob", PASSWORD),
    "wrong first byte": ("ann", f"x{PASSWORD[1:]}"),
    "wrong last byte": ("ann", f"{PASSWORD[:-1]}x"),
}
MAX_Z = 4.0
"""Standard deviations; chance alone exceeds them once in 16 000 comparisons."""

COST = 4
"""Of bcrypt: the least, so that nothing is hidden under the time of a hash."""


def serve(path: str) -> None:
    """Serve until the process is ended; print the port."""
    from twisted.internet import reactor as installed

    from twisted_rpc import Limits, Server
    from twisted_rpc.checkers.htpasswd import HtpasswdChecker
    from twisted_rpc.transports.stream import StreamFactory

    reactor: Any = installed
    # Without what hides the time of a try, or forbids so many of them.
    limits = Limits(
        handshake_timeout=None, auth_delay=None, max_auth_attempts=None, max_auth_message=None
    )
    server = Server(limits=limits)
    server.enable_auth(HtpasswdChecker(path))
    port = reactor.listenTCP(0, StreamFactory(server), interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    reactor.run()


@contextmanager
def serving() -> Iterator[int]:
    """A daemon that knows one user; its port."""
    import bcrypt

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "passwords")
        path.touch(0o600)
        path.write_text(f"ann:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()}\n")
        command = [sys.executable, "-m", "benchmarks.logins", "--serve", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield int(process.stdout.readline())
            finally:
                process.terminate()


def measure(port: int, tries: int) -> dict[str, list[float]]:
    """The seconds of each refusal by its kind; so many tries of all kinds together."""
    times: dict[str, list[float]] = {kind: [] for kind in TRIES}
    with socket.create_connection(("127.0.0.1", port), 60) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with line.makefile("rb") as answers:
            for _ in range(20):  # until what is loaded late is loaded
                _try(line, answers, next(iter(TRIES)))
            for _ in range(tries // len(TRIES)):
                for kind in random.sample(list(TRIES), len(TRIES)):
                    times[kind].append(_try(line, answers, kind))
    return times


def _try(line: socket.socket, answers: Any, kind: str) -> float:
    message = {"jsonrpc": "2.0", "method": "auth", "params": TRIES[kind], "id": 1}
    text = json.dumps(message).encode() + b"\n"
    begun = time.perf_counter()
    line.sendall(text)
    answer = answers.readline()
    taken = time.perf_counter() - begun
    assert json.loads(answer)["error"]["code"] == -32001, answer
    return taken


def z_of(some: Sequence[float], others: Sequence[float]) -> float:
    """By how many standard deviations the ranks of some exceed what chance leads to expect."""
    ordered = sorted([(value, 0) for value in some] + [(value, 1) for value in others])
    ranks: dict[float, list[int]] = {}
    for rank, (value, _) in enumerate(ordered, 1):
        ranks.setdefault(value, []).append(rank)
    total = sum(sum(ranks[value]) / len(ranks[value]) for value in some)
    n, m = len(some), len(others)
    expected = n * (n + m + 1) / 2
    return (total - expected) / math.sqrt(n * m * (n + m + 1) / 12)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logins", description=__doc__)
    parser.add_argument("--tries", type=int, default=2000, help="of all kinds together; 2000")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return 0
    with serving() as port:
        times = measure(port, arguments.tries)
    print(f"{os.cpu_count()} cores, bcrypt of cost {COST}; microseconds")
    for kind, found in times.items():
        p10, p90 = quantiles(found, n=10)[0], quantiles(found, n=10)[-1]
        shown = f"median {median(found) * 1e6:6.0f}  p10 {p10 * 1e6:6.0f}  p90 {p90 * 1e6:6.0f}"
        print(f"{kind:17} {len(found):5} tries  {shown}")
    largest = 0.0
    for first, second in combinations(times, 2):
        z = z_of(times[first], times[second])
        largest = max(largest, abs(z))
        print(f"{first} against {second}: z = {z:+.2f}")
    print("no difference" if largest < MAX_Z else f"a difference: z beyond {MAX_Z:g}")
    return int(largest >= MAX_Z)


if __name__ == "__main__":
    sys.exit(main())
