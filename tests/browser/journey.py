"""What a person does in the shop, step by step; it works the same with and without script."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field

from playwright.async_api import Page

MAIL_SECONDS = 30


@dataclass(frozen=True)
class Person:
    """Somebody who opens an account."""

    username: str = field(default_factory=lambda: f"mei{secrets.token_hex(4)}")
    password: str = "two-crisp-apples"

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


async def press(page: Page) -> None:
    """Sends the form of the page's content (not the search, not the account menu)."""
    async with page.expect_navigation():
        await page.locator("main form button[type=submit]").first.click()


async def register(page: Page, person: Person, prefix: str = "") -> None:
    await page.goto(f"{prefix}/register")
    await page.fill("[name=username]", person.username)
    await page.fill("[name=email]", person.email)
    await page.fill("main [name=password]", person.password)
    await page.check("[name=consent]")
    await press(page)


async def activation_link(page: Page, person: Person) -> str:
    """The path in the mail that came to the mail room for this person."""
    for _ in range(MAIL_SECONDS * 2):
        await page.goto("/dev/mail")
        mail = page.locator("tr, li, article", has_text=person.email).locator("a[href*='/dev/mail/']").first
        if await mail.count():
            await page.goto(await mail.get_attribute("href") or "")
            found = re.search(r"/(?:zh/)?activation/[\w.~-]+", await page.content())
            assert found is not None
            return found[0]
        await asyncio.sleep(0.5)
    raise AssertionError(f"no mail came for {person.email}")


async def activate(page: Page, person: Person) -> None:
    """Follows the link and confirms, which also signs in."""
    await page.goto(await activation_link(page, person))
    await press(page)


async def sign_out(page: Page) -> None:
    await page.locator("header .menu summary").click()
    async with page.expect_navigation():
        await page.locator("header .menu form button").click()


async def sign_in(page: Page, person: Person, prefix: str = "") -> None:
    await page.goto(f"{prefix}/login")
    await page.fill("[name=login]", person.username)
    await page.fill("main [name=password]", person.password)
    await press(page)


async def goods(page: Page, count: int, prefix: str = "") -> list[str]:
    """Paths of products that the home page offers."""
    await page.goto(prefix or "/")
    links = page.locator("main article.card a")
    return list(dict.fromkeys([await links.nth(n).get_attribute("href") or "" for n in range(count * 2)]))[:count]
