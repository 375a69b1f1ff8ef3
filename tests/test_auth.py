"""Who a caller is: credentials, checkers, and the gate a stream has to pass first."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import Anonymous, IUsernamePassword, UsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.helpers import MemoryConnection, ServerTestCase, batch, notification, request, response
from twisted_rpc import Context, Limits, Server
from twisted_rpc.auth.credentials import basic_credentials
from twisted_rpc.errors import RPCError


def basic(text: bytes) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(text).decode()


class BasicCredentials(ServerTestCase):
    def test_user_and_password_are_read(self) -> None:
        for header, user, password in (
            (basic(b"ann:secret"), b"ann", b"secret"),
            (basic(b"ann:a:b"), b"ann", b"a:b"),
            (basic(b":"), b"", b""),
            (basic("jürgen:naïf".encode()), "jürgen".encode(), "naïf".encode()),
            ("bAsIc  " + basic(b"a:b")[6:] + " ", b"a", b"b"),
        ):
            with self.subTest(header=header):
                found = basic_credentials(header)
                assert found is not None
                self.assertEqual((found.username, found.password), (user, password))

    def test_anything_else_is_none(self) -> None:
        for header in ("", "Basic", "Basic ", "Bearer YTpi", "Basic !!!", "Basic é", basic(b"ann")):
            with self.subTest(header=header):
                self.assertIsNone(basic_credentials(header))


@implementer(ICredentialsChecker)
class SlowChecker:
    """Decides when it is told to."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[bytes | tuple[()]]] = []

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        self.asked.append(Deferred())
        return self.asked[-1]


class Checkers(ServerTestCase):
    def identity(self, user: str, password: str) -> Any:
        """What the server makes of credentials."""
        credentials = UsernamePassword(user.encode(), password.encode())
        return self.successResultOf(self.server.authenticate(credentials))

    def assert_refused(self, user: str, password: str) -> None:
        """Check that these are nobody's."""
        credentials = UsernamePassword(user.encode(), password.encode())
        self.failureResultOf(self.server.authenticate(credentials), UnauthorizedLogin)

    def test_nobody_is_asked_until_authentication_is_set_up(self) -> None:
        self.assertFalse(self.server.requires_authentication)
        self.failureResultOf(self.server.authenticate(Anonymous()), LoginFailed)
        self.server.enable_auth("ann", "secret")
        self.assertTrue(self.server.requires_authentication)

    def test_every_user_that_was_added_may_come_in(self) -> None:
        users = {"ann": "a", "bob": "b", "self": "c", "jürgen": "naïf"}
        for user, password in users.items():
            self.server.enable_auth(user, password)
        for user, password in users.items():
            self.assertEqual(self.identity(user, password), user)
        self.assert_refused("ann", "b")
        self.assert_refused("carl", "a")
        self.assert_refused("", "")

    def test_checker_of_ones_own(self) -> None:
        checker = SlowChecker()
        self.server.enable_auth(checker)
        self.server.enable_auth("bob", "b")
        logged_in = self.server.authenticate(UsernamePassword(b"x", b"y"))
        self.assertNoResult(logged_in)
        checker.asked[0].callback(b"somebody")
        self.assertEqual(self.successResultOf(logged_in), "somebody")
        refused = self.server.authenticate(UsernamePassword(b"x", b"y"))
        checker.asked[1].errback(UnauthorizedLogin())
        self.failureResultOf(refused, UnauthorizedLogin)

    def test_checker_that_breaks_is_not_passed_over(self) -> None:
        checker = SlowChecker()
        self.server.enable_auth(checker)
        self.server.enable_auth("bob", "b")
        logged_in = self.server.authenticate(UsernamePassword(b"bob", b"b"))
        checker.asked[0].errback(OSError("disk"))
        self.failureResultOf(logged_in, OSError)

    def test_checkers_of_different_credentials_stand_side_by_side(self) -> None:
        self.server.enable_auth("ann", "secret")
        self.server.enable_auth(AllowAnonymousAccess())
        self.assertEqual(self.identity("ann", "secret"), "ann")
        anonymous = self.server.authenticate(Anonymous())
        self.assertEqual(self.successResultOf(anonymous), "anonymous")

    def test_user_without_a_password_is_a_mistake(self) -> None:
        self.assertRaises(TypeError, self.server.enable_auth, "ann")


DELAY = Limits().auth_delay or 0


class GateTestCase(ServerTestCase):
    kind: ClassVar[type[Server]] = Server

    def setUp(self) -> None:
        super().setUp()
        self.server = self.make_server(self.kind)
        self.ran: list[Any] = []
        self.server.expose("run", self.ran.append)
        self.server.expose("who", self.who)
        self.prepare()
        self.connection = MemoryConnection(self.server).open()

    def prepare(self) -> None:
        """Set up authentication."""
        self.server.enable_auth("ann", "secret")

    def who(self, ctx: Context) -> Any:
        return ctx.identity

    def say(self, *messages: bytes) -> list[Any]:
        """Let messages arrive together; what is answered, also to a login that failed."""
        self.connection.receive(list(messages))
        self.clock.advance(DELAY)
        return self.connection.take_sent()

    def code(self, *messages: bytes) -> Any:
        """The error code of the one answer."""
        [answer] = self.say(*messages)
        return answer["error"]["code"]


class Gate(GateTestCase):
    def test_auth_first_then_everything(self) -> None:
        self.assertEqual(self.say(request("auth", ["ann", "secret"], 1))[0]["result"], True)
        self.assertEqual(self.connection.identity, "ann")
        self.assertEqual(self.say(request("who"))[0]["result"], "ann")

    def test_all_else_is_unauthorized_and_not_run(self) -> None:
        self.assertEqual(self.code(request("run", [1])), -32001)
        self.assertEqual(self.code(request("no such")), -32001)
        self.assertEqual(self.say(notification("run", [1]), response(1)), [])
        self.assertEqual(self.ran, [])

    def test_what_is_no_request_is_told_so(self) -> None:
        self.assertEqual(self.code(b"{"), -32700)
        self.assertEqual(self.code(b"5"), -32600)

    def test_batches_are_refused_item_by_item(self) -> None:
        raw = batch(request("auth", ["ann", "secret"], 1), b"5", notification("run", [1]))
        [answers] = self.say(raw)
        self.assertEqual([a["error"]["code"] for a in answers], [-32001, -32600])
        self.assertEqual(self.say(batch(notification("run", [1]))), [])
        self.assertIsNone(self.connection.identity)

    def test_batch_with_too_many_items_is_answered_once(self) -> None:
        self.assertEqual(self.code(batch(*[b"5"] * 101)), -32010)

    def test_wrong_credentials_are_all_alike(self) -> None:
        wrong = [["ann", "wrong"], ["bob", "secret"], ["", ""]]
        errors = [self.say(request("auth", pair))[0]["error"] for pair in wrong]
        self.assertEqual(errors, [errors[0]] * 3)
        self.assertEqual((errors[0]["code"], errors[0]["data"]), (-32001, "invalid credentials"))
        self.assertEqual(self.code(request("run", [1])), -32001)
        self.assertEqual(self.say(request("auth", ["ann", "secret"]))[0]["result"], True)

    def test_credentials_of_another_shape_are_invalid_params(self) -> None:
        for params in (["ann"], ["ann", 5], ["a", "b", "c"], {"user": "ann"}, [], None, "ann"):
            with self.subTest(params=params):
                self.assertEqual(self.code(request("auth", params)), -32602)
        self.assertEqual(self.code(request("auth")), -32602)
        self.assertEqual(self.say(notification("auth", ["ann"])), [])

    def test_notification_logs_in_without_an_answer(self) -> None:
        self.assertEqual(self.say(notification("auth", ["ann", "wrong"])), [])
        self.assertIsNone(self.connection.identity)
        self.assertEqual(self.say(notification("auth", ["ann", "secret"])), [])
        self.assertEqual(self.connection.identity, "ann")

    def test_auth_is_no_method_afterwards(self) -> None:
        self.say(request("auth", ["ann", "secret"]))
        self.assertEqual(self.code(request("auth", ["ann", "secret"])), -32601)

    def test_messages_right_behind_auth_are_handled_after_it(self) -> None:
        answers = self.say(request("auth", ["ann", "secret"], 1), request("who", id=2))
        self.assertEqual([(a["id"], a["result"]) for a in answers], [(1, True), (2, "ann")])

    def test_who_is_known_already_is_not_asked(self) -> None:
        self.connection = MemoryConnection(self.server, identity="bob").open()
        self.assertTrue(self.connection.is_admitted)
        self.assertEqual(self.say(request("who"))[0]["result"], "bob")

    def test_nobody_outside_the_gate_is_notified(self) -> None:
        self.assertFalse(self.connection.is_admitted)
        self.assertEqual(self.server.notify_all("news", ["secret"]), 0)
        self.say(request("auth", ["ann", "secret"]))
        self.assertEqual(self.server.notify_all("news", ["secret"]), 1)
        self.clock.advance(0)
        self.assertEqual(self.connection.sent[-1]["params"], ["secret"])


class SlowGate(GateTestCase):
    """Finding out who somebody is takes its time."""

    def prepare(self) -> None:
        self.checker = SlowChecker()
        self.server.enable_auth(self.checker)

    def decide(self, outcome: Any) -> list[Any]:
        """Let the checker decide; what is answered then."""
        if isinstance(outcome, Exception):
            self.checker.asked[-1].errback(outcome)
        else:
            self.checker.asked[-1].callback(outcome)
        self.clock.advance(DELAY)
        return self.connection.take_sent()

    def test_what_follows_waits_and_is_run(self) -> None:
        auth = request("auth", ["ann", "secret"], 1)
        self.assertEqual(self.say(auth, request("who", id=2), request("who", id=3)), [])
        self.assertFalse(self.connection.reading)
        self.assertEqual([a["id"] for a in self.decide(b"ann")], [1, 2, 3])
        self.assertTrue(self.connection.reading)

    def test_what_follows_waits_and_is_refused(self) -> None:
        self.assertEqual(self.say(request("auth", ["ann", "x"], 1), request("run", [1], 2)), [])
        answers = self.decide(UnauthorizedLogin())
        self.assertEqual([a["error"]["code"] for a in answers], [-32001, -32001])
        self.assertEqual(self.ran, [])

    def test_second_try_right_behind_the_first_waits_as_well(self) -> None:
        self.say(request("auth", ["ann", "x"], 1), request("auth", ["ann", "secret"], 2))
        self.assertEqual(len(self.checker.asked), 1)
        self.decide(UnauthorizedLogin())
        self.assertEqual(len(self.checker.asked), 2)
        self.assertEqual([a["result"] for a in self.decide(b"ann")], [True])

    def test_failure_of_another_kind_is_logged_and_tells_nothing(self) -> None:
        self.say(request("auth", ["ann", "secret"]))
        [answer] = self.decide(OSError("secret disk"))
        self.assertEqual(answer["error"]["code"], -32603)
        self.assertNotIn("disk", json.dumps(answer))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_line_that_drops_meanwhile(self) -> None:
        self.say(request("auth", ["ann", "secret"]), request("run", [1]))
        self.connection.lost()
        self.assertEqual(self.decide(b"ann"), [])
        self.assertEqual(self.ran, [])

    def test_end_of_input_waits_for_the_outcome(self) -> None:
        self.say(request("auth", ["ann", "secret"], 1), request("who", id=2))
        self.connection.end_input()
        self.assertFalse(self.connection.is_closed)
        self.assertEqual([a["id"] for a in self.decide(b"ann")], [1, 2])
        self.assertTrue(self.connection.is_closed)


class Handshake(GateTestCase):
    limits = Limits(handshake_timeout=3)

    def test_who_does_not_prove_anything_in_time_is_told_and_closed(self) -> None:
        self.clock.advance(2)
        self.assertEqual(self.code(request("run", [1])), -32001)
        self.clock.advance(1)
        [told] = self.connection.sent
        self.assertEqual((told["error"]["code"], told["id"]), (-32001, None))
        self.assertEqual(told["error"]["data"], "not within 3 seconds (handshake_timeout)")
        self.assertTrue(self.connection.is_closed)

    def test_who_does_has_time_afterwards(self) -> None:
        self.say(request("auth", ["ann", "secret"]))
        self.clock.advance(100)
        self.assertFalse(self.connection.is_closed)

    def test_a_line_that_drops_leaves_no_timer(self) -> None:
        self.connection.lost()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Predicate(Server):
    """Overrides the hook, as the ancestor's predicate did."""

    def authenticate(self, credentials: Any) -> Any:
        if credentials.password != b"secret":
            raise UnauthorizedLogin
        return {"name": credentials.username.decode()}


class LaterPredicate(Predicate):
    """The same, as a coroutine."""

    def authenticate(self, credentials: Any) -> Any:
        async def decide() -> Any:
            return super(LaterPredicate, self).authenticate(credentials)

        return decide()


class Hook(GateTestCase):
    kind = Predicate

    def prepare(self) -> None:
        """Overriding the hook is enough."""

    def test_decides_alone(self) -> None:
        self.assertEqual(self.code(request("auth", ["ann", "wrong"])), -32001)
        self.say(request("auth", ["ann", "secret"]))
        self.assertEqual(self.say(request("who"))[0]["result"], {"name": "ann"})


class LaterHook(Hook):
    kind = LaterPredicate


class RaisingHook(GateTestCase):
    """An `authenticate` that raises what it likes."""

    class Broken(Server):
        def authenticate(self, credentials: Any) -> Any:
            raise RPCError(1, "secret")

    kind = Broken

    def prepare(self) -> None:
        """Overriding the hook is enough."""

    def test_is_out_of_order(self) -> None:
        self.assertEqual(self.code(request("auth", ["ann", "secret"])), -32603)
        self.assertEqual(len(self.flushLoggedErrors(RPCError)), 1)
