"""What a browser can be made to send to a port for streams: nothing of it is run."""

from __future__ import annotations

from typing import ClassVar

from tests.helpers import request
from tests.transports.harness import turn
from tests.transports.stream_client import StreamTestCase, code_of

CALL = request("echo", ["attack"])
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND")
TARGETS = ("/", "*", "http://localhost/")
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""How the first message of TLS begins (RFC 8446, section 5.1)."""


class LineTests(StreamTestCase):
    """Messages as a web page would have them arrive, behind what a browser sends by itself."""

    framing: ClassVar[str] = "line"

    def framed(self, message: bytes) -> bytes:
        """A message as this port takes it."""
        return message + b"\n"

    async def attack(self, opening: bytes) -> bytes:
        """What is said to an opening and a call behind it, before the line is closed."""
        line = await self.open()
        line.send(opening + self.framed(CALL))
        said = await line.rest()
        line.abort()
        await self.gone()
        self.assertEqual(self.methods.ran, [])
        return said

    async def test_every_method_of_http_ends_the_line_unanswered(self) -> None:
        for method in METHODS:
            for target in TARGETS:
                said = await self.attack(f"{method} {target} HTTP/1.1\r\n\r\n".encode())
                self.assertEqual(said, b"")

    async def test_wherever_it_is_split(self) -> None:
        begin = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for at in range(1, 14):
            line = await self.open()
            line.send(begin[:at])
            await turn(5)
            line.send(begin[at:] + self.framed(CALL))
            await self.gone()
        line = await self.open()
        for index in range(6):  # what is said after that finds nobody
            line.send(begin[index : index + 1])
            await turn(2)
        await self.gone()
        self.assertEqual(self.methods.ran, [])

    async def test_what_only_resembles_it_is_no_beginning_either(self) -> None:
        for opening in (
            b"get / HTTP/1.1\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\n\r\n",
            b"A" * 30 + b" / HTTP/1.1\r\n\r\n",
            b"\r\nGET x\r\n\r\n",
            b" GET / HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            HELLO + b"\n",
            b"\x00\x01\x00\x00\n",
            b"USER x\r\n",
            b"\xef\xbb\xbf\n",
            b"1\n",
            b'"text"\n',
            b"}\n",
        ):
            self.assertNotIn(b"attack", await self.attack(opening))

    async def test_after_a_message_what_is_none_is_borne(self) -> None:
        line = await self.open()
        line.send(self.framed(b" \t" + CALL) + self.framed(b"GET / HTTP/1.1"))
        await line.take_through(b"attack")
        await line.take_through(b"-32700")
        line.send(self.framed(CALL))
        await line.take_through(b"attack")
        self.assertEqual(self.methods.ran, ["echo"] * 2)


class StreamTests(LineTests):
    """The same to values one after the other."""

    framing: ClassVar[str] = "stream"


class AutoTests(LineTests):
    """The same where the first bytes say how messages are framed."""

    framing: ClassVar[str] = "auto"


class HeaderTests(LineTests):
    """The same to frames with a header, where rubbish between frames ends the line anyway."""

    framing: ClassVar[str] = "header"

    def framed(self, message: bytes) -> bytes:
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)


class NetstringTests(LineTests):
    """The same to netstrings."""

    framing: ClassVar[str] = "netstring"

    def framed(self, message: bytes) -> bytes:
        return b"%d:%b," % (len(message), message)


class AnswerTests(StreamTestCase):
    """What is said to who begins with something else."""

    async def test_it_is_a_parse_error(self) -> None:
        line = await self.open()
        line.send(b"hello\n" + CALL + b"\n")
        answer = await line.line()
        self.assertEqual(code_of(answer), -32700)
        self.assertEqual(
            answer["error"]["data"], "a stream has to begin with an object or an array"
        )
        self.assertEqual(await line.rest(), b"")

    async def test_a_call_that_is_spoiled_is_borne(self) -> None:
        for spoiled in (b"{nonsense}\n", b"[1\n"):
            line = await self.open()
            line.send(spoiled)
            self.assertEqual(code_of(await line.line()), -32700)
            await self.answers(line)
