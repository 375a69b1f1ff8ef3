"""Certificates and keys from PEM files; each error names the file and what is wrong with it."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from twisted_rpc.errors import ConfigError

__all__ = ["KeyPair", "load_certificates", "load_pair", "validity"]


PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey


class KeyPair(NamedTuple):
    """What a server proves a name with.

    Attributes:
        chain: the certificate, then those that lead to its authority.
        key: the private key of the first.
    """

    chain: list[Certificate]
    key: PrivateKey


def load_pair(certificate: str, key: str | None = None) -> KeyPair:
    """Read a certificate with its chain, and its private key.

    Args:
        certificate: the path of a PEM file.
        key: another, if the key is not in that one.

    Raises:
        ConfigError: one cannot be read, is no PEM, does not fit the other, or is a key
            that others on this machine may read.
    """
    chain = load_certificates(certificate)
    place = key or certificate
    loaded = _load_key(place)
    if loaded.public_key() != chain[0].public_key():
        raise ConfigError(f"key {place}: it does not fit the (first) certificate in {certificate}")
    return KeyPair(chain, loaded)


def _load_key(path: str) -> PrivateKey:
    content = _read(path, secret=True)
    try:
        key = load_pem_private_key(content, None)
    except TypeError as error:  # nobody is there to be asked for the password
        raise ConfigError(f"key {path}: it is encrypted; take the password off") from error
    except ValueError as error:
        raise ConfigError(f"key {path}: there is no private key in it (PEM)") from error
    if not isinstance(key, PrivateKey):
        raise ConfigError(f"key {path}: not of a kind for TLS (RSA, EC, Ed25519, Ed448)")
    return key


def load_certificates(path: str) -> list[Certificate]:
    """Read all the certificates of a PEM file; at least one.

    Raises:
        ConfigError: it cannot be read, or there is none in it.
    """
    content = _read(path)
    try:
        return load_pem_x509_certificates(content)
    except ValueError as error:
        raise ConfigError(f"certificate {path}: there is none in it (PEM)") from error


def _read(path: str, *, secret: bool = False) -> bytes:
    what = "key" if secret else "certificate"
    try:
        with Path(path).open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise ConfigError(f"{what} {path}: {error.strerror}") from error
    if secret and mode & stat.S_IRWXO:
        raise ConfigError(f"key {path}: others may read it (mode {mode:o}); chmod o= {path}")
    return content


def validity(certificate: Certificate) -> str | None:
    """Why a certificate is not valid at this time; None if it is."""
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        return f"it has expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if certificate.not_valid_before_utc > now:
        return f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    return None
