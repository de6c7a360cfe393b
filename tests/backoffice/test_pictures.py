"""Staff add pictures through their own door, with their own token, on their own quota."""

from __future__ import annotations

from aiohttp import FormData

from shop.backoffice.audit.models import AuditEntry
from shop.db import Database
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor
from tests.media.conftest import picture_bytes

GOODS, CONTENT = "/backoffice/pictures/goods", "/zh/backoffice/pictures/content"


def one_file(data: bytes, **fields: str) -> FormData:
    form = FormData(fields, default_to_multipart=True)
    form.add_field("file", data, filename="apple.png")
    return form


async def test_a_picture_is_taken_with_the_token_in_the_header_or_in_the_form(db: Database, client: Visitor) -> None:
    member = await at_work(client, db, "catalogue")
    proof = await token_of(client)
    answer = await client.post(GOODS, data=one_file(picture_bytes()), headers=proof)
    told = await answer.json()
    assert answer.status == 200, told
    answer = await client.post(GOODS, data=one_file(picture_bytes(), csrf_token=proof["X-CSRF-Token"]))
    assert (answer.status, await answer.json()) == (200, told)
    async with db.read() as conn:
        row = await conn.fetch_one("SELECT fingerprint, created_by, size FROM media_files")
        assert row is not None
        assert (row.fingerprint, row.created_by) == (told["fingerprint"], f"staff:{member.id}")
        entries = await AuditEntry.objects.using(conn).order_by("id")
    about = {"width": [None, told["width"]], "height": [None, told["height"]], "size": [None, row.size]}
    assert [(one.staff_id, one.action, one.object, one.changes) for one in entries] == [
        (member.id, "picture.uploaded", f"picture:{told['fingerprint']}", about)
    ] * 2


async def test_s61_without_its_token_nothing_is_kept(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    for fields in ({}, {"csrf_token": "x" * 88}):
        answer = await client.post(GOODS, data=one_file(picture_bytes(), **fields))
        assert answer.status == 403
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 0
        assert await conn.fetch_value("SELECT count(*) FROM audit_log") == 0


async def test_a_refusal_is_said_in_the_language_of_the_page(db: Database, client: Visitor) -> None:
    await at_work(client, db, "content")
    answer = await client.post(CONTENT, data=one_file(b"<svg onload=alert(1)>"), headers=await token_of(client))
    assert (answer.status, await answer.json()) == (
        400,
        {"error": "SVG 图形可能含有程序，不能使用。请另存为 PNG 格式。"},
    )
