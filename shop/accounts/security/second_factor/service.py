"""Setting up, using and removing a second factor. The database decides that no code is used twice."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from shop import totp
from shop.accounts.security.models import Kind, Origin, RecoveryCode, SecondFactor
from shop.accounts.security.service import record, tell_owner
from shop.db import Connection, Now, UniqueViolation
from shop.limits import Limit
from shop.sealing import KeyRing, SealBroken

RECOVERY_CODES: Final = 10
# Tries at a code, as PyPI limits them.
CODE_LIMITS: Final = (Limit("code.5min", 5, 300), Limit("code.hour", 20, 3600), Limit("code.day", 50, 86_400))


class WrongCode(Exception):
    """Neither a code of the present moment nor an unused recovery code."""


class AlreadyOn(Exception):
    """A confirmed second factor is never replaced, only removed."""


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors of one kind of people: the models of their secrets and their recovery codes."""

    factor: Any
    code: Any
    salt: str

    async def prepare(self, conn: Connection, seals: KeyRing, account_id: int) -> bytes:
        """Make a new secret that counts for nothing until `confirm`; raises AlreadyOn."""
        secret = totp.new_secret()
        fresh = {"sealed_secret": seals.seal(secret, self._place(account_id)), "last_step": 0, "created_at": Now()}
        try:
            await self.factor.objects.using(conn).update_or_create(fresh, account_id=account_id, confirmed_at=None)
        except UniqueViolation:  # there is one, and it is confirmed
            raise AlreadyOn from None
        return secret

    async def confirm(self, conn: Connection, seals: KeyRing, account_id: int, code: str) -> None:
        """Let the secret count, proven by a first code; raises WrongCode."""
        factor = await self.of(conn, account_id)
        if factor is None or factor.confirmed_at is not None:
            raise WrongCode
        step = totp.matching_step(self.secret_of(seals, factor), _digits(code), after=0)
        unconfirmed = self.factor.objects.using(conn).filter(account_id=account_id, confirmed_at=None)
        same = unconfirmed.filter(sealed_secret=factor.sealed_secret)
        if step is None or not await same.update(confirmed_at=Now(), last_step=step):
            raise WrongCode

    async def use(self, conn: Connection, seals: KeyRing, account_id: int, code: str) -> bool:
        """Use up a code of the app, or a recovery code, which is then told by True; raises WrongCode."""
        factor = await self.of(conn, account_id)
        if factor is None or factor.confirmed_at is None:
            raise WrongCode
        step = totp.matching_step(self.secret_of(seals, factor), _digits(code), after=factor.last_step)
        if step is None:
            codes = self.code.objects.using(conn).filter(account_id=account_id, used_at=None)
            if not await codes.filter(code_hash=self._hash(account_id, code)).update(used_at=Now()):
                raise WrongCode
            return True
        confirmed = self.factor.objects.using(conn).filter(account_id=account_id, confirmed_at__isnull=False)
        if not await confirmed.filter(last_step__lt=step).update(last_step=step):
            raise WrongCode
        return False

    async def make_codes(self, conn: Connection, account_id: int) -> list[str]:
        """Return ten new recovery codes; those of before are worth nothing any more."""
        codes = [_new_code() for _ in range(RECOVERY_CODES)]
        known = self.code.objects.using(conn)
        await known.filter(account_id=account_id).delete()
        hashes = (self._hash(account_id, code) for code in codes)
        await known.bulk_create([self.code(account_id=account_id, code_hash=hashed) for hashed in hashes])
        return codes

    async def remove(self, conn: Connection, account_id: int) -> bool:
        """Ask for the password alone again; whether there was anything else."""
        await self.code.objects.using(conn).filter(account_id=account_id).delete()
        return bool(await self.factor.objects.using(conn).filter(account_id=account_id).delete())

    async def of(self, conn: Connection, account_id: int) -> SecondFactor | None:
        """The second factor, confirmed or still being set up."""
        found: SecondFactor | None = await self.factor.objects.using(conn).filter(account_id=account_id).first()
        return found

    async def is_on(self, conn: Connection, account_id: int) -> bool:
        """Whether a confirmed second factor stands behind the password."""
        found = self.factor.objects.using(conn).filter(account_id=account_id, confirmed_at__isnull=False)
        return bool(await found.exists())

    async def codes_left(self, conn: Connection, account_id: int) -> int:
        """How many recovery codes were not used yet."""
        return int(await self.code.objects.using(conn).filter(account_id=account_id, used_at__isnull=True).count())

    def secret_of(self, seals: KeyRing, factor: SecondFactor) -> bytes:
        """The secret out of its seal; raises WrongCode when the key that sealed it has left the ring."""
        try:
            return seals.open(bytes(factor.sealed_secret), self._place(factor.account_id))
        except SealBroken:
            raise WrongCode from None

    def _place(self, account_id: int) -> bytes:
        return f"{self.factor.__tablename__}.{account_id}".encode()

    def _hash(self, account_id: int, code: str) -> bytes:
        plain = "".join(letter for letter in code.lower() if letter.isalnum())
        return hashlib.sha256(f"{self.salt}.{account_id}.{plain}".encode("utf-8", "surrogatepass")).digest()


CUSTOMERS: Final = Factors(SecondFactor, RecoveryCode, "recovery")


async def confirm(conn: Connection, seals: KeyRing, account_id: int, code: str, origin: Origin) -> list[str]:
    """Switch a customer's second factor on with a first code, and return the recovery codes, shown once; raises WrongCode."""
    await CUSTOMERS.confirm(conn, seals, account_id, code)
    await record(conn, account_id, Kind.SECOND_FACTOR_ON, origin)
    await tell_owner(conn, account_id, Kind.SECOND_FACTOR_ON)
    return await make_recovery_codes(conn, account_id, origin)


async def use_code(conn: Connection, seals: KeyRing, account_id: int, code: str, origin: Origin) -> None:
    """Use up a code of the customer's app or a recovery code; raises WrongCode."""
    if await CUSTOMERS.use(conn, seals, account_id, code):
        await record(conn, account_id, Kind.RECOVERY_CODE_USED, origin)
        await tell_owner(conn, account_id, Kind.RECOVERY_CODE_USED)


async def make_recovery_codes(conn: Connection, account_id: int, origin: Origin) -> list[str]:
    """Return ten new recovery codes of a customer."""
    codes = await CUSTOMERS.make_codes(conn, account_id)
    await record(conn, account_id, Kind.RECOVERY_CODES_MADE, origin)
    return codes


async def remove(conn: Connection, account_id: int, origin: Origin) -> None:
    """Ask a customer for the password alone again; the owner is told by mail."""
    if await CUSTOMERS.remove(conn, account_id):
        await record(conn, account_id, Kind.SECOND_FACTOR_OFF, origin)
        await tell_owner(conn, account_id, Kind.SECOND_FACTOR_OFF)


def _digits(code: str) -> str:
    return "".join(code.split())


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()  # 80 bits
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))
