"""`run.py demo`: fills an empty shop of development with the stall "Daily Fresh · 天天生鲜"."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from shop.accounts.models import identity_key
from shop.backoffice.audit.models import Actor
from shop.backoffice.roles.queries import role_by_code
from shop.backoffice.staff import service as staff
from shop.backoffice.staff.queries import member_by_email
from shop.commands.demo_delivery import fill_delivery
from shop.commands.demo_goods import fill_shop, read_demo
from shop.commands.demo_many import fill_up
from shop.commands.demo_pictures import has_emoji, paint_all
from shop.commands.local import at_hand
from shop.db import Connection, Database
from shop.demo import MARK, PASSWORD
from shop.facts import fact, state_fact
from shop.media.local import open_local
from shop.media.renditions import Renditions
from shop.media.service import put_safely
from shop.media.store import open_store
from shop.passwords import hash_password
from shop.placement import EmbeddedError
from shop.settings import Settings, SettingsError

HELP = "fill an empty shop with demo goods and people"

# Known to everybody who reads this: they exist only where the demo does.
FILLING_SECONDS = 300.0  # nobody waits for it at a browser
PEOPLE = (("mei", "mei@dailyfresh.example", "zh"), ("tom", "tom@dailyfresh.example", "en"))

STAFF = ("Rose", "rose@dailyfresh.example", "en")

HOLDS = "SELECT EXISTS (SELECT FROM products) OR EXISTS (SELECT FROM categories) OR EXISTS (SELECT FROM accounts)"
ADD_PERSON = """
INSERT INTO accounts (username, username_key, email, email_key, password_hash, language, terms_accepted_at, activated_at)
VALUES (%(username)s, %(username_key)s, %(email)s, %(email_key)s, %(hash)s, %(language)s, now(), now())
ON CONFLICT DO NOTHING
"""
RESERVE = "INSERT INTO reserved_usernames (username_key) VALUES (%(username_key)s) ON CONFLICT DO NOTHING"


class RealShop(Exception):
    """The database holds a shop that is not the demo."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let `make run` fill only a shop that holds nothing."""
    parser.add_argument("--if-empty", action="store_true", help="do nothing when there are goods already")
    parser.add_argument("--products", type=int, default=0, metavar="N", help="go on until there are N, for measuring")


def main(arguments: argparse.Namespace) -> int:
    """Print, as the last line, the accounts that a visitor may sign in with."""
    try:
        with at_hand(os.environ) as local:
            return _fill(local.settings(), if_empty=arguments.if_empty, products=arguments.products)
    except (SettingsError, EmbeddedError) as problem:
        print(problem, file=sys.stderr)
        return 1


def _fill(settings: Settings, *, if_empty: bool, products: int) -> int:
    try:
        is_filled = asyncio.run(_look(settings))
    except RealShop:
        if if_empty:
            print("none of the demo's: this database holds a shop of its own")
            return 0
        print("This database holds a shop that is not the demo; the demo is not mixed into it.", file=sys.stderr)
        return 1
    if not is_filled:
        with _canvas(settings) as folder:
            painted = paint_all(read_demo().recipes(), folder)
        asyncio.run(_write(settings, painted))
    asyncio.run(_welcome(settings))
    if products:
        asyncio.run(_fill_up(settings, products))
    print(
        f"{' and '.join(name for name, _, _ in PEOPLE)}, password {PASSWORD}; in the back office {STAFF[1]}, the same"
    )
    return 0


@contextmanager
def _canvas(settings: Settings) -> Iterator[Path]:
    """Where the demo is painted: into the folder of pictures itself, where there is one."""
    if settings.media_url.startswith("file:"):
        yield open_local(settings.media_url).folder
    else:
        with TemporaryDirectory(prefix="bayberry-demo-") as folder:
            yield Path(folder)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.open(url=settings.database_url, max_size=1)
    try:
        yield database
    finally:
        await database.close()


async def _look(settings: Settings) -> bool:
    """Whether the demo is there already; raises RealShop when something else is."""
    async with _database(settings) as database, database.read() as conn:
        if await fact(conn, MARK):
            return True
        if await conn.fetch_value(HOLDS):
            raise RealShop
        return False


async def _write(settings: Settings, painted: dict[str, Renditions]) -> None:
    if not settings.media_url.startswith("file:"):
        await _carry(settings, painted)
    async with _database(settings) as database, database.transaction(FILLING_SECONDS) as conn:
        await state_fact(conn, MARK, {"pictures": "emoji" if has_emoji() else "drawn"})
        await fill_shop(conn, read_demo(), painted)
        await fill_delivery(conn, settings.timezone)


async def _welcome(settings: Settings) -> None:
    """Whoever belongs to the demo and is not there yet, in a transaction of their own: each has eight seconds."""
    hashed = await asyncio.to_thread(hash_password, PASSWORD)
    async with _database(settings) as database, database.transaction() as conn:
        await _invite_people(conn, hashed)
        await _hire(conn, hashed)


async def _carry(settings: Settings, painted: dict[str, Renditions]) -> None:
    """Puts what was painted into the store."""
    async with _database(settings) as database:
        store = open_store(settings.media_url, database)
        for picture in painted.values():
            for name, data in picture.files.items():
                await put_safely(store, name, data)
        await store.close()


async def _fill_up(settings: Settings, products: int) -> None:
    async with _database(settings) as database:
        await fill_up(database, read_demo(), products)


async def _hire(conn: Connection, hashed: str) -> None:
    """One owner, who sets up a second factor at the first entry as everybody does."""
    owner = await role_by_code(conn, "owner")
    assert owner is not None, "the migration made the roles"
    name, email, language = STAFF
    demo = Actor(None, "demo")
    if await member_by_email(conn, email):
        return
    made = await staff.invite(conn, demo, name=name, email=email, role_id=owner.id, language=language, mail=False)
    await staff.set_password(conn, demo, made, hashed)


async def _invite_people(conn: Connection, hashed: str) -> None:
    for username, email, language in PEOPLE:
        person = {"username": username, "username_key": identity_key(username)}
        person |= {"email": email, "email_key": identity_key(email), "hash": hashed, "language": language}
        await conn.execute(RESERVE, person)
        await conn.execute(ADD_PERSON, person)
