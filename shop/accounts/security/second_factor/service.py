"""Setting up, using and removing a second factor. The database decides that no code is used twice."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

from shop import totp
from shop.accounts.security.models import Kind, Origin, SecondFactor
from shop.accounts.security.second_factor.queries import second_factor_of
from shop.accounts.security.service import record, tell_owner
from shop.db import Connection
from shop.limits import Limit
from shop.sealing import KeyRing, SealBroken

RECOVERY_CODES: Final = 10
# Tries at a code, as PyPI limits them.
CODE_LIMITS: Final = (Limit("code.5min", 5, 300), Limit("code.hour", 20, 3600), Limit("code.day", 50, 86_400))

PREPARE = """
    INSERT INTO second_factors (account_id, sealed_secret) VALUES (%(id)s, %(sealed)s)
    ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0, created_at = now()
    WHERE second_factors.confirmed_at IS NULL"""

CONFIRM = """
    UPDATE second_factors SET confirmed_at = now(), last_step = %(step)s
    WHERE account_id = %(id)s AND confirmed_at IS NULL AND sealed_secret = %(sealed)s"""

USE_STEP = """
    UPDATE second_factors SET last_step = %(step)s
    WHERE account_id = %(id)s AND confirmed_at IS NOT NULL AND last_step < %(step)s"""

USE_RECOVERY = """
    UPDATE recovery_codes SET used_at = now() WHERE account_id = %(id)s AND code_hash = %(hash)s AND used_at IS NULL"""

KEEP_CODES = """
    INSERT INTO recovery_codes (account_id, code_hash) SELECT %(id)s, unnest(%(hashes)s::bytea[])"""


class WrongCode(Exception):
    """Neither a code of the present moment nor an unused recovery code."""


class AlreadyOn(Exception):
    """A confirmed second factor is never replaced, only removed."""


async def prepare(conn: Connection, seals: KeyRing, account_id: int) -> bytes:
    """Make a new secret that counts for nothing until `confirm`; raises AlreadyOn."""
    secret = totp.new_secret()
    if not await conn.execute(PREPARE, {"id": account_id, "sealed": seals.seal(secret, _place(account_id))}):
        raise AlreadyOn
    return secret


async def confirm(conn: Connection, seals: KeyRing, account_id: int, code: str, origin: Origin) -> list[str]:
    """Switch the second factor on with a first code, and return the recovery codes, shown once; raises WrongCode."""
    factor = await second_factor_of(conn, account_id)
    if factor is None or factor.confirmed_at is not None:
        raise WrongCode
    step = totp.matching_step(secret_of(seals, factor), _digits(code), after=0)
    values = {"id": account_id, "step": step, "sealed": factor.sealed_secret}
    if step is None or not await conn.execute(CONFIRM, values):
        raise WrongCode
    await record(conn, account_id, Kind.SECOND_FACTOR_ON, origin)
    await tell_owner(conn, account_id, Kind.SECOND_FACTOR_ON)
    return await make_recovery_codes(conn, account_id, origin)


async def use_code(conn: Connection, seals: KeyRing, account_id: int, code: str, origin: Origin) -> None:
    """Use up a code of the app or a recovery code; raises WrongCode."""
    factor = await second_factor_of(conn, account_id)
    if factor is None or factor.confirmed_at is None:
        raise WrongCode
    step = totp.matching_step(secret_of(seals, factor), _digits(code), after=factor.last_step)
    if step is not None:
        if not await conn.execute(USE_STEP, {"id": account_id, "step": step}):
            raise WrongCode
        return
    if not await conn.execute(USE_RECOVERY, {"id": account_id, "hash": _hash(account_id, code)}):
        raise WrongCode
    await record(conn, account_id, Kind.RECOVERY_CODE_USED, origin)
    await tell_owner(conn, account_id, Kind.RECOVERY_CODE_USED)


async def make_recovery_codes(conn: Connection, account_id: int, origin: Origin) -> list[str]:
    """Return ten new recovery codes; those of before are worth nothing any more."""
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    await conn.execute("DELETE FROM recovery_codes WHERE account_id = %(id)s", {"id": account_id})
    await conn.execute(KEEP_CODES, {"id": account_id, "hashes": [_hash(account_id, code) for code in codes]})
    await record(conn, account_id, Kind.RECOVERY_CODES_MADE, origin)
    return codes


async def remove(conn: Connection, account_id: int, origin: Origin) -> None:
    """Ask for the password alone again; the owner is told by mail."""
    await conn.execute("DELETE FROM recovery_codes WHERE account_id = %(id)s", {"id": account_id})
    if await conn.execute("DELETE FROM second_factors WHERE account_id = %(id)s", {"id": account_id}):
        await record(conn, account_id, Kind.SECOND_FACTOR_OFF, origin)
        await tell_owner(conn, account_id, Kind.SECOND_FACTOR_OFF)


def secret_of(seals: KeyRing, factor: SecondFactor) -> bytes:
    """The secret out of its seal; raises WrongCode when the key that sealed it has left the ring."""
    try:
        return seals.open(bytes(factor.sealed_secret), _place(factor.account_id))
    except SealBroken:
        raise WrongCode from None


def _place(account_id: int) -> bytes:
    return f"second_factors.{account_id}".encode()


def _digits(code: str) -> str:
    return "".join(code.split())


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()  # 80 bits
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def _hash(account_id: int, code: str) -> bytes:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(f"recovery.{account_id}.{plain}".encode("utf-8", "surrogatepass")).digest()
