"""A shopper with a browser of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from tests.faults.scratch import Process, Scratch

HIDDEN: Final = re.compile(r'type="hidden" name="([a-z_]+)" value="([^"]*)"')
LINE: Final = re.compile(r'action="/cart/lines/(\d+)".*?name="quantity" value="(\d+)"', re.S)
BILL: Final = re.compile(r'action="/pay/([^"]+)"')
ORDER: Final = re.compile(r"/orders/([0-9A-Z-]{14})")
ADDRESS: Final[Mapping[str, str]] = {
    "address_id": "new",
    "receiver": "Lin",
    "phone": "13800138000",
    "country": "CN",
    "province": "Beijing",
    "city": "",
    "district": "Haidian",
    "street": "1 Zhongguancun",
    "postcode": "100084",
    "note": "",
    "order": "1",
}
SECONDS: Final = aiohttp.ClientTimeout(total=45)

Said = dict[str, str]


class Shopper:
    """One person: an address of the internet, cookies, a basket, and an account if `session` says so."""

    def __init__(
        self,
        name: str,
        nr: int,
        webs: list[Process],
        shop: Scratch,
        connector: aiohttp.BaseConnector,
        session: str,
    ) -> None:
        self.name, self.nr, self.webs, self.journal, self.bank = name, nr, webs, shop.journal, shop.bank
        self.email = f"{name}@example.com"
        self.is_member = bool(session)
        self.headers = {"Host": shop.host, "X-Forwarded-For": f"10.{nr >> 16 & 255}.{nr >> 8 & 255}.{nr & 255}"}
        self._web = nr % len(webs)
        self._jar = aiohttp.CookieJar(unsafe=True)
        if session:
            self._jar.update_cookies({"session": session}, URL("http://127.0.0.1/"))
        self._browser = aiohttp.ClientSession(
            connector=connector, connector_owner=False, cookie_jar=self._jar, timeout=SECONDS, headers=self.headers
        )
        self._token = ""
        self.basket: dict[int, int] = {}

    async def leave(self) -> None:
        """Closes the browser."""
        await self._browser.close()

    async def get(self, path: str, web: Process | None = None) -> str:
        """The page there, "" when none came."""
        try:
            async with self._browser.get(self._url(path, web), allow_redirects=False) as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""

    async def send(self, path: str, said: Mapping[str, str], web: Process | None = None) -> tuple[int, str, str]:
        """(status, Location, page); status 0 when no answer came."""
        same = {"Sec-Fetch-Site": "same-origin"}
        sent = {**said, **({"csrf_token": self._token} if self._token else {})}
        try:
            async with self._browser.post(
                self._url(path, web), data=sent, allow_redirects=False, headers=same
            ) as answer:
                return answer.status, answer.headers.get("Location", ""), await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, "", ""

    async def fill(self, wanted: list[tuple[int, int]], coupon: str = "") -> None:
        """Puts goods into the basket, as far as they are there, and sees what it holds then."""
        if self.is_member:
            self._remember(await self.get("/cart"))
        for sku, quantity in wanted:
            await self.send("/cart/lines", {"sku": str(sku), "quantity": str(quantity)})
        if coupon:
            await self.send("/cart/coupon", {"code": coupon})
        page = await self.get("/cart")
        self._remember(page)
        self.basket = {int(sku): int(quantity) for sku, quantity in LINE.findall(page)}

    async def desk(self, window: int, method: str) -> Said | None:
        """Everything one says at the checkout, after a look at the sums; None when the basket cannot be ordered."""
        said = {**ADDRESS, "window": str(window), "method": method, "email": self.email}
        begun = self._remember(await self.get("/checkout"))
        if "checkout_id" not in begun:
            return None
        looked = await self.send("/checkout", {**said, **begun, "look": "1"})
        shown = self._remember(looked[2])
        if "checkout_id" not in shown:
            return None
        self.journal.wanted[shown["checkout_id"]] = dict(self.basket)
        return {**said, **shown}

    async def click(self, said: Said, web: Process | None = None) -> tuple[int, str]:
        """Presses "Order": (status, address of the order or "")."""
        status, location, _ = await self.send("/checkout", said, web)
        found = ORDER.match(location)
        self.journal.note(said["checkout_id"], status, found[1] if found else "")
        return status, location if found else ""

    async def vanish(self, said: Said, seconds: float) -> None:
        """Presses "Order" and is gone (no FIN, a reset) after so many seconds, whatever has arrived by then."""
        web = self.webs[self._web]
        body = urlencode({**said, "csrf_token": self._token})
        cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in self._jar)
        lines = {**self.headers, "Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.journal.note(said["checkout_id"], 0, "")
        _, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(f"POST /checkout HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await asyncio.sleep(seconds)
        transport: Any = writer.transport
        transport.abort()

    async def cancel(self, order: str) -> bool:
        """Cancels the order at this address, and tells whether its page says so."""
        path, mark, key = order.partition("?")
        status, _, _ = await self.send(f"{path}/cancellation{mark}{key}", {})
        is_cancelled = status == 303 and "The order was cancelled." in await self.get(order)
        if is_cancelled:
            self.journal.cancelled.add(path.rpartition("/")[2])
        return is_cancelled

    async def go_to_the_bank(self, order: str) -> tuple[str, str] | None:
        """The reference of the bill there and the page to come back to; None when there is no way to pay."""
        path, mark, key = order.partition("?")
        status, there, _ = await self.send(f"{path}/payment{mark}{key}", {"method": "sandbox"})
        if status != 303 or not there.startswith(self.bank):
            return None
        async with self._browser.get(URL(there, encoded=True), headers={"Host": URL(there).authority}) as page:
            found = BILL.search(await page.text())
        return (found[1], f"{path}/payment/return{mark}{key}") if found else None

    async def choose(self, reference: str, action: str) -> None:
        """Presses one of the bank's buttons."""
        where = URL(f"{self.bank}/pay/{reference}")
        async with self._browser.post(
            where, data={"action": action}, headers={"Host": where.authority}, allow_redirects=False
        ) as answer:
            assert answer.status == 303, answer.status

    def _remember(self, page: str) -> Said:
        hidden = dict(HIDDEN.findall(page))
        self._token = hidden.pop("csrf_token", self._token)
        return hidden

    def _url(self, path: str, web: Process | None) -> str:
        return f"http://127.0.0.1:{(web or self.webs[self._web]).port}{path}"
