"""People who shop while things break: they browse, order, pay, change their minds and sign up, and rest between two faults."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from tests.faults.fair import MEMBERS, Fair, member
from tests.faults.scratch import Scratch
from tests.faults.shopper import PATIENCE, Shopper

PAGES: Final = ("/", "/products/apple", "/search?q=apple", "/cart", "/account")
BUYERS: Final = 0.25
ONLINE: Final = 0.6
# What one does at the bank, and how often.
CHOICES: Final = {"pay": 7, "twice": 1, "repeat": 1, "decline": 1}
LATE: Final = 0.1  # so many cancel with the bank's page still open, and pay there
REGISTRAR: Final = 900
REGISTER_SECONDS: Final = 2.0
SIGN_INS: Final = 20


class Crowd:
    """Everybody at once; `crashes` is how many extra mails all faults so far may have cost."""

    def __init__(self, shop: Scratch, fair: Fair, seed: int) -> None:
        self.shop, self.fair, self.journal = shop, fair, shop.journal
        self.crashes = 0
        chance = random.Random(seed)
        self.people = [self.shopper(n, chance, name=member(n).username) for n in range(MEMBERS)]
        self.registrar = self.shopper(REGISTRAR, chance)
        self._shopping = asyncio.Event()
        self._busy = 0
        self._tasks: list[asyncio.Task[None]] = []

    def shopper(self, nr: int, chance: random.Random, *, name: str = "") -> Shopper:
        """Somebody more."""
        return Shopper(self.shop, nr, random.Random(chance.random()), name=name)

    async def arrive(self) -> None:
        """Everybody signs in, and waits until the shop is open."""
        for shopper in self.people:
            for _ in range(SIGN_INS):  # a shop that has only just begun may ask for patience
                if await shopper.sign_in():
                    break
                await asyncio.sleep(0.5)
            assert shopper.is_signed_in, "a member could not sign in"
        self._tasks = [asyncio.create_task(self._shop(shopper)) for shopper in self.people]
        self._tasks.append(asyncio.create_task(self._register()))

    async def leave(self) -> None:
        """Everybody goes home."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for shopper in [*self.people, self.registrar]:
            await shopper.leave()

    def go(self) -> None:
        """The shop is open."""
        self._shopping.set()

    async def rest(self) -> None:
        """Let everybody finish what they are at."""
        self._shopping.clear()
        end = time.monotonic() + 3 * PATIENCE
        while self._busy and time.monotonic() < end:
            await asyncio.sleep(0.05)

    async def buy(self, shopper: Shopper) -> str:
        """To the end, paying at the bank or at the door; the address of the order, "" when none came of it."""
        is_online = self.shop.bank_url and (shopper.chance.random() < ONLINE or not shopper.is_member)
        order = await self.order(shopper, "sandbox" if is_online else "cash")
        if order and is_online:
            await self.pay(shopper, order)
        return order

    async def order(self, shopper: Shopper, method: str) -> str:
        """Two kinds of goods in either order; the address of the order, "" when none came of it."""
        wanted = [(sku, 1) for sku in shopper.chance.sample(self.fair.skus, 2)]
        if not await shopper.fill(wanted):
            return ""
        said = await shopper.desk(shopper.chance.choice(self.fair.windows), method)
        order = await shopper.click_until_told(said) if said else ""
        if order:
            await shopper.get(order)
        return order

    async def pay(self, shopper: Shopper, order: str, action: str = "") -> None:
        """At the bank and back; what a buyer does there is left to chance unless `action` says it."""
        found = await shopper.go_to_the_bank(order)
        if found is None:
            return
        reference, way_back = found
        chosen = action or shopper.chance.choices(list(CHOICES), list(CHOICES.values()))[0]
        if not action and shopper.chance.random() < LATE:
            await shopper.cancel(order)
        await shopper.choose(order, reference, chosen)
        if chosen != "lose":
            await shopper.get(way_back)

    async def _shop(self, shopper: Shopper) -> None:
        while True:
            await self._shopping.wait()
            self._busy += 1
            if shopper.chance.random() < BUYERS:
                await self.buy(shopper)
            else:
                await shopper.get(shopper.chance.choice(PAGES))
            self._busy -= 1
            await asyncio.sleep(shopper.chance.uniform(0.05, 0.3))

    async def _register(self) -> None:
        while True:
            await self._shopping.wait()
            self._busy += 1
            await self.registrar.arrive_anew()
            await self.registrar.register()
            self._busy -= 1
            await asyncio.sleep(REGISTER_SECONDS)
