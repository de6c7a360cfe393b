"""What the back office has stated about the shop, at hand in every process: no page asks the database for it.

The notification of a change (migration 0230) makes a process read it again; so does a minute, should one be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import web

from shop.cache.changes import EVERYTHING
from shop.db import DbError
from shop.facts import ShopFact, facts
from shop.keys import DB, SETTINGS
from shop.profile import KEYS, Profile
from shop.web.pages import PAGES
from shop.web.respond import ERRORS
from shop.web.templating import introduce

BACKSTOP_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 0.5
FIRST_SECONDS: Final = 2.0
TAG: Final = "fact:"

log = structlog.get_logger("shop")


class Stated:
    """The shop's profile, and facts under other names, as this process knows them."""

    def __init__(self, app: web.Application, *others: str) -> None:
        self._app = app
        self._keys = (*KEYS, *others)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.profile = Profile.of({}, app[SETTINGS])
        self.facts: Mapping[str, ShopFact] = {}

    async def start(self) -> None:
        """Reads it, and keeps reading; a database that is away does not keep the shop from starting."""
        with contextlib.suppress(DbError, TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                await self.refresh()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Follows no longer."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def heard(self, tag: str) -> None:
        """Something changed in the database; what is not about the shop is passed over."""
        if tag.startswith(TAG) or tag == EVERYTHING:
            self._changed.set()

    async def refresh(self) -> None:
        """Reads the facts; a shop that introduces itself otherwise forgets every page it had kept."""
        async with self._app[DB].read() as conn:
            self.facts = await facts(conn, self._keys)
        profile = Profile.of(self.facts, self._app[SETTINGS])
        if profile != self.profile:
            self.profile = profile
            introduce(self._app, profile)
            # From here on no page is rendered with the old words, and those of others are not found any more.
            pages = self._app[PAGES]
            pages.shared.profile = profile.digest
            pages.forget(EVERYTHING)
            self._app[ERRORS].clear()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACKSTOP_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.refresh()
            except DbError as problem:
                log.warning("facts of the shop not read", error=str(problem))
                self._changed.set()
                await asyncio.sleep(AGAIN_SECONDS)


STATED = web.AppKey("STATED", Stated)
