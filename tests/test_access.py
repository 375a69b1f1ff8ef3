"""Who may call what: roles, lists of names, namespaces; the rest is not seen."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.helpers import MemoryConnection, ServerTestCase, batch, notification, request
from twisted_rpc import Context, Identity, Server, method

NOBODY = -32601


class Users:
    """Methods of several levels."""

    @method
    def count(self) -> int:
        """For everybody."""
        return 2

    @method(access="read")
    def get(self) -> str:
        """For readers."""
        return "ann"

    @method(access="write")
    def rename(self, ctx: Context) -> str:
        """For writers."""
        return "bob"


class AccessTestCase(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server.enable_auth("ann", "secret")
        self.server.expose("users", Users())
        self.server.expose("admin", {"stop": lambda: "stopped", "log": {"level": lambda: "info"}})

    def may(self, identity: Any) -> list[str]:
        """Which methods somebody may call: tried one by one, asked for, and seen in the list."""
        context = Context(identity=identity)
        callable_ = []
        for name in sorted(self.server.methods):
            answer = self.answer_to(request(name), context)
            if "result" in answer:
                callable_.append(name)
            else:
                self.assertEqual(answer, self.answer_to(request("no.such"), context))
        self.assertEqual(self.answer_to(request("rpc.methods"), context)["result"], callable_)
        return callable_


ADMIN = ["admin.log.level", "admin.stop"]
USERS = ["users.count", "users.get", "users.rename"]


class LevelTests(AccessTestCase):
    """Access levels and roles."""

    def test_a_level_has_to_be_among_the_roles(self) -> None:
        self.assertEqual(self.may(Identity("ann")), [*ADMIN, "users.count"])
        self.assertEqual(self.may(Identity("ann", roles=["read"])), [*ADMIN, *USERS[:2]])
        self.assertEqual(self.may(Identity("ann", roles=["read", "write"])), [*ADMIN, *USERS])
        self.assertEqual(self.may(None), [*ADMIN, "users.count"])

    def test_rules_give_roles(self) -> None:
        self.server.set_access("bob", roles=["write"])
        self.server.set_access("*", roles=["read"])
        self.assertEqual(self.may(Identity("bob")), [*ADMIN, *USERS])
        self.assertEqual(self.may("bob"), [*ADMIN, *USERS])
        self.assertEqual(self.may(Identity("ann")), [*ADMIN, *USERS[:2]])
        self.assertEqual(self.may(None), [*ADMIN, *USERS[:2]])

    def test_where_nobody_has_to_say_who_they_are_levels_say_nothing(self) -> None:
        self.server = self.make_server()
        self.server.expose("users", Users())
        self.assertEqual(self.may(None), USERS)
        self.server.set_access("bob", roles=["read"])
        self.assertEqual(self.may(None), ["users.count"])


class ListTests(AccessTestCase):
    """Lists of names, allowed and denied."""

    def test_once_there_is_a_list_who_has_none_may_call_nothing(self) -> None:
        self.server.set_access("ann", allow=["users.*"], roles=["read", "write"])
        self.assertEqual(self.may(Identity("ann")), USERS)
        self.assertEqual(self.may(Identity("bob", roles=["read"])), [])
        self.assertEqual(self.may(None), [])

    def test_an_empty_list_is_a_list(self) -> None:
        self.server.set_access("ann", allow=[])
        self.assertEqual(self.may(Identity("ann")), [])

    def test_a_list_for_everybody_is_added(self) -> None:
        self.server.set_access("*", allow=["*.count"])
        self.server.set_access("ann", allow=["admin.stop", "users.ge?"], roles=["read"])
        self.assertEqual(self.may(Identity("ann")), ["admin.stop", "users.count", "users.get"])
        self.assertEqual(self.may(Identity("bob")), ["users.count"])

    def test_a_pattern_has_to_match_the_whole_name(self) -> None:
        self.server.set_access("ann", allow=["admin"])
        self.assertEqual(self.may(Identity("ann")), [])
        self.server.set_access("ann", allow=["ADMIN.*"])
        self.assertEqual(self.may(Identity("ann")), [])

    def test_what_is_denied_is_denied_whatever_is_allowed(self) -> None:
        self.server.set_access("*", deny=["admin.*"])
        self.server.set_access("ann", allow=["*"], deny=["*.get"], roles=["read", "write"])
        self.assertEqual(self.may(Identity("ann")), ["users.count", "users.rename"])

    def test_denying_alone_leaves_the_rest(self) -> None:
        self.server.set_access("ann", deny=["admin.*"])
        self.assertEqual(self.may(Identity("ann")), ["users.count"])
        self.assertEqual(self.may(Identity("bob")), [*ADMIN, "users.count"])

    def test_names_that_fallbacks_answer_are_asked_for_as_well(self) -> None:
        def whatever(ctx: Context) -> str:
            return ctx.method

        self.server.fallback(whatever)
        self.server.set_access("ann", allow=["old.*"])
        ann = Context(identity=Identity("ann"))
        self.assertEqual(self.answer_to(request("old.thing"), ann)["result"], "old.thing")
        self.assertEqual(self.answer_to(request("new.thing"), ann)["error"]["code"], NOBODY)

    def test_items_of_a_batch_each_on_their_own(self) -> None:
        self.server.set_access("ann", allow=["users.*"])
        raw = batch(request("users.count", id=1), request("admin.stop", id=2))
        first, second = self.answer_to(raw, Context(identity=Identity("ann")))
        self.assertEqual((first["result"], second["error"]["code"]), (2, NOBODY))


class NamespaceTests(AccessTestCase):
    """Namespaces that an identity, or a port, is bound to."""

    def test_of_an_identity(self) -> None:
        self.assertEqual(self.may(Identity("ann", namespaces=["admin.log"])), ["admin.log.level"])
        self.assertEqual(self.may(Identity("ann", namespaces=["adm", "users"])), ["users.count"])
        self.assertEqual(self.may(Identity("ann", namespaces=[])), [])

    def test_of_a_port_and_an_identity_together(self) -> None:
        views = self.server.dispatcher.views
        both = views.of(Identity("ann", namespaces=["admin"]), ["admin.log", "users"])
        self.assertEqual(both.names(), ["admin.log.level"])
        self.assertIsNone(both.find("admin.stop"))


class ListenerTests(AccessTestCase):
    """Notifications, and who is told of them."""

    def test_listeners_are_told_by_who_may_call_alone(self) -> None:
        told: list[str] = []
        self.server.on("news", told.append)
        self.server.set_access("ann", allow=["news"])
        for identity in (Identity("bob"), None, Identity("ann")):
            self.answer_to(notification("news", [str(identity)]), Context(identity=identity))
        self.assertEqual(told, ["ann"])

    def test_the_hook_is_asked_as_well(self) -> None:
        class Strict(Server):
            async def authorize(self, identity: Any, method: str, params: Any) -> bool:
                return bool(params == ["please"])

        server = self.server = self.make_server(Strict)
        told: list[str] = []
        server.on("news", told.append)
        self.answer_to(notification("news", ["now"]))
        self.answer_to(notification("news", ["please"]))
        self.assertEqual(told, ["please"])

    def test_a_hook_of_one_object_is_asked(self) -> None:
        self.server = self.make_server()
        self.server.expose("stop", lambda: "stopped")
        self.server.authorize = lambda *_: False
        self.assertEqual(self.answer_to(request("stop"))["error"]["code"], NOBODY)

    def test_names_of_the_protocol_tell_listeners_no_more(self) -> None:
        told: list[str] = []
        self.server.on("rpc.internal", told.append)
        self.server.on("_tick", told.append)
        self.server.set_access("ann", allow=["users.*"])
        for name in ("rpc.internal", "_tick"):
            self.answer_to(notification(name, ["x"]), Context(identity=Identity("ann")))
        self.assertEqual(told, [])

    def test_a_rate_says_nothing_of_a_method_that_the_hook_hides(self) -> None:
        class Strict(Server):
            def authorize(self, identity: Any, method: str, params: Any) -> bool:
                return method != "hidden"

        self.server = self.make_server(Strict)
        self.server.expose("hidden", method(rate=1, burst=1)(lambda: 1))
        self.server.expose("seen", method(rate=1, burst=1)(lambda: 1))
        answers = [self.answer_to(request(name)) for name in ("hidden", "hidden", "seen", "seen")]
        codes = [answer.get("error", {}).get("code") for answer in answers]
        self.assertEqual(codes, [NOBODY, NOBODY, None, -32005])

    def test_a_middleware_sees_no_call_that_the_rules_forbid(self) -> None:
        seen: list[str] = []

        async def note(call_next: Any, request: Any, context: Context) -> Any:
            seen.append(request.method)
            return await call_next(request, context)

        self.server.use(note)
        self.server.set_access("ann", allow=["users.*"])
        for name in ("admin.stop", "users.count"):
            self.answer_to(request(name), Context(identity=Identity("ann")))
        self.assertEqual(seen, ["users.count"])


class HiddenTests(AccessTestCase):
    """Whatever is sent, a method that is hidden answers as a name that nobody has."""

    def check(self) -> None:
        """Send all kinds of parameters."""
        for params in ("null", "5", '"x"', "true", "[]", "[1]", '{"a":1}', "[1e999]"):
            for end in ("", ',"id":1'):
                answers = [
                    self.answer_to(
                        f'{{"jsonrpc":"2.0","method":"{name}","params":{params}{end}}}'.encode(),
                        Context(identity=Identity("ann")),
                    )
                    for name in ("users.get", "users.none")
                ]
                self.assertEqual(answers[0], answers[1], (params, end))

    def test_called_at_once(self) -> None:
        self.check()

    def test_behind_a_middleware(self) -> None:
        async def through(call_next: Any, request: Any, context: Context) -> Any:
            return await call_next(request, context)

        self.server.use(through)
        self.check()

    def test_behind_the_hook(self) -> None:
        class Asking(Server):
            def authorize(self, identity: Any, method: str, params: Any) -> bool:
                return True

        self.server = self.make_server(Asking)
        self.server.enable_auth("ann", "secret")
        self.server.expose("users", Users())
        self.check()


class ShortWayTests(AccessTestCase):
    """What a connection sees follows what is exposed, at once."""

    def setUp(self) -> None:
        super().setUp()
        self.server.set_access("ann", deny=["admin.*"])
        self.connection = MemoryConnection(self.server, identity=Identity("ann")).open()

    def code(self, name: str) -> Any:
        """The error code of a call; None without."""
        self.connection.receive([request(name)])
        [answer] = self.connection.take_sent()
        return answer.get("error", {}).get("code")

    def test_the_view_is_filled_by_what_is_called(self) -> None:
        self.assertEqual(dict(self.connection.direct), {})
        self.assertIsNone(self.code("users.count"))
        self.assertEqual(self.code("users.rename"), NOBODY)
        self.assertEqual([self.code(f"x{number}") for number in range(5)], [NOBODY] * 5)
        self.assertEqual(set(self.connection.direct), {"users.count"})

    def test_what_is_taken_back_is_gone(self) -> None:
        self.assertIsNone(self.code("users.count"))
        self.server.unexpose("users")
        self.assertEqual(self.code("users.count"), NOBODY)
        self.server.expose("users.count", lambda: 3)
        self.assertIsNone(self.code("users.count"))

    def test_callers_with_the_same_rights_share_a_view(self) -> None:
        views = self.server.dispatcher.views
        self.assertIs(views.of(Identity("ann")), self.connection.view)
        self.assertIsNot(views.of(Identity("bob")), self.connection.view)
        self.assertIs(views.of(Identity("bob")), self.keep(views.of(Identity("carl"))))

    def keep(self, view: Any) -> Any:
        """Views live as long as somebody uses them."""
        self.addCleanup(lambda: view)
        return view

    def test_nothing_goes_the_short_way_while_it_drains(self) -> None:
        self.assertIsNone(self.code("users.count"))
        waiting: Deferred[None] = Deferred()
        self.server.expose("wait", lambda: waiting)
        self.connection.receive([request("wait")])
        self.server.drain()
        self.assertEqual(self.code("users.count"), -32012)
        waiting.callback(None)


@pytest.mark.parametrize("name", ["rpc.methods", "rpc.ticket"])
def test_names_of_the_protocol_are_everybodys(name: str) -> None:
    server = Server()
    server.enable_auth("ann", "secret")
    server.set_access("ann", allow=[])
    answers: list[Any] = []
    server.dispatch(request(name), Context(identity=Identity("ann"))).addCallback(answers.append)
    assert b'"result"' in answers[0]
