"""What single servers of other people do in ways of their own, and how our client takes it."""

from __future__ import annotations

from typing import Any

from tests.interop.servers.harness import ServerTestCase, error_of
from tests.interop.servers.table import PASSWORD, SERVERS, USER, Server
from tests.transports.harness import until
from twisted_rpc import (
    AuthenticationFailed,
    CallError,
    CallTimeout,
    Client,
    Connection,
    ProtocolError,
    RemoteError,
    State,
)

BY_KEY = {server.key: server for server in SERVERS}
SOON = 0.3
"""Seconds after which a call has gone unanswered that nobody answers."""


class BatchTests(ServerTestCase):
    """Servers that take no batches."""

    async def ends(self, server: Server) -> list[CallError]:
        """What the calls of a batch end in; the client goes on after it."""
        client = await self.open(server)
        async with client.batch() as batch:
            calls = [batch.call("subtract", [42, 23], timeout=SOON) for _ in range(2)]
            for call in calls:
                call.addErrback(lambda failure: failure.value)
        self.assertEqual(await client.call("subtract", [42, 23]), 19)
        return [await call for call in calls]

    async def test_where_it_is_left_unanswered_its_calls_time_out(self) -> None:
        for key in ("json_rpc2_raw", "vscode_jsonrpc_tcp", "pygls_stdio"):
            kinds = [type(end) for end in await self.ends(BY_KEY[key])]
            self.assertEqual(kinds, [CallTimeout, CallTimeout], key)

    async def test_where_it_is_refused_they_fail_like_that(self) -> None:
        for end in await self.ends(BY_KEY["json_rpc2_http"]):
            assert isinstance(end, RemoteError), end
            self.assertEqual((end.code, end.message), (-32600, "Invalid Request"))


class FramingTests(ServerTestCase):
    """Framings that fit as well, and what comes of one that does not."""

    async def with_framing(self, key: str, framing: str) -> Client:
        """A client of a shared server."""
        port = self.servers.port_of(BY_KEY[key])
        return await self.client(BY_KEY[key], port, framing=framing, reconnect=False)

    async def test_lines_are_a_stream_as_well(self) -> None:
        for key in ("jayson_tcp", "aiorpcX_tcp"):
            client = await self.with_framing(key, "stream")
            self.assertEqual(await client.call("subtract", [42, 23]), 19)

    async def test_auto_finds_out_what_the_server_answers_with(self) -> None:
        for key in ("jayson_tcp", "aiorpcX_tcp", "json_rpc2_raw"):
            client = await self.with_framing(key, "auto")
            self.assertEqual(await client.call("subtract", [42, 23]), 19)

    async def test_messages_without_an_end_are_no_lines(self) -> None:
        client = await self.with_framing("json_rpc2_raw", "line")
        error = await error_of(client.call("subtract", [42, 23], timeout=SOON))
        self.assertIsInstance(error, CallTimeout)
        self.assertIn("is the framing 'line' right?", str(error))

    async def test_lines_have_no_headers(self) -> None:
        for key in ("jayson_tcp", "aiorpcX_tcp"):
            client = await self.with_framing(key, "header")
            error = await error_of(client.call("subtract", [42, 23]))
            self.assertIsInstance(error, ProtocolError)
            self.assertIn("a frame must begin with a Content-Length header", str(error))


class JSONRPC2Tests(ServerTestCase):
    """node-jsonrpc2."""

    async def test_what_it_calls_without_a_callback_reaches_a_method(self) -> None:
        for key in ("json_rpc2_raw", "json_rpc2_websocket"):
            self.assertEqual(await self.told_by(BY_KEY[key]), [("€", 2)], key)

    async def told_by(self, server: Server) -> list[Any]:
        """What an exposed method hears."""
        client = await self.open(server)
        heard: list[Any] = []
        client.expose("told", lambda *params: heard.append(params))
        await client.call("tell", ["told", ["€", 2]])
        await until(lambda: heard, "nothing was told")
        return heard

    async def test_over_http_it_wants_params(self) -> None:
        client = await self.open(BY_KEY["json_rpc2_http"])
        error = await error_of(client.call("pid"))
        assert isinstance(error, RemoteError), error
        self.assertEqual((error.code, error.message), (-32600, "Invalid Request"))

    async def test_credentials_that_it_does_not_ask_for_are_an_unknown_call(self) -> None:
        server = BY_KEY["json_rpc2_raw"]
        port = self.servers.port_of(server)
        with self.assertRaisesRegex(AuthenticationFailed, 'Unknown RPC call "auth"'):
            await self.client(server, port, user=USER, password=PASSWORD)


class RPCWebSocketsTests(ServerTestCase):
    """rpc-websockets, which is logged in to by a method."""

    server = BY_KEY["rpc_websockets_websocket"]

    def logging_in(self, port: int, password: str) -> Client:
        """A client that logs in whenever it has connected."""
        client = self.client(self.server, port)

        async def log_in(connection: Connection) -> None:
            who = {"user": USER, "password": password}
            if not await connection.call("rpc.login", who):
                raise AuthenticationFailed(f"{connection.peer}: check user and password")

        client.on_connected(log_in)
        return client

    async def test_it_is_logged_in_to_again_after_a_restart(self) -> None:
        credentials = (USER, PASSWORD)
        running = self.servers.start(self.server, self.own, credentials=credentials)
        client = await self.logging_in(running.port, PASSWORD)
        self.assertEqual(await client.call("subtract", [42, 23]), 19)
        running.kill()
        await until(lambda: client.state is not State.CONNECTED)
        self.servers.start(self.server, self.own, port=running.port, credentials=credentials)
        self.assertEqual(await client.call("subtract", [42, 23]), 19)

    async def test_a_wrong_password_is_the_end(self) -> None:
        port = self.servers.port_of(self.server, guarded=True)
        client = self.logging_in(port, "x")
        with self.assertRaisesRegex(AuthenticationFailed, "check user and password"):
            await client
        self.assertIs(client.state, State.CLOSED)

    async def test_without_a_login_it_forbids(self) -> None:
        client = await self.client(self.server, self.servers.port_of(self.server, guarded=True))
        error = await error_of(client.call("subtract", [42, 23]))
        assert isinstance(error, RemoteError), error
        self.assertEqual(error.code, -32605)


class LanguageServerTests(ServerTestCase):
    """pygls, from `initialize` to `exit`."""

    async def test_a_session(self) -> None:
        server = BY_KEY["pygls_stdio"]
        client = await self.client(server, 0, reconnect=False)
        shown: list[Any] = []
        client.on("window/showMessage", lambda **params: shown.append(params))
        params: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
        initialized = await client.call("initialize", params)
        self.assertEqual(initialized["serverInfo"]["name"], "interop")
        client.notify("initialized", {})
        command = {"command": "interop.subtract", "arguments": [42, 23]}
        self.assertEqual(await client.call("workspace/executeCommand", command), 19)
        # What a notification of ours comes to in vain, one of its own tells.
        client.notify("fail", [])
        await until(lambda: shown, "it showed nothing")
        self.assertIn("as asked", shown[0]["message"])
        self.assertIsNone(await client.call("shutdown"))
        client.notify("exit")
        await until(lambda: client.state is State.CLOSED, "it has not ended")
