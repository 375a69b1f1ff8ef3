"""Logins: what failing costs, what a ticket is good for, and how long a login holds."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from zope.interface import implementer

from tests.helpers import MemoryConnection, ServerTestCase, batch, request
from twisted_rpc import Context, Identity, Limits, Server
from twisted_rpc.auth.credentials import BearerToken, IBearerToken
from twisted_rpc.auth.logins import TooManyAttempts
from twisted_rpc.auth.portal import IIdentity, Login
from twisted_rpc.auth.tickets import Ticket
from twisted_rpc.errors import RateLimited

ANN = UsernamePassword(b"ann", b"secret")
BAD = UsernamePassword(b"ann", b"wrong")


class Place:
    """Where credentials come from."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        self.source = address
        self.peer = f"{address}:4000"


@implementer(ICredentialsChecker)
class Tokens:
    """Knows one token, whose identity is what it is told."""

    credentialInterfaces = (IBearerToken,)

    def __init__(self, identity: Any) -> None:
        self.identity = identity

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        if credentials.token != b"good":
            raise UnauthorizedLogin
        return succeed(self.identity)


class LoginTestCase(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server.enable_auth("ann", "secret")

    def ask(self, credentials: Any, address: str = "192.0.2.1") -> Deferred[Any]:
        """Try to log in."""
        return self.server.logins.ask(credentials, Place(address))

    def refused(self, credentials: Any = BAD, address: str = "192.0.2.1") -> Any:
        """The reason of a refusal, after its delay."""
        asked = self.ask(credentials, address)
        self.assertNoResult(asked)
        self.clock.advance(0.25)
        return self.failureResultOf(asked, LoginFailed).value


class FailingTests(LoginTestCase):
    """What a failed login costs."""

    def test_success_is_told_at_once(self) -> None:
        self.assertEqual(self.successResultOf(self.ask(ANN)).identity, "ann")
        self.assertEqual(self.server.counters.failed_logins, 0)

    def test_failure_is_told_a_whole_number_of_delays_after_the_attempt(self) -> None:
        checker = Slow()
        self.server = self.make_server()
        self.server.enable_auth(checker)
        for took, left in ((0.1, 0.15), (0.25, 0.25), (0.3, 0.2)):
            asked = self.ask(BAD)
            self.clock.advance(took)
            checker.asked.pop().errback(UnauthorizedLogin())
            self.clock.advance(left - 0.01)
            self.assertNoResult(asked)
            self.clock.advance(0.02)
            self.failureResultOf(asked, UnauthorizedLogin)

    def test_other_callers_do_not_wait_for_it(self) -> None:
        slow = self.ask(BAD)
        self.assertEqual(self.successResultOf(self.ask(ANN)).identity, "ann")
        self.assertNoResult(slow)
        self.clock.advance(1)
        self.failureResultOf(slow, LoginFailed)

    def test_who_has_failed_too_often_is_not_even_asked(self) -> None:
        for _ in range(10):
            self.assertNotIsInstance(self.refused(), TooManyAttempts)
        error = self.refused(ANN)
        self.assertIsInstance(error, TooManyAttempts)
        self.assertIn("max_auth_attempts", str(error))
        self.assertTrue(0 < error.retry_after < 6)
        self.clock.advance(error.retry_after)
        self.assertEqual(self.successResultOf(self.ask(ANN)).identity, "ann")

    def test_other_addresses_may_go_on(self) -> None:
        for _ in range(10):
            self.refused()
        other = self.ask(ANN, "192.0.2.2")
        self.assertEqual(self.successResultOf(other).identity, "ann")

    def test_attempts_at_once_are_counted_as_well(self) -> None:
        asked = [self.ask(BAD) for _ in range(12)]
        self.clock.pump([0.25, 0.25])
        refusals = [self.failureResultOf(each, LoginFailed).value for each in asked]
        self.assertEqual([type(r) is TooManyAttempts for r in refusals].count(True), 2)
        self.assertEqual(self.server.counters.failed_logins, 12)

    def test_many_at_once_that_succeed_wait_for_each_other(self) -> None:
        checker = Slow()
        self.server = self.make_server()
        self.server.enable_auth(checker)
        asked = [self.ask(ANN) for _ in range(25)]
        self.assertEqual(len(checker.asked), 10)
        while checker.asked:
            checker.asked.pop().callback(b"ann")
        for each in asked:
            self.assertEqual(self.successResultOf(each).identity, "ann")

    def test_who_waits_and_leaves_is_forgotten(self) -> None:
        checker = Slow()
        self.server = self.make_server()
        self.server.enable_auth(checker)
        asked = [self.ask(ANN) for _ in range(11)]
        asked[10].cancel()
        self.failureResultOf(asked[10], CancelledError)
        checker.asked[0].callback(b"ann")
        self.assertEqual(len(checker.asked), 10)

    def test_other_users_of_an_address_may_still_log_in(self) -> None:
        for _ in range(10):
            self.refused()
        self.server.enable_auth("bob", "builder")
        bob = self.ask(UsernamePassword(b"bob", b"builder"))
        self.assertEqual(self.successResultOf(bob).identity, "bob")

    def test_an_address_cannot_try_users_for_ever(self) -> None:
        asked = [self.ask(UsernamePassword(b"user %d" % n, b"x")) for n in range(101)]
        self.clock.pump([0.25, 0.25])
        refusals = [self.failureResultOf(each, LoginFailed).value for each in asked]
        self.assertIsInstance(refusals[-1], TooManyAttempts)
        self.assertIsInstance(self.refused(ANN), TooManyAttempts)

    def test_tickets_are_not_guessed(self) -> None:
        for _ in range(20):
            self.assertNotIsInstance(self.refused(Ticket("none")), TooManyAttempts)

    def test_what_the_log_says_moves_no_cursor_and_has_an_end(self) -> None:
        class Telling(Server):
            def authenticate(self, credentials: Any) -> Any:
                raise UnauthorizedLogin("\x1b[2J" + "x" * 500)

        self.server = self.make_server(Telling)
        with capturedLogs() as events:
            self.refused(UsernamePassword(b"\x1b[1m" + b"y" * 5000, b"x"))
        said = [formatEvent(event) for event in events]
        [line] = [text for text in said if "login of" in text]
        self.assertTrue(line.isprintable())
        self.assertLess(len(line), 400)

    def test_success_costs_nothing(self) -> None:
        for _ in range(50):
            self.successResultOf(self.ask(ANN))
        self.assertNotIsInstance(self.refused(), TooManyAttempts)

    def test_credentials_of_a_kind_that_nobody_knows_fail_alike(self) -> None:
        self.assertEqual(type(self.refused(BearerToken(b"x"))), UnauthorizedLogin)

    def test_a_checker_that_never_answers_is_given_up(self) -> None:
        self.server = self.make_server()
        self.server.enable_auth(Slow())
        asked = self.ask(ANN)
        self.clock.pump([1] * 11)
        self.failureResultOf(asked, LoginFailed)


@implementer(ICredentialsChecker)
class Slow:
    """Decides when it is told to."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]


class AddressTests(LoginTestCase):
    """What counts as one address."""

    def test_none_is_no_limit(self) -> None:
        self.server = self.make_server()
        self.server.limits = Limits(max_auth_attempts=None)
        self.server.enable_auth("ann", "secret")
        for _ in range(50):
            self.assertNotIsInstance(self.refused(), TooManyAttempts)
        self.successResultOf(self.ask(ANN))


class TicketTests(LoginTestCase):
    """One may stand for a login, once and not for long."""

    def setUp(self) -> None:
        super().setUp()
        self.server.expose("who", who)

    def ticket(self) -> str:
        """A ticket of Ann's, as she asks for it."""
        answer = self.answer_to(request("rpc.ticket"), Context(identity=Identity("ann")))
        self.assertEqual(answer["result"]["expires_in"], 30)
        text: str = answer["result"]["ticket"]
        self.assertGreaterEqual(len(text), 43)
        return text

    def test_it_is_good_for_one_login(self) -> None:
        ticket = self.ticket()
        self.assertEqual(self.successResultOf(self.ask(Ticket(ticket))).identity, "ann")
        self.refused(Ticket(ticket))

    def test_it_is_soon_too_old(self) -> None:
        ticket = self.ticket()
        self.clock.advance(31)
        self.assertIn("ticket_timeout", str(self.refused(Ticket(ticket))))

    def test_no_two_are_alike(self) -> None:
        self.assertNotEqual(self.ticket(), self.ticket())

    def test_there_is_an_end_to_them(self) -> None:
        first, tickets = self.ticket(), self.server.logins.tickets
        for _ in range(99):
            tickets.issue("ann")
        bobs = tickets.issue("bob")
        self.successResultOf(self.ask(Ticket(first)))
        for _ in range(101):
            last = tickets.issue("ann")
        self.assertEqual(len(tickets._out), 101)
        self.assertEqual(self.successResultOf(self.ask(Ticket(bobs))).identity, "bob")
        self.assertEqual(self.successResultOf(self.ask(Ticket(last))).identity, "ann")

    def test_there_is_an_end_to_those_of_many(self) -> None:
        tickets = self.server.logins.tickets
        for number in range(10_001):
            tickets.issue(f"user {number}")
        self.assertEqual((len(tickets._out), len(tickets._by_owner)), (10_000, 10_000))

    def test_the_first_message_may_bear_it(self) -> None:
        connection = MemoryConnection(self.server).open()
        connection.receive([request("auth", {"ticket": self.ticket()}), request("who")])
        self.assertEqual([answer["result"] for answer in connection.sent], [True, "ann"])

    def test_who_is_nobody_gets_none(self) -> None:
        self.assertEqual(self.answer_to(request("rpc.ticket"))["error"]["code"], -32601)
        self.server = self.make_server()
        known = Context(identity=Identity("ann"))
        self.assertEqual(self.answer_to(request("rpc.ticket"), known)["error"]["code"], -32601)

    def test_it_is_not_shown(self) -> None:
        self.assertNotIn("abc", repr(Ticket("abc")) + repr(BearerToken(b"abc")))


def who(ctx: Context) -> Any:
    """Who calls."""
    return ctx.identity


class FirstMessageTests(LoginTestCase):
    """What `auth` takes, and how much may come before it."""

    def setUp(self) -> None:
        super().setUp()
        self.server.enable_auth(Tokens(Identity("robot")))
        self.server.expose("who", who)
        self.connection = MemoryConnection(self.server).open()

    def say(self, *messages: bytes) -> list[Any]:
        """What is answered, also to a login that failed."""
        self.connection.receive(list(messages))
        self.clock.advance(0.25)
        return self.connection.take_sent()

    def test_user_and_password_by_name(self) -> None:
        [answer] = self.say(request("auth", {"user": "ann", "password": "secret"}))
        self.assertIs(answer["result"], True)

    def test_a_token(self) -> None:
        self.say(request("auth", {"token": "good"}))
        self.assertEqual(self.say(request("who"))[0]["result"], "robot")

    def test_anything_else_is_told_what_is_taken(self) -> None:
        for params in (
            {"token": "a", "ticket": "b"},
            {"user": "a"},
            {"pin": "1"},
            {},
            {"token": 1},
        ):
            [answer] = self.say(request("auth", params))
            self.assertEqual(answer["error"]["code"], -32602, params)
            self.assertIn("auth takes [user, password]", answer["error"]["data"])

    def test_failing_too_often_is_rate_limited(self) -> None:
        for _ in range(10):
            [answer] = self.say(request("auth", {"token": "bad"}))
            self.assertEqual(answer["error"]["data"], "invalid credentials")
        [answer] = self.say(request("auth", {"token": "good"}))
        self.assertEqual(answer["error"]["code"], RateLimited.default_code)
        self.assertEqual(answer["error"]["data"]["limit"], "max_auth_attempts")

    def test_more_bytes_than_a_login_needs_end_the_line(self) -> None:
        line = request("x" * 900)
        answers = self.say(line, line, line, line, line, line)
        self.assertEqual([a["error"]["code"] for a in answers], [-32001] * 4 + [-32007])
        self.assertIn("max_auth_message", answers[-1]["error"]["data"])
        self.assertTrue(self.connection.is_closed)

    def test_a_line_that_drops_ends_the_attempt(self) -> None:
        self.connection.receive([request("auth", ["ann", "wrong"])])
        self.connection.lost()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class HoldingTests(ServerTestCase):
    """A login that holds for a while."""

    def connect(self, identity: Identity) -> MemoryConnection:
        """A connection of somebody, logged in by a token."""
        self.server.enable_auth(Tokens(identity))
        connection = MemoryConnection(self.server).open()
        connection.receive([request("auth", {"token": "good"})])
        self.assertEqual([answer["result"] for answer in connection.take_sent()], [True])
        return connection

    def ended(self, connection: MemoryConnection) -> str:
        """Why a connection was closed."""
        self.assertTrue(connection.is_closed)
        [told] = connection.take_sent()
        self.assertEqual((told["id"], told["error"]["code"]), (None, -32001))
        return str(told["error"]["data"])

    def test_expiry_ends_it_to_the_second(self) -> None:
        connection = self.connect(Identity("robot", expires=100.0))
        self.clock.advance(99)
        self.assertFalse(connection.is_closed)
        self.clock.advance(1)
        self.assertEqual(self.ended(connection), "the login has expired")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_revocation_ends_it_at_the_next_look(self) -> None:
        valid = [True]
        connection = self.connect(Identity("robot", still_valid=lambda: valid[0]))
        self.clock.pump([60, 60])
        valid[0] = False
        self.clock.advance(59)
        self.assertFalse(connection.is_closed)
        self.clock.advance(1)
        self.assertEqual(self.ended(connection), "the login has been revoked")

    def test_an_answer_that_comes_later_is_none(self) -> None:
        async def gone() -> bool:
            return False

        pending = gone()
        self.addCleanup(pending.close)
        self.server.enable_auth(Tokens(Identity("robot", still_valid=lambda: pending)))  # type: ignore[arg-type, return-value]
        asked = self.server.logins.ask(BearerToken(b"good"), Place())
        self.clock.advance(0.25)
        self.failureResultOf(asked, LoginFailed)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_items_of_a_batch_that_wait_are_not_run(self) -> None:
        self.server = Server(limits=Limits(max_in_flight=1), reactor=self.clock)
        connection = self.connect(Identity("robot", expires=10.0))
        waiting: Deferred[None] = Deferred()
        ran: list[int] = []
        self.server.expose("wait", lambda: waiting)
        self.server.expose("run", ran.append)
        connection.receive([batch(request("wait"), request("run", [1], 2))])
        self.clock.advance(10)
        self.assertEqual(ran, [])
        self.assertEqual(self.server.notify_all("news"), 0)

    def test_running_calls_end_with_it(self) -> None:
        connection = self.connect(Identity("robot", expires=10.0))
        waiting: Deferred[None] = Deferred()
        self.server.expose("wait", lambda: waiting)
        connection.receive([request("wait", id=7)])
        self.clock.advance(10)
        answers = connection.take_sent()
        self.assertEqual([a["error"]["code"] for a in answers], [-32001, -32800])

    def test_what_waits_for_them_is_not_run(self) -> None:
        self.server = Server(limits=Limits(max_in_flight=1), reactor=self.clock)
        connection = self.connect(Identity("robot", expires=10.0))
        ran: list[int] = []
        waiting: Deferred[None] = Deferred()
        self.server.expose("wait", lambda: waiting)
        self.server.expose("run", ran.append)
        connection.receive([request("wait", id=7), request("run", [1], 8)])
        self.clock.advance(10)
        self.assertEqual(ran, [])
        self.assertTrue(connection.is_closed)

    def test_nobody_holds_of_whom_nothing_can_be_told(self) -> None:
        self.server.enable_auth(Tokens(Identity("robot", still_valid=lambda: bool(1 / 0))))
        asked = self.server.logins.ask(BearerToken(b"good"), Place())
        self.clock.advance(0.25)
        self.failureResultOf(asked, LoginFailed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_login_that_has_expired_already_is_refused(self) -> None:
        self.clock.advance(100)
        self.server.enable_auth(Tokens(Identity("robot", expires=99.0)))
        asked = self.server.logins.ask(BearerToken(b"good"), Place())
        self.clock.advance(0.25)
        self.failureResultOf(asked, LoginFailed)

    def test_without_looks_expiry_holds_all_the_same(self) -> None:
        self.server = Server(limits=Limits(auth_recheck=None), reactor=self.clock)
        revoked = Identity("robot", expires=100.0, still_valid=lambda: self.clock.seconds() < 1)
        connection = self.connect(revoked)
        self.clock.advance(99)
        self.assertFalse(connection.is_closed)
        self.clock.advance(1)
        self.assertEqual(self.ended(connection), "the login has expired")


class Account:
    """An avatar of an application's own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.namespaces = ["mail"]
        self.logged_out = 0

    def __str__(self) -> str:
        return self.name


@implementer(IRealm)
class Accounts:
    """A realm of an application's own."""

    def __init__(self) -> None:
        self.made: list[Account] = []

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        assert interfaces == (IIdentity,)
        account = Account(avatarId.decode())
        self.made.append(account)

        def log_out() -> None:
            account.logged_out += 1

        return IIdentity, account, log_out


class Nameless:
    """An identity that says nothing sensible of itself."""

    def __str__(self) -> str:
        raise ZeroDivisionError


class OddIdentityTests(LoginTestCase):
    """Identities that nobody can judge are not let in."""

    def refusal_of(self, identity: Any) -> type[Exception]:
        """What was logged when somebody was not let in."""
        self.server.enable_auth(Tokens(identity))
        connection = MemoryConnection(self.server).open()
        connection.receive([request("auth", {"token": "good"}, 1), request("rpc.methods", id=2)])
        self.clock.advance(0.25)
        self.assertEqual([a["error"]["code"] for a in connection.take_sent()], [-32603, -32001])
        [failure] = self.flushLoggedErrors()
        kind: type[Exception] = failure.type
        return kind

    def test_whose_roles_are_one_word(self) -> None:
        identity = Identity("robot")
        identity.roles = "admin"  # type: ignore[assignment]
        self.assertIs(self.refusal_of(identity), TypeError)

    def test_whom_a_hook_forgot_to_return(self) -> None:
        for nobody in (None, False, ""):

            class Forgetful(Server):
                def authenticate(self, credentials: Any, nobody: Any = nobody) -> Any:
                    return nobody

            self.server = self.make_server(Forgetful)
            asked = self.server.logins.ask(ANN, Place())
            self.failureResultOf(asked, LoginFailed)
            self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_one_word_is_no_collection_of_them(self) -> None:
        for say in (
            lambda: Identity("a", roles="admin"),
            lambda: Identity("a", namespaces="calc"),
            lambda: self.server.set_access("a", allow="users.*"),
            lambda: self.server.set_access("a", deny="users.*"),
            lambda: self.server.set_access("a", roles=[1]),  # type: ignore[list-item]
        ):
            with self.assertRaisesRegex(TypeError, "expected a collection of words"):
                say()

    def test_who_has_no_name(self) -> None:
        class Odd(Server):
            def authenticate(self, credentials: Any) -> Any:
                return Nameless()

        self.server = self.make_server(Odd)
        connection = MemoryConnection(self.server).open()
        connection.receive([request("auth", ["a", "b"])])
        self.assertEqual(connection.take_sent()[0]["error"]["code"], -32603)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_logout_that_fails_disturbs_nobody(self) -> None:
        closed: list[Any] = []

        class Watching(Server):
            def connection_closed(self, connection: Any) -> None:
                closed.append(connection)

            def prove(self, credentials: Any) -> Any:
                return Login("ann", lambda: 1 / 0)

        self.server = self.make_server(Watching)
        self.server.enable_auth("ann", "secret")
        connection = MemoryConnection(self.server).open()
        connection.receive([request("auth", ["ann", "secret"])])
        connection.lost()
        self.assertEqual(closed, [connection])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class PortalTests(ServerTestCase):
    """A portal and a realm of an application's own."""

    def setUp(self) -> None:
        super().setUp()
        self.realm = Accounts()
        checker = Server(reactor=Clock())
        checker.enable_auth("ann", "secret")
        assert checker._portal is not None
        self.server.enable_auth(Portal(self.realm, list(checker._portal.checkers.values())))
        self.server.expose("mail", {"who": name})
        self.server.expose("other", lambda: 1)

    def test_its_avatar_is_the_identity_and_says_what_it_sees(self) -> None:
        connection = MemoryConnection(self.server).open()
        connection.receive(
            [request("auth", ["ann", "secret"]), request("mail.who"), request("other")]
        )
        answers = connection.take_sent()
        self.assertEqual([a.get("result") for a in answers], [True, "ann", None])
        self.assertEqual(answers[2]["error"]["code"], -32601)

    def test_it_is_logged_out_when_its_connection_ends(self) -> None:
        connection = MemoryConnection(self.server).open()
        connection.receive([request("auth", ["ann", "secret"])])
        self.assertEqual(self.realm.made[0].logged_out, 0)
        connection.lost()
        self.assertEqual(self.realm.made[0].logged_out, 1)

    def test_it_has_to_be_the_first(self) -> None:
        with self.assertRaisesRegex(TypeError, "has to be the first"):
            self.server.enable_auth(Portal(self.realm, []))

    def test_another_checker_may_join_it(self) -> None:
        self.server.enable_auth("bob", "builder")
        asked = self.server.logins.ask(UsernamePassword(b"bob", b"builder"), Place())
        self.assertEqual(str(self.successResultOf(asked).identity), "bob")


def name(ctx: Context) -> str:
    """Who calls, in words."""
    return str(ctx.identity)
