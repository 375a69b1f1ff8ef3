"""`jwt:...`: JSON Web Tokens (RFC 7519), with what RFC 8725 advises.

Which algorithms are good is said by us, never by the token.  A key fits its algorithms, and
what a token says about where its key is to be found (`jku`, `jwk`, `x5u`) is not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_rpc.auth.credentials import IBearerToken
from twisted_rpc.checkers.arguments import imported, keyword_arguments, words
from twisted_rpc.checkers.keys import (
    ALGORITHMS,
    HMAC,
    FileKeys,
    Key,
    Keys,
    RemoteKeys,
    listed,
    parse_jwks,
    parse_pem,
    parse_secret,
)
from twisted_rpc.errors import ConfigError
from twisted_rpc.identity import Identity

__all__ = ["JWTChecker", "from_argument"]

MAX_TOKEN = 16 * 1024
MAX_LEEWAY = 300.0


@implementer(ICredentialsChecker)
class JWTChecker:
    """Tokens that somebody else has signed.

    Exactly one of `secret`, `key` and `jwks` says how signatures are verified.  Who makes
    tokens with public keys makes them for others as well: audience and issuer are needed
    there, so that theirs are not good here.  `exp` has to be in every token.

    Args:
        algorithms: those a token may be signed with, such as `["RS256"]`.
        secret: file of a shared secret, for HS256 and the like.
        key: PEM file of a public key or a certificate.
        jwks: file or https URL of a JSON Web Key Set (RFC 7517).  What is behind a URL is
            fetched when the reactor runs, every five minutes, and at most once a minute
            for a token whose key is not known.
        audience: what `aud` has to name.
        issuer: what `iss` has to be.
        leeway: seconds that clocks may differ by, at most 300.
        roles: the claim that holds roles: a list, or words between spaces; none unless given.
        name: the claim that holds the name.
        reactor: what fetches and what waits; the installed one unless given.

    Raises:
        ConfigError: something does not fit, a file cannot be read, or PyJWT is missing.
    """

    credentialInterfaces = (IBearerToken,)

    def __init__(
        self,
        algorithms: Sequence[str],
        *,
        secret: str | None = None,
        key: str | None = None,
        jwks: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
        leeway: float = 30.0,
        roles: str | None = None,
        name: str = "sub",
        reactor: Any = None,
    ) -> None:
        self._jwt = imported("jwt", "jwt")
        _check_sources(secret, key, jwks)
        self._algorithms = _checked_algorithms(algorithms, with_secret=secret is not None)
        if secret is None and (audience is None or issuer is None):
            raise ConfigError("audience and issuer are needed, unless the key is a secret of yours")
        if not 0 <= leeway <= MAX_LEEWAY:
            raise ConfigError(f"leeway: {leeway:g} is not between 0 and {MAX_LEEWAY:g} seconds")
        self._audience, self._issuer, self._leeway = audience, issuer, leeway
        self._roles, self._name = roles, name
        self._keys = self._source(secret, key, jwks, reactor)

    def _source(self, secret: str | None, key: str | None, jwks: str | None, reactor: Any) -> Keys:
        def parser(parse: Any, path: str) -> Any:
            return partial(parse, path=path, algorithms=self._algorithms)

        if secret is not None:
            return FileKeys(secret, parser(parse_secret, secret), secret=True)
        if key is not None:
            return FileKeys(key, parser(parse_pem, key), secret=False)
        assert jwks is not None
        if "://" in jwks:
            return _remote(jwks, parser(parse_jwks, jwks), reactor)
        keys = FileKeys(jwks, parser(parse_jwks, jwks), secret=False)
        if not keys.current():  # later on, that takes back what there was
            raise ConfigError(f"{jwks}: none of its keys is for {listed(self._algorithms)}")
        return keys

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """See `ICredentialsChecker`: a Deferred of an `Identity`, or of `UnauthorizedLogin`."""
        return Deferred.fromCoroutine(self._check(credentials.token))

    async def _check(self, token: bytes) -> Identity:
        if len(token) > MAX_TOKEN:
            raise UnauthorizedLogin(f"more than {MAX_TOKEN} bytes")
        try:
            header = self._jwt.get_unverified_header(token)
            key = await self._key_for(header)
            claims = self._jwt.decode(
                token,
                key.material,
                algorithms=[header["alg"]],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway,
                options={"require": ["exp", self._name], "enforce_minimum_key_length": True},
            )
        except self._jwt.PyJWTError as error:
            raise UnauthorizedLogin(str(error)) from error
        return self._identity(claims, key)

    async def _key_for(self, header: dict[str, Any]) -> Key:
        """The one key that a token's header leaves."""
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise UnauthorizedLogin("signed with an algorithm that is not allowed")
        if "crit" in header:  # RFC 7515, section 4.1.11: we understand no extension
            raise UnauthorizedLogin("an extension that has to be understood (crit)")
        found = self._matching(algorithm, kid)
        if not found:
            await self._keys.renewed()
            found = self._matching(algorithm, kid)
        if len(found) != 1:
            raise UnauthorizedLogin("no key, or more than one, for this token")
        return found[0]

    def _matching(self, algorithm: str, kid: str | None) -> list[Key]:
        keys = [key for key in self._keys.current() if algorithm in key.algorithms]
        return [key for key in keys if kid is None or key.id in (None, kid)]

    def _identity(self, claims: dict[str, Any], key: Key) -> Identity:
        name = claims[self._name]
        if not (isinstance(name, str) and name.strip() and name.isprintable()):
            raise UnauthorizedLogin(f"its claim {self._name!r} is no name")
        return Identity(
            name,
            roles=_roles_of(claims, self._roles),
            expires=int(claims["exp"]) + self._leeway,
            still_valid=lambda: key in self._keys.current(),
        )

    def stop(self) -> None:
        """Fetch keys no more; for a program that ends without its reactor."""
        if isinstance(self._keys, RemoteKeys):
            self._keys.stop()


def _remote(url: str, parse: Any, reactor: Any) -> RemoteKeys:
    from twisted_rpc.checkers.fetching import check_url, fetch

    check_url(url)
    if reactor is None:
        from twisted.internet import reactor as installed

        reactor = installed
    keys = RemoteKeys(partial(fetch, url, reactor=reactor), parse, url, clock=reactor)
    reactor.callWhenRunning(keys.refresh)
    return keys


def _check_sources(secret: str | None, key: str | None, jwks: str | None) -> None:
    if sum(source is not None for source in (secret, key, jwks)) != 1:
        raise ConfigError("one of secret, key and jwks is needed, and no second one")


def _checked_algorithms(names: Sequence[str], *, with_secret: bool) -> frozenset[str]:
    """Refuse algorithms that do not go together with each other, or with the kind of key."""
    if isinstance(names, str) or not names:
        raise ConfigError("algorithms: list those that a token may be signed with")
    for name in names:
        if name == "none":
            raise ConfigError("algorithms: 'none' is no signature")
        if name not in ALGORITHMS:
            raise ConfigError(f"algorithms: {name!r} is unknown; known: {', '.join(ALGORITHMS)}")
        if (name in HMAC) != with_secret:
            needs = "a secret" if name in HMAC else "a public key (key or jwks)"
            raise ConfigError(f"algorithms: {name} needs {needs}")
    return frozenset(names)


def _roles_of(claims: dict[str, Any], claim: str | None) -> list[str]:
    """Roles as a list, or as words between spaces like `scope` (RFC 8693, section 4.2)."""
    found = None if claim is None else claims.get(claim)
    if found is None:
        return []
    roles = found.split() if isinstance(found, str) else found
    if not (isinstance(roles, list) and all(isinstance(role, str) for role in roles)):
        raise UnauthorizedLogin(f"its claim {claim!r} is no list of roles")
    return roles


_KEYS = ("secret", "key", "jwks", "algorithms", "audience", "issuer", "leeway", "roles", "name")


def from_argument(text: str) -> JWTChecker:
    """The checker of a description: `KEY=VALUE:KEY=VALUE`, with the arguments of `JWTChecker`.

    Raises:
        ConfigError: as `JWTChecker`, or it is not in that form.
    """
    arguments: dict[str, Any] = dict(keyword_arguments(text, _KEYS))
    if "leeway" in arguments:
        arguments["leeway"] = _number(arguments["leeway"])
    return JWTChecker(words(arguments.pop("algorithms", "")), **arguments)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
