"""What can be told of roles."""

from __future__ import annotations

from shop.backoffice.roles.models import Role
from shop.db import Connection

# The model of staff points here, so its manager cannot be imported.
PEOPLE = "SELECT role_id, count(*) AS people FROM staff WHERE disabled_at IS NULL GROUP BY role_id"


async def role_by_id(conn: Connection, role_id: int) -> Role | None:
    """The role with this number."""
    return await Role.objects.using(conn).filter(id=role_id).first()


async def role_by_code(conn: Connection, code: str) -> Role | None:
    """The role that the command line calls so."""
    return await Role.objects.using(conn).filter(code=code).first()


async def roles(conn: Connection) -> list[Role]:
    """Every role, the first ones first."""
    return await Role.objects.using(conn).order_by("id")


async def people_by_role(conn: Connection) -> dict[int, int]:
    """How many of the staff have each role, without those who were disabled."""
    return {row.role_id: row.people for row in await conn.fetch_all(PEOPLE)}
