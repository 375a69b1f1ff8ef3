"""What is damaged: the messages and the raw bytes of the conversations, and some more heads."""

from __future__ import annotations

from functools import cache

from tests.conversation import read
from tests.fuzzing.oracle import due
from tests.players import TRANSPORTS
from tests.test_conversations import FILES
from twisted_rpc import Limits

__all__ = ["CARRIERS", "messages", "raw"]

CARRIERS = ("line", "stream", "header", "netstring", "hybrid_line", "http", "websocket")
"""The transports that raw bytes are sent to."""

_LONGEST = 300
# A thread takes its own time, `forever` for ever, and `long` as much memory as it is told to.
_NEVER = (b"thread", b"forever", b"long")
# What raw bytes call has to be answered at once, and the same each time.
_LATE = (b"slow", b"deferred", b"coroutine", b"later", b"for_long", b"application_data", b"notes")

_BODY = b'{"jsonrpc":"2.0","method":"ping","id":1}'
_HEADS = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Expect: 100-continue\r\nContent-Length: 40\r\n\r\n" + _BODY,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n14;a=b\r\n"
    + _BODY[:20]
    + b"\r\n14\r\n"
    + _BODY[20:]
    + b"\r\n"
    b"0\r\nTrailer: x\r\n\r\n",
    b"GET /rpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    b"\x81\xa8\x00\x00\x00\x00" + _BODY,
    b"HEAD / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    b"POST http://localhost/rpc HTTP/1.0\r\nConnection: keep-alive\r\n"
    b"Content-Type: application/json\r\nContent-Length: 40\r\n\r\n" + _BODY,
)


@cache
def messages() -> list[bytes]:
    """Short messages of the conversations; sound calls, of which there are few, more often."""
    found = {
        step.data
        for script in map(read, FILES)
        if script.limits == Limits()
        for step in script.steps
        if step.kind == "-->"
    }
    short = sorted(m for m in found if 0 < len(m) < _LONGEST and not any(w in m for w in _NEVER))
    sound = [m for m in short if all(isinstance(d, list) or d[1] is None for d in due(m))]
    return short + 4 * sound


@cache
def raw(carrier: str) -> list[bytes]:
    """Frames for one transport: the conversations' own, and its messages framed."""
    transport = TRANSPORTS[carrier]
    found = {
        step.data
        for script in map(read, FILES)
        for step in script.steps
        if step.kind == "==>" and step.is_for(transport.kinds)
    }
    if carrier == "http":
        found.update(_HEADS)
    found = {data for data in found if len(data) < 4 * _LONGEST}
    assert transport.client is not None
    found.update(map(transport.client().frame, set(messages())))
    return sorted(data for data in found if not any(word in data for word in _NEVER + _LATE))
