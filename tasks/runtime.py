"""One event loop and one pool a worker process, and what every promised task goes through: lease, work, close."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog

from shop import breakers, outbox
from shop.db import Connection, Database, DbError
from shop.mail import Mailer
from shop.mailroom.service import keep_sent
from shop.metrics import TASK_SECONDS, TASKS
from shop.outbox import LEASE_SECONDS, Hopeless, Lease, NotNow, ServiceAway
from shop.payments.providers.registry import Providers
from shop.profile import Profile, profile_of
from shop.settings import Settings
from shop.tokens import Tokens
from shop.urls import Urls
from tasks.app import TASK_SECONDS as TASK_LIMIT
from tasks.app import app

CLOSE_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 4.0)

T = TypeVar("T")
Work = Callable[..., Awaitable[None]]

log = structlog.get_logger("tasks")


@dataclass(frozen=True)
class Workshop:
    """What tasks work with; opened once a process."""

    settings: Settings
    db: Database
    urls: Urls
    tokens: Tokens
    mailer: Mailer
    providers: Providers = field(default_factory=lambda: Providers({}))

    @classmethod
    async def open(cls, settings: Settings) -> Workshop:
        """Open it; an absent server is no error."""
        db = await Database.open(url=settings.database_url, min_size=0, max_size=4)

        async def profile() -> Profile:
            async with db.read() as conn:
                return await profile_of(conn, settings)

        return cls(
            settings,
            db,
            Urls(settings.url, settings.languages),
            Tokens(settings.secret_keys),
            Mailer.of(settings, profile),
            await asyncio.to_thread(Providers.of, settings),  # it reads key files
        )

    def spoken(self, lang: str) -> str:
        """Return the language, or the shop's first when it speaks that no longer."""
        return lang if lang in self.urls.languages else self.urls.languages[0]


def promised(name: str) -> Callable[[Work], Work]:
    """Register `async def work(shop, lease, **args)` as the task that keeps promises of this name."""

    def register(work: Work) -> Work:
        @app.task(name=name)  # type: ignore[untyped-decorator]
        def keep(row_id: int) -> None:
            process = _process()
            process.run(fulfil(process.shop, row_id, work))

        return work

    return register


async def fulfil(shop: Workshop, row_id: int, work: Work, lease_seconds: float = LEASE_SECONDS) -> None:
    """Keep one promise, if nobody else is at it; close the row only after the effect."""
    async with shop.db.read() as conn:
        held = await outbox.lease(conn, row_id, lease_seconds)
    if held is None:
        return
    began = time.perf_counter()
    with structlog.contextvars.bound_contextvars(task=held.task, promise=held.id, attempt=held.attempts):
        try:
            async with _renewed(shop.db, held, lease_seconds), asyncio.timeout(TASK_LIMIT):
                await work(shop, held, **held.args)
        except Exception as problem:
            TASKS.labels(held.task, "failed").inc()
            await _account_for(shop.db, held, problem)
        else:
            TASKS.labels(held.task, "kept").inc()
            await _close(shop.db, held)
            log.info("promise kept")
        TASK_SECONDS.labels(held.task).observe(time.perf_counter() - began)


@asynccontextmanager
async def _renewed(db: Database, held: Lease, seconds: float) -> AsyncIterator[None]:
    """Renew the lease while the block runs; a lease that went into other hands cancels the block."""
    worker = asyncio.current_task()
    assert worker is not None
    lost = False

    async def renew() -> None:
        nonlocal lost
        while not lost:
            await asyncio.sleep(seconds / 3)
            try:
                async with db.read() as conn:
                    lost = not await outbox.renew(conn, held, seconds)
            except DbError as problem:
                log.warning("lease not renewed", error=str(problem))
        worker.cancel()

    renewal = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost and not worker.uncancel():
            raise LeaseLost("another worker has the row") from None
        raise
    finally:
        renewal.cancel()


class LeaseLost(Exception):
    """The lease ran out while we worked, and somebody else is at it."""


async def _account_for(db: Database, held: Lease, problem: Exception) -> None:
    """Say in the row what came of it; if the database is away too, the lease runs out and the row comes back."""
    reason = f"{type(problem).__name__}: {problem}"[:1000]
    async with db.transaction() as conn:
        match problem:
            case LeaseLost():
                log.warning("lease lost")
            case ServiceAway():
                if await breakers.trip(conn, held):
                    log.error("service away", service=breakers.service_of(held.task), error=reason)
                await outbox.put_back(conn, held, reason)
            case Hopeless():
                await outbox.bury(conn, held, reason)
                await _answered(conn, held)
                log.error("dead letter", error=reason)
            case NotNow():
                await _put_off(conn, held, reason)
                await _answered(conn, held)
            case _:
                await _put_off(conn, held, reason)


async def _put_off(conn: Connection, held: Lease, reason: str) -> None:
    if await outbox.fail(conn, held, reason):
        log.error("dead letter", error=reason)
    else:
        log.warning("promise put off", error=reason)


async def _close(db: Database, held: Lease) -> None:
    """Close the row, asking again for some seconds: what has been sent should not be sent twice."""
    for pause in CLOSE_SECONDS:
        try:
            await _close_once(db, held)
            return
        except DbError as problem:
            log.warning("row not closed yet", error=str(problem))
            await asyncio.sleep(pause)
    await _close_once(db, held)


async def _close_once(db: Database, held: Lease) -> None:
    async with db.transaction() as conn:
        await keep_sent(conn, held)
        await outbox.done(conn, held)
        await _answered(conn, held)


async def _answered(conn: Connection, held: Lease) -> None:
    if await breakers.close(conn, held):
        log.info("service answers again", service=breakers.service_of(held.task))


class Process:
    """The event loop of a worker process, in a thread beside Celery's own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="promises", daemon=True).start()
        self.shop = self.run(Workshop.open(Settings.inherit(os.environ)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end; Celery's time limit cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


_OPEN: dict[int, Process] = {}
_OPENING: Final = threading.Lock()


def _process() -> Process:
    """Return this process's own: what a fork inherits belongs to its parent."""
    with _OPENING:
        if os.getpid() not in _OPEN:
            _OPEN.clear()
            _OPEN[os.getpid()] = Process()
        return _OPEN[os.getpid()]
