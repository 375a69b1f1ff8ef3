"""`token:FILE`: tokens that mean something to this file alone, of which it keeps the hashes.

A token is 256 random bits, so that its SHA-256 is as good as a slow hash, and nobody can
tell one from the other by trying.
"""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from msgspec import Struct
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from twisted_rpc.auth.credentials import IBearerToken
from twisted_rpc.checkers.arguments import file_argument
from twisted_rpc.checkers.files import WatchedFile
from twisted_rpc.checkers.tables import check_name, check_words, parse_tables
from twisted_rpc.errors import ConfigError
from twisted_rpc.identity import Identity

__all__ = ["Token", "TokenChecker", "from_argument", "hash_of", "new_token", "parse_tokens"]


class Token(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[token]]` table.

    Attributes:
        name: the identity of who has it.
        hash: the SHA-256 of it, in 64 hexadecimal digits.
        roles: see `Identity`.
        namespaces: see `Identity`; all unless given.
        expires: when it is no longer good; never unless given.
    """

    name: str
    hash: str
    roles: tuple[str, ...] = ()
    namespaces: tuple[str, ...] | None = None
    expires: datetime | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        check_words("roles", self.roles)
        check_words("namespaces", self.namespaces)
        if not re.fullmatch(r"[0-9a-f]{64}", self.hash):
            raise ValueError("hash: not the 64 lower-case hexadecimal digits of a SHA-256")
        if self.expires is not None and self.expires.tzinfo is None:
            raise ValueError("expires: without an offset from UTC; write Z at its end for UTC")

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= datetime.now(UTC)


@implementer(ICredentialsChecker)
class TokenChecker:
    """Bearer tokens by a TOML file of their hashes, names and rights.

    The file is read again when it changes.  An identity is valid as long as its table is
    there and says the same.

    Args:
        path: of the file.

    Raises:
        ConfigError: the file cannot be read, everybody may read it, or a table is wrong.
    """

    credentialInterfaces = (IBearerToken,)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        where = os.fspath(path)
        self._file = WatchedFile(where, lambda text: _by_hash(parse_tokens(text, where)))

    def requestAvatarId(self, credentials: Any) -> Any:
        """See `ICredentialsChecker`: an `Identity`.

        Raises:
            UnauthorizedLogin: nobody's token, or one whose time is over.
        """
        digest = hash_of(credentials.token)
        token = self._file.value().get(digest)
        if token is None or not compare_digest(token.hash, digest) or token.is_expired:
            raise UnauthorizedLogin("no such token, or it has expired")
        return Identity(
            token.name,
            roles=token.roles,
            namespaces=token.namespaces,
            expires=None if token.expires is None else token.expires.timestamp(),
            still_valid=lambda: self._file.value().get(digest) == token,
        )


def from_argument(text: str) -> TokenChecker:
    """The checker of a description; `text` is the file.

    Raises:
        ConfigError: as `TokenChecker`.
    """
    return TokenChecker(file_argument(text))


def new_token() -> str:
    """A token that nobody guesses; what it begins with lets scanners for secrets find it."""
    return f"rpc_{secrets.token_urlsafe(32)}"


def hash_of(token: bytes) -> str:
    """What is kept of a token: its SHA-256 in hexadecimal digits."""
    return sha256(token).hexdigest()


def parse_tokens(text: str, path: str) -> list[Token]:
    """The tables of a file of tokens; `path` is for messages.

    Raises:
        ConfigError: one is wrong, or a name or a hash is there twice.
    """
    tokens = parse_tables(text, path, "token", Token)
    for key in ("name", "hash"):
        seen: set[str] = set()
        for number, token in enumerate(tokens, 1):
            if getattr(token, key) in seen:
                place = f"{path}: [[token]] #{number} ({token.name})"
                raise ConfigError(f"{place}: its {key} is there twice")
            seen.add(getattr(token, key))
    return tokens


def _by_hash(tokens: list[Token]) -> dict[str, Token]:
    return {token.hash: token for token in tokens}
