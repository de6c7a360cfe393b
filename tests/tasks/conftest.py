"""A mail server, a broker that may be killed, and customers who have registered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from shop import outbox
from shop.db import Database
from shop.settings import Settings
from tests.tasks.crew import Crew, MailServer, MortalBroker

Registered = Callable[..., Awaitable[int]]


@pytest.fixture(scope="session")
def running_broker(scratch: Path) -> Iterator[MortalBroker]:
    """One server for all tests of this folder."""
    broker = MortalBroker(scratch / "mortal")
    yield broker
    broker.kill()


@pytest.fixture
def broker(running_broker: MortalBroker) -> MortalBroker:
    """A broker that tests may kill, empty."""
    running_broker.redis.flushall()
    return running_broker


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server that takes everything until it is told otherwise."""
    server = MailServer()
    server.open()
    yield server
    server.goes_on.set()
    server.shut()


@pytest.fixture
def mail_settings(settings: Settings, broker: MortalBroker, mail_server: MailServer) -> Settings:
    """The shop with this mail server and this broker."""
    return settings.model_copy(update={"mail_url": mail_server.url, "broker_url": broker.url})


@pytest.fixture
def crew(mail_settings: Settings, tmp_path: Path) -> Iterator[Crew]:
    """Who works beside the web process; killed at the end."""
    crew = Crew(mail_settings, tmp_path / "crew.log")
    yield crew
    crew.dismiss()


@pytest.fixture
def registered(db: Database) -> Registered:
    """Register somebody as the shop does: the account and the promise of a mail in one transaction."""

    async def register(name: str, language: str = "en") -> int:
        async with db.transaction() as conn:
            account_id: int = await conn.fetch_value(
                "INSERT INTO accounts (username, username_key, email, email_key, password_hash, language)"
                " VALUES (%(name)s, %(name)s, %(email)s, %(email)s, '', %(language)s) RETURNING id",
                {"name": name, "email": f"{name}@example.com", "language": language},
            )
            registration_id = await conn.fetch_value(
                "INSERT INTO pending_registrations (account_id, username, username_key, password_hash, language)"
                " VALUES (%(id)s, %(name)s, %(name)s, '', %(language)s) RETURNING id",
                {"id": account_id, "name": name, "language": language},
            )
            await outbox.promise(conn, "tasks.mail.send_activation", registration_id=registration_id)
        return account_id

    return register


async def until(happened: Callable[[], object], seconds: float = 10) -> float:
    """Wait until something has happened and return how many seconds it took; fails after `seconds`."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < seconds, "it did not happen"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def leases_run_out(db: Database) -> None:
    """As if an hour had passed for all that is in somebody's hands."""
    async with db.read() as conn:
        await conn.execute("UPDATE outbox SET held_until = held_until - interval '1 hour'")


async def outbox_rows(db: Database) -> int:
    """How many promises are open."""
    async with db.read() as conn:
        return int(await conn.fetch_value("SELECT count(*) FROM outbox WHERE buried_at IS NULL"))
