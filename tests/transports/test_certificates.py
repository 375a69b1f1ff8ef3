"""PEM files that can be used, and what is said of those that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from tests.transports.certificate import Authority, self_signed
from twisted_rpc import ConfigError
from twisted_rpc.transports.certificates import load_certificates, load_pair, validity

PLAIN = NoEncryption()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Writes `ca.pem`, and what it signs."""
    return Authority(tmp_path)


def refusal(certificate: Path, key: Path | None = None) -> str:
    """Why a pair cannot be used."""
    with pytest.raises(ConfigError) as caught:
        load_pair(str(certificate), None if key is None else str(key))
    return str(caught.value)


def write_key(path: Path, key: object, how: KeySerializationEncryption = PLAIN) -> Path:
    """Write a key of any kind."""
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))  # type: ignore[attr-defined]
    path.chmod(0o600)
    return path


def test_a_chain_is_read_in_its_order(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost")
    leaf.write_bytes(leaf.read_bytes() + authority.path.read_bytes())
    chain, key = load_pair(str(leaf), str(tmp_path / "localhost.key"))
    names = [certificate.subject.rfc4514_string() for certificate in chain]
    assert names == ["CN=localhost", "CN=ca"]
    assert key.public_key() == chain[0].public_key()


def test_the_key_may_stand_beside_the_certificate(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(self_signed("localhost"))
    both.chmod(0o600)
    assert len(load_pair(str(both)).chain) == 1


def test_files_that_are_not_there_are_named(authority: Authority, tmp_path: Path) -> None:
    leaf, none = authority.issue("localhost"), tmp_path / "none.pem"
    assert refusal(none) == f"certificate {none}: No such file or directory"
    assert refusal(leaf, none) == f"key {none}: No such file or directory"
    assert refusal(tmp_path) == f"certificate {tmp_path}: Is a directory"


def test_files_that_are_no_pem_are_named(authority: Authority, tmp_path: Path) -> None:
    leaf, key = authority.issue("localhost"), tmp_path / "localhost.key"
    assert refusal(key, key) == f"certificate {key}: there is none in it (PEM)"
    leaf.chmod(0o600)
    assert refusal(leaf, leaf) == f"key {leaf}: there is no private key in it (PEM)"
    leaf.write_bytes(b"-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
    assert refusal(leaf, key) == f"certificate {leaf}: there is none in it (PEM)"


def test_a_key_of_another_certificate_is_refused(authority: Authority, tmp_path: Path) -> None:
    leaf, other = authority.issue("localhost"), tmp_path / "other.key"
    authority.issue("other")
    fits = f"it does not fit the (first) certificate in {leaf}"
    assert refusal(leaf, other) == f"key {other}: {fits}"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_key_that_others_may_read_is_refused(
    authority: Authority, tmp_path: Path, mode: int
) -> None:
    leaf, key = authority.issue("localhost"), tmp_path / "localhost.key"
    key.chmod(mode)
    said = f"key {key}: others may read it (mode {mode:o}); chmod o= {key}"
    assert refusal(leaf, key) == said
    key.chmod(mode & 0o770)
    load_pair(str(leaf), str(key))


def test_an_encrypted_key_is_refused_and_nobody_is_asked(
    authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.issue("localhost")
    key = ec.generate_private_key(ec.SECP256R1())
    path = write_key(tmp_path / "secret.key", key, BestAvailableEncryption(b"password"))
    assert refusal(leaf, path) == f"key {path}: it is encrypted; take the password off"


def test_a_key_that_cannot_sign_is_refused(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost")
    path = write_key(tmp_path / "exchange.key", x25519.X25519PrivateKey.generate())
    assert refusal(leaf, path) == f"key {path}: not of a kind for TLS (RSA, EC, Ed25519, Ed448)"


def test_a_key_of_another_kind_does_not_fit(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue("localhost")
    path = write_key(tmp_path / "rsa.key", rsa.generate_private_key(65537, 2048))
    assert "it does not fit" in refusal(leaf, path)


def test_the_time_of_a_certificate_is_told(authority: Authority) -> None:
    def wrong(path: Path) -> str | None:
        return validity(load_certificates(str(path))[0])

    assert wrong(authority.issue("now")) is None
    expired = wrong(authority.issue("past", days=-1))
    assert expired is not None
    assert expired.startswith("it has expired on 20")
    early = wrong(authority.issue("future", days=9, begins=7))
    assert early is not None
    assert early.startswith("it is not valid before 20")
