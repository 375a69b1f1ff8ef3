"""Keys that sign tokens of tests, and their public halves in every form."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

__all__ = ["AUDIENCE", "ISSUER", "jwk", "jwks", "key", "private_pem", "public_pem", "signed"]

AUDIENCE, ISSUER = "rpc", "https://issuer.example"

_MAKE: dict[str, Any] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "other rsa": lambda: rsa.generate_private_key(65537, 2048),
    "short rsa": lambda: rsa.generate_private_key(65537, 1024),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@cache
def key(name: str) -> Any:
    """A private key."""
    return _MAKE[name]()


def public_pem(name: str) -> str:
    """The public half."""
    public = key(name).public_key()
    return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def private_pem(name: str) -> str:
    """All of it."""
    private = key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return str(private.decode())


def jwk(name: str, kid: str | None = None, **members: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key."""
    public = key(name).public_key()
    if "rsa" in name:
        made = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
    elif name.startswith("p"):
        made = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        made = jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True)
    made.pop("key_ops", None)
    return {**made, **({} if kid is None else {"kid": kid}), **members}


def jwks(*keys: Any) -> str:
    """A set."""
    return json.dumps({"keys": keys})


def signed(
    algorithm: str, material: Any, headers: dict[str, Any] | None = None, **claims: Any
) -> bytes:
    """A token that is good but for what is said; a claim that is None is left out."""
    usual = {"sub": "ann", "aud": AUDIENCE, "iss": ISSUER, "exp": int(time.time()) + 600}
    kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(kept, material, algorithm, headers=headers).encode()
