"""Our client with servers that other people wrote: one checklist for all of them.

`servers/table.py` has the servers, and says what each of them does not do, and why.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults

from tests.interop.servers.harness import ServerTestCase, error_of, eventually
from tests.interop.servers.table import PASSWORD, SERVERS, USER, Server
from tests.transports.harness import until
from twisted_rpc import (
    Client,
    ConnectionLost,
    RemoteError,
)

TEXT = '€ "quoted"\r\n\r\n}\u2028\U0001f600'
LARGE = 500_000
MANY = 200
IN_FLIGHT = 10

_numbers = count()


class ServerTests(ServerTestCase):
    """The checklist: what is named `check_…` is run with every server; they are added below."""

    async def check_position(self, server: Server) -> None:
        client = await self.open(server)
        self.assertEqual(await client.call("subtract", [42, 23]), 19)

    async def check_name(self, server: Server) -> None:
        client = await self.open(server)
        self.assertEqual(await client.call("subtract", {"subtrahend": 23, "minuend": 42}), 19)

    async def check_no_params(self, server: Server) -> None:
        client = await self.open(server)
        self.assertIsInstance(await client.call("pid"), int)

    async def check_nothing(self, server: Server) -> None:
        client = await self.open(server)
        self.assertIsNone(await client.call("nothing", []))
        self.assertEqual(await client.call("echo", [1]), 1)

    async def check_unknown(self, server: Server) -> None:
        client = await self.open(server)
        self.assertEqual(await self._error(client.call("absent", [])), server.unknown)

    async def check_failure(self, server: Server) -> None:
        client = await self.open(server)
        self.assertEqual(await self._error(client.call("fail", [])), server.failure)

    async def _error(self, call: Deferred[Any]) -> tuple[int, str, Any]:
        error = await error_of(call)
        assert isinstance(error, RemoteError), error
        return error.code, error.message, error.data

    async def check_notification(self, server: Server) -> None:
        client = await self.open(server)
        note = f"note {next(_numbers)} €"
        client.notify("note", [note])
        await self._noted(client, note)

    async def _noted(self, client: Client, note: str) -> None:
        async def is_there() -> bool:
            return note in await client.call("notes", [])

        await eventually(is_there, "the note has not arrived")

    async def check_batch(self, server: Server) -> None:
        client = await self.open(server)
        note = f"note {next(_numbers)}"
        async with client.batch() as batch:
            one, two = batch.call("subtract", [42, 23]), batch.call("absent", [])
            batch.notify("note", [note])
            unknown = self._error(two)
        self.assertEqual((await one, await unknown), (19, server.unknown))
        await self._noted(client, note)
        async with client.batch() as batch:  # with one answer, which some send without an array
            batch.notify("note", [note])
            one = batch.call("subtract", [42, 23])
        self.assertEqual(await one, 19)

    async def check_many(self, server: Server) -> None:
        client = await self.open(server)
        calls = [client.call("echo", [number]) for number in range(MANY)]
        self.assertEqual(await gatherResults(calls), list(range(MANY)))

    async def check_text(self, server: Server) -> None:
        client = await self.open(server)
        self.assertEqual(await client.call("echo", [TEXT]), TEXT)

    async def check_large(self, server: Server) -> None:
        client = await self.open(server)
        self.assertTrue(await client.call("echo", ["x" * LARGE]) == "x" * LARGE)

    async def check_large_text(self, server: Server) -> None:
        client = await self.open(server)
        text = "€" * (LARGE // 3)
        self.assertTrue(await client.call("echo", [text]) == text)

    async def check_ask(self, server: Server) -> None:
        client = await self.open(server)
        client.expose("double", lambda number: number * 2)
        self.assertEqual(await client.call("ask", ["double", [21]]), 42)

    async def check_tell(self, server: Server) -> None:
        client = await self.open(server)
        heard: list[Any] = []
        client.on("told", lambda *params: heard.append(params))
        if server.subscribe:
            self.assertEqual(await client.call(server.subscribe, ["told"]), {"told": "ok"})
        await client.call("tell", ["told", ["€", 2]])
        await until(lambda: heard, "nothing was told")
        self.assertEqual(heard, [("€", 2)])

    async def check_forgetting(self, server: Server) -> None:
        """A call that is cancelled ends, and takes nothing else with it."""
        client = await self.open(server)
        forgotten = await self._waiting(client, 1)
        other = client.call("echo", ["another"])
        forgotten[0].cancel()
        with self.assertRaises(CancelledError):
            await forgotten[0]
        self.assertEqual(await other, "another")
        self.assertEqual(await client.call("echo", ["one more"]), "one more")

    async def _waiting(self, client: Client, number: int) -> list[Deferred[Any]]:
        """Calls that the server runs, and that do not end."""
        before = await client.call("waits", [])
        calls = [client.call("wait", [], timeout=None) for _ in range(number)]

        async def do_all_run() -> bool:
            return bool((await client.call("waits", []))["waiting"] == before["waiting"] + number)

        await eventually(do_all_run, "the calls have not arrived")
        return calls

    async def check_cancel(self, server: Server) -> None:
        """The method hears of it."""
        client = await self.open(server)
        before = await client.call("waits", [])
        (call,) = await self._waiting(client, 1)
        call.addErrback(lambda failure: failure.trap(CancelledError))
        call.cancel()

        async def is_cancelled() -> bool:
            return bool((await client.call("waits", []))["cancelled"] == before["cancelled"] + 1)

        await eventually(is_cancelled, "the method has not heard of it")

    async def check_password(self, server: Server) -> None:
        port = self.servers.port_of(server, guarded=True)
        client = await self.client(server, port, user=USER, password=PASSWORD)
        self.assertEqual(await client.call("subtract", [42, 23]), 19)
        kind, text = server.refused
        with self.assertRaises(kind) as caught:
            wrong = await self.client(server, port, user=USER, password="x")
            await wrong.call("subtract", [42, 23])  # over HTTP nothing is sent before
        self.assertIn(text, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    async def check_killing(self, server: Server) -> None:
        """Each call under way fails once, and the client comes back by itself."""
        running = None if server.scheme == "exec" else self.start(server)
        port = running.port if running else 0
        client = await self.client(server, port)
        process = await client.call("pid", [])
        ends: list[Any] = []
        for call in await self._waiting(client, IN_FLIGHT):
            call.addBoth(ends.append)
        if running:
            running.kill()
        else:
            os.kill(process, signal.SIGKILL)
        await until(lambda: len(ends) == IN_FLIGHT, "calls are left")
        if running:
            self.start(server, port)
        self.assertEqual(await client.call("subtract", [42, 23]), 19)
        self.assertNotEqual(await client.call("pid", []), process)
        self.assertEqual([end.type for end in ends], [ConnectionLost] * IN_FLIGHT)


CHECKS = [name.removeprefix("check_") for name in dir(ServerTests) if name.startswith("check_")]
Test = Callable[[ServerTests], Coroutine[Any, Any, None]]


def _test_of(check: str, server: Server) -> Test:
    async def test(self: ServerTests) -> None:
        await getattr(self, f"check_{check}")(server)

    return test


for _server in SERVERS:
    assert set(_server.cannot) <= set(CHECKS), _server
    for _check in CHECKS:
        if _server.passes(_check):
            setattr(ServerTests, f"test_{_check}__{_server.key}", _test_of(_check, _server))
