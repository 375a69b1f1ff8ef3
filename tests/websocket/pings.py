"""2: pings are answered with what they bear, in their order; pongs are not answered."""

from __future__ import annotations

from functools import partial

from tests.transports.websocket_client import PING, PONG, frame
from tests.websocket.cases import WAYS, Case, Way, refused
from tests.websocket.client import RawClient

__all__ = ["CASES"]

BYTES = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"


def is_ponged(client: RawClient, payload: bytes, chop: int | None = None) -> None:
    """A ping comes back as a pong."""
    client.write(frame(payload, PING), chop=chop)
    client.expect(PONG, payload)


def is_ignored(client: RawClient, payload: bytes) -> None:
    """A pong that nobody asked for is not answered, and a ping behind it is."""
    client.write(frame(payload, PONG))
    is_ponged(client, b"after a pong")


def ten(client: RawClient, way: Way) -> None:
    """Ten pings have ten pongs, in their order."""
    payloads = [b"payload-%d" % number for number in range(10)]
    way(client, [frame(payload, PING) for payload in payloads])
    for payload in payloads:
        client.expect(PONG, payload)


CASES = [
    Case("2.1", "ping without payload", partial(is_ponged, payload=b"")),
    Case("2.2", "ping with text", partial(is_ponged, payload=b"Hello, world!")),
    Case("2.3", "ping with other octets", partial(is_ponged, payload=BYTES)),
    Case("2.4", "ping of 125 octets", partial(is_ponged, payload=b"\xfe" * 125)),
    *refused("2.5", "ping of 126 octets", [frame(b"\xfe" * 126, PING)]),
    Case("2.6", "ping octet by octet", partial(is_ponged, payload=b"\xfe" * 125, chop=1)),
    Case("2.7", "pong without payload", partial(is_ignored, payload=b"")),
    Case("2.8", "pong with payload", partial(is_ignored, payload=b"unsolicited")),
    Case("2.9", "pong of 125 octets", partial(is_ignored, payload=b"\xfe" * 125)),
    *refused("2.9", "pong of 126 octets", [frame(b"\xfe" * 126, PONG)]),
    *(Case("2.10", f"ten pings, {name}", partial(ten, way=way)) for name, way in WAYS.items()),
]
