"""7: the closing handshake, its codes and its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.transports.websocket_client import CLOSE, CONTINUATION, PING, TEXT, frame
from tests.websocket.cases import BAD_DATA, PROTOCOL_ERROR, WAYS, Case, Way, call, is_echoed
from tests.websocket.client import RawClient, close

__all__ = ["CASES"]

MESSAGE, TEXT_OF_IT = call(100)

ECHOED = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
REGISTERED = (1012, 1013)
"""With IANA, after RFC 6455 was written."""

REFUSED = (0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def is_closed(
    client: RawClient, frames: list[bytes], code: int | None, way: Way = WAYS["in one write"]
) -> None:
    """The first thing that comes is a close, and the last."""
    way(client, frames)
    client.closed_with(code)


def after_a_message(client: RawClient, size: int) -> None:
    """A message before a close is answered before it."""
    message, text = call(size)
    client.write(frame(message), close(1000), frame(b"there?", PING))
    assert client.answer()["result"] == text
    client.closed_with(1000)


def with_its_reason(client: RawClient, reason: bytes) -> None:
    """The code and the reason come back."""
    is_echoed(client, 100)
    client.write(close(1000, reason))
    client.expect(CLOSE, (1000).to_bytes(2, "big") + reason)
    assert client.file.read() == b""
    client.is_over = True


def _closed(number: str, title: str, frames: list[bytes], code: int | None) -> Iterator[Case]:
    for name, way in WAYS.items():
        run = partial(is_closed, frames=frames, code=code, way=way)
        yield Case(number, f"{title}, {name}", run)


def _codes() -> Iterator[Case]:
    for code in (*ECHOED, *REGISTERED, *REFUSED):
        number, reply = ("7.9", PROTOCOL_ERROR) if code in REFUSED else ("7.7", code)
        for title, reason in (("", b""), (" and a reason", b"why")):
            run = partial(is_closed, frames=[close(code, reason)], code=reply)
            yield Case(number, f"code {code}{title}", run)


BEGUN = frame(MESSAGE[:50], TEXT, fin=False)

CASES = [
    Case("7.1.1", "a message, then a close", partial(after_a_message, size=100)),
    *_closed("7.1.2", "two closes", [close(1000), close(1001)], 1000),
    *_closed("7.1.3", "a close, then a ping", [close(1000), frame(b"", PING)], 1000),
    *_closed("7.1.4", "a close, then a message", [close(1000), frame(MESSAGE)], 1000),
    *_closed("7.1.4", "a close, then rubbish", [close(1000), b"\xff" * 20], 1000),
    *_closed(
        "7.1.5",
        "a close inside a message",
        [BEGUN, close(1000), frame(MESSAGE[50:], CONTINUATION)],
        1000,
    ),
    Case("7.1.6", "a long message, then a close", partial(after_a_message, size=256 * 1024)),
    *_closed("7.3.1", "no code", [close()], None),
    *_closed("7.3.2", "one octet", [frame(b"a", CLOSE)], PROTOCOL_ERROR),
    Case("7.3.3", "a code", partial(with_its_reason, reason=b"")),
    Case("7.3.4", "a code and a reason", partial(with_its_reason, reason="grüß Gott".encode())),
    Case("7.3.5", "a reason of 123 octets", partial(with_its_reason, reason=b"*" * 123)),
    *_closed("7.3.6", "a reason of 124 octets", [close(1000, b"*" * 124)], PROTOCOL_ERROR),
    *_closed("7.5.1", "a reason that is not UTF-8", [close(1000, b"\xed\xa0\x80")], BAD_DATA),
    *_closed("7.5.1", "a reason torn in a letter", [close(1000, b"gr\xc3")], BAD_DATA),
    *_codes(),
]
