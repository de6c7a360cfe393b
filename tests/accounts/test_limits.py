"""Guessing is slow, and never at the owner's cost."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from shop.accounts.sign_in import service
from shop.cache.client import RedisAway
from shop.db import Database
from shop.embedded import Valkey
from shop.keys import PASSWORDS
from shop.limits import Limit, Limits
from shop.passwords import Passwords
from tests.conftest import Visitor
from tests.world import LIN, PASSWORD, TOM, customer, sign_in, submit

WRONG = {"login": "lin", "password": "wrong-password"}
RIGHT = {"login": "lin", "password": PASSWORD}
FEW = Limit("few", 3, 60)


class Away:
    """Redis, gone."""

    async def run(self, *_: object) -> object:
        raise RedisAway("gone")

    async def execute(self, *_: object) -> object:
        raise RedisAway("gone")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hashing, where only counting is looked at; the password "right" is right."""

    async def verify(self: Passwords, password: str, stored: str | None) -> Any:
        from shop.passwords import Verdict

        return Verdict(stored is not None and password == PASSWORD)

    monkeypatch.setattr(Passwords, "verify", verify)


async def tries(visitor: Visitor, fields: dict[str, str], times: int, **headers: str) -> list[int]:
    answers = []
    for _ in range(times):
        answer = await visitor.post("/login", data=fields, headers=headers, allow_redirects=False)
        answers.append(answer.status)
    return answers


@pytest.mark.usefixtures("cheap")
async def test_s8_after_ten_failures_everybody_has_to_wait(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    assert await tries(client, WRONG, 50) == [422] * 10 + [429] * 40
    answer = await client.post("/login", data=RIGHT, allow_redirects=False)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    page = await answer.text()
    assert "Too many attempts. Try again in 5 minutes." in page
    assert 'value="lin"' in page
    assert PASSWORD not in page


@pytest.mark.usefixtures("cheap")
async def test_s8_unknown_names_are_limited_just_the_same(client: Visitor, db: Database) -> None:
    unknown = {"login": "nobody", "password": "wrong-password"}
    assert await tries(client, unknown, 12) == [422] * 10 + [429] * 2


@pytest.mark.usefixtures("cheap")
async def test_s8_one_network_cannot_try_many_accounts(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    statuses = [(await tries(client, {"login": f"user{n}", "password": "x"}, 1))[0] for n in range(12)]
    assert statuses == [422] * 10 + [429] * 2


@pytest.mark.usefixtures("cheap")
async def test_s8_a_successful_sign_in_costs_nothing(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    assert await tries(client, WRONG, 9) == [422] * 9
    for _ in range(5):
        assert (await submit(client, "/login", RIGHT)).status == 303
        await submit(client, "/logout", {}, on="/account")
    client.session.cookie_jar.clear()
    assert await tries(client, WRONG, 2) == [422, 429]


@pytest.mark.usefixtures("cheap")
async def test_s8_parallel_guesses_do_not_slip_through(client: Visitor, new_visitor: Any, db: Database) -> None:
    import asyncio

    await customer(db, LIN)
    answers = await asyncio.gather(*(tries(client, WRONG, 1) for _ in range(22)))
    assert sorted(status for [status] in answers) == [422] * 10 + [429] * 12


@pytest.mark.usefixtures("cheap")
async def test_s9_an_attacker_never_locks_the_owner_out(client: Visitor, new_visitor: Any, db: Database) -> None:
    await customer(db, LIN)
    owner = client
    await sign_in(owner, LIN)
    await submit(owner, "/logout", {}, on="/account")
    attacker = await new_visitor()
    assert (await tries(attacker, WRONG, 12))[-1] == 429
    assert (await tries(attacker, RIGHT, 1)) == [429]
    assert (await submit(owner, "/login", RIGHT)).status == 303


@pytest.mark.usefixtures("cheap")
async def test_s9_a_known_device_is_known_for_its_own_account_only_and_limited_too(
    client: Visitor, new_visitor: Any, db: Database
) -> None:
    await customer(db, LIN)
    await customer(db, TOM)
    await sign_in(client, TOM)
    await submit(client, "/logout", {}, on="/account")
    attacker = await new_visitor()
    await tries(attacker, WRONG, 10)
    assert await tries(client, WRONG, 1) == [429]
    mine = {"login": "Tom", "password": "wrong-password"}
    assert await tries(client, mine, 12) == [422] * 10 + [429] * 2


@pytest.mark.usefixtures("cheap")
async def test_s9_the_mark_of_a_device_cannot_be_made_up(client: Visitor, new_visitor: Any, db: Database) -> None:
    await customer(db, LIN)
    await tries(client, WRONG, 10)
    for mark in ("x", "1.2.3", ""):
        answer = await client.post("/login", data=RIGHT, headers={"Cookie": f"device={mark}"}, allow_redirects=False)
        assert answer.status == 429


async def test_a_full_queue_of_passwords_is_a_503_that_asks_nobody_and_no_failure(
    client: Visitor, server: TestServer, db: Database
) -> None:
    await customer(db, LIN)
    with ExitStack() as everybody:
        for _ in range(22):
            everybody.enter_context(server.app[PASSWORDS].place())
        answers = [await client.post("/login", data=WRONG, allow_redirects=False) for _ in range(12)]
    assert {answer.status for answer in answers} == {503}
    assert all("Retry-After" in answer.headers for answer in answers)
    assert (await submit(client, "/login", RIGHT)).status == 303


@pytest.mark.parametrize("kind", ["redis", "away"])
async def test_a_window_slides(valkey: Valkey, clean: None, kind: str) -> None:
    from shop.cache.client import RedisClient

    redis = RedisClient.open(valkey.url)
    limits = Limits(redis if kind == "redis" else Away(), b"s" * 32)
    quick = Limit("quick", 2, 1)
    try:
        import asyncio

        assert [(await limits.take((quick, "a"))).is_allowed for _ in range(4)] == [True, True, False, False]
        assert (await limits.take((quick, "b"))).is_allowed
        assert (await limits.take((quick, "a"))).wait == 1
        await asyncio.sleep(1.05)
        assert (await limits.take((quick, "a"))).is_allowed
    finally:
        await redis.close()


@pytest.mark.parametrize("kind", ["redis", "away"])
async def test_a_try_counts_in_all_windows_or_in_none(valkey: Valkey, clean: None, kind: str) -> None:
    from shop.cache.client import RedisClient

    redis = RedisClient.open(valkey.url)
    limits = Limits(redis if kind == "redis" else Away(), b"s" * 32)
    one, many = Limit("one", 1, 60), Limit("many", 10, 60)
    try:
        first = await limits.take((one, "x"), (many, "x"))
        assert first.is_allowed
        for _ in range(20):
            assert not (await limits.take((one, "x"), (many, "x"))).is_allowed
        await limits.give_back(first)
        assert (await limits.take((one, "x"), (many, "x"))).is_allowed
        left = [(await limits.take((many, "x"))).is_allowed for _ in range(10)]
        assert left == [True] * 9 + [False]
    finally:
        await redis.close()


@pytest.mark.usefixtures("cheap")
async def test_s8_while_redis_is_away_each_process_counts_by_itself(
    client: Visitor, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.cache.client import RedisClient

    await customer(db, LIN)
    monkeypatch.setattr(RedisClient, "run", Away.run)
    monkeypatch.setattr(RedisClient, "execute", Away.execute)
    assert await tries(client, WRONG, 12) == [422] * 10 + [429] * 2


async def test_what_is_remembered_in_the_process_is_bounded() -> None:
    limits = Limits(Away(), b"s" * 32)
    for n in range(20_500):
        await limits.take((FEW, str(n)))
    assert len(limits._local) == 20_000


async def test_s56_redis_holds_no_name_or_address(client: Visitor, db: Database, valkey: Valkey) -> None:
    from shop.cache.client import RedisClient

    await customer(db, LIN)
    await submit(client, "/login", WRONG)
    await submit(client, "/login", {**WRONG, "login": LIN.email})
    await submit(client, "/password-reset", {"email": LIN.email})
    redis = RedisClient.open(valkey.url)
    keys = await redis.execute("KEYS", "*")
    await redis.close()
    assert keys
    assert not [key for key in keys if b"lin" in key.split(b":")[-1] or b"@" in key or b"127.0" in key]


def test_the_numbers_are_the_agreed_ones() -> None:
    limits = (service.PER_LOGIN, service.PER_NETWORK, service.EVERYBODY)
    assert [(limit.times, limit.seconds) for limit in limits] == [(10, 300), (10, 300), (1000, 300)]
