"""How the sandbox bank and the shop sign what they say to each other: HMAC-SHA256 over a time and the exact bytes."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Final

HEADER: Final = "Bank-Signature"
MOST_SECONDS_OLD: Final = 300


class BadSeal(Exception):
    """Not signed with our secret, altered, or too old."""


def secret_of(keys: tuple[bytes, ...]) -> bytes:
    """The secret a shop shares with its sandbox bank, derived from the shop's newest key; empty without keys."""
    return hmac.digest(keys[0], b"bayberry.sandbox-bank", "sha256") if keys else b""


def seal(secret: bytes, body: bytes, at: int | None = None) -> str:
    """The signature of these bytes, "t=…,v1=…"."""
    moment = int(time.time()) if at is None else at
    return f"t={moment},v1={_proof(secret, moment, body)}"


def check(secret: bytes, body: bytes, signature: str) -> None:
    """Raises BadSeal unless the signature is of these bytes and of the last five minutes."""
    if not secret:
        raise BadSeal("no secret")
    time_part, comma, proof = signature.partition(",v1=")
    moment = time_part.removeprefix("t=")
    if (
        not comma
        or not time_part.startswith("t=")
        or not (moment.isascii() and moment.isdecimal() and len(moment) < 12)
    ):
        raise BadSeal("no signature")
    if not hmac.compare_digest(_proof(secret, int(moment), body).encode(), proof.encode("utf-8", "replace")):
        raise BadSeal("wrong signature")
    if abs(time.time() - int(moment)) > MOST_SECONDS_OLD:
        raise BadSeal("too old")


def _proof(secret: bytes, moment: int, body: bytes) -> str:
    return hmac.new(secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
