"""A shopper with a browser of its own; what the shop answers goes into the journal."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
from yarl import URL

from tests.faults.journal import UNKNOWN, Answer
from tests.faults.program import Program
from tests.faults.scratch import Scratch
from tests.world import PASSWORD

HIDDEN: Final = re.compile(r'type="hidden" name="([a-z_]+)" value="([^"]*)"')
LINE: Final = re.compile(r'action="/cart/lines/(\d+)".*?name="quantity" value="(\d+)"', re.S)
BILL: Final = re.compile(r'action="/pay/([^"]+)"')
ORDER: Final = re.compile(r"/orders/([0-9A-Z-]{14})")
CANARY: Final = re.compile(r"canary\d{3}x")
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
PAGE_SECONDS: Final = 3.0
CHECKOUT_SECONDS: Final = 8.0
# Checkout, payment, upload, and where passwords are hashed.
LONGER: Final = re.compile(r"/checkout|/register|/pictures|/payment")
PATIENCE: Final = 45.0
BANK_PATIENCE: Final = aiohttp.ClientTimeout(total=5)
CLICKS: Final = 3
COOKIE_LETTERS: Final = 30  # shorter ones are no secrets

Said = dict[str, str]


class Shopper:
    """One person: an address of the internet, cookies, a basket; a member by `session`, started before, or by signing in as `name`."""

    def __init__(
        self,
        shop: Scratch,
        nr: int,
        chance: random.Random,
        *,
        name: str = "",
        session: str = "",
        connector: aiohttp.BaseConnector | None = None,
    ) -> None:
        self.shop, self.journal, self.nr, self.chance = shop, shop.journal, nr, chance
        self.name = name or f"guest{nr}"
        self.email = f"{self.name}@example.com"
        self.is_member = self.is_signed_in = bool(session)
        self._session, self._connector = session, connector
        self._open()

    def _open(self) -> None:
        network = f"10.{self.nr >> 8 & 255}.{self.nr & 255}.{self.chance.randint(1, 250)}"
        self.headers = {"Host": self.shop.host, "X-Forwarded-For": network}
        self.jar = aiohttp.CookieJar(unsafe=True)
        if self._session:
            self.jar.update_cookies({"session": self._session}, URL(self.shop.url))
        self._browser = aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=self._connector is None,
            cookie_jar=self.jar,
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
            headers=self.headers,
        )
        self._token = ""
        self.basket: dict[int, int] = {}

    async def arrive_anew(self) -> None:
        """Another browser, elsewhere."""
        await self.leave()
        self.is_signed_in = False
        self._open()

    async def leave(self) -> None:
        """Closes the browser."""
        await self._browser.close()

    async def get(self, path: str, web: Program | None = None) -> Answer:
        """A page, of any process or of this one; who is cut off asks once more, as a proxy does it."""
        answer = await self._once("GET", path, None, web)
        if answer.status == 0:
            answer = await self._once("GET", path, None, web)
        return self._noted(path, answer)

    async def send(self, path: str, said: Mapping[str, str], web: Program | None = None) -> Answer:
        """A form, once."""
        sent = {**said, **({"csrf_token": self._token} if self._token else {})}
        return self._noted(path, await self._once("POST", path, sent, web))

    async def send_file(self, path: str, data: bytes) -> Answer:
        """A file as a script sends it."""
        form = aiohttp.FormData()
        form.add_field("file", data, filename="a.png", content_type="application/octet-stream")
        return self._noted(path, await self._once("POST", path, form, None))

    async def sign_in(self) -> bool:
        """With the password that all members have; False when the shop could not."""
        await self.get("/login")
        answer = await self.send("/login", {"login": self.name, "password": PASSWORD})
        self.journal.secrets.update(answer.cookies)
        self.is_member = self.is_signed_in = answer.status == 303
        self._token = ""
        return self.is_signed_in

    async def register(self) -> str:
        """A new customer each time; whoever was answered has to get a mail."""
        name = f"new{uuid4().hex[:12]}"
        email = f"{name}@example.com"
        fields = {"username": name, "email": email, "password": PASSWORD, "consent": "y"}
        answer = await self.send("/register", fields)
        if answer.status in (0, 303):
            self.journal.registered[email] = answer.status
        return "registered" if answer.status == 303 else f"refused: {answer.status}"

    async def fill(self, wanted: list[tuple[int, int]], coupon: str = "") -> bool:
        """Puts goods into the basket, as far as they are there; False when an answer was lost or put off."""
        if self.is_member and not (await self.get("/cart")).is_good:
            return False
        answers = [await self.send("/cart/lines", {"sku": str(sku), "quantity": str(n)}) for sku, n in wanted]
        if coupon:
            answers.append(await self.send("/cart/coupon", {"code": coupon}))
        return all(answer.status not in UNKNOWN for answer in answers)

    async def desk(self, window: int, method: str) -> Said | None:
        """Everything one says at the checkout, after a look at the sums; None when the basket cannot be ordered."""
        said = {**ADDRESS, "window": str(window), "method": method, "email": self.email}
        begun = hidden((await self.get("/checkout")).text)
        if "checkout_id" not in begun:
            return None
        looked = await self.send("/checkout", {**said, **begun, "look": "1"})
        shown = hidden(looked.text)
        if "checkout_id" not in shown:
            return None
        # Only now: what came into the basket after the look makes another version of it, which the shop refuses.
        page = await self.get("/cart")
        self.basket = {int(sku): int(quantity) for sku, quantity in LINE.findall(page.text)}
        if not self.basket:
            return None
        self.journal.wanted[shown["checkout_id"]] = dict(self.basket)
        return {**said, **shown}

    async def click(self, said: Said, web: Program | None = None) -> tuple[int, str]:
        """Presses "Order": (status, address of the order or "")."""
        answer = await self.send("/checkout", said, web)
        found = ORDER.match(answer.location)
        self.journal.note(said["checkout_id"], answer.status, found[1] if found else "")
        return answer.status, answer.location if found else ""

    async def click_until_told(self, said: Said) -> str:
        """Presses again when no answer came; the address of the one order, "" when it was refused or never told."""
        for _ in range(CLICKS):
            status, order = await self.click(said)
            if status not in UNKNOWN:
                return order
            await asyncio.sleep(0.5)
        return ""

    async def vanish(self, said: Said, seconds: float) -> None:
        """Presses "Order" and is gone (no FIN, a reset) after so many seconds, whatever has arrived by then."""
        body = urlencode({**said, "csrf_token": self._token})
        cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in self.jar)
        lines = {**self.headers, "Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.journal.note(said["checkout_id"], 0, "")
        _, writer = await asyncio.open_connection(*self.shop.host.split(":"))
        writer.write(f"POST /checkout HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await asyncio.sleep(seconds)
        transport: Any = writer.transport
        transport.abort()

    async def cancel(self, order: str) -> bool:
        """Cancels the order at this address, and tells whether its page says so."""
        path, mark, key = order.partition("?")
        answer = await self.send(f"{path}/cancellation{mark}{key}", {})
        is_cancelled = answer.status == 303 and "The order was cancelled." in (await self.get(order)).text
        if is_cancelled:
            self.journal.cancelled.add(number_of(order))
        return is_cancelled

    async def go_to_the_bank(self, order: str) -> tuple[str, str] | None:
        """The reference of the bill there and the page to come back to; None when there is no way to pay."""
        path, mark, key = order.partition("?")
        answer = await self.send(f"{path}/payment{mark}{key}", {"method": "sandbox"})
        if answer.status != 303 or not answer.location.startswith(self.shop.bank_url):
            return None
        _, page = await self._at_the_bank("GET", URL(answer.location, encoded=True))
        found = BILL.search(page)
        return (found[1], f"{path}/payment/return{mark}{key}") if found else None

    async def choose(self, order: str, reference: str, action: str) -> None:
        """Presses one of the bank's buttons; what the bank took is in the journal."""
        status, _ = await self._at_the_bank("POST", URL(f"{self.shop.bank_url}/pay/{reference}"), action)
        if status == 303 and action != "decline":
            self.journal.paid.add(number_of(order))

    async def _at_the_bank(self, method: str, where: URL, action: str = "") -> tuple[int, str]:
        said = {"action": action} if action else None
        headers = {"Host": where.authority}
        try:
            async with self._browser.request(
                method, where, data=said, headers=headers, allow_redirects=False, timeout=BANK_PATIENCE
            ) as page:
                return page.status, await page.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, ""  # the bank has faults of its own

    def _noted(self, path: str, answer: Answer) -> Answer:
        path = path.partition("?")[0]
        self.journal.count(path, answer, CHECKOUT_SECONDS if LONGER.search(path) else PAGE_SECONDS)
        self._token = hidden(answer.text).get("csrf_token", self._token)
        if others := set(CANARY.findall(answer.text)) - {self.name}:
            self.journal.foreign.append(f"{path} shows {others} to {self.name}")
        if self.is_signed_in and answer.location.startswith("/login"):
            self.journal.wrong.append(f"{path}: {self.name} was signed out")
        return answer

    async def _once(self, method: str, path: str, said: Any, web: Program | None) -> Answer:
        began = time.monotonic()
        where = f"http://127.0.0.1:{web.port}{path}" if web else f"{self.shop.url}{path}"
        headers = {"Sec-Fetch-Site": "same-origin"}
        try:
            async with self._browser.request(
                method, where, data=said, headers=headers, allow_redirects=False
            ) as response:
                text = await response.text()
                cookies = (morsel.value for morsel in response.cookies.values())
                return Answer(
                    response.status,
                    text,
                    response.headers.get("Location", ""),
                    time.monotonic() - began,
                    "Retry-After" in response.headers,
                    tuple(cookie for cookie in cookies if len(cookie) > COOKIE_LETTERS),
                )
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(0, seconds=time.monotonic() - began)


def hidden(page: str) -> Said:
    """What a page's forms carry along."""
    return dict(HIDDEN.findall(page))


def number_of(order: str) -> str:
    """The number in an order's address."""
    return order.partition("?")[0].rpartition("/")[2]
