"""`python -m benchmarks.metering`: what metrics cost a call, transport by transport.

Pairs of servers in this process, one of each measured, answer the same bytes over sockets.
They take turns, so that what else the machine does falls on both alike, and are compared
turn by turn.  What is timed is all of the server's part but the reactor's: read, answer, write.
"""

from __future__ import annotations

import argparse
import gc
import socket
import sys
from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter_ns
from typing import Any

from msgspec import Struct
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from benchmarks.application import Calculator
from twisted_rpc import Limits, Server
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["Finding", "Side", "measure"]

CALL = b'{"jsonrpc":"2.0","method":"calc.add","params":[1,2],"id":123456}'
BATCH = b"[" + b",".join([CALL] * 100) + b"]"
LOADS = {"1 call": (CALL, 1, 1), "16 calls": (CALL, 16, 16), "a batch of 100": (BATCH, 1, 100)}
"""A message, how many of them are sent at once, and the calls in all of them."""

PAIRS = 5
"""Each has its own places in memory, which make one side of a pair quicker by some percent."""
TURN = 100
"""Calls in a turn, at least."""

_HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _line(message: bytes) -> bytes:
    return message + b"\n"


def _request(message: bytes) -> bytes:
    return b"%b%d\r\n\r\n%b" % (_HEAD, len(message), message)


def _frame(message: bytes) -> bytes:
    """A text frame, masked with zeros (RFC 6455, section 5.2)."""
    size = len(message)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return b"\x81" + length + bytes(4) + message


TRANSPORTS = {
    "TCP": (StreamFactory, _line),
    "HTTP": (HTTPFactory, _request),
    "WebSocket": (HTTPFactory, _frame),
}


class _Socket(StringTransport):
    """One end of a pair of sockets; what is written leaves at once.

    Attributes:
        near: it.
        far: the other.
        protocol: what reads, which an upgrade exchanges.
    """

    protocol: Any

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = socket.socketpair()

    def write(self, data: bytes) -> None:
        self.near.sendall(data)

    def setTcpNoDelay(self, enabled: bool) -> None: ...


class Side:
    """A server and one connection to it.

    Args:
        transport: one of `TRANSPORTS`.
        measured: whether the server is.
    """

    def __init__(self, transport: str, *, measured: bool) -> None:
        clock: Any = Clock()
        self._server = Server(reactor=clock, limits=Limits())
        self._server.expose("calc", Calculator())
        if measured:
            self._server.measure()
        factory, self._framed = TRANSPORTS[transport]
        self._socket = _Socket()
        protocol: Any = factory(self._server).buildProtocol(None)
        self._socket.protocol = protocol
        protocol.makeConnection(self._socket)
        if transport == "WebSocket":
            self.exchange(_UPGRADE)

    @property
    def counted(self) -> int:
        """How many calls were."""
        meters = self._server.meters
        if meters is None:
            return 0
        meters.settle()
        return sum(sum(meter.buckets) for meter in meters.methods.values())

    def turn(self, load: str) -> float:
        """Answer some calls; how many nanoseconds each took."""
        message, times, calls = LOADS[load]
        data = self._framed(message) * times
        repeats = -(-TURN // calls)
        return sum(self.exchange(data) for _ in range(repeats)) / (repeats * calls)

    def exchange(self, data: bytes) -> int:
        """Answer what is sent; how many nanoseconds it took."""
        near, far = self._socket.near, self._socket.far
        far.sendall(data)
        begun = perf_counter_ns()
        self._socket.protocol.dataReceived(near.recv(1 << 16))
        took = perf_counter_ns() - begun
        far.recv(1 << 16)
        return took

    def close(self) -> None:
        """Leave nothing open, and nothing to do."""
        self._socket.protocol.connectionLost(Failure(ConnectionDone()))
        self._socket.near.close()
        self._socket.far.close()


class Finding(Struct, frozen=True):
    """What a call takes.

    Attributes:
        transport, load: which.
        plain: nanoseconds, in the median.
        ratio: with metrics to without, in the median of all turns.
        counted: calls that the metrics have.
    """

    transport: str
    load: str
    plain: float
    ratio: float
    counted: int

    def __str__(self) -> str:
        more = (self.ratio - 1) * 100
        return f"{self.transport}, {self.load}: {self.plain / 1000:.2f} us, {more:+.1f} %"


def measure(turns: int) -> Iterator[Finding]:
    """Compare the sides of each pair so often, for each load of each transport."""
    for transport in TRANSPORTS:
        for load in LOADS:
            plain: list[float] = []
            ratios: list[float] = []
            counted = 0
            for _ in range(PAIRS):
                sides = [Side(transport, measured=measured) for measured in (False, True)]
                for number in range(turns):
                    order = sides if number % 2 else sides[::-1]
                    took = {side: side.turn(load) for side in order}
                    plain.append(took[sides[0]])
                    ratios.append(took[sides[1]] / took[sides[0]])
                counted += sides[1].counted
                for side in sides:
                    side.close()
            yield Finding(transport, load, median(plain), median(ratios), counted)


def main(arguments: Sequence[str]) -> None:
    """Print a line for each load of each transport."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metering", description=__doc__)
    parser.add_argument("--turns", type=int, default=1000, help="of each pair (1000)")
    turns = parser.parse_args(arguments).turns
    for finding in measure(turns):
        print(finding, flush=True)


if __name__ == "__main__":
    gc.disable()  # it would fall on one of the two
    main(sys.argv[1:])
