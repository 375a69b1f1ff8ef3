"""RFC 6455, frame by frame, also where whole text frames are read without Autobahn.

A text frame that is whole takes a short way through the server, everything else a long
one; the rules have to hold on both, and in every mixture.
"""

from __future__ import annotations

import pytest

from tests.helpers import request
from tests.transports.harness import turn, until
from tests.transports.websocket_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    WebSocketLine,
    WebSocketTestCase,
    frame,
)
from twisted_rpc import Limits
from twisted_rpc.transports.websocket import text_frame, unmask

CALL = request("echo", ["ä"])
PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1002, 1007, 1009


class FrameTests(WebSocketTestCase):
    """Frames that are in order."""

    async def _is_answered(self, client: WebSocketLine, *frames: bytes) -> None:
        client.send(*frames)
        self.assertEqual((await client.message())["result"], "ä")

    async def test_binary_in_text_out(self) -> None:
        await self._is_answered(await self.open_websocket(), frame(CALL, BINARY))

    async def test_any_mask_will_do(self) -> None:
        client = await self.open_websocket()
        for mask in (bytes(4), b"\xff\xff\xff\xff", b"\0\1\2\3"):
            await self._is_answered(client, frame(CALL, mask=mask))

    async def test_fragments_are_joined(self) -> None:
        client = await self.open_websocket()
        for opcode in (TEXT, BINARY):
            await self._is_answered(
                client,
                frame(CALL[:5], opcode, fin=False),
                frame(b"", CONTINUATION, fin=False),
                frame(CALL[5:-5], CONTINUATION, fin=False),
                frame(CALL[-5:], CONTINUATION),
            )

    async def test_a_letter_may_be_divided_between_fragments(self) -> None:
        client = await self.open_websocket()
        text = '{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": ["ä"]}'.encode()
        middle = text.index("ä".encode()) + 1
        await self._is_answered(
            client, frame(text[:middle], fin=False), frame(text[middle:], CONTINUATION)
        )

    async def test_a_frame_may_be_divided_anywhere(self) -> None:
        client = await self.open_websocket()
        for whole in (frame(CALL), frame(CALL, BINARY), frame(CALL + b" " * 200)):
            for index in range(1, len(whole)):
                client.send(whole[:index])
                await turn(2)
                self.assertEqual(client.line.received, b"")
                await self._is_answered(client, whole[index:])

    async def test_a_frame_may_come_byte_by_byte(self) -> None:
        client = await self.open_websocket()
        for whole in (frame(CALL), frame(CALL + b" " * 5000), frame(CALL + b" " * 200, BINARY)):
            await client.line.send_bytewise(whole[:-1])
            await self._is_answered(client, whole[-1:])

    async def test_a_whole_frame_and_part_of_the_next(self) -> None:
        client = await self.open_websocket()
        for following in (frame(CALL), frame(CALL, BINARY), frame(CALL + b" " * 10_000)):
            for index in (1, 2, 5, 7, 20):
                await self._is_answered(client, frame(CALL), following[:index])
                await self._is_answered(client, following[index:])

    async def test_frames_of_both_ways_keep_their_order(self) -> None:
        client = await self.open_websocket()
        kinds = (TEXT, BINARY, TEXT, TEXT, BINARY, TEXT)
        client.send(*(frame(request("echo", [n]), kind) for n, kind in enumerate(kinds)))
        self.assertEqual([(await client.message())["result"] for _ in kinds], [0, 1, 2, 3, 4, 5])

    async def test_every_size_of_length_is_read(self) -> None:
        client = await self.open_websocket()
        for size in (125, 126, 127, 4088, 4089, 65535, 65536, 1024 * 1024):
            text = CALL + b" " * (size - len(CALL))
            for opcode in (TEXT, BINARY):
                await self._is_answered(client, frame(text, opcode))

    async def test_a_long_frame_that_comes_in_pieces_is_read(self) -> None:
        client = await self.open_websocket()
        for size in (1000, 4096, 5000, 70_000):
            whole = frame(CALL + b" " * size)
            for start in range(0, len(whole) - 1, 900):
                client.send(whole[start : min(start + 900, len(whole) - 1)])
                await turn(2)
            await self._is_answered(client, whole[-1:])

    async def test_pings_between_fragments_are_answered_at_once(self) -> None:
        client = await self.open_websocket()
        client.send(frame(CALL[:5], fin=False), frame(b"there?", PING))
        self.assertEqual(await client.frame(), Frame(0x80 | PONG, b"there?"))
        await self._is_answered(client, frame(b"", PONG), frame(CALL[5:], CONTINUATION))

    async def test_pings_between_messages_are_answered_in_their_order(self) -> None:
        client = await self.open_websocket()
        client.send(frame(CALL), frame(b"1", PING), frame(CALL), frame(b"2", PONG), frame(CALL))
        kinds = [(await client.frame())[0] & 15 for _ in range(4)]
        self.assertEqual(kinds, [TEXT, PONG, TEXT, TEXT])


class RuleTests(WebSocketTestCase):
    """Frames that break a rule: on a new connection, and behind frames that were in order."""

    async def _is_refused(self, code: int, *frames: bytes) -> None:
        client = await self.open_websocket()
        client.send(*frames)
        await self.closed_with(code, client)
        for before in (frame(CALL), frame(CALL, BINARY)):
            client = await self.open_websocket()
            client.send(before, *frames)
            await client.message()
            await self.closed_with(code, client)

    async def test_clients_have_to_mask(self) -> None:
        for opcode in (TEXT, BINARY, PING):
            await self._is_refused(PROTOCOL_ERROR, frame(CALL, opcode, mask=None))
        await self._is_refused(PROTOCOL_ERROR, frame(CALL + b" " * 300, mask=None))
        await self._is_refused(PROTOCOL_ERROR, frame(b"", mask=None))
        self.assertEqual(set(self.methods.ran), {"echo"})

    async def test_reserved_bits_are_not_for_use(self) -> None:
        for rsv in (1, 2, 4, 7):
            await self._is_refused(PROTOCOL_ERROR, frame(CALL, rsv=rsv))

    async def test_reserved_opcodes_are_not_for_use(self) -> None:
        for opcode in (3, 7, 11, 15):
            await self._is_refused(PROTOCOL_ERROR, frame(CALL, opcode))

    async def test_a_continuation_continues_something(self) -> None:
        await self._is_refused(PROTOCOL_ERROR, frame(CALL, CONTINUATION))

    async def test_a_message_ends_before_another_begins(self) -> None:
        await self._is_refused(PROTOCOL_ERROR, frame(CALL[:5], fin=False), frame(CALL))

    async def test_control_frames_are_short_and_whole(self) -> None:
        await self._is_refused(PROTOCOL_ERROR, frame(b"x" * 126, PING))
        await self._is_refused(PROTOCOL_ERROR, frame(b"x", PING, fin=False))

    async def test_a_length_is_written_as_short_as_it_can_be(self) -> None:
        text = CALL + b" " * (125 - len(CALL))
        for octets in (3, 9):
            await self._is_refused(PROTOCOL_ERROR, frame(text, length_octets=octets))
        await self._is_refused(PROTOCOL_ERROR, frame(text + b" ", length_octets=9))
        await self._is_refused(PROTOCOL_ERROR, frame(text + b" " * 65_410, length_octets=9))

    async def test_a_length_of_2_to_the_63_is_none(self) -> None:
        await self._is_refused(PROTOCOL_ERROR, b"\x81\xff\x80" + bytes(7) + b"mask")

    async def test_text_is_utf_8(self) -> None:
        for bad in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"{\x80}"):
            await self._is_refused(BAD_DATA, frame(bad))
            await self._is_refused(BAD_DATA, frame(b" " * 500 + bad))
        await self._is_refused(BAD_DATA, frame(b"\xc3", fin=False), frame(b"x", CONTINUATION))

    async def test_a_close_with_a_code_that_there_is_not_breaks_a_rule(self) -> None:
        for payload in (b"x", (999).to_bytes(2, "big"), (1005).to_bytes(2, "big")):
            await self._is_refused(PROTOCOL_ERROR, frame(payload, CLOSE), frame(CALL))

    async def test_bad_utf_8_in_binary_is_a_parse_error(self) -> None:
        client = await self.open_websocket()
        client.send(frame(b'{"\xff"}', BINARY), frame(CALL))
        self.assertEqual((await client.message())["error"]["code"], -32700)
        self.assertEqual((await client.message())["result"], "ä")

    async def test_nothing_is_run_after_a_broken_rule(self) -> None:
        client = await self.open_websocket()
        client.send(frame(CALL, rsv=1), frame(CALL), frame(CALL, BINARY))
        self.assertEqual(await client.close_code(), PROTOCOL_ERROR)
        client.send(frame(CALL))
        await client.line.rest()
        self.assertEqual(self.methods.ran, [])

    async def test_nothing_is_kept_of_a_broken_frame(self) -> None:
        client = await self.open_websocket()
        client.send(b"\x89\xff" + (1 << 62).to_bytes(8, "big") + b"mask")
        self.assertEqual(await client.close_code(), PROTOCOL_ERROR)
        served = self.served()
        for _ in range(20):
            client.line.send(b"*" * 50_000)
            await turn(2)
        self.assertLess(len(served.data), 100)
        self.assertFalse(served.control_frame_data)

    async def test_nothing_is_run_after_a_close_of_ours(self) -> None:
        client = await self.open_websocket()
        await until(lambda: self.server.connections)
        (connection,) = self.server.connections.values()
        connection.close()
        client.send(frame(CALL), frame(CALL, BINARY))
        self.assertEqual(await client.close_code(), 1000)
        self.assertEqual(await client.line.rest(), b"")
        self.assertEqual(self.methods.ran, [])

    async def test_nothing_is_run_after_a_close(self) -> None:
        client = await self.open_websocket()
        client.send(frame((1000).to_bytes(2, "big"), CLOSE), frame(CALL))
        self.assertEqual((await client.frame())[0], 0x80 | CLOSE)
        self.assertEqual(await client.line.rest(), b"")
        self.assertEqual(self.methods.ran, [])


class SizeTests(WebSocketTestCase):
    """Messages longer than the limit."""

    limits = Limits(max_message=300)

    async def _is_too_big(self, *frames: bytes) -> None:
        client = await self.open_websocket()
        client.send(*frames)
        await self.closed_with(TOO_BIG, client)

    async def test_a_frame_too_long_is_refused_once_its_length_is_known(self) -> None:
        for size in (301, 5000, 100_000):
            for opcode in (TEXT, BINARY):
                await self._is_too_big(frame(b" " * size, opcode)[:14])
                await self._is_too_big(frame(b" " * size, opcode))

    async def test_fragments_too_long_together_are_refused(self) -> None:
        parts = [frame(b" " * 100, CONTINUATION, fin=False) for _ in range(3)]
        await self._is_too_big(frame(b" ", fin=False), *parts)

    async def test_the_limit_itself_is_answered(self) -> None:
        client = await self.open_websocket()
        text = CALL + b" " * (300 - len(CALL))
        client.send(frame(text), frame(text, BINARY))
        client.send(frame(text[:150], fin=False), frame(text[150:], CONTINUATION))
        self.assertEqual([(await client.message())["result"] for _ in range(3)], ["ä"] * 3)


class TinyLimitTests(WebSocketTestCase):
    """A limit below what a short frame may hold."""

    limits = Limits(max_message=80)

    async def test_it_holds_for_short_frames(self) -> None:
        client = await self.open_websocket()
        client.send(frame(b" " * 81)[:20])
        await self.closed_with(TOO_BIG, client)

    async def test_the_limit_itself_is_answered_in_pieces(self) -> None:
        client = await self.open_websocket()
        whole = frame(CALL + b" " * (80 - len(CALL)))
        client.send(whole[:40])
        await until(lambda: self.served()._arrival.at is not None)
        client.send(whole[40:])
        self.assertEqual((await client.message())["result"], "ä")


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 65535, 65536])
def test_masking_is_undone_and_frames_are_as_short_as_can_be(size: int) -> None:
    payload = bytes(index * 7 & 0x7F for index in range(size))
    mask = b"\x01\x80\xff\x10"
    masked = frame(payload, mask=mask)[-size:] if size else b""
    assert unmask(mask, masked) == payload
    assert text_frame(payload) == frame(payload, mask=None)
