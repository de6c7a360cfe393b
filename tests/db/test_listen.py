"""Notifications are heard, a lost connection is found again, and each beginning is announced."""

import asyncio

from shop.db import Database
from shop.db.listen import Listener
from shop.embedded import Postgres


async def until(condition: object, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_a_notification_is_heard_after_the_commit_and_never_after_a_rollback(
    postgres: Postgres, db: Database
) -> None:
    heard: list[str] = []
    listener = Listener(postgres.web_url, {"tests": heard.append})
    listener.start()
    await until(lambda: listener.is_connected)

    async with db.transaction() as conn:
        await conn.execute("SELECT pg_notify('tests', 'first')")
        assert heard == []
    try:
        async with db.transaction() as conn:
            await conn.execute("SELECT pg_notify('tests', 'never')")
            raise RuntimeError
    except RuntimeError:
        pass
    async with db.transaction() as conn:
        await conn.execute("SELECT pg_notify('tests', 'second')")
    await until(lambda: len(heard) == 2)

    assert heard == ["first", "second"]
    await listener.stop()
    assert not listener.is_connected


async def test_what_nobody_expected_when_listening_begins_does_not_end_it(postgres: Postgres) -> None:
    beginnings: list[int] = []

    def connected() -> None:
        beginnings.append(1)
        if len(beginnings) == 1:
            raise RuntimeError("nobody expected this")

    listener = Listener(postgres.web_url, {"tests": lambda _: None}, connected=connected)
    listener.start()
    await until(lambda: len(beginnings) == 2 and listener.is_connected)
    await listener.stop()


async def test_a_killed_connection_is_found_again_and_announced(postgres: Postgres, db: Database) -> None:
    heard: list[str] = []
    beginnings: list[int] = []
    listener = Listener(postgres.web_url, {"tests": heard.append}, connected=lambda: beginnings.append(1))
    listener.start()
    await until(lambda: len(beginnings) == 1)

    async with db.read() as conn:
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN tests' AND pid <> pg_backend_pid()"
        )
    await until(lambda: len(beginnings) == 2)
    async with db.transaction() as conn:
        await conn.execute("SELECT pg_notify('tests', 'after')")
    await until(lambda: heard == ["after"])

    await listener.stop()


async def test_a_listener_that_fails_to_use_what_it_heard_goes_on(postgres: Postgres, db: Database) -> None:
    heard: list[str] = []

    def use(payload: str) -> None:
        if payload == "bad":
            raise ValueError
        heard.append(payload)

    listener = Listener(postgres.web_url, {"tests": use})
    listener.start()
    await until(lambda: listener.is_connected)
    for payload in ("bad", "good"):
        async with db.transaction() as conn:
            await conn.fetch_value("SELECT pg_notify('tests', %(payload)s)", {"payload": payload})
    await until(lambda: heard == ["good"])

    await listener.stop()
