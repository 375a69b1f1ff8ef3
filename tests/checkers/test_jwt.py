"""`jwt:...`: tokens that somebody else has signed, and those that nobody should believe."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from typing import Any
from unittest.mock import patch

from tests.checkers.files import CheckerTestCase
from tests.checkers.signing import (
    AUDIENCE,
    ISSUER,
    jwk,
    jwks,
    key,
    private_pem,
    public_pem,
    signed,
)
from tests.transports.certificate import self_signed
from twisted_rpc.auth.credentials import BearerToken
from twisted_rpc.checkers.jwt import JWTChecker, from_argument

SECRET = "s" * 64
OURS: dict[str, Any] = {"audience": AUDIENCE, "issuer": ISSUER}


def segment(value: Any) -> bytes:
    """A part of a token."""
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def claims(**members: Any) -> dict[str, Any]:
    usual = {"sub": "ann", "aud": AUDIENCE, "iss": ISSUER, "exp": int(time.time()) + 600}
    return {**usual, **members}


class JWTTestCase(CheckerTestCase):
    def secret(self, **options: Any) -> JWTChecker:
        """A checker with a shared secret."""
        path = str(self.write(f"{SECRET}\n", "secret"))
        return JWTChecker(["HS256"], secret=path, **{**OURS, **options})

    def pem(self, *algorithms: str, name: str = "rsa") -> JWTChecker:
        """A checker with a public key."""
        path = str(self.write(public_pem(name), "key", 0o644))
        return JWTChecker(algorithms or ["RS256"], key=path, **OURS)

    def set(self, text: str, *algorithms: str) -> JWTChecker:
        """A checker with a set of keys."""
        path = str(self.write(text, "jwks", 0o644))
        return JWTChecker(algorithms or ["RS256", "ES256"], jwks=path, **OURS)

    async def let_in(self, checker: JWTChecker, token: bytes) -> Any:
        return await self.identity(checker, BearerToken(token))

    async def refused(self, checker: JWTChecker, token: bytes) -> str:
        return await self.refusal(checker, BearerToken(token))


class Good(JWTTestCase):
    async def test_every_kind_of_key_and_algorithm(self) -> None:
        self.write(SECRET, "secret")
        for algorithm, name in (
            *[(f"{kind}{size}", "rsa") for kind in ("RS", "PS") for size in (256, 384, 512)],
            ("ES256", "p256"),
            ("ES384", "p384"),
            ("EdDSA", "ed25519"),
        ):
            with self.subTest(algorithm=algorithm):
                token = signed(algorithm, key(name))
                self.assertEqual(await self.let_in(self.pem(algorithm, name=name), token), "ann")
        for algorithm in ("HS256", "HS384", "HS512"):
            with self.subTest(algorithm=algorithm):
                checker = JWTChecker([algorithm], secret=str(self.path("secret")), **OURS)
                self.assertEqual(await self.let_in(checker, signed(algorithm, SECRET)), "ann")

    async def test_name_roles_and_end(self) -> None:
        checker = self.secret(name="email", roles="scope", leeway=7)
        for given, expected in (
            (None, set()),
            ("read write", {"read", "write"}),
            (["read", "a b"], {"read", "a b"}),
            ([], set()),
        ):
            with self.subTest(given=given):
                token = signed("HS256", SECRET, email="a@b.example", scope=given, exp=5000000000)
                found = await self.let_in(checker, token)
                self.assertEqual((found, found.roles), ("a@b.example", expected))
                self.assertEqual((found.expires, found.namespaces), (5000000007, None))

    async def test_audience_among_several(self) -> None:
        await self.let_in(self.secret(), signed("HS256", SECRET, aud=["other", AUDIENCE]))

    async def test_audience_and_issuer_need_not_be_with_a_secret_of_ours(self) -> None:
        checker = self.secret(audience=None, issuer=None)
        await self.let_in(checker, signed("HS256", SECRET, aud=None, iss=None))
        await self.refused(checker, signed("HS256", SECRET, iss=None))

    async def test_clocks_may_differ_by_the_leeway(self) -> None:
        now = int(time.time())
        await self.let_in(self.secret(), signed("HS256", SECRET, exp=now - 15))
        await self.let_in(self.secret(), signed("HS256", SECRET, nbf=now + 15))
        await self.refused(self.secret(leeway=0), signed("HS256", SECRET, exp=now - 15))
        await self.refused(self.secret(leeway=0), signed("HS256", SECRET, nbf=now + 15))

    async def test_a_key_in_a_certificate(self) -> None:
        both = self_signed("localhost").decode()
        certificate = both[both.index("-----BEGIN CERTIFICATE") :]
        path = str(self.write(certificate, "key"))
        private = both[: both.index("-----BEGIN CERTIFICATE")]
        checker = JWTChecker(["ES256"], key=path, **OURS)
        await self.let_in(checker, signed("ES256", private))

    async def test_keys_of_a_set_are_told_apart_by_their_id(self) -> None:
        checker = self.set(jwks(jwk("rsa", "a"), jwk("other rsa", "b"), jwk("p256", "c")))
        for name, kid, algorithm in (
            ("rsa", "a", "RS256"),
            ("other rsa", "b", "RS256"),
            ("p256", "c", "ES256"),
        ):
            with self.subTest(kid=kid):
                await self.let_in(checker, signed(algorithm, key(name), {"kid": kid}))
        # Without an id there has to be one key alone that could be meant.
        await self.let_in(checker, signed("ES256", key("p256")))
        await self.refused(checker, signed("RS256", key("rsa")))

    async def test_a_key_that_is_taken_away_ends_what_it_let_in(self) -> None:
        checker = self.set(jwks(jwk("rsa", "a"), jwk("p256", "b")))
        found = await self.let_in(checker, signed("RS256", key("rsa"), {"kid": "a"}))
        self.write(jwks(jwk("p256", "c"), jwk("rsa", "a")), "jwks", 0o644)
        self.assertTrue(found.still_valid())
        self.write(jwks(jwk("p256", "b")), "jwks", 0o644)
        self.assertFalse(found.still_valid())
        await self.refused(checker, signed("RS256", key("rsa"), {"kid": "a"}))


class Bad(JWTTestCase):
    """What RFC 8725 warns of."""

    async def test_no_signature(self) -> None:
        for name in ("none", "None", "", None):
            with self.subTest(name=name):
                token = b".".join([segment({"alg": name}), segment(claims()), b""])
                await self.refused(self.secret(), token)
                await self.refused(self.pem(), token)

    async def test_a_public_key_taken_for_a_secret(self) -> None:
        text = segment({"alg": "HS256"}) + b"." + segment(claims())
        secret = public_pem("rsa").encode()
        token = text + b"." + segment(hmac.digest(secret, text, hashlib.sha256))
        await self.refused(self.pem(), token)
        await self.refused(self.set(jwks(jwk("rsa"))), token)

    async def test_an_algorithm_that_is_not_allowed(self) -> None:
        await self.refused(self.pem("RS256"), signed("RS512", key("rsa")))
        await self.refused(self.secret(), signed("HS512", SECRET))

    async def test_another_key(self) -> None:
        await self.refused(self.pem(), signed("RS256", key("other rsa")))
        await self.refused(self.secret(), signed("HS256", "t" * 64))
        token = signed("RS256", key("other rsa"), {"kid": "a"})
        await self.refused(self.set(jwks(jwk("rsa", "a"))), token)

    async def test_a_key_that_the_token_brings_along(self) -> None:
        headers = {"jwk": jwk("other rsa"), "jku": "https://evil.example/jwks", "kid": "a"}
        token = signed("RS256", key("other rsa"), headers)
        await self.refused(self.set(jwks(jwk("rsa", "a"))), token)
        token = signed("RS256", key("other rsa"), {"jwk": jwk("other rsa")})
        await self.refused(self.pem(), token)

    async def test_an_extension_that_has_to_be_understood(self) -> None:
        header = {"alg": "HS256", "exp": 1, "b64": True}
        for crit in (["exp"], ["b64"], [], "b64", None):
            with self.subTest(crit=crit):
                text = segment({**header, "crit": crit}) + b"." + segment(claims())
                token = text + b"." + segment(hmac.digest(SECRET.encode(), text, "sha256"))
                await self.refused(self.secret(), token)

    async def test_claims_that_are_missing_or_wrong(self) -> None:
        now = int(time.time())
        for wrong in (
            {"exp": None},
            {"exp": now - 100},
            {"exp": "soon"},
            {"nbf": now + 100},
            {"iat": now + 100},
            {"aud": None},
            {"aud": "other"},
            {"aud": [AUDIENCE, 5]},
            {"iss": None},
            {"iss": "https://other.example"},
            {"iss": f"{ISSUER}/"},
            {"sub": None},
            {"sub": ""},
            {"sub": " "},
            {"sub": "a\x1b[2J"},
            {"roles": {"admin": True}},
            {"roles": ["a", 5]},
        ):
            with self.subTest(wrong=wrong):
                checker = self.secret(roles="roles")
                await self.let_in(checker, signed("HS256", SECRET))
                await self.refused(checker, signed("HS256", SECRET, **wrong))

    async def test_claims_that_no_library_would_write(self) -> None:
        for body in (
            b'{"sub":5,"aud":"rpc","iss":"https://issuer.example","exp":5000000000}',
            b'{"sub":"a","aud":"rpc","iss":"https://issuer.example","exp":1e400}',
            b'{"sub":"a","aud":"rpc","iss":"https://issuer.example","exp":[]}',
            b'["sub"]',
            b"null",
            b"{",
            b"\xff",
            b"[" * 5000,
        ):
            with self.subTest(body=body[:50]):
                text = segment({"alg": "HS256"}) + b"." + segment(body)
                token = text + b"." + segment(hmac.digest(SECRET.encode(), text, "sha256"))
                await self.refused(self.secret(), token)

    async def test_what_is_no_token(self) -> None:
        good = signed("HS256", SECRET)
        header, body, signature = good.split(b".")
        for token in (
            b"",
            b".",
            b"..",
            b"a.b.c",
            b"\xff.\xff.\xff",
            header + b"." + body,
            good + b".",
            good[:-1],
            b"".join([header, b".", body, b".", signature[::-1]]),
            segment([1]) + b"." + body + b"." + signature,
            segment({"alg": ["HS256"]}) + b"." + body + b"." + signature,
            segment({"alg": "HS256", "kid": {}}) + b"." + body + b"." + signature,
            b"x" * 20000,
        ):
            with self.subTest(token=token[:60]):
                await self.refused(self.secret(), token)


class Sets(JWTTestCase):
    """Keys that are in a set and do not count."""

    async def test_only_public_keys_for_signatures_that_fit_count(self) -> None:
        private = {**jwk("rsa", "a"), "d": "AQAB"}
        secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"}
        good = jwk("p256", "good")
        for other in (
            jwk("rsa", "a", use="enc"),
            jwk("rsa", "a", key_ops=["encrypt"]),
            jwk("rsa", "a", key_ops="verify"),
            jwk("rsa", "a", alg="RS512"),
            jwk("rsa", "a", alg="RSA-OAEP"),
            jwk("rsa", 5),  # type: ignore[arg-type]
            jwk("rsa", "a", n="!"),
            jwk("rsa", "a", n=5),
            {**jwk("p256", "a"), "crv": "P-9"},
            jwk("short rsa", "a"),
            jwk("p384", "a"),
            {"kty": "new", "kid": "a"},
            {"kid": "a"},
            private,
            secret,
            "a",
            None,
        ):
            with self.subTest(other=other):
                checker = self.set(jwks(other, good))
                self.assertEqual([found.id for found in checker._keys.current()], ["good"])

    async def test_what_is_said_to_be_for_verification_counts(self) -> None:
        made = jwk("rsa", "a", use="sig", key_ops=["verify"], alg="RS256")
        token = signed("RS256", key("rsa"), {"kid": "a"})
        await self.let_in(self.set(jwks(made)), token)
        checker = self.set(jwks({**made, "alg": "PS256"}, jwk("p256")), "PS256", "RS256", "ES256")
        await self.refused(checker, token)

    def test_what_is_no_set_is_refused(self) -> None:
        for text, problem in (
            ("{", "jwks: no JSON"),
            ("[" * 100000, "jwks: no JSON"),
            ("[]", "jwks: no JSON Web Key Set: it has no list of keys"),
            ('{"keys": {}}', "jwks: no JSON Web Key Set: it has no list of keys"),
            ('{"keys": []}', "jwks: none of its keys is for ES256, RS256"),
            (jwks(jwk("short rsa")), "jwks: none of its keys is for ES256, RS256"),
        ):
            with self.subTest(text=text[:30]):
                self.assertEqual(self.config_error(self.set, text), problem)


class Configuration(JWTTestCase):
    def test_what_does_not_fit_is_refused(self) -> None:
        self.write(SECRET, "secret")
        self.write("short", "short")
        self.write(public_pem("rsa"), "rsa")
        self.write(public_pem("short rsa"), "small")
        self.write(private_pem("rsa"), "private")
        self.write(SECRET, "open", 0o644)
        known = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
        known += "ES256K, ES384, ES512, EdDSA"
        one = "one of secret, key and jwks is needed, and no second one"
        ours = r"audience=rpc:issuer=me"
        for text, error in (
            ("", one),
            ("algorithms=HS256", one),
            ("secret=secret:key=rsa:algorithms=HS256", one),
            ("secret=secret", "algorithms: list those that a token may be signed with"),
            (
                "secret=secret:algorithms=,",
                "algorithms: list those that a token may be signed with",
            ),
            ("secret=secret:algorithms=none", "algorithms: 'none' is no signature"),
            ("secret=secret:algorithms=HS1", f"algorithms: 'HS1' is unknown; known: {known}"),
            (
                "secret=secret:algorithms=HS256,RS256",
                "algorithms: RS256 needs a public key (key or jwks)",
            ),
            (f"key=rsa:algorithms=RS256,HS256:{ours}", "algorithms: HS256 needs a secret"),
            (f"jwks=rsa:algorithms=HS256:{ours}", "algorithms: HS256 needs a secret"),
            ("secret=short:algorithms=HS256", "short: 5 bytes; 32 are needed at least"),
            (
                "secret=rsa:algorithms=HS256",
                "rsa: a key in PEM is no shared secret; write key= for a public key",
            ),
            (
                "key=rsa:algorithms=RS256:audience=rpc",
                "audience and issuer are needed, unless the key is a secret of yours",
            ),
            (f"key=rsa:algorithms=ES256:{ours}", "rsa: the key is none for ES256"),
            (
                f"key=small:algorithms=RS256:{ours}",
                "small: the key is none for RS256: 1024 bits, 2048 are needed at least",
            ),
            (f"key=secret:algorithms=RS256:{ours}", "secret: no public key in PEM"),
            (
                f"key=private:algorithms=RS256:{ours}",
                "private: a private key; only the public one belongs here",
            ),
            (
                "secret=secret:algorithms=HS256:leeway=400",
                "leeway: 400 is not between 0 and 300 seconds",
            ),
            (
                "secret=secret:algorithms=HS256:leeway=x",
                "leeway: nan is not between 0 and 300 seconds",
            ),
            ("secret=none:algorithms=HS256", "none: No such file or directory"),
            (
                r"jwks=http\://issuer.example/k:algorithms=RS256:" + ours,
                "'http://issuer.example/k': keys are fetched by https alone, or from this machine",
            ),
            (
                r"jwks=https\://a\:b@issuer.example/k:algorithms=RS256:" + ours,
                "'https://a:b@issuer.example/k' is no URL of a server",
            ),
            (r"jwks=ftp\://[:algorithms=RS256:" + ours, "'ftp://[': Invalid IPv6 URL"),
        ):
            with self.subTest(text=text):
                here = text
                for key_of in ("secret=", "key=", "jwks="):
                    if "://" not in text.replace("\\", ""):
                        here = here.replace(key_of, f"{key_of}{self.directory}/")
                self.assertEqual(self.config_error(from_argument, here), error)
        error = self.config_error(from_argument, f"secret={self.path('open')}:algorithms=HS256")
        self.assertIn("open: everybody may read it", error)
        error = self.config_error(JWTChecker, "HS256", secret=str(self.path("secret")))
        self.assertEqual(error, "algorithms: list those that a token may be signed with")

    async def test_a_description_holds_every_argument(self) -> None:
        self.write(SECRET, "secret")
        text = (
            f"secret={self.path('secret')}:algorithms=HS256, HS384:audience=rpc:leeway=1.5"
            r":issuer=https\://issuer.example:name=email:roles=r"
        )
        token = signed("HS384", SECRET, email="a", r=["x"], exp=5000000000)
        found = await self.let_in(from_argument(text), token)
        self.assertEqual((found, found.roles, found.expires), ("a", {"x"}, 5000000001.5))

    def test_what_is_missing_is_named_with_its_extra(self) -> None:
        with patch.dict(sys.modules, {"jwt": None}):
            error = self.config_error(from_argument, "")
        self.assertEqual(error, "jwt is not installed: pip install 'twisted_rpc[jwt]'")
