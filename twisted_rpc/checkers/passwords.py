"""Hashes of passwords: which are good enough, and what they are verified with.

bcrypt and argon2 are slow on purpose, so that a stolen file is worth little.  Nothing here
runs in the reactor's thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from twisted_rpc.checkers.arguments import imported
from twisted_rpc.errors import ConfigError

__all__ = ["SCHEMES", "Hash", "parse_hash"]

BCRYPT_BYTES = 72
"""What bcrypt looks at of a password."""

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2id?\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}"
)

_REFUSED = (
    ("$apr1$", "MD5 as of Apache"),
    ("$1$", "MD5"),
    ("{SHA}", "SHA-1"),
    ("{SSHA}", "SHA-1"),
    ("$5$", "sha256-crypt"),
    ("$6$", "sha512-crypt"),
    ("$2$", "the first bcrypt"),
    ("$2x$", "a broken bcrypt"),
    ("$argon2d$", "argon2d"),
    ("$7$", "scrypt"),
    ("$scrypt$", "scrypt"),
    ("$y$", "yescrypt"),
    ("$2", "a damaged bcrypt"),
    ("$argon2", "a damaged argon2"),
)
_DES = re.compile(r"[./0-9A-Za-z]{13}")


class Hash(Struct, frozen=True):
    """The hash of one password.

    Attributes:
        text: as it stands in the file, with scheme, cost and salt.
        verify: whether a password, in bytes, is the one of a text.
    """

    text: str
    verify: Callable[[bytes, str], bool]


def parse_hash(text: str) -> Hash:
    """A hash of a scheme that is good enough: bcrypt or argon2.

    Raises:
        ConfigError: it is of another, or what verifies it is not installed.
    """
    if _BCRYPT.fullmatch(text):
        imported("bcrypt", "passwd")
        return Hash(text, _verify_bcrypt)
    if _ARGON2.fullmatch(text):
        imported("argon2", "passwd")
        return Hash(text, _verify_argon2)
    raise ConfigError(f"{_scheme_of(text)} is refused: bcrypt or argon2 is needed")


def _scheme_of(text: str) -> str:
    """What a refused hash is, without a word of it: it may be a password."""
    for prefix, scheme in _REFUSED:
        if text.startswith(prefix):
            return scheme
    return "DES crypt or plain text" if _DES.fullmatch(text) else "plain text"


def _verify_bcrypt(password: bytes, text: str) -> bool:
    # What is longer is refused, and takes as long as what is wrong.
    cut = password[:BCRYPT_BYTES]
    matches: bool = imported("bcrypt", "passwd").checkpw(cut, text.encode("ascii"))
    return matches and len(password) <= BCRYPT_BYTES


def _verify_argon2(password: bytes, text: str) -> bool:
    argon2 = imported("argon2", "passwd")
    kinds = argon2.low_level.Type
    kind = kinds.ID if text.startswith("$argon2id$") else kinds.I
    try:
        return bool(argon2.low_level.verify_secret(text.encode("ascii"), password, kind))
    except argon2.exceptions.VerifyMismatchError:
        return False


def _new_argon2(password: bytes) -> str:
    made: str = imported("argon2", "passwd").PasswordHasher().hash(password)
    return made


def _new_bcrypt(password: bytes) -> str:
    bcrypt = imported("bcrypt", "passwd")
    if len(password) > BCRYPT_BYTES:
        raise ConfigError(f"bcrypt takes {BCRYPT_BYTES} bytes at most, and these are more")
    made: bytes = bcrypt.hashpw(password, bcrypt.gensalt())
    return made.decode("ascii")


SCHEMES: dict[str, Callable[[bytes], str]] = {"argon2id": _new_argon2, "bcrypt": _new_bcrypt}
"""What makes new hashes, by name; with the costs that their libraries recommend."""
