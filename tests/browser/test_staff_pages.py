"""Every page of the back office, wide and narrow, in both languages and schemes: accessible, in one column, reached by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Browse
from tests.browser.staff import staff_sign_in
from tests.browser.walk import complaints, reached, visit

pytestmark = pytest.mark.browser

LOOKS = (("", 1280, "light"), ("/zh", 768, "dark"))
# Others look at people, roles, the log, orders and goods.
SECTIONS = {
    "blocks",
    "categories",
    "coupons",
    "customers",
    "delivery",
    "exports",
    "me",
    "pages",
    "reports",
    "reviews",
    "rules",
    "settings",
    "synonyms",
    "tables",
}


async def look(page: Page, look: tuple[str, int, str], path: str, axe: str) -> list[Any]:
    """What is wrong with a page in one language, width and scheme."""
    prefix, width, scheme = look
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await visit(page, prefix + path)
    return await complaints(page, axe)


def some(found: dict[str, list[str]]) -> list[str]:
    """The list of each section and a page behind it."""
    behind = {name.split(".")[1]: name for name in found if name.count(".") > 1}
    return [name for section in sorted(SECTIONS) for name in (f"backoffice.{section}", behind.get(section)) if name]


async def test_pages_nobody_else_looks_at_are_usable_by_everybody(browse: Browse, axe: str) -> None:
    page, said = await browse(), []
    await staff_sign_in(page)
    found = await reached(page)
    for n, name in enumerate(some(found)):
        said += await look(page, LOOKS[n % 2], found[name][0], axe)
    assert said == []
