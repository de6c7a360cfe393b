"""Pickle for those who must keep Python objects: signed, and switched on by nobody here.

security: reading a pickle runs what is in it. The signature is checked before a byte is read, so only holders of the key
can make us read; why the shop itself has no use for it: docs/decisions/0072-pickle-is-off.md.
"""

from __future__ import annotations

import hmac
import pickle
from collections.abc import Sequence
from typing import Any, Final

from shop.cache.serializers import Unreadable

_SIGNATURE: Final = 32


class SignedPickle:
    """HMAC-SHA-256 before the pickle; signs with the newest key and accepts any of the ring."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Takes a ring of keys, newest first; raises ValueError for none, or for one that could be guessed."""
        if not keys or min(map(len, keys)) < 32:
            raise ValueError("signed pickles need keys of 32 bytes")
        self._keys = [hmac.digest(key, b"bayberry.cache.pickle", "sha256") for key in keys]

    def dumps(self, value: Any) -> bytes:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        return hmac.digest(self._keys[0], data, "sha256") + data

    def loads(self, data: bytes) -> Any:
        signature, pickled = data[:_SIGNATURE], data[_SIGNATURE:]
        if not any(hmac.compare_digest(signature, hmac.digest(key, pickled, "sha256")) for key in self._keys):
            raise Unreadable("not signed by us")
        return pickle.loads(pickled)  # noqa: S301  (signed by us, as the lines above have made sure)
