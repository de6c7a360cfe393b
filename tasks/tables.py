"""Looking at the tables that staff bring, and taking them over."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from shop import outbox
from shop.backoffice.tables import service
from shop.backoffice.tables.models import Rules, TableImport
from shop.catalog.taxes.queries import classes_for_goods
from shop.outbox import Lease
from shop.tables import NotATable
from tasks.runtime import Workshop, promised

LINES_AT_ONCE: Final = 50
SECONDS_AT_A_TIME: Final = 20.0


@promised(service.TASK)
async def work_on_import(shop: Workshop, held: Lease, *, import_id: int) -> None:
    """Go on where the table stands for some seconds, and promise the rest: other work need not wait for a long one."""
    async with shop.db.read() as conn:
        classes = tuple(await classes_for_goods(conn))
        rules = Rules(shop.settings.currency, shop.settings.languages, classes)
        table = await TableImport.objects.using(conn).get(id=import_id)
    try:
        lines = await asyncio.to_thread(service.lines_of, table.kind, table.data)
    except NotATable as problem:
        async with shop.db.transaction() as conn:
            await service.give_up(conn, import_id, problem)
        return
    until = time.monotonic() + SECONDS_AT_A_TIME
    while time.monotonic() < until:
        async with shop.db.transaction() as conn:
            if not await service.work_on(conn, import_id, lines, LINES_AT_ONCE, rules):
                return
    async with shop.db.transaction() as conn:
        await outbox.promise(conn, service.TASK, import_id=import_id)
