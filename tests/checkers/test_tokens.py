"""`token:FILE`: opaque tokens by their hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.checkers.files import CheckerTestCase
from twisted_rpc.auth.credentials import BearerToken
from twisted_rpc.checkers.tokens import TokenChecker, from_argument, hash_of, new_token

ONE, TWO = new_token(), new_token()
H1, H2 = hash_of(ONE.encode()), hash_of(TWO.encode())


def bearer(token: str) -> BearerToken:
    return BearerToken(token.encode())


def at(hours: float) -> str:
    """A time of TOML from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


class TokenTestCase(CheckerTestCase):
    def checker(self, text: str) -> TokenChecker:
        return from_argument(str(self.write(text)))


class Tokens(TokenTestCase):
    def test_a_token_is_256_random_bits(self) -> None:
        tokens = {new_token() for _ in range(100)}
        self.assertEqual(len(tokens), 100)
        for token in tokens:
            self.assertRegex(token, r"\Arpc_[A-Za-z0-9_-]{43}\Z")

    async def test_it_brings_its_name_and_rights(self) -> None:
        end = datetime(2199, 1, 1, tzinfo=UTC)
        checker = self.checker(
            f"""
            [[token]]
            name = "ci"
            hash = "{H1}"
            roles = ["deploy", "read"]
            namespaces = ["build"]
            expires = 2199-01-01T02:00:00+02:00

            [[token]]
            name = "plain"
            hash = "{H2}"
            """
        )
        one = await self.identity(checker, bearer(ONE))
        rights = (one, one.roles, one.namespaces, one.expires)
        expected = ("ci", {"deploy", "read"}, {"build"}, end.timestamp())
        self.assertEqual(rights, expected)
        two = await self.identity(checker, bearer(TWO))
        self.assertEqual(
            (two, two.roles, two.namespaces, two.expires), ("plain", set(), None, None)
        )

    async def test_what_is_not_there_is_refused(self) -> None:
        checker = self.checker(f'[[token]]\nname = "ci"\nhash = "{H1}"\n')
        for token in (TWO, ONE[:-1], f"{ONE} ", H1, "", "é\0"):
            with self.subTest(token=token):
                await self.refusal(checker, bearer(token))

    async def test_a_token_whose_time_is_over_is_refused(self) -> None:
        text = '[[token]]\nname = "ci"\nhash = "{}"\nexpires = {}\n'
        await self.identity(self.checker(text.format(H1, at(1))), bearer(ONE))
        await self.refusal(self.checker(text.format(H1, at(-1))), bearer(ONE))

    async def test_an_identity_is_valid_as_long_as_its_table_says_the_same(self) -> None:
        text = f'[[token]]\nname = "ci"\nhash = "{H1}"\nroles = ["read"]\n'
        checker = self.checker(text)
        first = await self.identity(checker, bearer(ONE))
        assert first.still_valid is not None
        self.write(f'[[token]]\nname = "other"\nhash = "{H2}"\n\n{text}')
        self.assertTrue(first.still_valid())
        self.write(text.replace("read", "write"))
        self.assertFalse(first.still_valid())
        second = await self.identity(checker, bearer(ONE))
        assert second.still_valid is not None
        self.write("")
        self.assertFalse(second.still_valid())
        await self.refusal(checker, bearer(ONE))


class Refusing(TokenTestCase):
    def test_what_is_wrong_is_named(self) -> None:
        entry = f'[[token]]\nname = "ci"\nhash = "{H1}"\n'
        place = "file: [[token]] #1 (ci): "
        for text, error in (
            ("token = 1", "file: write [[token]], there may be several"),
            ("[token]\nname = 'ci'", "file: write [[token]], there may be several"),
            ("token = [1]", "file: write [[token]], there may be several"),
            ("[[tokens]]", "file: 'tokens' is unknown; known: [[token]]"),
            (
                f"{entry}role = 'x'",
                f"{place}'role' is unknown; known: name, hash, roles, namespaces, expires",
            ),
            ("[[token]]\nname = 'ci'", f"{place}Object missing required field 'hash'"),
            ("[[token]]\nname = 5", "file: [[token]] #1: name: Expected 'str', got 'int'"),
            (f"{entry}roles = ['a', 5]", f"{place}roles[1]: Expected 'str', got 'int'"),
            (f"{entry}roles = ['a', '']", f"{place}roles: '' is no name"),
            (f"{entry}namespaces = []", f"{place}namespaces: none are named; leave it out for all"),
            (
                f"[[token]]\nname = 'ci'\nhash = '{ONE}'",
                f"{place}hash: not the 64 lower-case hexadecimal digits of a SHA-256",
            ),
            (
                f"[[token]]\nname = 'ci'\nhash = '{H1.upper()}'",
                f"{place}hash: not the 64 lower-case hexadecimal digits of a SHA-256",
            ),
            (
                f'[[token]]\nname = "a\\u001b"\nhash = "{H1}"',
                r"file: [[token]] #1: name: 'a\x1b' is no name",
            ),
            (
                f"{entry}expires = 2199-01-01T00:00:00",
                f"{place}expires: without an offset from UTC; write Z at its end for UTC",
            ),
            (
                f"{entry}expires = 2199-01-01",
                f"{place}expires: Expected 'datetime | null', got 'date'",
            ),
            (
                f"{entry}{entry.replace(H1, H2)}",
                "file: [[token]] #2 (ci): its name is there twice",
            ),
            (
                f"{entry}{entry.replace('ci', 'co')}",
                "file: [[token]] #2 (co): its hash is there twice",
            ),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.config_error(self.checker, text), error)

    def test_what_is_no_toml_is_named_with_its_line(self) -> None:
        error = self.config_error(self.checker, "[[token]]\nname\n")
        self.assertTrue(error.startswith("file: ") and "line 2" in error, error)

    def test_a_file_that_everybody_can_read(self) -> None:
        path = self.write("", mode=0o644)
        self.assertIn("everybody may read it", self.config_error(TokenChecker, path))
