"""Sealed values: AES-256-GCM with a ring of keys, each value bound to the place where it is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NAME: Final = 4
_NONCE: Final = 12


class SealBroken(Exception):
    """Altered, moved from another place, or sealed with a key that has left the ring."""


class KeyRing:
    """Seals with the newest key and opens with any, so that keys change without losing what is sealed."""

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        """Take the ring newest first, as `Settings.secret_keys` holds it; every purpose has keys of its own."""
        if not keys:
            raise ValueError("a ring of keys needs at least one key")
        derived = [hmac.digest(key, f"bayberry.seal.{purpose}".encode(), "sha256") for key in keys]
        self._ciphers = {hashlib.sha256(key).digest()[:_NAME]: AESGCM(key) for key in reversed(derived)}
        self._newest = hashlib.sha256(derived[0]).digest()[:_NAME]

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Key name, nonce and ciphertext; it opens only with the same `place`."""
        nonce = secrets.token_bytes(_NONCE)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, plain, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The plain bytes; raises SealBroken."""
        cipher = self._ciphers.get(sealed[:_NAME])
        try:
            if cipher is None:
                raise SealBroken
            return cipher.decrypt(sealed[_NAME : _NAME + _NONCE], sealed[_NAME + _NONCE :], place)
        except (InvalidTag, ValueError):
            raise SealBroken from None
