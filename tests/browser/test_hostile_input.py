"""Script, markup, formulas and files that lie, put into the forms of the back office by a real browser: nothing of it comes alive."""

from __future__ import annotations

import csv
import io
import secrets
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.hostile import HOSTILE, Guard, fill_and_send
from tests.browser.staff import staff_sign_in
from tests.media.hostile_files import SCRIPT, archive, image, png, zeros

pytestmark = pytest.mark.browser

WAIT = 30_000  # milliseconds
FORM = "main form.form[method=post]"
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "\t=1+1", "-2+3")
# Forms whose results nobody sees in the shop.
FORMS = ("/backoffice/pages/new", "/backoffice/blocks/new/banner", "/backoffice/roles/new", "/backoffice/staff/new")
PLACES = (
    "/backoffice/pages",
    "/backoffice/blocks",
    "/backoffice/blocks/preview",
    "/backoffice/roles",
    "/backoffice/staff",
    "/backoffice/log",
    "/zh/backoffice/log",
)
TAKEN = {
    "script.gif": image("GIF") + b"*/=1;" + SCRIPT,
    "comment.jpg": image("JPEG", (48, 24), comment=SCRIPT, exif=b"Exif\0\0" + SCRIPT),
}
REFUSED = {
    "polyglot.gif": b"GIF89a/*" + SCRIPT + b"*/=1;",
    "bomb.png": png(50_000, 50_000, zeros(1000)),
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "archive.jpg": archive(),
    "<img src=x onerror=alert(1)>.png": b"<!doctype html>" + SCRIPT,
}


async def test_s31_s49_s26_script_bombs_and_formulas_are_only_letters(browse: Browse) -> None:
    page = await browse(viewport={"width": 1280, "height": 900})
    guard = Guard(page)
    await staff_sign_in(page)
    for path in FORMS:
        await page.goto(path)
        for box in await page.locator(f"{FORM} [name^=is_]:checked").all():
            await box.uncheck()
        assert await fill_and_send(page, guard, FORM), await page.locator("main").inner_text()
    code = await bring_formulas(page)
    await page.goto(f"/backoffice/goods?q={code}")
    await page.locator("table.goods tbody th a").first.click()
    await upload(page, f"{page.url}/pictures")
    await fetch_tables(page, code)
    for path in PLACES:
        await page.goto(path)
        await guard.look()
    assert guard.noted == []


async def bring_formulas(page: Page) -> str:
    """Goods whose names are formulas, taken over from a table; the code of the first."""
    code = f"evil-{secrets.token_hex(3)}".upper()
    rows = [
        (f"{code}-{n}", f"{code}-{n}".lower(), "fruit", name, name, name, "12.50", "500", "draft")
        for n, name in enumerate((*FORMULAS, HOSTILE))
    ]
    out = io.StringIO()
    csv.writer(out).writerows(
        [("code", "product", "category", "name_en", "name_zh", "unit_en", "price", "weight", "status"), *rows]
    )
    await page.goto("/backoffice/tables")
    file: Any = {"name": "=cmd|x.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()}
    await page.set_input_files("[name=file]", file)
    async with page.expect_navigation():
        await page.locator(f"{FORM} button[type=submit]").click()
    take = page.get_by_role("button", name=f"Take over {len(rows)} lines")
    await expect(take).to_be_visible(timeout=WAIT)
    await take.click()
    await expect(page.locator("main h2").first).to_have_text("Taken over", timeout=WAIT)
    return code


async def upload(page: Page, path: str) -> None:
    """Pictures are taken as pixels, everything else is refused in words; also what is too large, in mid-upload."""
    await page.goto(path)
    for name, data in {**TAKEN, **REFUSED}.items():
        await send_file(page, name, data)
        assert await page.locator("main .notice--error").count() == (name in REFUSED), name
    assert await page.locator(".pictures__one").count() == len(TAKEN)
    for shot in await page.locator(".pictures__one img").all():
        kept = await (await page.request.get(await shot.get_attribute("src") or "")).body()
        assert SCRIPT not in kept
    await send_file(page, "large.png", image("PNG") + bytes(11 << 20))
    assert await page.locator("h1").inner_text() == "That is too large"


async def send_file(page: Page, name: str, data: bytes) -> None:
    file: Any = {"name": name, "mimeType": "image/png", "buffer": data}
    await page.set_input_files("[name=pictures]", file)
    async with page.expect_navigation():
        await page.locator("form[enctype] button").click()


async def fetch_tables(page: Page, code: str) -> None:
    """No cell that goes out is a formula."""
    await page.goto("/backoffice/exports")
    for link in await page.locator("main a[download]").all():
        answer = await page.request.get(await link.get_attribute("href") or "")
        rows = list(csv.reader(io.StringIO((await answer.body()).decode("utf-8-sig"))))
        odd = [
            cell
            for row in rows
            for cell in row
            if cell[:1] in {"=", "+", "@", "\t", "\r", "-"} and not _is_number(cell)
        ]
        assert odd == []
        if await link.get_attribute("download") == "products.csv":
            names = [row[rows[0].index("name_en")] for row in rows if row[0].startswith(code)]
            assert names == [*(f"'{name.strip()}" for name in FORMULAS), HOSTILE]


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()
