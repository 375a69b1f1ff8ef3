"""Requests over HTTP: how long each holds its slot, and answers that are no HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec import structs
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import globalLogPublisher

from tests.client.harness import quick, until
from tests.client.test_http_answers import LIMITS, RIGHT, AnswerTestCase, reply
from tests.client.test_proxies import environment
from tests.transports.harness import turn
from twisted_rpc import CallTimeout, Client, ConnectionLost, ProtocolError
from twisted_rpc.transports.http_client import HTTPClientConnection

ONE = structs.replace(LIMITS, max_in_flight=1)
"""One request at a time, so that one which is left over holds up all that follow."""


def right(request_id: int) -> bytes:
    """A whole answer to a call."""
    return reply(json.dumps({"jsonrpc": "2.0", "result": "right", "id": request_id}).encode())


def hang_up(line: Any) -> None:
    """Close without a word."""
    line.loseConnection()


def kind(failure: Any) -> type[Exception]:
    """Handle an error, as applications do."""
    found: type[Exception] = failure.type
    return found


class SlotTests(AnswerTestCase):
    """A request ends with the last of its calls, whatever is done with their errors."""

    async def script(self, *said: Callable[[Any], Any] | bytes, **options: Any) -> Client:
        """A client of a server that says one thing after the other, one for each request."""
        self.asked = 0

        def say(line: Any) -> None:
            self.asked += 1
            answer = said[self.asked - 1]
            if isinstance(answer, bytes):
                line.write(answer)
            else:
                answer(line)

        return await self.to(say, **{"limits": ONE, **options})

    async def test_a_batch_that_took_too_long(self) -> None:
        client = await self.script(b"", right(3))
        async with client.batch() as batch:
            calls = [batch.call(name, timeout=0.1).addErrback(kind) for name in ("m", "n")]
        self.assertEqual([await call for call in calls], [CallTimeout, CallTimeout])
        await until(lambda: self.raw[0].lost, "its request is left")
        self.assertEqual(await client.call("next", timeout=20), "right")

    async def test_a_batch_that_one_of_its_calls_left(self) -> None:
        waiting: list[Any] = []
        client = await self.script(waiting.append)
        connection: Any = client.connection
        async with connection.batch() as batch:
            first = batch.call("m").addErrback(kind)
            second = batch.call("n")
            Deferred.fromCoroutine(self.leave(first, waiting))
        self.assertIs(await first, CancelledError)
        self.assertEqual(await second, "right")

    async def leave(self, call: Deferred[Any], waiting: list[Any]) -> None:
        """Cancel one call of a request that is under way, and answer the other."""
        await until(lambda: waiting)
        call.cancel()
        waiting[0].write(right(2))

    async def test_a_call_that_is_made_again(self) -> None:
        client = await self.script(hang_up, hang_up, b"", right(4), backoff=quick)
        made_again = client.call("m", timeout=1, retry=True).addErrback(kind)
        self.assertIs(await made_again, CallTimeout)
        self.assertEqual(self.asked, 3)
        await until(lambda: self.raw[2].lost, "its request is left")
        self.assertEqual(await client.call("next", timeout=20), "right")

    async def test_a_call_that_is_cancelled_is_not_made_again(self) -> None:
        client = await self.script(b"", right(2), backoff=quick)
        call = client.call("m", retry=True).addErrback(kind)
        await until(lambda: self.asked)
        call.cancel()
        self.assertIs(await call, CancelledError)
        self.assertEqual(await client.call("next", timeout=20), "right")
        self.assertEqual(self.asked, 2)

    async def test_a_notification_that_is_not_taken(self) -> None:
        client = await self.script(b"", limits=structs.replace(ONE, call_timeout=0.1))
        connection = client.connection
        assert isinstance(connection, HTTPClientConnection)
        connection.notify("n")
        with self.assertRaisesRegex(CallTimeout, r"^http.*not taken within 0\.1 seconds"):
            await connection.notified()
        await until(lambda: self.raw[0].lost, "its request is left")


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
NO_HTTP = {
    b"hello world\r\n": "begins with b'hello world'",
    b"HTTP/2 200 OK\r\n\r\n": "begins with b'HTTP/2'",
    CHUNKED + b"zz\r\nhi\r\n": "Chunk-size must be an integer",
    HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc": "conflicting Content-Length",
    HEAD + b"Content-Length: -3\r\n\r\nabc": "a broken head: .*'-3'",
    HEAD + b"Transfer-Encoding: foo\r\n\r\nabc": "its Transfer-Encoding is b'foo'",
    HEAD + b"no colon\r\n\r\n": "a broken head: ",
    HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n": "a line of its head has more than 16384 bytes",
}
"""What a server says, and what is told of it."""

CUT_OFF = {
    b"hello world": "cut its answer off, or",
    HEAD + b"X: y": "cut its answer off, or",
    HEAD + b"Content-Length: 30\r\n\r\nabc": "cut its answer off$",
    CHUNKED + b"5\r\nhi": "cut its answer off$",
}
"""What a server says before it hangs up."""


class NoHTTPTests(AnswerTestCase):
    """What is no HTTP is no answer, and asking again would not make it one."""

    async def tells(self, say: Callable[[Any], Any] | bytes, reason: str) -> None:
        """See that a call ends in this, after one request."""
        client = await self.to(say, backoff=quick)
        with self.assertRaisesRegex(ProtocolError, f"^m: http://127.*/ .*{reason}"):
            await client.call("m", timeout=20, retry=True)
        await until(lambda: self.raw[0].lost, "the line is kept")
        self.assertEqual(len(self.raw), 1)
        await client.close()
        await self.stop()

    async def test_it_is_told(self) -> None:
        for said, reason in NO_HTTP.items():
            await self.tells(said, reason)

    async def test_an_answer_that_is_cut_off_is_none(self) -> None:
        for said, reason in CUT_OFF.items():

            def say(line: Any, said: bytes = said) -> None:
                line.write(said)
                line.loseConnection()

            await self.tells(say, reason)

    async def test_it_may_be_the_proxy(self) -> None:
        proxy = (await self.to(b"hello world\r\n")).peer
        with environment(http_proxy=proxy):
            client = await self.client("http://far.invalid/")
        told = rf"^m: http://far\.invalid/ \(by the proxy {proxy.rstrip('/')}\) does not answer"
        with self.assertRaisesRegex(ProtocolError, told):
            await client.call("m", timeout=20)

    async def test_a_line_that_is_lost_is_told_apart(self) -> None:
        def reset(line: Any) -> None:
            line.abortConnection()

        async def cut_and_reset(line: Any) -> None:
            line.write(HEAD + b"Content-Length: 30\r\n\r\nabc")
            await turn(9)  # in which the client, in this same reactor, reads it
            line.abortConnection()

        for say in (
            reset,
            lambda line: line.loseConnection(),
            lambda line: ensureDeferred(cut_and_reset(line)),
        ):
            client = await self.to(say)
            with self.assertRaisesRegex(ConnectionLost, r"^m: the connection to .* was lost: \w"):
                await client.call("m", timeout=20)
            await client.close()
            await self.stop()


class LogTests(AnswerTestCase):
    """What a line leaves in the log."""

    async def test_a_line_is_nothing_to_log(self) -> None:
        events: list[Any] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        client = await self.to(reply(RIGHT))
        self.assertEqual(await client.call("m"), "right")
        await client.close()
        await until(lambda: self.raw[0].lost)
        said = [str(event.get("factory", "")) for event in events]
        self.assertEqual([each for each in said if "HTTP11ClientFactory" in each], [])
