"""`cert:...`: TLS client certificates, whose chain the handshake has verified."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from msgspec import Struct
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from twisted_rpc.auth.credentials import IClientCertificate
from twisted_rpc.checkers.arguments import keyword_arguments
from twisted_rpc.checkers.files import WatchedFile
from twisted_rpc.checkers.tables import check_name, check_words, parse_tables
from twisted_rpc.errors import ConfigError
from twisted_rpc.identity import Identity

__all__ = ["CertificateChecker", "from_argument"]

_SUBJECTS = {
    "CN": NameOID.COMMON_NAME,
    "UID": NameOID.USER_ID,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_SANS: dict[str, Any] = {
    "dns": x509.DNSName,
    "email": x509.RFC822Name,
    "uri": x509.UniformResourceIdentifier,
}
"""Alternative names by their type (RFC 5280, section 4.2.1.6)."""

_FINGERPRINT = re.compile(r"(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}")
_MapKey = tuple[str, str]


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[certificate]]` table."""

    identity: str
    name: str | None = None
    fingerprint: str | None = None
    roles: tuple[str, ...] = ()
    namespaces: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_name("identity", self.identity)
        check_words("roles", self.roles)
        check_words("namespaces", self.namespaces)
        if (self.name is None) == (self.fingerprint is None):
            raise ValueError("a name or a fingerprint is needed, and not both")
        if self.fingerprint is not None and not _FINGERPRINT.fullmatch(self.fingerprint):
            raise ValueError("fingerprint: not the 64 hexadecimal digits of a SHA-256")

    @property
    def key(self) -> _MapKey:
        """What a certificate has to have."""
        if self.name is not None:
            return "name", self.name
        assert self.fingerprint is not None
        return "fingerprint", self.fingerprint.replace(":", "").lower()


@implementer(ICredentialsChecker)
class CertificateChecker:
    """Client certificates by a name in them, or by a file that lists them.

    Without a file everybody is let in whom an authority of the listener vouches for.  With
    one only those that it lists are; it is read again when it changes.

    Args:
        subject: what of the subject is the name: CN, UID, emailAddress or serialNumber.
        san: of which kind the alternative name is that is the name: dns, email or uri.
        map: TOML file of tables `[[certificate]]`: a `name` or a SHA-256 `fingerprint`, the
            `identity`, and `roles` and `namespaces` if there are any.

    Raises:
        ConfigError: what the name is, is not said or said twice, or the file is wrong.
    """

    credentialInterfaces = (IClientCertificate,)

    def __init__(
        self,
        *,
        subject: str | None = None,
        san: str | None = None,
        map: str | os.PathLike[str] | None = None,  # noqa: A002  # the word of the description
    ) -> None:
        if subject is not None and san is not None:
            raise ConfigError("subject and san: the name is the one or the other")
        if subject is None and san is None and map is None:
            raise ConfigError("one of subject, san and map is needed")
        for key, value, known in (("subject", subject, _SUBJECTS), ("san", san, _SANS)):
            if value is not None and value not in known:
                raise ConfigError(f"{key}: {value!r} is unknown; known: {', '.join(known)}")
        self._subject, self._san = subject, san
        self._file = None if map is None else self._watched(os.fspath(map))

    def _watched(self, path: str) -> WatchedFile[dict[_MapKey, _Entry]]:
        has_names = self._subject is not None or self._san is not None
        return WatchedFile(path, lambda text: _parse(text, path, has_names), secret=False)

    def requestAvatarId(self, credentials: Any) -> Any:
        """See `ICredentialsChecker`: an `Identity` that ends with its certificate.

        Raises:
            UnauthorizedLogin: nobody that is known, or no longer.
        """
        certificate = credentials.certificate
        # A session that is resumed is not verified once more.
        if certificate.not_valid_after_utc <= datetime.now(UTC):
            raise UnauthorizedLogin("the certificate has expired")
        expires = certificate.not_valid_after_utc.timestamp()
        if self._file is None:
            return Identity(self._name_in(certificate), expires=expires)
        entry = self._entry_for(certificate, self._file)
        return Identity(
            entry.identity,
            roles=entry.roles,
            namespaces=entry.namespaces,
            expires=expires,
            still_valid=partial(_is_listed, self._file, entry),
        )

    def _entry_for(
        self, certificate: x509.Certificate, file: WatchedFile[dict[_MapKey, _Entry]]
    ) -> _Entry:
        entries = file.value()
        found = entries.get(("fingerprint", certificate.fingerprint(hashes.SHA256()).hex()))
        if found is None and (self._subject or self._san):
            found = entries.get(("name", self._name_in(certificate)))
        if found is None:
            raise UnauthorizedLogin("a certificate that is not listed")
        return found

    def _name_in(self, certificate: x509.Certificate) -> str:
        """The one name of the kind that was asked for: of two, either could be another's."""
        names = self._names_in(certificate)
        if len(names) != 1 or not names[0].strip() or not names[0].isprintable():
            raise UnauthorizedLogin("not exactly one name in the certificate")
        return names[0]

    def _names_in(self, certificate: x509.Certificate) -> list[str]:
        if self._subject is not None:
            found = certificate.subject.get_attributes_for_oid(_SUBJECTS[self._subject])
            return [value if isinstance(value := item.value, str) else "" for item in found]
        assert self._san is not None
        try:
            sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return []
        return list(sans.value.get_values_for_type(_SANS[self._san]))


def _is_listed(file: WatchedFile[dict[_MapKey, _Entry]], entry: _Entry) -> bool:
    return file.value().get(entry.key) == entry


def _parse(text: str, path: str, has_names: bool) -> dict[_MapKey, _Entry]:
    entries: dict[_MapKey, _Entry] = {}
    for number, entry in enumerate(parse_tables(text, path, "certificate", _Entry), 1):
        place = f"{path}: [[certificate]] #{number} ({entry.identity})"
        if entry.name is not None and not has_names:
            raise ConfigError(f"{place}: a name, but neither subject nor san says which")
        if entry.key in entries:
            raise ConfigError(f"{place}: its {entry.key[0]} is there twice")
        entries[entry.key] = entry
    return entries


def from_argument(text: str) -> CertificateChecker:
    """The checker of a description: `KEY=VALUE:KEY=VALUE`, with `CertificateChecker`'s arguments.

    Raises:
        ConfigError: as `CertificateChecker`, or it is not in that form.
    """
    return CertificateChecker(**keyword_arguments(text, ("subject", "san", "map")))
