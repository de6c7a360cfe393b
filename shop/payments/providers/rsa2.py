"""RSA2, as Alipay calls RSA with PKCS#1 v1.5 and SHA-256 over sorted parameters."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from shop.settings import SettingsError

SMALLEST_KEY: Final = 2048


class BadSignature(Exception):
    """Not signed by the owner of the key, or altered."""


def text_of(params: Mapping[str, str], *, without: frozenset[str]) -> str:
    """What is signed of parameters: sorted by name, "a=1&b=2", nothing escaped."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name not in without)


def sign(key: RSAPrivateKey, text: str) -> str:
    """The signature in base64."""
    return b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def verify(key: RSAPublicKey, text: str, signature: str) -> None:
    """Raises BadSignature."""
    try:
        key.verify(b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise BadSignature from None


def private_key(path: Path | None, variable: str) -> RSAPrivateKey:
    """Our own key from its PEM file, as Alipay's key tool writes it (with or without its frame); raises SettingsError."""
    text = _read(path, variable)
    for kind in ("RSA PRIVATE KEY", "PRIVATE KEY"):
        try:
            key = load_pem_private_key(_framed(text, kind), None)
        except (TypeError, ValueError):
            continue
        if isinstance(key, RSAPrivateKey) and key.key_size >= SMALLEST_KEY:
            return key
    raise SettingsError(f"{variable} names a file that holds no private RSA key of {SMALLEST_KEY} bits or more.")


def public_key(path: Path | None, variable: str) -> RSAPublicKey:
    """Alipay's key from its PEM file; raises SettingsError."""
    key: object
    try:
        key = load_pem_public_key(_framed(_read(path, variable), "PUBLIC KEY"))
    except (TypeError, ValueError):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise SettingsError(f"{variable} names a file that holds no public RSA key of {SMALLEST_KEY} bits or more.")
    return key


def _read(path: Path | None, variable: str) -> str:
    if path is None:
        raise SettingsError(f"{variable} is missing; Alipay cannot be switched on without it.")
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{variable} names a file that cannot be read.") from None


def _framed(text: str, kind: str) -> bytes:
    if text.startswith("-----BEGIN"):
        return text.encode()
    return f"-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n".encode()
