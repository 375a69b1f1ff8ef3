"""Calls, batches and notifications over every transport."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from twisted.internet.defer import CancelledError

from tests.client.harness import URLS, ClientTestCase, until
from twisted_rpc import (
    CallTimeout,
    ConnectionLost,
    ConnectionRefused,
    NotFullDuplex,
    RemoteError,
    Server,
    State,
)
from twisted_rpc.transports.http_client import HTTPClientConnection


class CallTests:
    """What holds on every transport; see the classes below."""

    transport: str

    async def test_by_position_by_name_and_by_attribute(self: Any) -> None:
        client = await self.open(self.transport)
        self.assertEqual(client.state, State.CONNECTED)
        self.assertEqual(await client.call("things.add", [1, 2]), 3)
        self.assertEqual(await client.call("things.add", {"a": 1, "b": 2}), 3)
        self.assertEqual(await client.proxy.things.add(1, 2), 3)
        self.assertEqual(await client.proxy.things.add(a=1, b=2), 3)

    async def test_many_at_once(self: Any) -> None:
        client = await self.open(self.transport)
        calls = [client.call("things.echo", [n]) for n in range(200)]
        self.assertEqual([await call for call in calls], list(range(200)))

    async def test_long_answers_arrive(self: Any) -> None:
        client = await self.open(self.transport)
        text = "x" * 900_000
        self.assertEqual(await client.call("things.echo", [text]), text)

    async def test_an_error_says_what_who_and_why(self: Any) -> None:
        client = await self.open(self.transport)
        with self.assertRaises(RemoteError) as caught:
            await client.call("things.fail")
        error = caught.exception
        self.assertEqual((error.code, error.message, error.data), (1000, "no", {"why": "because"}))
        self.assertEqual(str(error), f"things.fail: no (1000) from {client.peer}")
        with self.assertRaises(RemoteError) as caught:
            await client.call("things.add", [1])
        self.assertIn("missing: b", str(caught.exception))

    async def test_time_runs_out(self: Any) -> None:
        client = await self.open(self.transport)
        with self.assertRaises(CallTimeout) as caught:
            await client.call("things.wait", timeout=0.05)
        text = f"things.wait: no answer from {client.peer} within 0.05 seconds"
        self.assertEqual(str(caught.exception), text)
        self.assertEqual(await client.call("things.echo", [1]), 1)

    async def test_a_cancelled_call_is_forgotten(self: Any) -> None:
        client = await self.open(self.transport)
        call = client.call("things.wait")
        await until(lambda: self.things.waiting)
        call.cancel()
        with self.assertRaises(CancelledError):
            await call
        self.assertEqual(await client.call("things.echo", [1]), 1)

    async def test_what_cannot_be_sent_raises_at_once(self: Any) -> None:
        client = await self.open(self.transport)
        for params in (5, [object()], [float("nan")]):
            with self.assertRaises((TypeError, ValueError)):
                client.call("things.echo", params)
        with self.assertRaises(TypeError):
            client.proxy.things.add(1, b=2)

    async def test_notifications_arrive(self: Any) -> None:
        client = await self.open(self.transport)
        client.notify("things.note", [1])
        client.notify("things.note", {"value": 2})
        await until(lambda: len(self.things.heard) == 2)
        self.assertEqual(sorted(self.things.heard), [1, 2])

    async def test_each_call_of_a_batch_has_its_own_end(self: Any) -> None:
        client = await self.open(self.transport)
        async with client.batch() as batch:
            one = batch.call("things.add", [1, 2])
            two = batch.call("things.fail")
            three = batch.proxy.things.echo("three")
            batch.notify("things.note", ["four"])
        self.assertTrue(all(call.called for call in (one, two, three)))
        self.assertEqual((await one, await three), (3, "three"))
        with self.assertRaises(RemoteError):
            await two
        self.assertEqual(self.things.heard, ["four"])

    async def test_batches_nest_and_may_be_small(self: Any) -> None:
        client = await self.open(self.transport)
        async with client.batch() as outer:
            async with outer.batch() as inner:
                one = inner.call("things.echo", [1])
            two = outer.call("things.echo", [2])
        self.assertEqual((await one, await two), (1, 2))
        async with client.batch():
            pass
        async with client.batch() as batch:
            batch.notify("things.note", ["a"])
            batch.notify("things.note", ["b"])
        await until(lambda: self.things.heard == ["a", "b"])
        async with client.batch() as batch:
            alone = batch.call("things.echo", ["alone"])
        self.assertEqual(await alone, "alone")

    async def test_a_batch_too_big_for_the_server_is_an_error_for_each(self: Any) -> None:
        client = await self.open(self.transport)
        with self.assertRaises((RemoteError, ConnectionLost, Exception)):
            async with client.batch() as batch:
                calls = [batch.call("things.echo", [n], timeout=1) for n in range(101)]
            for call in calls:
                await call
        for call in calls:
            call.addErrback(lambda _: None)

    async def test_a_batch_that_raises_sends_nothing(self: Any) -> None:
        client = await self.open(self.transport)
        with self.assertRaises(ZeroDivisionError):
            async with client.batch() as batch:
                batch.call("things.note", [1])
                batch.notify("things.note", [2])
                raise ZeroDivisionError
        await client.call("things.echo")
        self.assertEqual(self.things.heard, [])

    async def test_ids_are_the_callers_to_choose(self: Any) -> None:
        client = await self.open(self.transport, ids=lambda: (f"id-{n}" for n in count()))
        self.assertEqual(await client.call("things.echo", [1]), 1)

    async def test_after_close_nothing_can_be_called(self: Any) -> None:
        client = await self.open(self.transport)
        waiting = client.call("things.wait")
        await until(lambda: self.things.waiting)
        await client.close()
        for call in (waiting, client.call("things.echo")):
            with self.assertRaises(ConnectionLost):
                await call
        with self.assertRaises(ConnectionLost):
            client.notify("things.note", [1])
        with self.assertRaises(ConnectionLost):
            await client.connected()
        self.assertEqual(client.state, State.CLOSED)

    async def test_it_can_be_a_context(self: Any) -> None:
        await self.serve()
        async with self.client(URLS[self.transport].format(port=self.number)) as client:
            self.assertEqual(await client.call("things.echo", [1]), 1)
        self.assertEqual(client.state, State.CLOSED)


class FullDuplexTests(CallTests):
    """What holds where the server can speak first."""

    async def test_it_can_be_called_back(self: Any) -> None:
        client = await self.open(self.transport)
        client.expose("double", lambda value: value * 2)
        self.assertEqual(await client.call("things.ask", [21]), 42)

    async def test_it_hears_notifications(self: Any) -> None:
        client = await self.open(self.transport)
        heard: list[Any] = []
        client.on("news", heard.append)
        await client.call("things.echo")
        self.server.notify_all("news", [1])
        await until(lambda: heard == [1])

    async def test_the_server_cancels_what_is_cancelled(self: Any) -> None:
        client = await self.open(self.transport)
        call = client.call("things.wait")
        await until(lambda: self.things.waiting)
        call.addErrback(lambda failure: failure.trap(CancelledError) and None)
        call.cancel()
        await until(lambda: self.things.cancelled == 1)
        with self.assertRaises(CallTimeout):
            await client.call("things.wait", timeout=0.05)
        await until(lambda: self.things.cancelled == 2)


class TCPTests(FullDuplexTests, ClientTestCase):
    """Over TCP."""

    transport = "tcp"

    async def test_every_framing_is_understood(self) -> None:
        await self.serve()
        url = URLS["tcp"].format(port=self.number)
        for framing in ("line", "stream", "header", "netstring"):
            client = await self.client(url, framing=framing)
            self.assertEqual(await client.call("things.echo", [framing]), framing)


class WebSocketTests(FullDuplexTests, ClientTestCase):
    """Over WebSocket."""

    transport = "websocket"


class HTTPTests(CallTests, ClientTestCase):
    """Over HTTP."""

    transport = "http"

    async def test_nobody_can_call_back(self) -> None:
        client = await self.open("http")
        with self.assertRaisesRegex(RemoteError, "a call that it made failed"):
            await client.call("things.ask", [1])
        assert client.connection is not None
        reason = "can neither call nor notify us over HTTP: connect by ws:// or tcp://"
        for refused in (
            lambda: client.on("news", print),
            lambda: client.expose("news", print),
            lambda: client.expose("", self.things),
            lambda: client.fallback(print),
            lambda: client.connection.on("news", print),
        ):
            with self.assertRaisesRegex(NotFullDuplex, reason):
                refused()
        self.assertEqual(dict(client.methods), {})

    async def test_calls_that_nobody_waits_for_hold_up_no_others(self) -> None:
        client = await self.open("http")
        waiting = client.call("things.wait")
        waiting.addErrback(lambda _: None)
        late = [client.call("things.wait", timeout=0.05) for _ in range(40)]
        for call in late:
            with self.assertRaises(CallTimeout):
                await call
        self.assertEqual(await client.call("things.echo", [1], timeout=5), 1)

    async def test_lines_are_kept_and_few(self) -> None:
        client = await self.open("http")
        for _ in range(3):
            calls = [client.call("things.echo", [n]) for n in range(20)]
            self.assertEqual([await call for call in calls], list(range(20)))
            self.assertLessEqual(len(self.server.lines), 20)
        self.assertGreaterEqual(len(self.server.lines), 1)

    async def test_it_is_known_when_notifications_were_taken(self) -> None:
        client = await self.open("http")
        connection = client.connection
        assert isinstance(connection, HTTPClientConnection)
        await connection.notified()
        for value in range(30):
            client.notify("things.note", [value])
        await connection.notified()
        self.assertEqual(sorted(self.things.heard), list(range(30)))

    async def test_it_is_known_when_notifications_were_not_taken(self) -> None:
        client = await self.open("http")
        connection = client.connection
        assert isinstance(connection, HTTPClientConnection)
        await self.stop()
        client.notify("things.note", [1])
        with self.assertRaisesRegex(ConnectionRefused, "is the server running"):
            await connection.notified()
        await connection.notified()


@pytest.mark.parametrize("name", ["$/cancelRequest", "rpc.cancel"])
def test_a_call_is_cancelled_under_either_name(name: str) -> None:
    from tests.helpers import MemoryConnection, notification, request

    server = Server()
    from tests.client.harness import Things

    things = server.expose("things", Things())
    connection = MemoryConnection(server).open()
    for request_id in (7, "seven"):
        connection.receive([request("things.wait", id=request_id)])
    connection.receive([notification(name, {"id": 7})])
    connection.receive([notification(name, ["seven"])])
    connection.receive([notification(name, [8]), notification(name, "x"), notification(name)])
    codes = [(m["id"], m["error"]["code"]) for m in connection.take_sent()]
    assert codes == [(7, -32800), ("seven", -32800)]
    assert things.cancelled == 2
    assert connection.running == {}
    connection.close()
