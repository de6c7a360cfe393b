"""On a laptop somebody reads the mails of the shop; a real shop has no such room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from uuid import uuid4

import pytest

from shop import outbox
from shop.app import create_app
from shop.db import Database
from shop.mail import Mailer, mail_room
from shop.settings import Settings
from tests.conftest import Visitor

LINK = "http://localhost/activation/abc.def"


@pytest.fixture
def mailer(settings: Settings) -> Iterator[Mailer]:
    shutil.rmtree(mail_room(settings), ignore_errors=True)
    yield Mailer.of(settings)
    shutil.rmtree(mail_room(settings), ignore_errors=True)


async def send(mailer: Mailer, name: str) -> None:
    words = {"link": LINK, "days": 1, "reference": uuid4()}
    await mailer.send("activation", to="lin@example.com", name=name, lang="en", **words)


async def mail_paths(client: Visitor) -> list[str]:
    page = await (await client.get("/dev/mail")).text()
    return [part.split('"')[0] for part in page.split('href="')[1:] if part.startswith("/dev/mail/")]


async def test_an_empty_room_says_so(client: Visitor, mailer: Mailer) -> None:
    answer = await client.get("/dev/mail")
    assert answer.status == 200
    assert "No mail yet." in await answer.text()


async def test_the_newest_mail_comes_first_and_is_shown_whole(client: Visitor, mailer: Mailer) -> None:
    await send(mailer, "first")
    await send(mailer, "second")
    newest, oldest = await mail_paths(client)
    assert newest > oldest
    page = await (await client.get(newest)).text()
    assert "Hello second!" in page
    assert f'<a href="{LINK}" rel="noopener">{LINK}</a>' in page
    assert "<dt>Message-ID</dt>" in page
    assert "Content-Type: multipart/alternative;" in page
    assert f'src="{newest}/html"' in page


async def test_the_room_speaks_chinese(client: Visitor, mailer: Mailer) -> None:
    assert "<h1>收发室</h1>" in await (await client.get("/zh/dev/mail")).text()


async def test_the_html_of_a_mail_can_do_nothing(client: Visitor, mailer: Mailer) -> None:
    await send(mailer, "<script>alert(1)</script>")
    (path,) = await mail_paths(client)
    frame = await client.get(f"{path}/html")
    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<script>" not in await frame.text()
    page = await client.get(path)
    assert "<script>alert" not in await page.text()
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("mail_id", ["0000000000000000000", "..%2f..%2fsecret", "x", "1", "%00"])
async def test_what_is_no_mail_is_not_found(client: Visitor, mailer: Mailer, mail_id: str) -> None:
    assert (await client.get(f"/dev/mail/{mail_id}")).status == 404
    assert (await client.get(f"/dev/mail/{mail_id}/html")).status == 404


async def test_what_is_not_sent_is_shown_with_its_reason(client: Visitor, db: Database) -> None:
    async with db.transaction() as conn:
        for number in (1, 2):
            await outbox.promise(conn, "tasks.mail.send_activation", registration_id=number)
        held = await outbox.lease(conn, 1)
        assert held is not None
        await outbox.bury(conn, held, "550 <no> such user")
    page = await (await client.get("/dev/mail")).text()
    assert "Given up" in page
    assert "<code>550 &lt;no&gt; such user</code>" in page
    assert page.count("Waiting, next try") == 1


def test_a_real_shop_has_no_mail_room(settings: Settings) -> None:
    real = {"development": False, "url": "https://shop.example", "mail_url": "smtp://mail.example"}
    real_shop = create_app(settings.model_copy(update={**real, "payment_methods": ("cash",)}))
    names = {resource.canonical for resource in real_shop.router.resources()}
    assert [name for name in names if "/dev" in name] == []
    assert os.path.join("/dev", "mail") in {resource.canonical for resource in create_app(settings).router.resources()}
