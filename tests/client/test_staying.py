"""Staying connected: the line drops, and everything ends or goes on as promised."""

from __future__ import annotations

from typing import Any

from msgspec import structs
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater

from tests.client.harness import URLS, ClientTestCase, reactor, until
from twisted_rpc import (
    CallError,
    CallTimeout,
    Client,
    ConnectionLost,
    ConnectionRefused,
    Offline,
    State,
)
from twisted_rpc.client import CLIENT_LIMITS

KILLS = 20
IN_FLIGHT = 1000


class Outcomes:
    """How calls end, and how often each does."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self.kinds: dict[str, int] = {}
        self.all: list[Deferred[Any]] = []

    def watch(self, call: Deferred[Any]) -> None:
        """Count the end of a call."""
        number = len(self.all)
        self.all.append(call)
        call.addBoth(self._end, number)

    def _end(self, outcome: Any, number: int) -> None:
        self.ended[number] = self.ended.get(number, 0) + 1
        kind = type(getattr(outcome, "value", outcome)).__name__
        self.kinds[kind] = self.kinds.get(kind, 0) + 1


class KilledTests:
    """The server is killed again and again under calls; see the classes below."""

    transport: str
    limits = structs.replace(CLIENT_LIMITS, max_in_flight=None)

    async def test_every_call_ends_once_and_the_client_comes_back(self: Any) -> None:
        client = await self.open(self.transport, limits=self.limits)
        prepared: list[Client] = []
        client.on_connected(prepared.append)
        heard: list[Any] = []
        client.on("news", heard.append)
        outcomes = Outcomes()
        for kill in range(KILLS):
            before = len(self.things.waiting)
            for number in range(IN_FLIGHT // KILLS):
                outcomes.watch(client.call("things.wait", timeout=30))
                outcomes.watch(client.call("things.echo", [number], timeout=30))
            await self.more_waiting(before)
            await self.stop()
            await self.serve()
            await self.back(client, kill, heard)
        await DeferredList(outcomes.all)
        self.assertEqual(set(outcomes.ended.values()), {1})
        self.assertEqual(len(outcomes.ended), 2 * IN_FLIGHT)
        self.assertLessEqual(set(outcomes.kinds), {"int", "ConnectionLost", "ConnectionRefused"})
        self.assertGreater(outcomes.kinds["ConnectionLost"], 0)
        self.check_prepared(len(prepared))

    async def more_waiting(self: Any, before: int) -> None:
        """Wait until calls of this round run."""
        await until(lambda: len(self.things.waiting) > before)

    async def back(self: Any, client: Client, kill: int, heard: list[Any]) -> None:
        """See that the client is there again, and hears; it may not know yet that it was cut."""
        self.assertEqual(await client.call("things.echo", [kill], retry=True), kill)
        self.server.notify_all("news", [kill])
        await until(lambda: heard and heard[-1] == kill, "it hears nothing")

    def check_prepared(self: Any, times: int) -> None:
        """`on_connected` was called after each restart."""
        self.assertEqual(times, KILLS)


class KilledTCPTests(KilledTests, ClientTestCase):
    """Over TCP."""

    transport = "tcp"


class KilledWebSocketTests(KilledTests, ClientTestCase):
    """Over WebSocket."""

    transport = "websocket"


class KilledHTTPTests(KilledTests, ClientTestCase):
    """Over HTTP, where there is no line to come back, and nothing to hear."""

    transport = "http"

    async def back(self, client: Client, kill: int, heard: list[Any]) -> None:
        self.assertEqual(await client.call("things.echo", [kill], retry=True), kill)

    def check_prepared(self, times: int) -> None:
        self.assertEqual(times, 0)


class OfflineTests(ClientTestCase):
    """What happens while there is no connection."""

    async def offline(self, **options: Any) -> Client:
        """A client whose server has gone."""
        client = await self.open("tcp", **options)
        await self.stop()
        await until(lambda: client.state is not State.CONNECTED)
        return client

    async def test_what_is_sent_waits_and_keeps_its_order(self) -> None:
        client = await self.offline()
        client.notify("things.note", [1])
        async with client.batch() as batch:
            batch.notify("things.note", [2])
            batch.notify("things.note", [3])
        call = client.call("things.echo", ["kept"])
        await self.serve()
        self.assertEqual(await call, "kept")
        self.assertEqual(self.things.heard, [1, 2, 3])

    async def test_a_batch_waits_as_a_whole(self) -> None:
        client = await self.offline()

        async def send() -> list[Any]:
            async with client.batch() as batch:
                calls = [batch.call("things.echo", [n]) for n in range(3)]
            return [await call for call in calls]

        sent = Deferred.fromCoroutine(send())
        await self.serve()
        self.assertEqual(await sent, [0, 1, 2])

    async def test_what_waits_may_run_out_of_time_or_be_cancelled(self) -> None:
        client = await self.offline()
        cancelled = client.call("things.note", ["cancelled"])
        cancelled.addErrback(lambda _: None)
        with self.assertRaises(CallTimeout):
            await client.call("things.note", ["late"], timeout=0.02)
        cancelled.cancel()
        await self.serve()
        await client.call("things.echo")
        self.assertEqual(self.things.heard, [])

    async def test_too_much_is_refused(self) -> None:
        client = await self.offline(offline=Offline(size=2))
        kept = [client.call("things.echo", [n]) for n in range(2)]
        with self.assertRaisesRegex(ConnectionLost, "things.echo: .*2 messages wait already"):
            await client.call("things.echo", [3])
        with self.assertRaisesRegex(ConnectionLost, "2 messages wait already"):
            client.notify("things.note", [4])
        await self.serve()
        self.assertEqual([await call for call in kept], [0, 1])

    async def test_or_the_oldest_is_dropped_for_it(self) -> None:
        client = await self.offline(offline=Offline(size=2, when_full="drop_oldest"))
        client.notify("things.note", ["dropped"])
        calls = [client.call("things.echo", [n]) for n in range(3)]
        with self.assertRaisesRegex(ConnectionLost, "dropped for a newer one"):
            await calls[0]
        await self.serve()
        self.assertEqual([await call for call in calls[1:]], [1, 2])
        self.assertEqual(self.things.heard, [])

    async def test_nothing_waits_where_nothing_may(self) -> None:
        for when_full in ("refuse", "drop_oldest"):
            client = await self.offline(offline=Offline(size=0, when_full=when_full))
            with self.assertRaises(ConnectionLost):
                await client.call("things.echo")
            await client.close()
            await self.serve()

    async def test_what_has_waited_too_long_fails(self) -> None:
        client = await self.offline(offline=Offline(age=0.05))
        client.notify("things.note", ["old"])
        first = client.call("things.echo", [1])
        await deferLater(reactor, 0.03)
        second = client.call("things.echo", [2])
        with self.assertRaisesRegex(ConnectionLost, "no connection within 0.05 seconds"):
            await first
        with self.assertRaises(ConnectionLost):
            await second
        await self.serve()
        await until(lambda: client.state is State.CONNECTED)
        await client.call("things.echo")
        self.assertEqual(self.things.heard, [])

    async def test_closing_ends_what_waits(self) -> None:
        client = await self.offline()
        call = client.call("things.echo")
        await client.close()
        with self.assertRaisesRegex(ConnectionLost, "things.echo: .* is closed"):
            await call

    async def test_without_reconnection_the_first_loss_is_the_end(self) -> None:
        client = await self.open("tcp", reconnect=False)
        call = client.call("things.wait")
        await until(lambda: self.things.waiting)
        await self.stop()
        with self.assertRaises(ConnectionLost):
            await call
        await until(lambda: client.state is State.CLOSED)
        with self.assertRaisesRegex(ConnectionLost, "was lost"):
            await client.call("things.echo")


class RetryTests(ClientTestCase):
    """Calls that may run twice."""

    async def test_it_is_sent_again(self) -> None:
        client = await self.open("tcp")
        call = client.call("things.wait", retry=True)
        other = client.call("things.wait")
        await until(lambda: len(self.things.waiting) == 2)
        await self.stop()
        with self.assertRaises(ConnectionLost):
            await other
        await self.serve()
        await until(lambda: len(self.things.waiting) == 3, "it was not sent again")
        self.things.waiting[2].callback("at last")
        self.assertEqual(await call, "at last")

    async def test_over_http_as_well(self) -> None:
        client = await self.open("http")
        call = client.call("things.wait", retry=True)
        await until(lambda: self.things.waiting)
        await self.stop()
        await self.serve()
        await until(lambda: len(self.things.waiting) == 2, "it was not sent again")
        self.things.waiting[1].callback("at last")
        self.assertEqual(await call, "at last")

    async def test_its_time_goes_on(self) -> None:
        client = await self.open("tcp")
        call = client.call("things.wait", retry=True, timeout=0.2)
        await until(lambda: self.things.waiting)
        await self.stop()
        with self.assertRaises(CallTimeout):
            await call

    async def test_closing_ends_it(self) -> None:
        client = await self.open("tcp")
        call = client.call("things.wait", retry=True)
        await until(lambda: self.things.waiting)
        await client.close()
        with self.assertRaises(ConnectionLost):
            await call


class StateTests(ClientTestCase):
    """What can be observed."""

    async def test_states_are_told_in_their_order(self) -> None:
        states: list[State] = []
        await self.serve()
        client = self.client(URLS["tcp"].format(port=self.number))
        client.on_state(states.append)
        await client
        await self.stop()
        await until(lambda: states.count(State.DISCONNECTED) >= 2, "it does not try again")
        await self.serve()
        await client.connected()
        await client.close()
        self.assertEqual(states[:3], [State.CONNECTED, State.DISCONNECTED, State.CONNECTING])
        self.assertEqual(states[-2:], [State.CONNECTED, State.CLOSED])

    async def test_an_observer_that_fails_is_logged_and_stops_nothing(self) -> None:
        await self.serve()
        client = self.client(URLS["tcp"].format(port=self.number))
        client.on_state(lambda state: 1 // 0)
        await client
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        await client.close()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_it_is_not_connected_before_it_is_prepared(self) -> None:
        await self.serve()
        client = self.client(URLS["tcp"].format(port=self.number))
        order: list[str] = []

        async def prepare(client: Client) -> None:
            order.append(await client.connection.call("things.echo", ["prepared"]))  # type: ignore[union-attr]

        client.on_connected(prepare)
        call = client.call("things.echo", ["called"])
        call.addCallback(order.append)
        await client
        await call
        self.assertEqual(order, ["prepared", "called"])

    async def test_where_it_cannot_be_prepared_it_tries_again(self) -> None:
        await self.serve()
        client = self.client(URLS["tcp"].format(port=self.number))
        attempts: list[int] = []

        def prepare(_: Client) -> None:
            attempts.append(len(attempts))
            if len(attempts) < 3:
                raise RuntimeError("not yet")

        client.on_connected(prepare)
        with self.assertRaisesRegex(CallError, "not yet"):
            await client.connected()
        await until(lambda: client.state is State.CONNECTED)
        self.assertEqual(attempts, [0, 1, 2])

    async def test_the_first_failure_is_told_and_it_goes_on_unless_awaited(self) -> None:
        await self.serve()
        await self.stop()
        client = self.client(URLS["tcp"].format(port=self.number))
        with self.assertRaises(ConnectionRefused):
            await client.connected()
        self.assertNotEqual(client.state, State.CLOSED)
        await self.serve()
        self.assertIs(await client.connected(), client)
        await self.stop()
        awaited = self.client(URLS["tcp"].format(port=self.number))
        with self.assertRaises(ConnectionRefused):
            await awaited
        self.assertEqual(awaited.state, State.CLOSED)

    async def test_closing_wins_while_it_waits_connects_or_is_told(self) -> None:
        await self.serve()
        await self.stop()
        url = URLS["tcp"].format(port=self.number)
        waiting = self.client(url, backoff=lambda failures: 1000.0)
        await until(lambda: waiting.state is State.DISCONNECTED)
        await waiting.close()
        connecting = self.client(url)
        await connecting.close()
        await self.serve()
        told = self.client(url)
        told.on_state(lambda state: told.close() and None if state is State.CONNECTED else None)
        await until(lambda: told.state is State.CLOSED)
        prepared = self.client(url)
        prepared.on_connected(lambda client: client.close())
        await until(lambda: prepared.state is State.CLOSED)
        for client in (waiting, connecting, told, prepared):
            self.assertEqual(client.state, State.CLOSED)
            with self.assertRaises(ConnectionLost):
                await client.call("things.echo")
