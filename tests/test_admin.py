"""The namespace `admin` over real sockets: what it tells and does, and where it is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.web.server import Site

from tests.helpers import batch, notification, request
from tests.transports.harness import AT_ONCE, Line, TransportTestCase, listening_port, until
from tests.transports.web_client import echo, post, reply_to, take_reply
from tests.transports.websocket_client import WebSocketLine, frame, handshake
from twisted_rpc import ConfigError, Context, ExposeError, Identity, rpc_resource
from twisted_rpc.admin import Admin
from twisted_rpc.listener import Listener
from twisted_rpc.logs.levels import Levels
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.hybrid import HybridFactory
from twisted_rpc.transports.stream import StreamFactory

METHODS = ["checks", "connections", "counters", "drain", "kick", "limits", "log_level", "reload"]


class AdminTestCase(TransportTestCase):
    """A server with a port for everybody and one for who looks after it."""

    def setUp(self) -> None:
        super().setUp()
        self.stopped: list[None] = []
        self.levels: Levels | None = None
        admin = Admin(
            self.server, stop=lambda: self.stopped.append(None), levels=lambda: self.levels
        )
        self.server.namespace.expose_apart("admin", admin)

    async def serve(self) -> tuple[Line, Line]:
        """A client of the public port, and one of the admin's."""
        shown = [
            Listener(transport="hybrid", endpoint="tcp:0", admin=admin).shown
            for admin in (None, True)
        ]
        for namespaces in shown:
            await self.listen(HybridFactory(HTTPFactory(self.server, namespaces=namespaces)))
        return await self.connect(self.ports[0]), await self.connect(self.ports[1])

    async def answer(self, line: Line, method: str, *params: Any) -> Any:
        """The answer to a call."""
        line.send(request(method, list(params)) + b"\n")
        return await line.line()

    async def result(self, line: Line, method: str, *params: Any) -> Any:
        """The result of a call that has to end well."""
        answer = await self.answer(line, method, *params)
        self.assertIn("result", answer, answer)
        return answer["result"]

    async def code(self, line: Line, method: str, *params: Any) -> int:
        """The code of an error."""
        code: int = (await self.answer(line, method, *params))["error"]["code"]
        return code


class WhereTests(AdminTestCase):
    """Which ports show it."""

    async def test_it_is_on_the_ports_that_name_it_alone(self) -> None:
        public, own = await self.serve()
        names = [f"admin.{name}" for name in METHODS]
        mine = ["ask", "blob", "echo", "header", "wait", "whoami"]
        self.assertEqual(await self.result(own, "rpc.methods"), sorted([*mine, *names]))
        self.assertEqual(await self.result(public, "rpc.methods"), mine)
        none = await self.answer(public, "no.such")
        for name in names:
            self.assertEqual(await self.answer(public, name), none)
        public.send(batch(notification("admin.drain"), request("admin.drain")) + b"\n")
        self.assertEqual((await public.line())[0]["error"]["code"], -32601)
        self.assertEqual(self.stopped, [])

    async def test_nor_is_it_on_other_transports_of_a_public_port(self) -> None:
        await self.serve()
        web = await self.connect(self.ports[0])
        self.assertEqual((await reply_to(web, post(request("admin.limits")))).code, -32601)
        web.send(handshake("/rpc"))
        self.assertEqual((await take_reply(web)).status, 101)
        client = WebSocketLine(web)
        client.send(frame(request("admin.limits")))
        self.assertEqual((await client.message())["error"]["code"], -32601)

    async def test_nor_in_a_site_or_without_a_transport(self) -> None:
        answer = await self.server.dispatch(request("admin.limits"))
        assert answer is not None
        self.assertEqual(json.loads(answer)["error"]["code"], -32601)

    async def test_nor_on_ports_for_some_namespaces(self) -> None:
        port = await self.listen(StreamFactory(self.server, "line", ["echo"]))
        line = await self.connect(port)
        self.assertEqual(await self.result(line, "rpc.methods"), ["echo"])

    async def test_beside_some_namespaces_it_is_shown_with_them(self) -> None:
        listener = Listener(transport="tcp", endpoint="x", namespaces=("echo",), admin=True)
        port = await self.listen(StreamFactory(self.server, "line", listener.shown))
        names = await self.result(await self.connect(port), "rpc.methods")
        self.assertEqual(names, [*(f"admin.{name}" for name in METHODS), "echo"])

    async def test_of_those_who_log_in_admins_see_it(self) -> None:
        for user, roles in {"ann": ["admin"], "bob": ["read"]}.items():
            self.server.enable_auth(user, "p")
            self.server.set_access(user, roles=roles)
        _, ann = await self.serve()
        bob = await self.connect(self.ports[1])
        for line, user in ((ann, "ann"), (bob, "bob")):
            self.assertTrue(await self.result(line, "auth", user, "p"))
        self.assertEqual(await self.code(bob, "admin.connections"), -32601)
        identities = [each["identity"] for each in await self.result(ann, "admin.connections")]
        self.assertEqual(identities, ["ann", "bob"])

    async def test_an_identity_of_some_namespaces_has_it_no_more_than_others(self) -> None:
        rights = self.server._access.rights_of(Identity("a", namespaces=["admin"]))
        self.assertFalse(rights.permit("admin.drain"))
        rights = self.server._access.rights_of(Identity("a", namespaces=["echo"]), ["*", "admin"])
        self.assertFalse(rights.permit("admin.drain"))

    def test_nothing_else_is_put_into_it(self) -> None:
        for name in ("admin", "admin.own", "admin.log.own"):
            with self.assertRaisesRegex(ExposeError, f"^'{name}' is in a namespace of the daemon"):
                self.server.expose(name, lambda: None)
        self.server.expose("administration", lambda: None)
        self.server.expose("mine", {"own": lambda: None})
        with self.assertRaisesRegex(ExposeError, "^something is exposed as 'mine' already$"):
            self.server.namespace.expose_apart("mine", {"other": lambda: None})


class SeeingTests(AdminTestCase):
    """What it tells."""

    async def test_connections_of_every_transport(self) -> None:
        public, own = await self.serve()
        place = f"127.0.0.1:{listening_port(self.ports[0])}"
        await self.answers(public)
        self.clock.advance(2.5)
        web = await self.connect(self.ports[0])
        await reply_to(web, echo(1))
        upgraded = await self.connect(self.ports[0])
        upgraded.send(handshake("/rpc"))
        await take_reply(upgraded)
        public.send(request("wait") + b"\n")
        await self.waiting()
        found = await self.result(own, "admin.connections")
        stream, http, websocket, self_ = found
        self.assertEqual([each["transport"] for each in found], ["tcp", "http", "websocket", "tcp"])
        self.assertEqual({each["listener"] for each in found[:3]}, {place})
        self.assertNotEqual(self_["listener"], place)
        peer = f"127.0.0.1:{public.transport.getHost().port}"
        self.assertEqual((stream["peer"], stream["identity"]), (peer, None))
        self.assertEqual([each["in_flight"] for each in found], [1, 0, 0, 0])
        self.assertEqual([each["seconds"] for each in found], [2.5, 0.0, 0.0, 0.0])
        self.assertEqual([each["unread"] for each in found], [0, 0, 0, 0])
        self.assertEqual([each["own"] for each in found], [False, False, False, True])
        age = datetime.now(UTC) - datetime.fromisoformat(stream["opened"])
        self.assertTrue(timedelta(seconds=2) < age < timedelta(minutes=2), age)
        self.assertTrue(stream["opened"].endswith("Z"))
        self.assertEqual(len({each["id"] for each in (stream, http, websocket, self_)}), 4)

    async def test_what_a_connection_leaves_unread(self) -> None:
        public, own = await self.serve()
        public.stop_reading()
        public.send(request("blob", [9_000_000]) + b"\n")
        await until(lambda: "blob" in self.methods.ran)
        (found, _) = await self.result(own, "admin.connections")
        self.assertGreater(found["unread"], 1_000_000)

    async def test_a_request_of_a_foreign_site_has_no_listener_of_ours(self) -> None:
        port = await self.listen(Site(rpc_resource(self.server)))
        await self.serve()
        own = await self.connect(self.ports[2])
        web = await self.connect(port)
        web.send(post(request("wait"), path="/"))
        await self.waiting()
        foreign, _ = await self.result(own, "admin.connections")
        self.assertEqual((foreign["transport"], foreign["listener"]), ("http", ""))
        self.methods.waiting[0].callback(None)
        await take_reply(web)

    async def test_limits_and_how_often_they_were_hit(self) -> None:
        self.server.counters.hit("max_batch")
        self.server.counters.hit("max_batch")
        self.server.counters.hit("stall_warning")
        _, own = await self.serve()
        found = {each.pop("name"): each for each in await self.result(own, "admin.limits")}
        self.assertEqual(found["max_batch"], {"value": 100, "hits": 2})
        self.assertEqual(found["calls_per_second"], {"value": None, "hits": 0})
        self.assertEqual(found["stall_warning"], {"value": None, "hits": 1})

    async def test_counters(self) -> None:
        _, own = await self.serve()
        self.server.counters.parse_errors = 3
        self.assertEqual((await self.result(own, "admin.counters"))["parse_errors"], 3)

    async def test_checks(self) -> None:
        self.server.add_check("database", lambda: "no connection")
        _, own = await self.serve()
        report = await self.result(own, "admin.checks")
        self.assertEqual((report["ready"], report["reason"]), (False, "checks"))
        self.assertEqual(report["checks"][0]["error"], "no connection")


class DoingTests(AdminTestCase):
    """What it does."""

    async def test_kick_closes_a_connection_and_cancels_its_calls(self) -> None:
        public, own = await self.serve()
        public.send(request("wait", id=7) + b"\n")
        await self.waiting()
        (victim, mine) = [each["id"] for each in await self.result(own, "admin.connections")]
        with capturedLogs() as events:
            self.assertIs(await self.result(own, "admin.kick", victim, "a\nb"), True)
        peer = f"127.0.0.1:{public.transport.getHost().port}"
        who = f"127.0.0.1:{own.transport.getHost().port}"
        said = rf"{who} closes connection {victim} to {peer}: 'a\nb'"
        self.assertIn(said, map(formatEvent, events))
        self.assertEqual((await public.line())["error"]["code"], -32800)
        self.assertEqual(await public.rest(), b"")
        self.assertTrue(self.methods.waiting.pop().called)
        self.assertIs(await self.result(own, "admin.kick", victim), False)
        self.assertEqual(await self.code(own, "admin.kick", mine), -32602)
        await self.result(own, "echo", 1)

    async def test_kick_closes_a_keep_alive_connection_of_http(self) -> None:
        _, own = await self.serve()
        web = await self.connect(self.ports[0])
        await reply_to(web, echo(1))
        found = await self.result(own, "admin.connections")
        (victim,) = [each["id"] for each in found if each["transport"] == "http"]
        self.assertIs(await self.result(own, "admin.kick", victim), True)
        self.assertEqual(await web.rest(), b"")

    async def test_drain_is_answered_first_and_begins_once(self) -> None:
        _, own = await self.serve()
        self.assertIs(await self.result(own, "admin.drain"), True)
        self.assertIs(await self.result(own, "admin.drain"), False)
        self.assertEqual(len(self.stopped), 1)

    async def test_drain_of_what_drains_already(self) -> None:
        self.server.health.hold(lambda: "draining")
        _, own = await self.serve()
        self.assertIs(await self.result(own, "admin.drain"), False)
        self.assertEqual(self.stopped, [])

    async def test_reload_tells_what_could_not_be_read(self) -> None:
        read: list[str] = []
        reading: Deferred[None] = Deferred()

        def wrong() -> None:
            raise ConfigError("no such file")

        def broken() -> None:
            raise RuntimeError("no luck")

        self.server.on_reload(wrong)
        self.server.on_reload(broken)
        self.server.on_reload(lambda: read.append("a"))
        self.server.on_reload(lambda: reading)
        _, own = await self.serve()
        own.send(request("admin.reload") + b"\n")
        await until(lambda: read)
        reading.callback(None)
        said = (await own.line())["result"]
        self.assertEqual(said[0], "no such file")
        self.assertEqual(said[1:], ["a function has failed, and the log says how: RuntimeError"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class LevelTests(AdminTestCase):
    """Levels of the log."""

    async def test_a_log_that_is_not_the_daemons_has_none(self) -> None:
        _, own = await self.serve()
        answer = await self.answer(own, "admin.log_level", "twisted_rpc")
        self.assertEqual(answer["error"]["code"], 1)
        self.assertIn("there is no [log]", answer["error"]["message"])

    async def test_they_are_told_set_and_taken_back(self) -> None:
        self.levels = Levels("info", {"twisted_rpc": "warn", "mine.loud": "error"})
        _, own = await self.serve()

        async def level(*params: Any) -> Any:
            return await self.result(own, "admin.log_level", *params)

        self.assertEqual(await level("twisted_rpc.server"), "warn")
        self.assertEqual(await level("mine"), "info")
        with capturedLogs() as events:
            self.assertEqual(await level("mine", "debug"), "debug")
        said = [str(formatEvent(event)) for event in events]
        self.assertTrue(
            any("sets the level of 'mine' in the log to debug" in s for s in said), said
        )
        self.assertEqual(await level("mine.quiet"), "debug")
        self.assertEqual(await level("mine.loud"), "error")
        self.assertEqual(await level("twisted_rpc", "debug"), "debug")
        self.assertEqual(await level("twisted_rpc", None), "warn")
        self.assertEqual(await level("mine"), "debug")
        self.assertEqual(await level("mine", None), "info")
        self.assertEqual(await level("", "critical"), "critical")
        self.assertEqual(await level("", None), "info")

    async def test_a_level_that_is_none_is_refused(self) -> None:
        self.levels = Levels("info", {})
        _, own = await self.serve()
        self.assertEqual(await self.code(own, "admin.log_level", "", "loud"), -32602)


class WithoutAConnectionTests(AdminTestCase):
    """Calls that come by no connection."""

    limits = AT_ONCE

    def test_who_asks_is_this_process(self) -> None:
        with capturedLogs() as events:
            admin = Admin(self.server, stop=lambda: None, levels=lambda: None)
            admin.drain(Context(identity="ann"))
        self.assertIn("ann at this process stops the daemon", map(formatEvent, events))
