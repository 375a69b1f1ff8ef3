"""Certificates for servers and clients of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "self_signed"]

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def self_signed(host: str) -> bytes:
    """A new key and a certificate for a host that it signed itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named(host)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _private(key) + certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Signs certificates, and writes them into files.

    Args:
        directory: where the files are; `NAME.pem` has certificates, `NAME.key` their key.
        name: its own.
        above: the authority that signs for it; it signs for itself without one.
    """

    def __init__(self, directory: Path, name: str = "ca", above: Authority | None = None) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        signed = (above or self)._sign(self._name, self._key, 1, -2, is_authority=True)
        self.path = self._write(name, signed)

    def issue(
        self,
        name: str,
        days: int = 1,
        path: str | None = None,
        begins: int = -2,
        key: Key | None = None,
    ) -> Path:
        """Write a key and a certificate for a host or a person.

        Args:
            name: whose it is.
            days: when it ends, in days from now.
            path: the stem of the files' names, unless it is the name.
            begins: when it begins, in days from now.
            key: a new one unless given.

        Returns:
            The path of the certificate.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        secret = self._directory / f"{path or name}.key"
        secret.write_bytes(_private(key))
        secret.chmod(0o600)
        return self._write(path or name, self._sign(_named(name), key, days, begins))

    def _sign(
        self, name: x509.Name, key: Key, days: int, begins: int, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        host = name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return (
            x509.CertificateBuilder(self._name, name, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(str(host))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._directory / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _private(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
