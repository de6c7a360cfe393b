"""What the shop is called, how it looks, where it is reached and who writes its mails: set in the back office, seen everywhere."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import FormData

from shop.cache.changes import EVERYTHING
from shop.db import Database
from shop.facts import ShopFact, edit_fact
from shop.mail import Mailer
from shop.profile import IDENTITY, LOGO, Logo, profile_of
from shop.settings import Settings
from shop.web.pages import PAGES
from tests.backoffice.cast import at_work, token_of
from tests.backoffice.test_settings import logged, post
from tests.conftest import Visitor
from tests.media.conftest import picture_bytes
from tests.web.test_shared_pages import process

NAMED = {"name": "Green Gate · 绿门", "phone": "+86 512 6600", "email": "hello@green.example", "version": "0"}
NAMED |= {
    "address_en": "8 Canal <Street>",
    "address_zh": "运河街8号",
    "hours_en": "Mo-Sa 8-20",
    "hours_zh": "周一至周六 8-20点",
}
IDENTITY_PAGE, SENDER_PAGE = "/backoffice/settings/identity", "/backoffice/settings/sender"


async def facts_in(db: Database) -> dict[str, ShopFact]:
    async with db.read() as conn:
        return {one.key: one for one in await ShopFact.objects.using(conn).all()}


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await look():
            await asyncio.sleep(0.02)


async def test_another_name_is_seen_in_every_process(db: Database, settings: Settings, client: Visitor) -> None:
    await at_work(client, db, "settings")
    async with process(settings) as elsewhere:
        for shopper in (client, elsewhere):
            assert "Daily Fresh" in await (await shopper.get("/")).text()
            assert "Daily Fresh" in await (await shopper.get("/no-such-page")).text()
        assert (await post(client, IDENTITY_PAGE, NAMED))[0] == 303
        for shopper in (client, elsewhere):

            async def is_told(shopper: Visitor = shopper) -> bool:
                return "Green Gate" in await (await shopper.get("/")).text()

            await until(is_told)
            page = await (await shopper.get("/")).text()
            assert "Daily Fresh" not in page
            assert "Daily Fresh" not in await (await shopper.get("/no-such-page")).text()
    assert 'href="tel:+865126600"' in page
    assert "8 Canal &lt;Street&gt;" in page
    assert "运河街8号" in await (await client.get("/zh/")).text()
    told = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)[0])
    assert (told["name"], told["telephone"]) == ("Green Gate · 绿门", "+86 512 6600")
    assert (told["address"], told["openingHours"]) == ("8 Canal <Street>", "Mo-Sa 8-20")
    action, changes = (await logged(db))[0]
    assert action == "setting.changed"
    assert changes["name"] == ["Daily Fresh · 天天生鲜", "Green Gate · 绿门"]
    assert changes["shop_phone"] == ["", "+86 512 6600"]
    assert changes["shop_address_zh"] == ["", "运河街8号"]


async def test_two_who_name_the_shop_are_shown_both_names(db: Database, client: Visitor) -> None:
    await at_work(client, db, "settings")
    assert (await post(client, IDENTITY_PAGE, NAMED))[0] == 303
    version = (await facts_in(db))[IDENTITY].version
    status, page = await post(client, IDENTITY_PAGE, {**NAMED, "name": "Red Gate"})
    assert (status, "Red Gate" in page, "Green Gate" in page) == (409, True, True)
    assert f'name="version" value="{version}"' in page
    assert (await facts_in(db))[IDENTITY].value["name"] == "Green Gate · 绿门"
    assert (await post(client, IDENTITY_PAGE, {**NAMED, "name": "Red Gate", "version": str(version)}))[0] == 303
    assert (await facts_in(db))[IDENTITY].value["name"] == "Red Gate"
    assert len(await logged(db)) == 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (IDENTITY_PAGE, {**NAMED, "name": " "}),
        (IDENTITY_PAGE, {**NAMED, "name": "n" * 61}),
        (IDENTITY_PAGE, {**NAMED, "phone": "javascript:alert(1)"}),
        (IDENTITY_PAGE, {**NAMED, "email": "a@b.example, c@d.example"}),
        (SENDER_PAGE, {"name": "Shop", "address": "a@b.example, c@d.example"}),
        (SENDER_PAGE, {"name": "Shop", "address": "a@b.example\r\nBcc: all@d.example"}),
        (SENDER_PAGE, {"name": "Shop <all@d.example>", "address": "a@b.example"}),
        (SENDER_PAGE, {"name": "", "address": "a@b.example"}),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_changes(
    db: Database, client: Visitor, path: str, said: dict[str, str]
) -> None:
    await at_work(client, db, "settings")
    assert (await post(client, path, said))[0] == 422
    assert (await facts_in(db), await logged(db)) == ({}, [])


async def test_mails_come_from_who_is_stated_and_say_how_to_answer(
    db: Database, settings: Settings, client: Visitor
) -> None:
    await at_work(client, db, "settings")
    assert (await post(client, IDENTITY_PAGE, NAMED))[0] == 303
    said = {"name": "Green Gate\r\nBcc: all@d.example", "address": "mail@green.example", "version": "0"}
    assert (await post(client, SENDER_PAGE, said))[0] == 422  # a colon and an @ in a name are no name
    assert (await post(client, SENDER_PAGE, {**said, "name": "绿门, Green"}))[0] == 303
    delivered: list[tuple[str, bytes]] = []

    class Postman:
        async def deliver(self, sender: str, receiver: str, mail: bytes) -> None:
            delivered.append((sender, mail))

    async def profile() -> Any:
        async with db.read() as conn:
            return await profile_of(conn, settings)

    mailer = Mailer(settings, Postman(), profile)
    await mailer.send("goodbye", to="lin@example.com", name="lin", lang="zh", reference=uuid4())
    ((sender, mail),) = delivered
    written = mailer.write(
        "goodbye", to="lin@example.com", name="lin", lang="zh", reference=uuid4(), shop=await profile()
    )
    assert sender == "mail@green.example"
    assert b"Bcc" not in mail
    assert [(one.display_name, one.addr_spec) for one in written["From"].addresses] == [
        ("绿门, Green", "mail@green.example")
    ]
    plain = written.get_body(("plain",))
    assert plain is not None
    assert "Green Gate · 绿门 · +86 512 6600 · hello@green.example · 运河街8号" in plain.get_content()
    changes = (await logged(db))[-1][1]
    assert changes["sender"][1] == "mail@green.example"


async def test_a_logo_stands_in_the_header_until_it_is_taken_away(db: Database, client: Visitor) -> None:
    await at_work(client, db, "settings")
    token = await token_of(client)

    async def upload(data: bytes, version: int) -> str:
        form = FormData()
        form.add_field("version", str(version))
        form.add_field("picture", data, filename="logo.png")
        answer = await client.post("/backoffice/settings/logo/upload", data=form, headers=token, allow_redirects=False)
        assert answer.status == 303
        return answer.headers["Location"]

    async def shows(text: str) -> bool:
        return text in await (await client.get("/")).text()

    assert await upload(b"<svg onload=alert(1)>", 0) == "/backoffice/settings/logo"
    assert await facts_in(db) == {}
    assert await upload(picture_bytes(), 0) == "/backoffice/settings"
    stated = (await facts_in(db))[LOGO]
    assert stated.picture is not None
    await until(lambda: shows(f"/media/{stated.picture}-320.webp"))
    assert re.search(
        r'<img class="logo__image"[^>]* alt="Daily Fresh · 天天生鲜"', await (await client.get("/")).text()
    )
    assert await upload(picture_bytes(colour="#000000"), 0) == "/backoffice/settings/logo"
    assert (await facts_in(db))[LOGO].picture == stated.picture
    said = {"version": str(stated.version)}
    answer = await client.post("/backoffice/settings/logo/removal", data=said, headers=token, allow_redirects=False)
    assert answer.status == 303
    await until(lambda: shows("logo__mark"))
    log = await logged(db)
    assert [action for action, _ in log].count("picture.uploaded") == 2
    assert [changes for action, changes in log if action != "picture.uploaded"] == [
        {"picture": [None, stated.picture]},
        {"picture": [stated.picture, None]},
    ]


def test_a_logo_fits_into_the_header_whatever_its_shape() -> None:
    assert Logo.fitted("f", 400, 400) == Logo("f", 40, 40)
    assert Logo.fitted("f", 4000, 100) == Logo("f", 180, 4)
    assert Logo.fitted("f", 20, 2000) == Logo("f", 1, 40)


async def test_a_page_begun_before_everything_was_forgotten_is_not_kept(db: Database, client: Visitor) -> None:
    assert client.app is not None
    pages = client.app[PAGES]
    assert (await client.get("/")).status == 200
    (key, kept) = next((key, kept) for key, kept in pages.kept.items() if key[0] == "catalog.home")
    begun, go = asyncio.Event(), asyncio.Event()

    async def render() -> Any:
        begun.set()
        await go.wait()
        return kept

    pages.drop(key)
    asked = asyncio.create_task(pages.once(key, render))
    await begun.wait()
    pages.forget(EVERYTHING)
    go.set()
    assert await asked is kept
    assert pages.find(key) is None
    assert await pages.once(key, render) is kept
    assert pages.find(key) is kept


async def test_whoever_states_first_is_first(db: Database) -> None:
    async with db.transaction() as conn:
        assert await edit_fact(conn, "k", {"a": 1}, 0)
        assert not await edit_fact(conn, "k", {"a": 2}, 0)
        first = (await ShopFact.objects.using(conn).get(key="k")).version
        assert await edit_fact(conn, "k", {"a": 3}, first)
        assert not await edit_fact(conn, "k", {"a": 4}, first)
        await ShopFact.objects.using(conn).filter(key="k").delete()
        assert await edit_fact(conn, "k", {"a": 5}, 0)
        found = await ShopFact.objects.using(conn).get(key="k")
    assert (found.value, found.version > first) == ({"a": 5}, True)
