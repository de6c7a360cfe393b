"""Signed links: what a mail carries comes back unaltered, for one purpose only, and not too late."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

MAX_LENGTH: Final = 2048


class LinkInvalid(Exception):
    """The token was not signed here for this purpose, or was altered on its way."""


class LinkExpired(LinkInvalid):
    """The token is ours and whole, but older than its purpose allows."""


class Tokens:
    """Signs with the newest key of the ring and reads with any, so that keys change without breaking links."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take the ring newest first, as `Settings.secret_keys` holds it."""
        if not keys:
            raise ValueError("a ring of signing keys needs at least one key")
        self._ring = list(reversed(keys))  # itsdangerous signs with the last

    def sign(self, purpose: str, data: Any) -> str:
        """Return a URL-safe token of JSON-able data, bound to a purpose and to the present second."""
        return str(self._serializer(purpose).dumps(data))

    def read(self, purpose: str, token: str, max_age: int) -> Any:
        """Return the signed data; raises LinkExpired after `max_age` seconds and LinkInvalid for all else."""
        # surprise: a cookie may hold any bytes, and itsdangerous cannot even encode half a surrogate pair
        if len(token) > MAX_LENGTH or not token.isascii():
            raise LinkInvalid
        try:
            return self._serializer(purpose).loads(token, max_age=max_age)
        except SignatureExpired:
            raise LinkExpired from None
        except BadData:
            raise LinkInvalid from None

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        # security: 48 bytes are 64 characters of base64 without slack, so that no altered last letter still verifies
        signing = {"key_derivation": "hmac", "digest_method": hashlib.sha384}
        return URLSafeTimedSerializer(self._ring, salt=f"bayberry.{purpose}", signer_kwargs=signing)
