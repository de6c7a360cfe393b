"""Time-based one-time passwords, RFC 6238: SHA-1, six digits, steps of thirty seconds, as every authenticator app speaks it."""

from __future__ import annotations

import base64
import hmac
import io
import secrets
import time
from typing import Final
from urllib.parse import quote, urlencode

import segno

STEP_SECONDS: Final = 30
DIGITS: Final = 6
# A clock may be one step off, and a code may be typed as it changes.
DRIFT: Final = 1


def new_secret() -> bytes:
    """Return 160 random bits, the length RFC 4226 recommends."""
    return secrets.token_bytes(20)


def code_at(secret: bytes, step: int) -> str:
    """Return the six digits of one step (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: bytes, code: str, *, after: int, now: float | None = None) -> int | None:
    """Return the step a code belongs to, None when it is wrong, too old or not newer than the step used last."""
    current = int((time.time() if now is None else now) // STEP_SECONDS)
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > after:
            found = step
    return found


def readable(secret: bytes) -> str:
    """Return the secret as people type it into an app: base32 in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def provisioning_uri(secret: bytes, issuer: str, account: str) -> str:
    """Return the otpauth: link that a QR code carries."""
    label = quote(f"{issuer}:{account}", safe="")
    text = base64.b32encode(secret).decode().rstrip("=")
    return f"otpauth://totp/{label}?{urlencode({'secret': text, 'issuer': issuer})}"


def drawn_inline(uri: str) -> str:
    """Return the same as an element to stand inside a page, where a picture with the secret in its address would not do."""
    code = segno.make(uri, error="m")
    return code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=False)


def drawn(uri: str) -> bytes:
    """Return the QR code of a link as SVG (some milliseconds of one core)."""
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", scale=4, border=4, dark="#000", light="#fff")
    return picture.getvalue()
