"""Keys that signatures of tokens are verified with: from files, and from an issuer's URL."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.checkers.arguments import imported
from twisted_rpc.checkers.files import WatchedFile
from twisted_rpc.errors import ConfigError

__all__ = [
    "ALGORITHMS",
    "FileKeys",
    "Key",
    "Keys",
    "RemoteKeys",
    "listed",
    "parse_jwks",
    "parse_pem",
    "parse_secret",
]

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES256K": ec.SECP256K1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
HMAC = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Algorithms with a shared secret, and how many bytes it has at least (RFC 7518, section 3.2)."""

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = (*HMAC, *RSA, *_CURVES, "EdDSA")
"""What a token may be signed with (RFC 7518, section 3.1; RFC 8037; RFC 8812)."""

_RSA_BITS = 2048  # RFC 7518, section 3.3
_FAMILIES = {"RSA": "RSAAlgorithm", "EC": "ECAlgorithm", "OKP": "OKPAlgorithm"}


class Key(Struct, frozen=True):
    """A key that may verify.

    Attributes:
        material: the secret, in bytes, or a public key of `cryptography`.
        algorithms: what it verifies, of what is allowed at all.
        id: `kid` of its set; None outside of one.
    """

    material: Any
    algorithms: frozenset[str]
    id: str | None = None


class Keys(Protocol):
    """Where keys come from."""

    def current(self) -> Collection[Key]:
        """Those that are good now."""

    def renewed(self) -> Deferred[None]:
        """Fires when it has been tried to find further ones, if that can be tried now."""


class FileKeys:
    """The keys of a file, which is read again when it changes.

    Args:
        path: of the file.
        parse: makes keys of its text.
        secret: whether it is refused if everybody can read it.
    """

    def __init__(self, path: str, parse: Callable[[str], tuple[Key, ...]], *, secret: bool) -> None:
        self._file = WatchedFile(path, parse, secret=secret)

    def current(self) -> Collection[Key]:
        """See `Keys`."""
        return self._file.value()

    def renewed(self) -> Deferred[None]:
        """See `Keys`: there are never more than the current ones."""
        return succeed(None)


class RemoteKeys:
    """The keys that an issuer publishes: fetched beforehand and again and again.

    Args:
        fetch: gets the text of the set, or fails.
        parse: makes keys of it, or raises `ConfigError`.
        name: of the place, for the log.
        clock: where time comes from.
    """

    REFRESH = 300.0
    """Seconds after which they are fetched again."""

    PAUSE = 60.0
    """Seconds between two fetches at least: tokens with made-up key ids cause no more."""

    MAX_AGE = 86400.0
    """Seconds after which they count no more, if they cannot be fetched again."""

    _log = Logger()

    def __init__(
        self,
        fetch: Callable[[], Deferred[str]],
        parse: Callable[[str], tuple[Key, ...]],
        name: str,
        *,
        clock: IReactorTime,
    ) -> None:
        self._fetch = fetch
        self._parse = parse
        self._name = name
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._begun: float | None = None
        self._fetched = 0.0
        self._waiting: list[Deferred[None]] | None = None
        self._next: IDelayedCall | None = None
        self._fetching: Deferred[Any] | None = None
        self._is_stopped = False

    def current(self) -> Collection[Key]:
        """See `Keys`."""
        return () if self._clock.seconds() - self._fetched > self.MAX_AGE else self._keys

    def renewed(self) -> Deferred[None]:
        """See `Keys`: waits for the fetch under way, or begins one if the last is long ago."""
        if self._waiting is None:
            if self._begun is not None and self._clock.seconds() - self._begun < self.PAUSE:
                return succeed(None)
            self.refresh()
        if self._waiting is None:  # it has ended at once
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def refresh(self) -> None:
        """Begin to fetch them, if that is not under way; it is done every few minutes then."""
        if self._waiting is not None:
            return
        self._cancel_next()
        self._begun = self._clock.seconds()
        self._waiting = []
        self._fetching = self._fetch()
        self._fetching.addCallback(self._take).addErrback(self._failed).addCallback(self._ended)

    def stop(self) -> None:
        """Fetch them no more."""
        self._is_stopped = True
        self._cancel_next()
        if self._fetching is not None:
            self._fetching.cancel()

    def _cancel_next(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _take(self, text: str) -> float:
        self._keys = self._parse(text)
        self._fetched = self._clock.seconds()
        return self.REFRESH

    def _failed(self, failure: Failure) -> float:
        if not self._is_stopped:
            reason = failure.getErrorMessage() or repr(failure.value)
            self._log.error("no keys from {name}: {reason}", name=self._name, reason=reason)
        return self.PAUSE

    def _ended(self, pause: float) -> None:
        waiting, self._waiting, self._fetching = self._waiting or (), None, None
        if not self._is_stopped:
            self._next = self._clock.callLater(pause, self.refresh)
        for deferred in waiting:
            deferred.callback(None)


def parse_secret(text: str, path: str, algorithms: frozenset[str]) -> tuple[Key, ...]:
    """The shared secret in a file; a line end behind it does not count.

    Raises:
        ConfigError: it is too short, or is no secret but a public key.
    """
    secret = text.removesuffix("\n").removesuffix("\r").encode("utf-8")
    if b"-----BEGIN" in secret:
        raise ConfigError(f"{path}: a key in PEM is no shared secret; write key= for a public key")
    needed = max(HMAC[algorithm] for algorithm in algorithms)
    if len(secret) < needed:
        raise ConfigError(f"{path}: {len(secret)} bytes; {needed} are needed at least")
    return (Key(secret, algorithms),)


def parse_pem(text: str, path: str, algorithms: frozenset[str]) -> tuple[Key, ...]:
    """The public key, or that of a certificate, in a PEM file.

    Raises:
        ConfigError: there is none, or it does not fit every algorithm.
    """
    data = text.encode("utf-8")
    if b"PRIVATE KEY-----" in data:
        raise ConfigError(f"{path}: a private key; only the public one belongs here")
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            public: Any = x509.load_pem_x509_certificate(data).public_key()
        else:
            public = load_pem_public_key(data)
    except Exception as error:  # what it raises for what is no PEM depends on what it is
        raise ConfigError(f"{path}: no public key in PEM") from error
    unfit = sorted(algorithm for algorithm in algorithms if not _fits(public, algorithm))
    if unfit:
        raise ConfigError(f"{path}: the key is none for {', '.join(unfit)}{_too_short(public)}")
    return (Key(public, algorithms),)


def parse_jwks(text: str, path: str, algorithms: frozenset[str]) -> tuple[Key, ...]:
    """The keys of a JSON Web Key Set (RFC 7517, section 5) that fit what is allowed.

    Others are passed over, as section 5 asks for: keys for encryption, secrets, private
    keys, kinds that are not known.

    Raises:
        ConfigError: it is no such set.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON") from error
    items = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(items, list):
        raise ConfigError(f"{path}: no JSON Web Key Set: it has no list of keys")
    return tuple(key for item in items if (key := _key_of(item, algorithms)) is not None)


def _key_of(item: Any, algorithms: frozenset[str]) -> Key | None:
    if not isinstance(item, dict) or item.get("use", "sig") != "sig" or "d" in item:
        return None
    operations = item.get("key_ops", ["verify"])
    family = _FAMILIES.get(str(item.get("kty")))
    if family is None or not isinstance(operations, list) or "verify" not in operations:
        return None
    algorithm_class = getattr(imported("jwt.algorithms", "jwt"), family)
    try:
        material = algorithm_class.from_jwk(item)
    except Exception:  # one key that makes no sense must not take the others with it
        return None
    only = item.get("alg")
    usable = frozenset(a for a in algorithms if only in (None, a) and _fits(material, a))
    identifier = item.get("kid")
    if not usable or not isinstance(identifier, str | None):
        return None
    return Key(material, usable, identifier)


def _fits(public: Any, algorithm: str) -> bool:
    """Whether a public key is of the kind and strength that an algorithm needs."""
    if algorithm in RSA:
        return isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA_BITS
    if algorithm in _CURVES:
        is_curve = isinstance(public, ec.EllipticCurvePublicKey)
        return is_curve and isinstance(public.curve, _CURVES[algorithm])
    return isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)


def _too_short(public: Any) -> str:
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < _RSA_BITS:
        return f": {public.key_size} bits, {_RSA_BITS} are needed at least"
    return ""


def listed(names: Collection[str]) -> str:
    """Names of algorithms, for people to read."""
    return ", ".join(sorted(names))
