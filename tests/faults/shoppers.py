"""People who shop while things break: what they were answered, how fast, and a journal of what they were promised."""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import aiohttp

from tests.faults.place import PEOPLE, Place, person
from tests.world import CSRF, PASSWORD

HIDDEN: Final = re.compile(r'type="hidden" name="([a-z_]+)" value="([^"]*)"')
CANARY: Final = re.compile(r"canary\d{3}x")
ADDRESS: Final = {
    "address_id": "new", "receiver": "Lin", "phone": "13800138000", "country": "CN", "province": "Beijing", "city": "",
    "district": "Haidian", "street": "1 Zhongguancun", "postcode": "100084", "method": "cash", "note": "", "order": "1",
}  # fmt: skip
PAGE_SECONDS: Final = 3.0
CHECKOUT_SECONDS: Final = 8.0
PATIENCE: Final = 45.0


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the line was cut."""

    status: int
    text: str = ""
    location: str = ""
    seconds: float = 0.0
    cookies: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.status in (200, 303)


@dataclass
class Journal:
    """What the shop has told its people, and when it was not well."""

    ok: int = 0
    degraded: int = 0
    cut: int = 0
    last_trouble: float = 0.0
    slowest: float = 0.0
    slack: float = 0.0
    wrong: list[str] = field(default_factory=list)
    checkouts: dict[str, int] = field(default_factory=dict)
    registrations: dict[str, int] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def note(self, what: str, answer: Answer, limit: float, has_retry: bool) -> None:
        self.slowest = max(self.slowest, answer.seconds)
        if answer.status == 0:
            self.cut += 1
        elif answer.status in (429, 503):
            self.degraded += 1
            if not has_retry:
                self.wrong.append(f"{what}: {answer.status} without Retry-After")
        elif answer.status >= 500:
            self.wrong.append(f"{what}: {answer.status}")
        else:
            self.ok += 1
        if answer.status in (0, 429, 503) or answer.status >= 500:
            self.last_trouble = time.monotonic()
        if answer.seconds > max(limit + 1, self.slack):
            self.wrong.append(f"{what}: {answer.seconds:.1f} s")

    def fresh(self, slack: float = 0.0) -> None:
        """Begin a new cell, in which answers may take `slack` seconds; promises are kept for ever."""
        self.slack = slack
        self.ok = self.degraded = self.cut = 0
        self.slowest = 0.0
        self.wrong.clear()


class Shopper:
    """One browser and the person in front of it."""

    def __init__(self, place: Place, journal: Journal, number: int, chance: random.Random, *, member: bool) -> None:
        self.place, self.journal, self.chance = place, journal, chance
        self.name = person(number).username if member else ""
        self.number = number
        self.is_signed_in = False
        self._session: aiohttp.ClientSession | None = None

    async def arrive(self) -> None:
        """A browser of their own, behind an address of their own."""
        await self.leave()
        self._session = aiohttp.ClientSession(
            self.place.url,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
            headers={"X-Forwarded-For": f"10.{self.number // 250}.{self.number % 250}.{self.chance.randint(1, 250)}"},
        )

    async def leave(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def ask(self, path: str, data: dict[str, str] | None = None, limit: float = PAGE_SECONDS) -> Answer:
        """One request; a GET that was cut is asked once more, as a proxy does it."""
        answer, has_retry = await self._once(path, data)
        if answer.status == 0 and data is None:
            answer, has_retry = await self._once(path, data)
        if path.startswith("/checkout"):
            limit = CHECKOUT_SECONDS
        self.journal.note(path.partition("?")[0], answer, limit, has_retry)
        if self.name and (others := set(CANARY.findall(answer.text)) - {self.name}):
            self.journal.wrong.append(f"I10 {path} shows {others} to {self.name}")
        if self.is_signed_in and answer.location.startswith("/login"):
            self.journal.wrong.append(f"{path}: {self.name} was signed out")
        return answer

    async def _once(self, path: str, data: dict[str, str] | None) -> tuple[Answer, bool]:
        assert self._session is not None
        began = time.monotonic()
        try:
            method = "GET" if data is None else "POST"
            async with self._session.request(method, path, data=data, allow_redirects=False) as response:
                text = await response.text()
                cookies = tuple(morsel.value for morsel in response.cookies.values() if len(morsel.value) > 30)
                seconds = time.monotonic() - began
                answer = Answer(response.status, text, response.headers.get("Location", ""), seconds, cookies)
                return answer, "Retry-After" in response.headers
        except (aiohttp.ClientError, OSError, TimeoutError):
            return Answer(0, seconds=time.monotonic() - began), False

    async def form(self, path: str, fields: dict[str, str], on: str, limit: float = PAGE_SECONDS) -> Answer:
        """Open the page the form stands on and send it."""
        page = await self.ask(on)
        if not page.is_good:
            return page
        token = CSRF.search(page.text)
        return await self.ask(path, {**fields, **({"csrf_token": token[1]} if token else {})}, limit)

    async def sign_in(self) -> bool:
        answer = await self.form("/login", {"login": self.name, "password": PASSWORD}, "/login")
        self.journal.secrets.update(cookie for cookie in answer.cookies)
        self.is_signed_in = answer.status == 303
        return self.is_signed_in

    async def browse(self) -> bool:
        pages = ["/", "/products/apple", "/search?q=apple", "/cart", "/account"]
        if not self.name:
            pages.pop()
        return (await self.ask(self.chance.choice(pages))).is_good

    async def buy(self) -> bool:
        """Two kinds of goods in either order, to the end; whether an order came of it."""
        for sku in self.chance.sample(self.place.skus, 2):
            if not (await self.form("/cart/lines", {"sku": str(sku), "quantity": "1"}, "/cart")).is_good:
                return False
        page = await self.ask("/checkout")
        if page.status != 200:
            return False
        said = {**dict(HIDDEN.findall(page.text)), **ADDRESS, "window": str(self.place.market.window_id)}
        if not self.name:
            said["email"] = f"guest{self.chance.randrange(10**12)}@example.com"
            said["method"] = "cash"
        looked = await self.ask("/checkout", {**said, "look": "1"})
        said |= dict(HIDDEN.findall(looked.text)) if looked.is_good else {}
        return await self._order(said)

    async def _order(self, said: dict[str, str]) -> bool:
        """Press the button; who got no answer presses again, and gets the same order."""
        checkout_id = said.get("checkout_id", "")
        for _ in range(3):
            answer = await self.ask("/checkout", said)
            self.journal.checkouts[checkout_id] = max(
                answer.status, self.journal.checkouts.get(checkout_id, 0) * (answer.status == 0)
            )
            if answer.status == 303 and "/orders/" in answer.location:
                self.journal.checkouts[checkout_id] = 303
                return (await self.ask(answer.location)).is_good
            if answer.status not in (0, 503):
                self.journal.checkouts.pop(checkout_id)
                return False
            await asyncio.sleep(0.5)
        return False

    async def register(self) -> bool:
        """A new customer; somebody who was answered gets a mail."""
        name = f"new{uuid4().hex[:12]}"
        fields = {"username": name, "email": f"{name}@example.com", "password": PASSWORD, "consent": "y"}
        answer = await self.form("/register", fields, "/register", CHECKOUT_SECONDS)
        if answer.status in (0, 303):
            self.journal.registrations[f"{name}@example.com"] = answer.status
        return answer.status == 303


class Crowd:
    """Everybody at once, resting between two faults."""

    def __init__(self, place: Place, seed: int, members: int = PEOPLE, guests: int = 0) -> None:
        self.journal = Journal()
        self.place = place
        chance = random.Random(seed)
        self.people = [
            Shopper(place, self.journal, n, random.Random(chance.random()), member=True) for n in range(members)
        ]
        self.registrar = Shopper(place, self.journal, 900, random.Random(chance.random()), member=False)
        self._shopping = asyncio.Event()
        self.crashes = 0
        self._busy = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def arrive(self) -> None:
        for shopper in self.people:
            await shopper.arrive()
            assert await shopper.sign_in(), "a member could not sign in"
        await self.registrar.arrive()
        self._tasks = [asyncio.create_task(self._shop(shopper)) for shopper in self.people]
        self._tasks.append(asyncio.create_task(self._register()))

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for shopper in [*self.people, self.registrar]:
            await shopper.leave()

    def go(self) -> None:
        self._shopping.set()

    async def rest(self) -> None:
        """Let everybody finish what they are at."""
        self._shopping.clear()
        end = time.monotonic() + 3 * PATIENCE
        while self._busy and time.monotonic() < end:
            await asyncio.sleep(0.05)

    async def _shop(self, shopper: Shopper) -> None:
        while True:
            await self._shopping.wait()
            self._busy += 1
            with suppress(AssertionError):
                await (shopper.buy() if shopper.chance.random() < 0.25 else shopper.browse())
            self._busy -= 1
            await asyncio.sleep(shopper.chance.uniform(0.05, 0.3))

    async def _register(self) -> None:
        while True:
            await self._shopping.wait()
            self._busy += 1
            await self.registrar.arrive()
            await self.registrar.register()
            self._busy -= 1
            await asyncio.sleep(2)
