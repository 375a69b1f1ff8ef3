"""`htpasswd:FILE`: bcrypt and argon2, in a file that may change."""

from __future__ import annotations

import sys
import threading
from typing import Any
from unittest.mock import patch

import bcrypt
from argon2.low_level import Type
from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.checkers.files import CheckerTestCase, argon2_hash, bcrypt_hash
from twisted_rpc.checkers import hashing, passwords
from twisted_rpc.checkers.hashing import HashingThreads
from twisted_rpc.checkers.htpasswd import HtpasswdChecker, from_argument

BCRYPT, ARGON2 = bcrypt_hash("secret"), argon2_hash("secret")


def login(user: str | bytes, password: str | bytes) -> UsernamePassword:
    return UsernamePassword(
        user.encode() if isinstance(user, str) else user,
        password.encode() if isinstance(password, str) else password,
    )


class HtpasswdTestCase(CheckerTestCase):
    def checker(self, *lines: str) -> HtpasswdChecker:
        """A checker for a file of these lines."""
        return HtpasswdChecker(self.write("".join(f"{line}\n" for line in lines)))


class LettingIn(HtpasswdTestCase):
    async def test_every_scheme_that_is_good_enough(self) -> None:
        lines = {
            "a": BCRYPT,
            "b": BCRYPT.replace("$2b$", "$2a$"),
            "c": BCRYPT.replace("$2b$", "$2y$"),
            "d": ARGON2,
            "e": argon2_hash("secret", Type.I),
        }
        checker = self.checker(*[f"{user}:{text}" for user, text in lines.items()])
        for user in lines:
            with self.subTest(user=user):
                self.assertEqual(await self.identity(checker, login(user, "secret")), user)
                await self.refusal(checker, login(user, "Secret"))
                await self.refusal(checker, login(user, ""))

    async def test_names_and_passwords_are_utf_8(self) -> None:
        checker = self.checker(f"jürgen:{bcrypt_hash('naïf 🔑')}")
        self.assertEqual(await self.identity(checker, login("jürgen", "naïf 🔑")), "jürgen")
        await self.refusal(checker, login("jürgen".encode("latin-1"), "naïf 🔑"))
        await self.refusal(checker, login("jürgen", b"\xff"))

    async def test_comments_empty_lines_and_other_line_ends(self) -> None:
        path = self.write(f"# ann:{BCRYPT}\r\n\r\n  \nbob:{BCRYPT}\r\ncarl:{BCRYPT}")
        checker = from_argument(str(path))
        self.assertEqual(await self.identity(checker, login("bob", "secret")), "bob")
        self.assertEqual(await self.identity(checker, login("carl", "secret")), "carl")
        await self.refusal(checker, login("# ann", "secret"))

    async def test_bcrypt_takes_72_bytes_and_no_prefix_of_more(self) -> None:
        checker = self.checker(f"ann:{bcrypt_hash('x' * 72)}", f"bob:{argon2_hash('x' * 100)}")
        self.assertEqual(await self.identity(checker, login("ann", "x" * 72)), "ann")
        await self.refusal(checker, login("ann", "x" * 73))
        self.assertEqual(await self.identity(checker, login("bob", "x" * 100)), "bob")

    async def test_nul_is_a_byte_like_others(self) -> None:
        checker = self.checker(f"ann:{bcrypt_hash(b'a' + bytes(1) + b'b')}")
        self.assertEqual(await self.identity(checker, login("ann", b"a\0b")), "ann")
        await self.refusal(checker, login("ann", b"a"))
        await self.refusal(checker, login("ann", b"a\0c"))

    async def test_nobody_is_in_an_empty_file(self) -> None:
        self.assertEqual(await self.refusal(self.checker(), login("", "")), "no such user")


class OneHash(HtpasswdTestCase):
    """What a try costs does not tell whether there is such a user."""

    def setUp(self) -> None:
        super().setUp()
        self.tried: list[str] = []
        verify = bcrypt.checkpw

        def checkpw(password: bytes, text: bytes) -> bool:
            self.tried.append(text.decode()[:7])
            return verify(password, text)

        patched = patch.object(bcrypt, "checkpw", checkpw)
        patched.start()
        self.addCleanup(patched.stop)

    async def test_unknown_wrong_too_long_and_right_are_one_verification_each(self) -> None:
        checker = self.checker(f"ann:{bcrypt_hash('secret', 5)}")
        for credentials in (
            login("ann", "Secret"),
            login("ann", "secreT"),
            login("nobody", "secret"),
            login("", ""),
            login(b"\xff", "secret"),
            login("ann", "x" * 100),
            login("nobody", "x" * 100),
        ):
            with self.subTest(credentials=credentials):
                await self.refusal(checker, credentials)
                self.assertEqual(self.tried, ["$2b$05$"])
                self.tried.clear()
        await self.identity(checker, login("ann", "secret"))
        self.assertEqual(self.tried, ["$2b$05$"])

    async def test_among_several_costs_an_unknown_user_always_takes_the_same(self) -> None:
        lines = [f"u{cost}:{bcrypt_hash('secret', cost)}" for cost in (4, 5, 6)]
        checker = self.checker(*lines)
        seen: set[str] = set()
        for number in range(20):
            for _ in range(2):
                await self.refusal(checker, login(f"nobody{number}", "secret"))
            first, second = self.tried
            self.assertEqual(first, second)
            seen.add(first)
            self.tried.clear()
        self.assertEqual(seen, {"$2b$04$", "$2b$05$", "$2b$06$"})


class Changing(HtpasswdTestCase):
    async def test_an_identity_is_valid_as_long_as_its_line_is_there(self) -> None:
        checker = self.checker(f"ann:{BCRYPT}", f"bob:{ARGON2}")
        ann = await self.identity(checker, login("ann", "secret"))
        bob = await self.identity(checker, login("bob", "secret"))
        assert ann.still_valid is not None
        assert bob.still_valid is not None
        self.write(f"bob:{bcrypt_hash('another')}\n\nann:{BCRYPT}\n")
        self.assertEqual((ann.still_valid(), bob.still_valid()), (True, False))
        self.write("bob\n")  # which is wrong
        self.assertEqual((ann.still_valid(), bob.still_valid()), (True, False))
        self.write("")
        self.assertFalse(ann.still_valid())

    async def test_users_come_and_go(self) -> None:
        checker = self.checker(f"ann:{BCRYPT}")
        self.write(f"bob:{BCRYPT}\n")
        await self.refusal(checker, login("ann", "secret"))
        self.assertEqual(await self.identity(checker, login("bob", "secret")), "bob")


class Refusing(HtpasswdTestCase):
    def test_weak_schemes_by_name_with_their_line(self) -> None:
        for text, scheme in (
            ("$apr1$salt$hash", "MD5 as of Apache"),
            ("$1$salt$hash", "MD5"),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"),
            ("$5$salt$hash", "sha256-crypt"),
            ("$6$salt$hash", "sha512-crypt"),
            ("$y$j9T$salt$hash", "yescrypt"),
            ("rqXexS6ZhobKA", "DES crypt or plain text"),
            ("hunter2", "plain text"),
            ("", "plain text"),
            (BCRYPT[:-1], "a damaged bcrypt"),
            (BCRYPT.replace("$04$", "$03$"), "a damaged bcrypt"),
            (BCRYPT.replace("$2b$", "$2x$"), "a broken bcrypt"),
            (ARGON2.replace("argon2id", "argon2d"), "argon2d"),
            (ARGON2[:40], "a damaged argon2"),
            (f"{BCRYPT}:more", "a damaged bcrypt"),
        ):
            with self.subTest(text=text):
                error = self.config_error(
                    lambda text=text: self.checker(f"a:{BCRYPT}", f"b:{text}")
                )
                problem = f"file: line 2: {scheme} is refused: bcrypt or argon2 is needed"
                self.assertEqual(error, problem)

    def test_lines_that_are_none(self) -> None:
        for line, problem in (
            ("ann", "file: line 3: not USER:HASH"),
            (f":{BCRYPT}", "file: line 3: not USER:HASH"),
            (f"bob:{BCRYPT}", "file: line 3: 'bob' is there twice"),
        ):
            with self.subTest(line=line):
                lines = ("# users", f"bob:{BCRYPT}", line)
                self.assertEqual(self.config_error(self.checker, *lines), problem)

    def test_a_file_that_everybody_can_read(self) -> None:
        path = self.write(f"ann:{BCRYPT}\n", mode=0o644)
        self.assertIn("everybody may read it", self.config_error(HtpasswdChecker, path))

    def test_no_file(self) -> None:
        self.assertEqual(self.config_error(from_argument, ""), "the name of a file is missing")

    def test_what_is_missing_is_named_with_its_extra(self) -> None:
        for module, text in (("bcrypt", BCRYPT), ("argon2", ARGON2)):
            with self.subTest(module=module), patch.dict(sys.modules, {module: None}):
                error = self.config_error(self.checker, f"ann:{text}")
                hint = f"{module} is not installed: pip install 'twisted_rpc[passwd]'"
                self.assertEqual(error, f"file: line 1: {hint}")


class NewHashes(HtpasswdTestCase):
    def test_each_scheme_takes_what_it_made(self) -> None:
        for name, make in passwords.SCHEMES.items():
            with self.subTest(scheme=name):
                made = passwords.parse_hash(make(b"secret"))
                self.assertTrue(made.verify(b"secret", made.text))
                self.assertFalse(made.verify(b"secreT", made.text))

    def test_bcrypt_refuses_what_it_would_cut(self) -> None:
        error = self.config_error(passwords.SCHEMES["bcrypt"], b"x" * 73)
        self.assertEqual(error, "bcrypt takes 72 bytes at most, and these are more")


class Threads(CheckerTestCase):
    async def test_only_so_many_run_and_wait(self) -> None:
        go, running, most = threading.Event(), list[int](), list[int]()
        lock = threading.Lock()

        def work() -> None:
            with lock:
                running.append(1)
                most.append(len(running))
            go.wait(60)
            with lock:
                running.pop()

        self.patch(hashing, "MAX_WAITING", 5)
        threads = HashingThreads()
        asked = [threads.run(work) for _ in range(hashing.AT_ONCE + 5)]
        self.watch_log()
        for _ in range(3):
            error = await self.refusal(_Asking(threads, work), None)
            self.assertEqual(error, "too many logins at once")
        self.assertEqual(self.logged(), ["5 logins wait for a thread: more are refused"])
        go.set()
        await gatherResults(asked)
        self.assertLessEqual(max(most), hashing.AT_ONCE)
        self.assertEqual(len(most), hashing.AT_ONCE + 5)
        await threads.run(work)

    async def test_the_reactor_goes_round_meanwhile(self) -> None:
        from twisted.internet import reactor

        go = threading.Event()
        ended: list[bool] = []
        asked = HashingThreads(reactor=reactor).run(go.wait, 60).addCallback(ended.append)
        await deferLater(reactor, 0)
        self.assertEqual(ended, [])
        go.set()
        await asked
        self.assertEqual(ended, [True])

    async def test_what_fails_fails(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            await HashingThreads().run(divmod, 1, 0)

    async def test_who_is_given_up_leaves_the_queue(self) -> None:
        go = threading.Event()
        threads = HashingThreads()
        first = [threads.run(go.wait, 60) for _ in range(hashing.AT_ONCE)]
        ran: list[int] = []
        second = threads.run(ran.append, 1)
        second.addErrback(lambda failure: None)
        second.cancel()
        go.set()
        await gatherResults(first)
        await threads.run(ran.append, 2)
        self.assertEqual(ran, [2])


class _Asking:
    """A checker that asks threads to work."""

    def __init__(self, threads: HashingThreads, work: Any) -> None:
        self._threads = threads
        self._work = work

    def requestAvatarId(self, credentials: Any) -> Deferred[None]:
        return self._threads.run(self._work)
