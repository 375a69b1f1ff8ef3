"""`cert:...`: names in client certificates, and a file that lists them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from tests.checkers.files import CheckerTestCase
from tests.checkers.signing import key
from twisted_rpc.auth.credentials import ClientCertificate
from twisted_rpc.checkers.certificates import CertificateChecker, from_argument

NOW = datetime.now(UTC).replace(microsecond=0)
END = NOW + timedelta(days=1)
ANN = {NameOID.COMMON_NAME: ["ann"]}


def certificate(
    subject: dict[x509.ObjectIdentifier, list[str]] | None = None,
    sans: list[x509.GeneralName] | None = None,
    end: datetime = END,
) -> x509.Certificate:
    """A client's certificate."""
    pairs = [(oid, value) for oid, values in (subject or {}).items() for value in values]
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(key("p256").public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=2))
        .not_valid_after(end)
    )
    if sans is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    made: x509.Certificate = builder.sign(key("p256"), hashes.SHA256())
    return made


class CertificateTestCase(CheckerTestCase):
    async def let_in(self, checker: Any, made: x509.Certificate) -> Any:
        return await self.identity(checker, ClientCertificate(made))

    async def refused(self, checker: Any, made: x509.Certificate) -> str:
        return await self.refusal(checker, ClientCertificate(made))


class Names(CertificateTestCase):
    async def test_of_the_subject(self) -> None:
        for word, oid in (
            ("CN", NameOID.COMMON_NAME),
            ("UID", NameOID.USER_ID),
            ("emailAddress", NameOID.EMAIL_ADDRESS),
            ("serialNumber", NameOID.SERIAL_NUMBER),
        ):
            with self.subTest(word=word):
                checker = from_argument(f"subject={word}")
                self.assertEqual(await self.let_in(checker, certificate({oid: ["ann"]})), "ann")
                await self.refused(checker, certificate({NameOID.TITLE: ["ann"]}))

    async def test_among_the_alternative_names(self) -> None:
        sans: list[x509.GeneralName] = [
            x509.DNSName("ann.example"),
            x509.RFC822Name("ann@example.org"),
            x509.UniformResourceIdentifier("spiffe://example/ann"),
        ]
        for kind, name in (
            ("dns", "ann.example"),
            ("email", "ann@example.org"),
            ("uri", "spiffe://example/ann"),
        ):
            with self.subTest(kind=kind):
                checker = from_argument(f"san={kind}")
                self.assertEqual(await self.let_in(checker, certificate(ANN, sans)), name)
                await self.refused(checker, certificate(ANN))
                await self.refused(checker, certificate(ANN, [x509.RegisteredID(NameOID.TITLE)]))

    async def test_two_names_are_none(self) -> None:
        both = certificate(
            {NameOID.COMMON_NAME: ["ann", "root"]},
            [x509.DNSName("a.example"), x509.DNSName("b.example")],
        )
        await self.refused(from_argument("subject=CN"), both)
        await self.refused(from_argument("san=dns"), both)

    async def test_names_that_move_a_cursor_are_none(self) -> None:
        for name in ("a\x1b[2J", "a\0b", " "):
            with self.subTest(name=name):
                made = certificate({NameOID.COMMON_NAME: [name]})
                await self.refused(from_argument("subject=CN"), made)

    async def test_the_identity_ends_with_the_certificate(self) -> None:
        found = await self.let_in(from_argument("subject=CN"), certificate(ANN))
        self.assertEqual((found.expires, found.roles), (END.timestamp(), set()))
        over = certificate(ANN, end=NOW - timedelta(hours=1))
        self.assertIn("expired", await self.refused(from_argument("subject=CN"), over))


class Listed(CertificateTestCase):
    def map(self, *tables: str) -> str:
        """The argument for a file of these tables; everybody may read it."""
        text = "".join(f"[[certificate]]\n{table}\n" for table in tables)
        return f"map={self.write(text, 'map', 0o644)}"

    async def test_by_name_or_by_fingerprint(self) -> None:
        one = certificate({NameOID.COMMON_NAME: ["one"]})
        digest = one.fingerprint(hashes.SHA256())
        for written in (digest.hex(), digest.hex(":").upper()):
            with self.subTest(written=written):
                listed = self.map(
                    f'fingerprint = "{written}"\nidentity = "first"\nroles = ["admin"]',
                    'name = "two"\nidentity = "second"\nnamespaces = ["calc"]',
                )
                checker = from_argument(f"subject=CN:{listed}")
                first = await self.let_in(checker, one)
                self.assertEqual((first, first.roles, first.namespaces), ("first", {"admin"}, None))
                self.assertEqual(first.expires, END.timestamp())
                made = certificate({NameOID.COMMON_NAME: ["two"]})
                second = await self.let_in(checker, made)
                self.assertEqual((second, second.namespaces), ("second", {"calc"}))
                await self.refused(checker, certificate({NameOID.COMMON_NAME: ["three"]}))
                await self.refused(checker, certificate())

    async def test_fingerprints_alone_need_no_name(self) -> None:
        one = certificate()
        digest = one.fingerprint(hashes.SHA256()).hex()
        checker = from_argument(self.map(f'fingerprint = "{digest}"\nidentity = "one"'))
        self.assertEqual(await self.let_in(checker, one), "one")
        await self.refused(checker, certificate())

    async def test_an_identity_is_valid_as_long_as_its_table_says_the_same(self) -> None:
        table = 'name = "ann"\nidentity = "ann"\n'
        checker = from_argument(f"subject=CN:{self.map(table)}")
        found = await self.let_in(checker, certificate(ANN))
        self.map('name = "bob"\nidentity = "bob"\n', table)
        self.assertTrue(found.still_valid())
        self.map(f'{table}roles = ["x"]')
        self.assertFalse(found.still_valid())
        self.map()
        self.assertFalse(found.still_valid())
        await self.refused(checker, certificate(ANN))

    def test_what_is_wrong_is_named(self) -> None:
        place = "map: [[certificate]] #1"
        digest = "ab" * 32
        unknown = "'role' is unknown; known: identity, name, fingerprint, roles, namespaces"
        ann = 'identity = "ann"\nname = "ann"'
        for tables, error in (
            (['name = "a"'], f"{place} (a): Object missing required field 'identity'"),
            (['identity = "a"'], f"{place}: a name or a fingerprint is needed, and not both"),
            (
                [f'{ann}\nfingerprint = "{digest}"'],
                f"{place} (ann): a name or a fingerprint is needed, and not both",
            ),
            (
                ['identity = "a"\nfingerprint = "ab"'],
                f"{place}: fingerprint: not the 64 hexadecimal digits of a SHA-256",
            ),
            (
                [ann, ann],
                "map: [[certificate]] #2 (ann): its name is there twice",
            ),
            ([f'{ann}\nrole = "x"'], f"{place} (ann): {unknown}"),
        ):
            with self.subTest(error=error):
                argument = f"subject=CN:{self.map(*tables)}"
                self.assertEqual(self.config_error(from_argument, argument), error)
        error = self.config_error(from_argument, self.map(ann))
        problem = f"{place} (ann): a name, but neither subject nor san says which"
        self.assertEqual(error, problem)

    def test_others_must_not_write_it(self) -> None:
        path = self.write("", mode=0o664)
        self.assertIn("may write it", self.config_error(CertificateChecker, map=path))


class Configuration(CertificateTestCase):
    def test_what_makes_no_sense_is_refused(self) -> None:
        for text, error in (
            ("", "one of subject, san and map is needed"),
            ("subject=CN:san=dns", "subject and san: the name is the one or the other"),
            (
                "subject=O",
                "subject: 'O' is unknown; known: CN, UID, emailAddress, serialNumber",
            ),
            ("san=ip", "san: 'ip' is unknown; known: dns, email, uri"),
            ("CN", "'CN' is not KEY=VALUE"),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.config_error(from_argument, text), error)
