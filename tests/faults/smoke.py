"""`python -m tests.faults.smoke FOLDER`: the web process of another release, in that folder, sells on the schema of this one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from shop.db import Database
from tests.faults.crowd import Crowd
from tests.faults.fair import MEMBERS, Fair
from tests.faults.program import await_ready
from tests.faults.scratch import Scratch, scratch_shop


def main(other: Path) -> None:
    """Says "sold" when all members have bought something."""
    with scratch_shop() as shop:
        (web,) = shop.open((), starts=False)
        web.command = [sys.executable, str(other / "run.py"), "serve"]
        web.environ = {**shop.environ, "SHOP_PAYMENT_METHODS": "cash"}
        web.start()
        await_ready([web])
        asyncio.run(sell(shop))
    print("sold")


async def sell(shop: Scratch) -> None:
    """Everybody signs in, looks around and buys."""
    db = await Database.open(url=shop.postgres.web_url, max_size=2)
    fair = await Fair.plenty(db)
    crowd = Crowd(shop, fair, seed=1)
    for shopper in crowd.people:
        assert await shopper.sign_in()
        assert await crowd.buy(shopper)
        assert (await shopper.get("/account")).status == 200
    await crowd.leave()
    journal = crowd.journal
    assert (journal.wrong, journal.foreign) == ([], [])
    assert [status for answers in journal.answers.values() for status, _ in answers] == [303] * MEMBERS
    assert await fair.market.is_sound()
    await db.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
