"""The access log: a line for each call, and nothing secret in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent

from tests.daemon.clients import LineClient, WebSocketClient, post, request
from tests.helpers import ConnectionTestCase, batch, notification
from tests.helpers import request as call
from tests.logs.daemon import LoggingDaemon, events_of
from tests.logs.test_lines import unseen
from tests.processes import wait_until
from twisted_rpc import Context, Server
from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.access import AccessLog, SlowCalls, observe_calls
from twisted_rpc.logs.calls import ACCESS
from twisted_rpc.logs.events import fields_of
from twisted_rpc.logs.lines import json_line
from twisted_rpc.logs.secrets import LONGEST_PARAMS
from twisted_rpc.observing import Ended

WARNING = "twisted_rpc.logs.access.SlowCalls"


def told(events: Sequence[LogEvent], namespace: str = ACCESS) -> list[LogEvent]:
    """The lines of the access log among some events."""
    return [event for event in events if event["log_namespace"] == namespace]


def log_in(user: str, password: str, more: Any = None, *rest: Any) -> None:
    """Something with a secret in it."""


class AccessTests(ConnectionTestCase):
    """A server whose calls are logged."""

    table = LogTable(access=True, params=True, slow=2)

    def setUp(self) -> None:
        """Expose methods of all kinds."""
        super().setUp()
        observe_calls(self.server, self.table)
        self.waiting: Deferred[Any] = Deferred()
        self.server.expose("add", lambda a, b: a + b)
        self.server.expose("wait", lambda: self.waiting)
        self.server.expose("log_in", log_in)
        self.server.expose("max", max)
        self.server.expose("set_password", lambda *words: None)

    def events(self, *messages: bytes) -> list[LogEvent]:
        """The lines for some messages."""
        with capturedLogs() as events:
            self.connection.receive(list(messages))
        return told(events)

    def params(self, method: str, params: Any) -> Any:
        """The parameters that are logged of a call."""
        (event,) = self.events(call(method, params))
        return event["params"]

    def test_a_call(self) -> None:
        message = call("add", [1, 2], id="a")
        (event,) = self.events(message)
        said = fields_of(event, ())
        self.assertGreaterEqual(said.pop("ms"), 0)
        self.assertTrue(said.pop("request_id"))
        expected = {
            "method": "add",
            "status": "ok",
            "id": '"a"',
            "params": "[1,2]",
            "peer": "memory",
            "transport": "memory",
            "connection": self.connection.id,
            "batch": False,
            "bytes_in": len(message),
            "bytes_out": 37,
        }
        self.assertEqual(said, expected)
        self.assertIn("'add' ok ", formatEvent(event))

    def test_an_error_has_its_code(self) -> None:
        statuses = [event["status"] for event in self.events(call("add"), call("none"), b"{")]
        self.assertEqual(statuses, ["-32602", "-32601", "-32700"])

    def test_an_incident_is_named(self) -> None:
        self.server.expose("fail", lambda: 1 / 0)
        (event,) = self.events(call("fail"))
        self.flushLoggedErrors(ZeroDivisionError)
        answer = self.connection.take_sent()[0]
        self.assertEqual(event["incident"], answer["error"]["data"]["incident"])

    def test_items_of_a_batch_are_told_apart(self) -> None:
        events = self.events(batch(call("add", [1, 2]), notification("add", [1, 2])))
        self.assertEqual([event["batch"] for event in events], [True, True])
        self.assertEqual([event["id"] for event in events], ["1", "-"])

    def test_what_a_call_brought_is_told(self) -> None:
        parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        brought = {"request_id": "r", "traceparent": parent}
        message = {"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 1, **brought}
        (event,) = self.events(json.dumps(message).encode())
        self.assertEqual((event["request_id"], event["trace_id"]), ("r", parent[3:35]))

    def test_secrets_are_hidden(self) -> None:
        hidden = '["me","***",{"Api-Token":"***","a":[{"session_id":"***","b":1}]},"***"]'
        given = ["me", "hunter2", {"Api-Token": "x", "a": [{"session_id": "x", "b": 1}]}, "x"]
        self.assertEqual(self.params("log_in", given[:3]), hidden.replace(',"***"]', "]"))
        named = {"user": "me", "password": "hunter2", "more": {"authorization": "x"}}
        expected = '{"user":"me","password":"***","more":{"authorization":"***"}}'
        self.assertEqual(self.params("log_in", named), expected)

    def test_names_of_secrets(self) -> None:
        secret = (
            "api-key",
            "apiKey",
            "access_key",
            "pass",
            "db_pass",
            "passcode",
            "PIN",
            "otp",
            "jwt",
        )
        shown = "key", "bypass", "compass", "spin", "passenger", "author", "accessible"
        told = json.loads(self.params("add", dict.fromkeys((*secret, *shown), "x")))
        self.assertEqual({name for name, value in told.items() if value == "***"}, set(secret))

    def test_what_nobody_names_is_hidden(self) -> None:
        self.assertEqual(self.params("nobody.knows", ["a", {"b": 1}]), '["***","***"]')
        self.assertEqual(self.params("max", [1, 2]), '["***","***"]')
        self.assertIsNone(self.params("set_password", ["hunter2"]))
        self.assertIsNone(self.params("auth", ["me", "hunter2"]))
        self.assertEqual(self.params("log_in", ["a", "b", None, "c"]), '["a","***",null,"***"]')

    def test_what_cannot_be_shown_is_not(self) -> None:
        for params in (7, "text", None):
            self.assertIsNone(self.params("add", params))
        (event,) = self.events(call("add", ["?"]).replace(b'"?"', b"1e999"))
        self.assertIsNone(event["params"])

    def test_long_parameters_are_cut(self) -> None:
        shown = self.params("add", {"a": "x" * 5000})
        self.assertTrue(shown.startswith('{"a":"xxx'))
        self.assertLess(len(shown), LONGEST_PARAMS + 50)

    def test_a_slow_call_is_a_warning(self) -> None:
        seen: list[Ended] = []
        self.server.dispatcher.observe(seen.append)
        self.connection.receive([call("add", [1, 2])])
        for seconds, warned in ((1.99, []), (2.0, ["warn"])):
            with capturedLogs() as events:
                SlowCalls(2)(structs.replace(seen[0], seconds=seconds))
            levels = [event["log_level"].name for event in told(events, WARNING)]
            self.assertEqual(levels, warned)


@pytest.fixture
def server() -> Server:
    """A server without a connection."""
    server = Server(reactor=Clock())
    server.expose("echo", lambda value: value)
    return server


def test_a_fraction_of_what_ends_well_is_logged_and_all_else(server: Server) -> None:
    chances = iter([0.009, 0.01, 0.5, 0.0])
    server.dispatcher.observe(AccessLog(0.01, chance=lambda: next(chances)))
    with capturedLogs() as events:
        for number in range(4):
            server.dispatch(call("echo", [1], id=number))
            server.dispatch(call("none", [1], id=-1 - number))
    assert [event["id"] for event in told(events)] == ["0", "-1", "-2", "-3", "3", "-4"]


@given(method=st.text(), id=st.text(max_size=256), value=st.text(), identity=st.text())
def test_whatever_is_called_is_one_line(method: str, id: str, value: str, identity: str) -> None:
    server = Server(reactor=Clock())
    observe_calls(server, LogTable(access=True, params=True))
    with capturedLogs() as events:
        server.dispatch(call(method, {"a": value}, id=id), Context(identity=identity))
    for event in told(events):
        assert json.loads(json_line(event))["namespace"] == ACCESS
        assert not unseen.search(formatEvent(event))


def test_a_caller_that_an_application_makes_is_told(server: Server) -> None:
    observe_calls(server, LogTable(access=True))
    for own in (SimpleNamespace(id=object(), peer=5, transport=None), object()):
        with capturedLogs() as events:
            server.dispatch(call("echo", [1]), Context(connection=own))
        (event,) = told(events)
        assert "connection" not in json.loads(json_line(event))


MODULE = """
from twisted.internet import reactor, task


async def wait(seconds):
    await task.deferLater(reactor, seconds)
"""


def test_each_transport_is_told(tmp_path: Path) -> None:
    configuration = """
[log]
file = "rpc.log"
access = true
access_file = "access.log"
slow = 0.05
[expose]
wait = "mymodule:wait"
"""
    transports = ("tcp", "http", "websocket")
    daemon = LoggingDaemon(
        tmp_path, configuration, module=MODULE, transports=transports, file="rpc.log"
    )
    with daemon:
        tcp, http, websocket = daemon.ports
        with LineClient.to(tcp) as line:
            line.call("wait", 0.06)
        post(http, request("wait", 0))
        with WebSocketClient.to(websocket) as socket:
            socket.send(request("wait", 0))
            socket.receive()
        path = tmp_path / "access.log"
        wait_until(lambda: len(events_of(path)) == 3, path.read_text)
        slow = [event for event in events_of(tmp_path / "rpc.log") if event["namespace"] == WARNING]
    assert [event["transport"] for event in events_of(path)] == list(transports)
    assert slow[0]["method"] == "wait"
    assert slow[0]["request_id"] == events_of(path)[0]["request_id"]


def test_a_login_is_told_and_its_password_never(tmp_path: Path) -> None:
    configuration = """
[log]
level = "debug"
access = true
params = true
[server]
auth = ["memory:alice:wonderland"]
[expose]
wait = "mymodule:wait"
"""
    with LoggingDaemon(tmp_path, configuration, module=MODULE) as daemon:
        with LineClient.to(daemon.port) as line:
            line.call("auth", "alice", "wonderland")
            line.call("auth", "alice", "wonderland")
            line.call("wait", 0)
        daemon.wait_for("'wait' ok")
    assert "'alice' is let in" in daemon.log
    assert "wonderland" not in daemon.log
