"""`htpasswd:FILE`: users and hashes of their passwords, in the format of Apache."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from typing import Any

from msgspec import Struct
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_rpc.checkers.arguments import file_argument
from twisted_rpc.checkers.files import WatchedFile
from twisted_rpc.checkers.hashing import HashingThreads
from twisted_rpc.checkers.passwords import Hash, parse_hash
from twisted_rpc.errors import ConfigError
from twisted_rpc.identity import Identity

__all__ = ["HtpasswdChecker", "from_argument"]


class _Users(Struct, frozen=True):
    hash_of: dict[str, Hash]
    hashes: tuple[Hash, ...]


@implementer(ICredentialsChecker)
class HtpasswdChecker:
    """Users and passwords by a file of lines `USER:HASH`, with bcrypt or argon2.

    The file is read again when it changes.  An identity is valid as long as its user has
    the same hash.  Nobody learns from how long a refusal takes whether there is such a user.

    Args:
        path: of the file.
        reactor: where logins come back to from their threads; the installed one unless given.

    Raises:
        ConfigError: the file cannot be read, a line of it is wrong or its hash too weak,
            everybody may read it, or bcrypt or argon2 is missing.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, path: str | os.PathLike[str], *, reactor: Any = None) -> None:
        where = os.fspath(path)
        self._file = WatchedFile(where, lambda text: _parse(text, where))
        self._threads = HashingThreads(reactor=reactor)
        self._secret = secrets.token_bytes(16)

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """See `ICredentialsChecker`: a Deferred of an `Identity`, or of `UnauthorizedLogin`."""
        return Deferred.fromCoroutine(self._check(credentials.username, credentials.password))

    async def _check(self, username: bytes, password: bytes) -> Identity:
        users = self._file.value()
        name = username.decode("utf-8", "surrogateescape")  # which stands in no file
        decoy = self._decoy(username, users)
        if decoy is None:
            raise UnauthorizedLogin("no such user")
        tried = users.hash_of.get(name, decoy)
        matches = await self._threads.run(tried.verify, password, tried.text)
        if name not in users.hash_of or not matches:
            raise UnauthorizedLogin("no such user, or another password")
        return Identity(name, still_valid=lambda: self._file.value().hash_of.get(name) == tried)

    def _decoy(self, username: bytes, users: _Users) -> Hash | None:
        """Somebody's hash, which takes as long as others do; always the same one for a name."""
        if not users.hashes:
            return None
        digest = blake2b(username, key=self._secret, digest_size=8).digest()
        return users.hashes[int.from_bytes(digest, "big") % len(users.hashes)]


def from_argument(text: str) -> HtpasswdChecker:
    """The checker of a description; `text` is the file.

    Raises:
        ConfigError: as `HtpasswdChecker`.
    """
    return HtpasswdChecker(file_argument(text))


def _parse(text: str, path: str) -> _Users:
    found: dict[str, Hash] = {}
    # Not splitlines(), which would end a line within a name as well.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, rest = line.partition(":")
        try:
            if not (name and colon):
                raise ConfigError("not USER:HASH")
            if name in found:
                raise ConfigError(f"{name!r} is there twice")
            found[name] = parse_hash(rest)
        except ConfigError as error:
            raise ConfigError(f"{path}: line {number}: {error}") from error
    return _Users(found, tuple(found.values()))
