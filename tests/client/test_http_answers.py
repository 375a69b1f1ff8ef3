"""Answers over HTTP that are compressed, endless, or of another kind."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from io import StringIO
from typing import Any
from unittest.mock import patch

from msgspec import structs
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.resource import EncodingResourceWrapper
from twisted.web.server import GzipEncoderFactory, Site

from tests.client.harness import ClientTestCase, reactor, until
from tests.transports.harness import listening_port, turn
from twisted_rpc import CallTimeout, Client, ConnectionLost, ProtocolError, rpc_resource
from twisted_rpc.client import CLIENT_LIMITS

LIMIT = 100_000
LIMITS = structs.replace(CLIENT_LIMITS, max_message=LIMIT)
MEGABYTE = 1_000_000
RIGHT = json.dumps({"jsonrpc": "2.0", "result": "right", "id": 1}).encode()


def reply(body: bytes, *fields: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """A whole answer of HTTP."""
    head = "\r\n".join((status, f"Content-Length: {len(body)}", *fields))
    return head.encode() + b"\r\n\r\n" + body


class Raw(Protocol):
    """Says what a function says to any request, and knows whether it was hung up on."""

    say: Callable[[Any], Any]
    lost = False

    def __init__(self) -> None:
        self._request = b""

    def dataReceived(self, data: bytes) -> None:
        self._request += data
        if b"}" in self._request:
            self._request = b""
            self.say(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True


class AnswerTestCase(ClientTestCase):
    """A server of raw bytes."""

    async def to(self, say: Callable[[Any], Any] | bytes, **options: Any) -> Client:
        """A client of a server that says that."""
        self.raw: list[Raw] = []

        def build(*_: Any) -> Raw:
            protocol = Raw()
            protocol.say = (lambda line: line.write(say)) if isinstance(say, bytes) else say
            self.raw.append(protocol)
            return protocol

        factory = Factory()
        factory.buildProtocol = build  # type: ignore[method-assign, assignment]
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(factory)
        url = f"http://127.0.0.1:{listening_port(self.port)}/"
        return await self.client(url, **{"limits": LIMITS, **options})

    async def refused(self, client: Client, reason: str) -> None:
        """See that a call fails for a reason, and that the line is given up."""
        with self.assertRaisesRegex(ProtocolError, f"^m: .*http://.*{reason}"):
            await client.call("m", timeout=20)
        await until(lambda: self.raw[0].lost, "the line is kept")


class CompressedTests(AnswerTestCase):
    """Content-Encoding: gzip."""

    async def test_twisted_webs_own_compression_is_read(self) -> None:
        encoded: list[Any] = []

        class Noted(GzipEncoderFactory):
            def encoderForRequest(self, request: Any) -> Any:
                encoded.append(super().encoderForRequest(request))
                return encoded[-1]

        resource = EncodingResourceWrapper(rpc_resource(self.server), [Noted()])
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(Site(resource))
        client = await self.client(f"http://127.0.0.1:{listening_port(self.port)}/")
        value = ["ü" * 1000, *range(100_000)]
        self.assertEqual(await client.call("things.echo", [value]), value)
        self.assertEqual([type(each).__name__ for each in encoded], ["_GzipEncoder"])
        await client.close()
        await until(lambda: not self.server.lines)

    async def test_in_any_pieces(self) -> None:
        async def bytewise(line: Any) -> None:
            for octet in reply(gzip.compress(RIGHT), "Content-Encoding: X-GZip"):
                line.write(bytes((octet,)))
                await turn(2)

        client = await self.to(lambda line: ensureDeferred(bytewise(line)))
        self.assertEqual(await client.call("m"), "right")

    async def test_a_bomb_is_decoded_no_further_than_the_limit(self) -> None:
        bomb = gzip.compress(b" " * 300 * MEGABYTE)
        self.assertLess(len(bomb), MEGABYTE)
        client = await self.to(reply(bomb, "Content-Encoding: gzip"))
        tracemalloc.start()
        try:
            await self.refused(client, f"has more than {LIMIT} bytes \\(max_message\\)")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 5 * MEGABYTE)

    async def test_exactly_the_limit_is_not_too_much(self) -> None:
        body = RIGHT.ljust(LIMIT)
        client = await self.to(reply(gzip.compress(body), "Content-Encoding: gzip"))
        self.assertEqual(await client.call("m"), "right")

    async def test_broken_gzip(self) -> None:
        for body in (b"no gzip", gzip.compress(RIGHT) + b"and more"):
            client = await self.to(reply(body, "Content-Encoding: gzip"))
            await self.refused(client, "answered in broken gzip: ")
            await client.close()
            await self.stop()

    async def test_gzip_that_is_cut_off(self) -> None:
        whole = gzip.compress(RIGHT)
        for missing in (1, 8, 12):
            client = await self.to(reply(whole[:-missing], "Content-Encoding: gzip"))
            with self.assertRaisesRegex(ProtocolError, "in broken gzip: it is cut off"):
                await client.call("m", timeout=20)
            await client.close()
            await self.stop()

    async def test_gzip_in_more_than_one_member(self) -> None:
        body = b"".join(gzip.compress(part) for part in (RIGHT[:9], b"", RIGHT[9:]))
        client = await self.to(reply(body, "Content-Encoding: gzip"))
        self.assertEqual(await client.call("m"), "right")

    async def test_members_are_bounded_together(self) -> None:
        for last in (b"x", b"x" * LIMIT):
            body = gzip.compress(b" " * LIMIT) + gzip.compress(last)
            client = await self.to(reply(body, "Content-Encoding: gzip"))
            await self.refused(client, f"has more than {LIMIT} bytes \\(max_message\\)")
            await client.close()
            await self.stop()

    async def test_nothing_at_all_is_not_cut_off(self) -> None:
        client = await self.to(reply(b"", "Content-Encoding: gzip"))
        with self.assertRaisesRegex(ProtocolError, "no answer from http://.*/$"):
            await client.call("m", timeout=20)

    async def test_another_encoding_or_two_of_them(self) -> None:
        for encoding in ("br", "gzip, gzip"):
            client = await self.to(reply(RIGHT, f"Content-Encoding: {encoding}"))
            await self.refused(client, f"answered 200 OK encoded as '{encoding}'")
            await client.close()
            await self.stop()


class EndlessTests(AnswerTestCase):
    """Streams."""

    async def test_a_stream_of_events_is_no_answer(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\n"
        client = await self.to(head + b'data: {"jsonrpc":"2.0"}\n\n')
        await self.refused(client, "answered 200 OK with a stream, text/event-stream")

    async def test_a_body_without_end_is_bounded(self) -> None:
        def flood(line: Any) -> None:
            line.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(200):
                line.write(b"3e8\r\n" + b" " * 1000 + b"\r\n")

        client = await self.to(flood)
        await self.refused(client, f"has more than {LIMIT} bytes \\(max_message\\)")

    async def test_a_body_that_drips_is_given_up_with_its_call(self) -> None:
        def drip(line: Any) -> None:
            line.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n")

        client = await self.to(drip)
        with self.assertRaises(CallTimeout):
            await client.call("m", timeout=0.1)
        await until(lambda: self.raw[0].lost, "the line is kept")

    async def test_so_is_one_for_a_notification(self) -> None:
        limits = structs.replace(LIMITS, call_timeout=0.1, max_in_flight=1)
        said: list[Any] = []

        def drip_once(line: Any) -> None:
            said.append(line)
            line.write(
                reply(RIGHT) if len(said) > 1 else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
            )

        client = await self.to(drip_once, limits=limits)
        client.notify("n")
        self.assertEqual(await client.call("m", timeout=20), "right")

    async def test_without_a_length_it_ends_with_the_line(self) -> None:
        def old(line: Any) -> None:
            line.write(b"HTTP/1.0 200 OK\r\n\r\n" + RIGHT)
            line.loseConnection()

        client = await self.to(old)
        self.assertEqual(await client.call("m"), "right")


class WrongTests(AnswerTestCase):
    """Answers that are none."""

    async def test_what_was_said_instead_is_told(self) -> None:
        for body, reason in (
            (b"", "no answer from http://.*/$"),
            (b"nonsense", "no answer from http://.*/: "),
            (b'{"jsonrpc":"2.0","method":"m","id":1}', "it sent a request, and nobody can be"),
        ):
            client = await self.to(reply(body))
            with self.assertRaisesRegex(ProtocolError, reason):
                await client.call("m", timeout=20)
            await client.close()
            await self.stop()

    async def test_what_goes_over_the_line_is_traced(self) -> None:
        client = await self.to(reply(RIGHT), debug=True)
        with patch("sys.stderr", StringIO()) as printed:
            await client.call("m")
        self.assertRegex(
            printed.getvalue(), r'^http \d+ --> {.*"m".*}\nhttp \d+ <-- {.*"right".*}\n'
        )


class ConnectionTests(ClientTestCase):
    """The connection itself, as `client.connection`."""

    async def test_it_notifies_until_it_is_closed(self) -> None:
        client = await self.open("http")
        connection = client.connection
        assert connection is not None
        connection.notify("things.note", [1])
        await until(lambda: self.things.heard == [1])
        connection.abort()
        with self.assertRaises(ConnectionLost):
            connection.notify("things.note", [2])
