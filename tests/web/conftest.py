"""A small front over the real sessions, and people with browsers of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from shop.cache.client import RedisClient
from shop.db import Database
from shop.settings import Settings
from tests.servers import leave
from tests.web.front import Person, open_front

Arrive = Callable[[], Awaitable[Person]]


@pytest.fixture
async def redis(redis_url: str, clean: None) -> AsyncIterator[RedisClient]:
    """Redis as the shop sees it."""
    client = RedisClient.open(redis_url)
    yield client
    await client.close()


@pytest.fixture
async def front(settings: Settings, db: Database, redis: RedisClient) -> AsyncIterator[TestServer]:
    """The front on the suite's servers."""
    async with open_front(settings, db, redis) as server:
        yield server


@pytest.fixture
async def arrive(front: TestServer) -> AsyncIterator[Arrive]:
    """Call it for a person with a browser of their own."""
    people: list[Person] = []

    async def arrive() -> Person:
        person = Person(TestClient(front, cookie_jar=CookieJar(unsafe=True)))
        people.append(person)
        return person

    yield arrive
    for person in people:
        await leave(person.browser)


@pytest.fixture
async def person(arrive: Arrive) -> Person:
    """One visitor of the front."""
    return await arrive()
