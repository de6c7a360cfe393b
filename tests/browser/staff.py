"""What staff do in the back office, step by step: coming in with both factors, as the demo's owner or as somebody invited."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from dataclasses import dataclass, field
from typing import Final

from playwright.async_api import Cookie, Page

from shop import totp
from shop.commands.demo import STAFF
from shop.demo import PASSWORD
from shop.web.cookies import STAFF as COOKIE
from tests.browser.journey import press

MAIL_SECONDS: Final = 30
# Half of what a session may do before it is asked for both factors again.
FRESH_SECONDS: Final = 300.0


@dataclass
class Colleague:
    """One of the staff with an authenticator app, which never gives out the same code twice."""

    email: str
    password: str = PASSWORD
    secret: bytes = b""
    step: int = field(default=0)
    came_in_at: float = field(default=-FRESH_SECONDS)
    cookies: list[Cookie] = field(default_factory=list)

    async def code(self) -> str:
        """The next code that was not used yet; waits for the clock when too many were."""
        while (step := max(self.step + 1, _now() - 1)) > _now() + 1:
            await asyncio.sleep(0.5)
        self.step = step
        return totp.code_at(self.secret, step)


# The owner of the demo shop: one app for all tests of a process.
ROSE: Final = Colleague(STAFF[1])


async def staff_sign_in(page: Page, who: Colleague = ROSE, prefix: str = "", *, anew: bool = False) -> None:
    """Password and code, unless they came in a short while ago; the first time the second factor is set up."""
    if not anew and await _is_still_in(page, who, prefix):
        return
    await page.goto(f"{prefix}/backoffice/login")
    await page.fill("[name=email]", who.email)
    await page.fill("[name=password]", who.password)
    await press(page)
    await second_step(page, who)
    who.came_in_at, who.cookies = time.monotonic(), await page.context.cookies()


async def _is_still_in(page: Page, who: Colleague, prefix: str) -> bool:
    """Go on with the session of another test: a code is good once, and each costs half a minute when three are spent."""
    if time.monotonic() - who.came_in_at > FRESH_SECONDS:
        return False
    await page.context.add_cookies([cookie for cookie in who.cookies if cookie["name"] == COOKIE])  # type: ignore[misc]
    await page.goto(f"{prefix}/backoffice")
    return "/backoffice/login" not in page.url


async def second_step(page: Page, who: Colleague) -> None:
    """What comes after a right password."""
    shown = page.locator("code.secret")
    is_new = await shown.count() > 0
    if is_new:
        who.secret = base64.b32decode((await shown.inner_text()).replace(" ", ""))
    if not await page.locator("[name=code]").count():
        raise AssertionError(await page.locator("main").inner_text())
    await page.fill("[name=code]", await who.code())
    await press(page)
    if is_new:
        assert await page.locator(".codes li").count() == 10
        async with page.expect_navigation():
            await page.locator("main a.button--primary").click()


async def invitation_link(page: Page, email: str) -> str:
    """The path in the newest mail that came to the mail room for this address."""
    for _ in range(MAIL_SECONDS * 2):
        await page.goto("/dev/mail")
        mail = page.locator("tr, li, article", has_text=email).locator("a[href*='/dev/mail/']").first
        if await mail.count():
            await page.goto(await mail.get_attribute("href") or "")
            found = re.search(r"/(?:zh/)?backoffice/invitations/[\w.~-]+", await page.content())
            assert found is not None
            return found[0]
        await asyncio.sleep(0.5)
    raise AssertionError(f"no mail came for {email}")


def _now() -> int:
    return int(time.time() // totp.STEP_SECONDS)
