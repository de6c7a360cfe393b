"""What shoppers do at the same time; each scene tells in a word or two how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.faults.fair import Fair
from tests.faults.journal import UNKNOWN
from tests.faults.program import Program
from tests.faults.shopper import Said, Shopper

PATIENCE: Final = 30.0


class Gate:
    """Opens when all who are expected have come or given up, or when they have waited long enough."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._opened = asyncio.Event()

    async def wait(self) -> None:
        """Until all are here."""
        self.one_less()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._opened.wait()

    def one_less(self) -> None:
        """Nobody waits for this one."""
        self._missing -= 1
        if self._missing <= 0:
            self._opened.set()


@dataclass(slots=True)
class Place:
    """Where a scene plays: the fair, its dice, the gate its crowd gathers at, and for one scene the process that will die."""

    fair: Fair
    dice: random.Random
    gate: Gate
    mortal: Program | None = None


Scene = Callable[[Shopper, Place], Awaitable[str]]


def _said(status: int) -> str:
    return "ordered" if status == 303 else "no answer" if status in UNKNOWN else "refused"


async def _at_the_desk(
    shopper: Shopper,
    place: Place,
    wanted: list[tuple[int, int]],
    window: int,
    coupon: str = "",
    method: str = "cash",
) -> Said | None:
    await shopper.fill(wanted, coupon)
    said = await shopper.desk(window, method)
    if said is None:
        place.gate.one_less()
    return said


def _some(place: Place, kinds: int = 1) -> list[tuple[int, int]]:
    return [(sku, place.dice.randint(1, 2)) for sku in sorted(place.dice.sample(place.fair.skus, kinds))]


def _window(place: Place) -> int:
    return place.dice.choice(place.fair.windows)


async def mixed_baskets(shopper: Shopper, place: Place) -> str:
    """Three kinds of goods, put in from either end."""
    wanted = _some(place, 3)
    said = await _at_the_desk(shopper, place, wanted[:: -1 if shopper.nr % 2 else 1], _window(place))
    if said is None:
        return "never got to the desk"
    await place.gate.wait()
    return _said((await shopper.click(said))[0])


async def double_click(shopper: Shopper, place: Place) -> str:
    """Twice at the same time, on two processes, and once more afterwards."""
    said = await _at_the_desk(shopper, place, _some(place), _window(place))
    if said is None:
        return "never got to the desk"
    await place.gate.wait()
    both = await asyncio.gather(*(shopper.click(said, web) for web in shopper.shop.of("web")[:2]))
    answers = {*both, await shopper.click(said)}
    return _said(both[0][0]) if len(answers) == 1 else "two answers"


async def vanishing(shopper: Shopper, place: Place) -> str:
    """Gone in the middle of ordering; every second one comes back and clicks again."""
    said = await _at_the_desk(shopper, place, _some(place), _window(place))
    if said is None:
        return "never got to the desk"
    await shopper.vanish(said, place.dice.uniform(0, 0.05))
    if shopper.nr % 2:
        return "never came back"
    await asyncio.sleep(place.dice.uniform(0, 0.2))
    return f"{_said((await shopper.click(said))[0])} on coming back"


async def cancelling(shopper: Shopper, place: Place) -> str:
    """Orders, and cancels twice at once."""
    said = await _at_the_desk(shopper, place, _some(place, 2), _window(place))
    if said is None:
        return "never got to the desk"
    status, order = await shopper.click(said)
    if not order:
        return _said(status)
    cancelled = await asyncio.gather(shopper.cancel(order), shopper.cancel(order))
    return "cancelled" if all(cancelled) else "not cancelled"


async def couponed(shopper: Shopper, place: Place) -> str:
    """The coupon that is good for a few; whoever is refused orders without it."""
    said = await _at_the_desk(shopper, place, _some(place), _window(place), place.fair.coupon)
    if said is None:
        return "never got to the desk"
    await place.gate.wait()
    status, _ = await shopper.click(said)
    return "with the coupon" if status == 303 else _said(status)


async def last_window(shopper: Shopper, place: Place) -> str:
    """The delivery time that has room for a few."""
    said = await _at_the_desk(shopper, place, _some(place), place.fair.last_window)
    if said is None:
        return "never got to the desk"
    await place.gate.wait()
    return _said((await shopper.click(said))[0])


async def flash_sale(shopper: Shopper, place: Place) -> str:
    """What everybody wants and few can have."""
    said = await _at_the_desk(shopper, place, [(place.fair.hot, 1)], _window(place))
    if said is None:
        return "never got to the desk"
    await place.gate.wait()
    return _said((await shopper.click(said))[0])


async def killed(shopper: Shopper, place: Place) -> str:
    """The process dies while it places the order; the second click goes elsewhere."""
    said, end = None, time.monotonic() + PATIENCE
    while said is None and time.monotonic() < end:  # a crowded shop turns people away, and this one comes back
        said = await _at_the_desk(shopper, place, _some(place), _window(place))
    assert place.mortal is not None
    if said is None:
        return "never got to the desk"
    status, _ = await shopper.click(said, place.mortal)
    if status:
        return f"not killed: {status}"
    while (status := (await shopper.click(said))[0]) in UNKNOWN and time.monotonic() < end + PATIENCE:
        await asyncio.sleep(0.2)
    return f"{_said(status)} after the kill"


async def registering(shopper: Shopper, place: Place) -> str:
    """A new account."""
    return await shopper.register()


async def told_fifty_times(shopper: Shopper, place: Place) -> str:
    """The bank sends the same notice fifty times at once."""
    return await _paying(shopper, place, "repeat")


async def paid_twice(shopper: Shopper, place: Place) -> str:
    """The bank takes the money twice; once too often, so it comes back."""
    return await _paying(shopper, place, "twice")


async def declined(shopper: Shopper, place: Place) -> str:
    """The bank says no."""
    return await _paying(shopper, place, "decline")


async def unheard(shopper: Shopper, place: Place) -> str:
    """The bank has the money, its notice gets lost, and the buyer never comes back to say so."""
    bill = await _bill(shopper, place)
    if isinstance(bill, str):
        return bill
    await shopper.choose(bill.order, bill.reference, "lose")
    return "paid, and nobody told the shop"


async def too_late(shopper: Shopper, place: Place) -> str:
    """Cancels with the bank's page still open, and pays there."""
    bill = await _bill(shopper, place)
    if isinstance(bill, str):
        return bill
    is_cancelled = await shopper.cancel(bill.order)
    await shopper.choose(bill.order, bill.reference, "pay")
    return "cancelled, then paid" if is_cancelled else "not cancelled, paid"


async def _paying(shopper: Shopper, place: Place, action: str) -> str:
    bill = await _bill(shopper, place)
    if isinstance(bill, str):
        return bill
    await shopper.choose(bill.order, bill.reference, action)
    await shopper.get(bill.way_back)
    return "came back from the bank"


@dataclass(frozen=True, slots=True)
class Bill:
    """What somebody has to pay at the bank, for which order, and where to go then."""

    order: str
    reference: str
    way_back: str


async def _bill(shopper: Shopper, place: Place) -> Bill | str:
    said = await _at_the_desk(shopper, place, _some(place), _window(place), method="sandbox")
    if said is None:
        return "never got to the desk"
    status, order = await shopper.click(said)
    if not order:
        return _said(status)
    found = await shopper.go_to_the_bank(order)
    return Bill(order, *found) if found else "no way to pay"


# Guests may do these, too.
ONLINE: Final[frozenset[Scene]] = frozenset({told_fifty_times, paid_twice, unheard, declined, too_late})
