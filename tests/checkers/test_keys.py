"""Keys of an issuer: when they are fetched, and what is refused on the way."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor as installed_reactor
from twisted.internet import ssl
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.checkers.files import CheckerTestCase
from tests.checkers.signing import AUDIENCE, ISSUER, jwk, jwks, key, signed
from tests.transports.certificate import self_signed
from tests.transports.harness import listening_port, until
from twisted_rpc.auth.credentials import BearerToken
from twisted_rpc.checkers import fetching
from twisted_rpc.checkers.fetching import check_url, fetch
from twisted_rpc.checkers.jwt import JWTChecker
from twisted_rpc.checkers.keys import Key, RemoteKeys
from twisted_rpc.errors import ConfigError

reactor: Any = installed_reactor


class When(CheckerTestCase):
    """The times of an issuer's keys, by a clock."""

    def setUp(self) -> None:
        super().setUp()
        self.watch_log()
        self.clock = Clock()
        self.fetches: list[Deferred[str]] = []
        self.keys = RemoteKeys(self.fetch, self.parse, "issuer", clock=self.clock)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.keys.stop)

    def fetch(self) -> Deferred[str]:
        self.fetches.append(Deferred())
        return self.fetches[-1]

    def parse(self, text: str) -> tuple[Key, ...]:
        if text == "bad":
            raise ConfigError("bad keys")
        return tuple(Key(word, frozenset()) for word in text.split())

    def answer(self, text: str) -> None:
        """Let the fetch that is under way end."""
        self.fetches[-1].callback(text)

    @property
    def current(self) -> list[Any]:
        return [found.material for found in self.keys.current()]

    def test_they_are_fetched_again_and_again(self) -> None:
        self.keys.refresh()
        self.assertEqual(self.current, [])
        self.answer("a")
        self.assertEqual(self.current, ["a"])
        self.clock.advance(RemoteKeys.REFRESH - 1)
        self.assertEqual(len(self.fetches), 1)
        self.clock.advance(1)
        self.assertEqual((len(self.fetches), self.current), (2, ["a"]))
        self.answer("b c")
        self.assertEqual(self.current, ["b", "c"])

    def test_what_fails_keeps_the_old_ones_for_a_day_and_is_logged(self) -> None:
        self.keys.refresh()
        self.answer("a")
        self.clock.advance(RemoteKeys.REFRESH)
        self.fetches[-1].errback(OSError("no route"))
        self.assertEqual(self.logged(), ["no keys from issuer: no route"])
        self.clock.advance(RemoteKeys.PAUSE)
        self.answer("bad")
        self.assertEqual(self.logged(), ["no keys from issuer: bad keys"])
        self.assertEqual(self.current, ["a"])
        self.clock.advance(RemoteKeys.PAUSE)
        self.assertEqual(len(self.fetches), 4)
        self.clock.advance(RemoteKeys.MAX_AGE)
        self.assertEqual(self.current, [])
        self.answer("b")
        self.assertEqual(self.current, ["b"])

    def test_who_asks_waits_for_the_fetch_under_way(self) -> None:
        self.keys.refresh()
        asked = [self.keys.renewed(), self.keys.renewed()]
        self.assertEqual(len(self.fetches), 1)
        self.assertNoResult(asked[0])
        self.answer("a")
        for waiting in asked:
            self.successResultOf(waiting)

    def test_who_asks_begins_one_once_a_minute_at_most(self) -> None:
        first = self.keys.renewed()
        self.answer("a")
        self.successResultOf(first)
        for _ in range(100):
            self.successResultOf(self.keys.renewed())
        self.clock.advance(RemoteKeys.PAUSE - 1)
        self.successResultOf(self.keys.renewed())
        self.assertEqual(len(self.fetches), 1)
        self.clock.advance(1)
        second = self.keys.renewed()
        self.assertEqual(len(self.fetches), 2)
        self.fetches[-1].errback(OSError())
        self.successResultOf(second)
        self.assertEqual(self.logged(), ["no keys from issuer: OSError()"])

    def test_a_fetch_that_ends_at_once_is_not_waited_for(self) -> None:
        for outcome in (succeed("a"), fail(OSError("no"))):
            keys = RemoteKeys(iter([outcome]).__next__, self.parse, "x", clock=self.clock)
            self.successResultOf(keys.renewed())
            keys.stop()

    def test_who_is_given_up_does_not_disturb_the_others(self) -> None:
        asked = [self.keys.renewed(), self.keys.renewed()]
        asked[0].addErrback(lambda failure: None)
        asked[0].cancel()
        self.answer("a")
        self.successResultOf(asked[1])

    def test_when_it_is_stopped_nothing_is_left(self) -> None:
        asked = self.keys.renewed()
        self.keys.stop()
        self.successResultOf(asked)
        self.assertEqual((self.clock.getDelayedCalls(), self.logged()), ([], []))


class _Issuer(Protocol):
    """Answers a request line with what its factory says."""

    asked = b""

    def dataReceived(self, data: bytes) -> None:
        self.asked += data
        if b"\r\n\r\n" in self.asked:
            issuer: Any = self.factory
            issuer.asked.append(self.asked.partition(b"\r\n")[0])
            for part in issuer.answer:
                self.transport.write(part)  # type: ignore[union-attr]
            if issuer.closes:
                self.transport.loseConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        issuer: Any = self.factory
        issuer.lost += 1


class _Issuing(Factory):
    """An issuer's web server.

    Attributes:
        answer: what it writes.
        closes: whether it closes the line then.
        asked: the request lines that came.
        lost: how many lines are down.
    """

    protocol = _Issuer

    def __init__(self, body: bytes = b"", status: int = 200) -> None:
        self.asked: list[bytes] = []
        self.lost = 0
        self.closes = True
        self.say(body, status)

    def say(self, body: bytes, status: int = 200) -> None:
        """Answer with this from now on."""
        head = f"HTTP/1.1 {status} X\r\nLocation: /other\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = [head.encode(), body]

    async def is_left(self, lines: int = 1) -> None:
        """Wait until so many lines are down."""
        await until(lambda: self.lost == lines, f"{self.lost} of {lines} lines are down")


class FetchTestCase(CheckerTestCase):
    timeout = 60

    async def listen(self, factory: Factory, endpoint: Any = None) -> str:
        """The host and port it listens on, until the test ends."""
        endpoint = endpoint or TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port: IListeningPort = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        return f"127.0.0.1:{listening_port(port)}"

    async def failure(self, url: str) -> Exception:
        """How a fetch fails."""
        try:
            text = await fetch(url, reactor=reactor)
        except Exception as error:
            return error
        raise AssertionError(text)


class Fetching(FetchTestCase):
    async def test_a_text_comes(self) -> None:
        issuer = _Issuing("naïf".encode())
        place = await self.listen(issuer)
        self.assertEqual(await fetch(f"http://{place}/keys?x=1", reactor=reactor), "naïf")
        self.assertEqual(issuer.asked, [b"GET /keys?x=1 HTTP/1.1"])

    async def test_other_answers_fail(self) -> None:
        issuer = _Issuing()
        place = await self.listen(issuer)
        for status, body, problem in (
            (404, b"{}", "status 404"),
            (302, b"", "status 302"),
            (200, b"\xff", "not UTF-8"),
            (200, b"x" * (fetching.MAX_BYTES + 1), "more than 262144 bytes"),
        ):
            with self.subTest(problem=problem):
                issuer.say(body, status)
                self.assertEqual(str(await self.failure(f"http://{place}/")), problem)
        self.assertEqual(len(issuer.asked), 4)
        await issuer.is_left(4)

    async def test_an_endless_answer_is_cut(self) -> None:
        issuer = _Issuing()
        issuer.closes = False
        issuer.answer = [b"HTTP/1.1 200 X\r\n\r\n", b"x" * (fetching.MAX_BYTES + 1)]
        place = await self.listen(issuer)
        self.assertEqual(str(await self.failure(f"http://{place}/")), "more than 262144 bytes")
        await issuer.is_left()

    async def test_one_that_does_not_end_in_time_is_cut(self) -> None:
        self.patch(fetching, "TIMEOUT", 0.2)
        for answer in ([], [b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nabc"]):
            with self.subTest(answer=answer):
                issuer = _Issuing()
                issuer.closes, issuer.answer = False, answer
                place = await self.listen(issuer)
                await self.failure(f"http://{place}/")
                await issuer.is_left()

    async def test_one_that_is_cut_off_fails(self) -> None:
        issuer = _Issuing()
        issuer.answer = [b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nabc"]
        await self.failure(f"http://{await self.listen(issuer)}/")

    @pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
    async def test_a_certificate_of_nobody_is_not_believed(self) -> None:
        certificate = ssl.PrivateCertificate.loadPEM(self_signed("localhost"))
        endpoint = SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1")
        issuer = _Issuing(b"{}")
        place = await self.listen(issuer, endpoint)
        await self.failure(f"https://localhost:{place.partition(':')[2]}/")
        self.assertEqual(issuer.asked, [])
        await issuer.is_left()

    def test_which_urls_are_good(self) -> None:
        for url in (
            "https://issuer.example/keys",
            "https://[2001:db8::1]:8443/",
            "http://localhost:1/keys",
            "http://127.0.0.2/",
            "http://[::1]:80/",
        ):
            check_url(url)
        for url in ("http://10.0.0.1/", "http://localhost.evil.example/", "ftp://localhost/"):
            self.assertIn("fetched by https alone", self.config_error(check_url, url))
        for url in (
            "https://",
            "https://é.example/",
            "https://h/\n",
            "https://a@h/",
            "https://h:x/",
        ):
            self.config_error(check_url, url)


class Believing(FetchTestCase):
    """A checker with an issuer on loopback."""

    async def checker(self, issuer: _Issuing) -> JWTChecker:
        url = f"http://{await self.listen(issuer)}/keys"
        checker = JWTChecker(["RS256", "ES256"], jwks=url, audience=AUDIENCE, issuer=ISSUER)
        self.addCleanup(checker.stop)
        return checker

    async def test_a_login_that_comes_before_the_keys_waits_for_them(self) -> None:
        issuer = _Issuing(jwks(jwk("rsa", "a")).encode())
        checker = await self.checker(issuer)
        token = BearerToken(signed("RS256", key("rsa"), {"kid": "a"}))
        self.assertEqual(await self.identity(checker, token), "ann")
        self.assertEqual(await self.identity(checker, token), "ann")
        self.assertEqual(len(issuer.asked), 1)

    async def test_a_key_that_is_new_is_fetched_and_one_that_is_gone_ends(self) -> None:
        self.patch(RemoteKeys, "PAUSE", 0.0)
        issuer = _Issuing(jwks(jwk("rsa", "a")).encode())
        checker = await self.checker(issuer)
        found = await self.identity(checker, BearerToken(signed("RS256", key("rsa"), {"kid": "a"})))
        assert found.still_valid is not None
        self.assertTrue(found.still_valid())
        issuer.say(jwks(jwk("p256", "b")).encode())
        token = BearerToken(signed("ES256", key("p256"), {"kid": "b"}))
        self.assertEqual(await self.identity(checker, token), "ann")
        self.assertFalse(found.still_valid())

    async def test_tokens_with_made_up_ids_cause_one_fetch(self) -> None:
        issuer = _Issuing(jwks(jwk("rsa", "a")).encode())
        checker = await self.checker(issuer)
        for number in range(50):
            token = signed("RS256", key("rsa"), {"kid": f"made up {number}"})
            await self.refusal(checker, BearerToken(token))
        self.assertEqual(len(issuer.asked), 1)

    async def test_without_keys_nobody_is_let_in(self) -> None:
        issuer = _Issuing(b"{}", 500)
        checker = await self.checker(issuer)
        self.watch_log()
        await self.refusal(checker, BearerToken(signed("RS256", key("rsa"), {"kid": "a"})))
        self.assertIn("/keys: status 500", self.logged()[0])
