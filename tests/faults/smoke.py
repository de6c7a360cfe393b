"""`python -m tests.faults.smoke FOLDER`: the web process of another release, in that folder, sells on the schema of this one."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path

from tests.faults.place import opened
from tests.faults.shoppers import Journal, Shopper

PEOPLE = 4


async def main(other: Path) -> None:
    async with opened(web=1) as place:
        (web,) = place.of("web")
        web.command = [sys.executable, str(other / "run.py"), "serve"]
        web.signal(signal.SIGKILL)
        while not web.deaths:
            await asyncio.sleep(0.02)
        await place.ready()
        journal = Journal()
        for number in range(PEOPLE):
            shopper = Shopper(place, journal, number, random.Random(number), member=True)
            await shopper.arrive()
            assert await shopper.sign_in()
            assert await shopper.buy()
            assert await shopper.browse()
            await shopper.leave()
        assert journal.wrong == []
        assert list(journal.checkouts.values()) == [303] * PEOPLE
        assert await place.market.is_sound()
    print("sold")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).absolute()))
