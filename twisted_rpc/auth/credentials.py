"""What callers prove who they are with, beside `twisted.cred`'s user and password."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from msgspec import Struct
from twisted.cred.credentials import ICredentials, UsernamePassword
from zope.interface import Attribute, implementer

__all__ = [
    "BearerToken",
    "ClientCertificate",
    "IBearerToken",
    "IClientCertificate",
    "IUnixPeer",
    "UnixPeer",
    "basic_credentials",
    "header_credentials",
]


class IBearerToken(ICredentials):
    """A token that is good for whoever has it (RFC 6750)."""

    token = Attribute("The token, bytes.")


class IClientCertificate(ICredentials):
    """The certificate of a TLS client, its chain verified during the handshake."""

    certificate = Attribute("A `cryptography.x509.Certificate`.")


class IUnixPeer(ICredentials):
    """The process at the other end of a Unix socket, as the kernel tells it."""

    uid = Attribute("Its effective user id when it connected.")
    gid = Attribute("Its effective group id.")
    pid = Attribute("Its process id.")


@implementer(IBearerToken)
class BearerToken(Struct, frozen=True):
    """See `IBearerToken`."""

    token: bytes

    def __repr__(self) -> str:
        return "BearerToken(...)"  # it may end in a log


@implementer(IClientCertificate)
class ClientCertificate(Struct, frozen=True):
    """See `IClientCertificate`."""

    certificate: Any


@implementer(IUnixPeer)
class UnixPeer(Struct, frozen=True):
    """See `IUnixPeer`."""

    uid: int
    gid: int
    pid: int


def header_credentials(header: str) -> UsernamePassword | BearerToken | None:
    """What an Authorization header proves somebody with (RFC 7617, RFC 6750); None if nothing."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        token = rest.strip()
        return BearerToken(token.encode("latin-1")) if token else None
    return basic_credentials(header)


def basic_credentials(header: str) -> UsernamePassword | None:
    """The user name and password in an Authorization header (RFC 7617); None if there are none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.partition(b":")
    return UsernamePassword(user, password) if colon else None
