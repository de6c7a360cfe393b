"""Staff and roles: changed under two pairs of eyes, ended at once, and never without an owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient

from shop.backoffice.audit.models import AuditEntry
from shop.backoffice.roles.models import Role
from shop.backoffice.staff.models import StaffMember, StaffSecondFactor
from shop.db import Connection, Database
from tests.backoffice.cast import at_work, come_in, employee, token_of
from tests.world import submit

Visitor = TestClient[web.Request, web.Application]
NewVisitor = Callable[[], Awaitable[Visitor]]


async def again(db: Database, member: StaffMember) -> StaffMember:
    async with db.read() as conn:
        return await StaffMember.objects.using(conn).select_related("role").get(id=member.id)


async def changes(conn: Connection, action: str) -> list[dict[str, object]]:
    return [entry.changes for entry in await AuditEntry.objects.using(conn).filter(action=action).order_by("id")]


async def test_disabling_ends_sessions_at_once(db: Database, new_visitor: NewVisitor) -> None:
    owner, leaver = await new_visitor(), await new_visitor()
    await at_work(owner, db, "staff")
    tom = await employee(db, "orders", name="Tom")
    await come_in(leaver, db, tom)
    assert (await leaver.get("/backoffice", allow_redirects=False)).status == 200

    path = f"/backoffice/staff/{tom.id}/disabling"
    assert "Disable Tom?" in await (await owner.get(path)).text()
    assert (await submit(owner, path, {})).status == 303
    assert (await leaver.get("/backoffice", allow_redirects=False)).status == 303
    assert not (await again(db, tom)).is_active
    answer = await submit(leaver, "/backoffice/login", {"email": tom.email, "password": "plum-rain-in-june"})
    assert answer.status == 422

    await owner.post(f"/backoffice/staff/{tom.id}/enabling", headers=await token_of(owner))
    assert (await again(db, tom)).is_active
    assert (await leaver.get("/backoffice", allow_redirects=False)).status == 303
    async with db.read() as conn:
        assert await changes(conn, "staff.disabled") == await changes(conn, "staff.enabled") == [{}]


async def test_s64_what_a_role_loses_is_lost_on_the_next_page(db: Database, new_visitor: NewVisitor) -> None:
    owner, tom = await new_visitor(), await new_visitor()
    await at_work(owner, db, "staff")
    member = await at_work(tom, db, "staff", "orders", name="Tom")
    assert (await tom.get("/backoffice/staff")).status == 200
    path = f"/backoffice/roles/{member.role_id}"
    fields = {"name_en": "Orders", "name_zh": "订单", "permissions": "orders", "version": str(member.role.version)}
    assert (await submit(owner, path, fields)).status == 303
    assert (await tom.get("/backoffice/staff")).status == 403
    async with db.read() as conn:
        (change,) = await changes(conn, "role.changed")
    assert change["permissions"] == [["staff", "orders"], ["orders"]]


async def test_s64_the_last_owner_stays_one(db: Database, client: Visitor) -> None:
    rose = await at_work(client, db, "staff")
    role = {"name_en": "None", "name_zh": "无", "version": str(rose.role.version)}
    answer = await submit(client, f"/backoffice/roles/{rose.role_id}", role)
    assert (answer.status, "Somebody has to be left" in await answer.text()) == (422, True)
    async with db.read() as conn:
        packer = await Role.objects.using(conn).get(code="packer")
    fields = {"name": "Rose", "role": str(packer.id), "language": "en", "version": str(rose.version)}
    answer = await submit(client, f"/backoffice/staff/{rose.id}", fields)
    assert answer.status == 422
    assert (await submit(client, f"/backoffice/staff/{rose.id}/disabling", {})).status == 303
    now = await again(db, rose)
    assert (now.role_id, now.version, now.is_active) == (rose.role_id, rose.version, True)
    async with db.read() as conn:
        assert await AuditEntry.objects.using(conn).count() == 0


async def test_two_editors_never_overwrite_each_other_silently(db: Database, new_visitor: NewVisitor) -> None:
    first, second = await new_visitor(), await new_visitor()
    await come_in(first, db, await employee(db, "staff"))
    await at_work(second, db, "staff", name="Violet")
    tom = await employee(db, "orders", name="Tom")
    path = f"/backoffice/staff/{tom.id}"
    shown = {"role": str(tom.role_id), "language": "en", "version": str(tom.version)}

    assert (await submit(first, path, {**shown, "name": "Thomas"})).status == 303
    answer = await submit(second, path, {**shown, "name": "Tommy"})
    page = await answer.text()
    assert answer.status == 409
    assert "Thomas" in page
    assert "Tommy" in page
    assert (await again(db, tom)).name == "Thomas"

    version = str((await again(db, tom)).version)
    assert f'name="version" value="{version}"' in page
    assert (await submit(second, path, {**shown, "name": "Tommy", "version": version})).status == 303
    assert (await again(db, tom)).name == "Tommy"
    async with db.read() as conn:
        told = await changes(conn, "staff.changed")
    assert told == [{"name": ["Tom", "Thomas"]}, {"name": ["Thomas", "Tommy"]}]


async def test_a_lost_second_factor_is_removed_and_its_owner_told(db: Database, new_visitor: NewVisitor) -> None:
    owner, tom = await new_visitor(), await new_visitor()
    await at_work(owner, db, "staff")
    member = await at_work(tom, db, "orders", name="Tom")
    async with db.transaction() as conn:
        factor = {"account_id": member.id, "sealed_secret": b"-", "confirmed_at": member.activated_at}
        await StaffSecondFactor.objects.using(conn).create(**factor)
    assert (await submit(owner, f"/backoffice/staff/{member.id}/second-factor-reset", {})).status == 303
    assert (await tom.get("/backoffice", allow_redirects=False)).status == 303
    async with db.read() as conn:
        assert await StaffSecondFactor.objects.using(conn).count() == 0
        promised = await conn.fetch_all("SELECT task, args FROM outbox")
        assert [tuple(row) for row in promised] == [
            ("tasks.mail.send_staff_second_factor", {"staff_id": member.id}),
        ]


async def test_the_list_is_searched_and_narrowed(db: Database, client: Visitor) -> None:
    await at_work(client, db, "staff")
    await employee(db, "orders", name="Tom")
    for query, names in (
        ("", {"Rose", "Tom"}),
        ("?q=TOM", {"Tom"}),
        ("?role=test-staff", {"Rose"}),
        ("?state=disabled", set()),
        ("?state=odd&q=%00", {"Rose", "Tom"}),
    ):
        page = await (await client.get(f"/backoffice/staff{query}")).text()
        assert {name for name in ("Rose", "Tom") if f">{name}</a>" in page} == names, query
    assert (await client.get("/backoffice/staff?after=rubbish")).status == 404
    assert "员工" in await (await client.get("/zh/backoffice/staff")).text()


async def test_one_changes_ones_own_password_and_stays_signed_in_here_only(
    db: Database, new_visitor: NewVisitor
) -> None:
    here, there = await new_visitor(), await new_visitor()
    rose = await employee(db, "orders")
    await come_in(here, db, rose)
    await come_in(there, db, rose)
    assert "rose@dailyfresh.example" in await (await here.get("/backoffice/me")).text()
    for password, status in (("rose", 422), ("osmanthus-in-october", 303)):
        assert (await submit(here, "/backoffice/me/password", {"password": password})).status == status
    assert (await here.get("/backoffice", allow_redirects=False)).status == 200
    assert (await there.get("/backoffice", allow_redirects=False)).status == 303
    now = await again(db, rose)
    assert now.password_hash != rose.password_hash
    async with db.read() as conn:
        assert await changes(conn, "staff.password_changed") == [{}]
