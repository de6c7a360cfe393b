"""Staff for tests: somebody with just the permissions a test names, signed in without the walk through the door."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp.test_utils import TestClient

from shop.accounts.models import identity_key
from shop.accounts.security.models import Origin
from shop.accounts.sessions import service as sessions
from shop.backoffice.staff.models import SESSIONS, StaffMember
from shop.backoffice.staff.queries import member_by_id
from shop.db import Database
from tests.world import CSRF, password_hash

ROLE: Final = """
    INSERT INTO roles (code, names, permissions) VALUES (%(code)s, %(names)s, %(permissions)s)
    ON CONFLICT (code) DO UPDATE SET names = excluded.names, permissions = excluded.permissions RETURNING id"""
HIRE: Final = """
    INSERT INTO staff (name, email, email_key, role_id, password_hash, activated_at)
    VALUES (%(name)s, %(email)s, %(email_key)s, %(role)s, %(hash)s, now()) RETURNING id"""


async def employee(db: Database, *permissions: str, name: str = "Rose") -> StaffMember:
    """Somebody who works here, whose role (named after its permissions) allows these and nothing else."""
    code = "-".join(("test", *permissions))
    async with db.transaction() as conn:
        told = {"code": code, "names": json.dumps({"en": code, "zh": code}), "permissions": json.dumps(permissions)}
        role = await conn.fetch_value(ROLE, told)
        email = f"{name.lower()}@dailyfresh.example"
        person = {"name": name, "email": email, "email_key": identity_key(email), "role": role, "hash": password_hash()}
        member = await member_by_id(conn, await conn.fetch_value(HIRE, person))
    assert member is not None
    return member


async def come_in(visitor: TestClient[Any, Any], db: Database, member: StaffMember, *, minutes_ago: int = 0) -> None:
    """Give this visitor's browser a session of the member, begun so long ago."""
    async with db.transaction() as conn:
        started = await sessions.start(conn, member.id, expiry=0, origin=Origin(), realm=SESSIONS)
        back = "UPDATE staff_sessions SET signed_in_at = now() - %(n)s * interval '1 minute' WHERE id_hash = %(id)s"
        await conn.execute(back, {"n": minutes_ago, "id": started.record.id_hash})
    visitor.session.cookie_jar.update_cookies({"staff": started.cookie}, visitor.make_url("/"))


async def at_work(visitor: TestClient[Any, Any], db: Database, *permissions: str, name: str = "Rose") -> StaffMember:
    """Somebody with these permissions, signed in a moment ago."""
    member = await employee(db, *permissions, name=name)
    await come_in(visitor, db, member)
    return member


async def token_of(visitor: TestClient[Any, Any]) -> dict[str, str]:
    """The header that proves a POST of whoever is signed in."""
    found = CSRF.search(await (await visitor.get("/backoffice")).text())
    assert found is not None
    return {"X-CSRF-Token": found[1]}
