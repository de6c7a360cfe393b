"""What every test may ask for: real servers, the shop's settings, its database as the web role, and visitors."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from shop import passwords
from shop.app import create_app
from shop.embedded import Postgres, Valkey
from shop.installation import VENV
from shop.settings import Settings
from tests import builtin_types, world
from tests.servers import Broom, ShopServer, leave, scratch_folder

if TYPE_CHECKING:
    from shop.db import Database

builtin_types.stand_in()  # before blockbuster is imported

# A hash costs as good as nothing, but where its cost is what is asked for: see `real_hashes`.
REAL_HASHES = passwords.ARGON2
passwords.ARGON2 = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

Visitor = TestClient[web.Request, web.Application]

# security of the tests themselves: no SHOP_ variable of the person who runs them may lead to a real server
for name in [name for name in os.environ if name.startswith("SHOP_")]:
    del os.environ[name]

# The processes that tests start compile the packages once, not each for itself.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "bytecode"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One test process more than cores, for tests wait a good part of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leaves a note how the run ended: the build tries again only what failed, never a run that did not come to its end."""
    if getattr(session.config, "cache", None) is not None and not hasattr(session.config, "workerinput"):
        session.config.cache.set("run/exit-status", int(exitstatus))


# What takes longest by the file begins first, so that no test process is left with it at the end.
LONG = ("browser", "faults", "production", "start")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files are handed out."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)


class ByFile(LoadScopeScheduling):
    """A file's tests run in one process, for they may share something; so do all that need the demo shop: it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """How tests are handed out to test processes."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for the servers of this test process."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(scratch: Path) -> Iterator[Postgres]:
    """A migrated PostgreSQL of our own."""
    from shop.db.migrations import migrate

    server = Postgres(scratch, durable=False).start()
    try:
        migrate(server.owner_url)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def valkey(scratch: Path) -> Iterator[Valkey]:
    """A Valkey of our own."""
    server = Valkey(scratch).start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_url(valkey: Valkey) -> str:
    """Where sessions and history are kept."""
    return valkey.url


@pytest.fixture(scope="session")
def settings(postgres: Postgres, valkey: Valkey, scratch: Path) -> Settings:
    """The settings of development on our own servers and a free port."""
    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, bank_port = probe.getsockname()[1], other.getsockname()[1]
    return Settings.of(
        development=True,
        port=port,
        database_url=postgres.web_url,
        database_owner_url=postgres.owner_url,
        redis_url=valkey.url,
        cache_url=valkey.cache_url,
        broker_url=valkey.broker_url,
        payment_sandbox_url=f"http://127.0.0.1:{bank_port}",
        secret_keys=(os.urandom(32), os.urandom(32)),
        state=scratch,
    )


@pytest.fixture(scope="session")
def broom(postgres: Postgres, valkey: Valkey) -> Iterator[Broom]:
    """What empties the servers."""
    broom = Broom(postgres, valkey)
    yield broom
    broom.close()


@pytest.fixture
def clean(broom: Broom) -> Iterator[None]:
    """Leave empty tables and an empty Redis behind."""
    yield
    broom.sweep()


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The pool of the web role."""
    from shop.db import Database

    database = await Database.open(url=settings.database_url)
    yield database
    await database.close()


@pytest.fixture
def db(database: Database, clean: None) -> Database:
    """The database as the shop sees it, emptied after the test."""
    return database


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are hashed at the cost of the real shop."""
    monkeypatch.setattr(passwords, "ARGON2", REAL_HASHES)
    forget = (passwords._nobodys_hash, world.password_hash)
    for function in forget:
        function.cache_clear()
    yield
    for function in forget:
        function.cache_clear()


@pytest.fixture
async def server(settings: Settings, clean: None) -> AsyncIterator[TestServer]:
    """The whole shop, listening."""
    # It reads every static file once, which a process does before its loop turns.
    app = await asyncio.to_thread(create_app, settings)
    async with ShopServer(app, port=settings.port) as server:
        yield server


@pytest.fixture
async def new_visitor(server: TestServer) -> AsyncIterator[Callable[[], Awaitable[Visitor]]]:
    """Call it for a person with a browser of their own."""
    visitors: list[Visitor] = []

    async def arrive() -> Visitor:
        visitor: Visitor = TestClient(server)
        visitors.append(visitor)
        await visitor.start_server()
        return visitor

    yield arrive
    for visitor in visitors:
        await leave(visitor)


@pytest.fixture
async def client(new_visitor: Callable[[], Awaitable[Visitor]]) -> Visitor:
    """One visitor of the shop."""
    return await new_visitor()


@pytest.fixture(autouse=True, scope="session")
def no_blocking() -> Iterator[None]:
    """Fail on any call of the shop that would stop the loop for everybody."""
    from blockbuster import BlockBuster

    import shop.app  # noqa: F401  (importing reads files, and is done before the loop runs)

    detector = BlockBuster(["shop"])
    for function in detector.functions.values():
        # read once a process, at the first use
        function.can_block_in("jinja2/loaders.py", {"get_source", "load", "uptodate"})
        function.can_block_in("babel/localedata.py", {"load", "exists"})
        function.can_block_in("babel/core.py", {"get_global"})
    detector.activate()
    yield
    detector.deactivate()
