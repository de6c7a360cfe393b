"""Changing what a role may do. Somebody who may manage the staff always remains."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.roles.models import LastOwner, Role
from shop.backoffice.versions import EditConflict
from shop.db import Connection

# The lock lets one change of roles or staff at a time count who is left; managers have no advisory locks.
ORDER: Final = "SELECT pg_advisory_xact_lock(7242693)"
# A list in a document is asked by an operator of jsonb.
OWNERS: Final = """
    SELECT count(*) FROM staff s JOIN roles r ON r.id = s.role_id
    WHERE s.activated_at IS NOT NULL AND s.disabled_at IS NULL AND r.permissions ? 'staff'"""
# One statement decides whether nobody has it and removes it.
REMOVE: Final = "DELETE FROM roles WHERE id = %(id)s AND NOT EXISTS (SELECT FROM staff WHERE role_id = %(id)s)"


class RoleInUse(Exception):
    """Some of the staff have this role."""


async def add(conn: Connection, actor: Actor, names: Mapping[str, str], permissions: Sequence[str]) -> int:
    """Make a role and return its number; its code follows from its English name."""
    code = re.sub(r"[^a-z0-9]+", "-", names.get("en", "").lower()).strip("-") or "role"
    known = Role.objects.using(conn)
    number = await known.filter(code__startswith=code).count()
    code = f"{code}-{number + 1}" if number else code
    role = await known.create(code=code, names=dict(names), permissions=list(permissions))
    told = {"names": dict(names), "permissions": list(permissions)}
    await audit.record(conn, actor, "role.created", f"role:{role.id}", None, told)
    return role.id


async def change(
    conn: Connection, actor: Actor, role: Role, *, version: int, names: Mapping[str, str], permissions: Sequence[str]
) -> None:
    """Another name, or other permissions, for all who have the role, from their next page on; raises EditConflict and LastOwner."""
    same = Role.objects.using(conn).filter(id=role.id, version=version)
    if not await same.update(names=dict(names), permissions=list(permissions), version=version + 1):
        raise EditConflict
    await keep_an_owner(conn)
    before = {"names": role.names, "permissions": role.permissions}
    after = {"names": dict(names), "permissions": list(permissions)}
    await audit.record(conn, actor, "role.changed", f"role:{role.id}", before, after)


async def remove(conn: Connection, actor: Actor, role: Role) -> None:
    """Remove a role that nobody has; raises RoleInUse."""
    if not await conn.execute(REMOVE, {"id": role.id}):
        raise RoleInUse
    before = {"names": role.names, "permissions": role.permissions}
    await audit.record(conn, actor, "role.deleted", f"role:{role.id}", before, None)


async def keep_an_owner(conn: Connection) -> None:
    """Raises LastOwner where nobody would be left who may manage the staff; the transaction is then to be given up."""
    await conn.execute(ORDER)
    if not await conn.fetch_value(OWNERS):
        raise LastOwner
