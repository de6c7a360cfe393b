"""The cache as its users know it, by each way of reaching Redis."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis._parsers import _AsyncRESP2Parser
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.exceptions import ResponseError

from shop.cache import link, stores
from shop.cache.cache import Cache
from shop.cache.client import RedisClient
from shop.cache.serializers import Json, Msgpack, Unreadable
from shop.cache.signed_pickle import SignedPickle
from shop.embedded import Valkey

WAYS = ("shared connection", "redis-py client", "redis-py pool", "redis-py classes")


def opened(way: str, url: str, **options: Any) -> Cache:
    if way == "redis-py client":
        return Cache(Redis.from_url(url), **options)
    if way == "redis-py pool":
        return Cache(ConnectionPool.from_url(url), **options)
    if way == "redis-py classes":
        return Cache.open(url, pool=BlockingConnectionPool, client=Redis, parser=_AsyncRESP2Parser, **options)
    return Cache.open(url, **options)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets are the subject of test_client.py and test_places.py; here nothing is slow but a loaded machine."""
    monkeypatch.setattr(link, "REPLY_SECONDS", 5.0)
    monkeypatch.setattr(stores, "BUDGET_SECONDS", 5.0)


@pytest.fixture(params=WAYS)
async def cache(request: pytest.FixtureRequest, valkey: Valkey, clean: None) -> AsyncIterator[Cache]:
    cache = opened(request.param, valkey.cache_url, prefix="shop", ignores_errors=False)
    yield cache
    await cache.close()


@pytest.fixture
async def plain(valkey: Valkey, clean: None) -> AsyncIterator[Cache]:
    """By our shared connection alone."""
    cache = Cache.open(valkey.cache_url, prefix="shop")
    yield cache
    await cache.close()


async def test_what_is_set_is_got(cache: Cache) -> None:
    values: list[Any] = [
        "白菜", b"\x00\xff", 0, -7, 12_345_678_901_234_567_890, 1.5, True, False, None, [], {"a": [1, {"b": None}]}, {1: "one"}, "5", b"5",
        datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC),
    ]  # fmt: skip
    for value in values:
        assert await cache.set("key", value) is True
        got = await cache.get("key", "nothing")
        assert got == value
        assert type(got) is type(value)
    assert await cache.get("other") is None
    assert await cache.get("other", 7) == 7


async def test_what_cannot_be_written_is_refused_and_changes_nothing(cache: Cache) -> None:
    await cache.set("key", 1)
    with pytest.raises(TypeError):
        await cache.set("key", object())
    assert await cache.get("key") == 1


async def test_add_sets_only_what_is_missing(cache: Cache) -> None:
    assert await cache.add("key", "first", 60) is True
    assert await cache.add("key", "second") is False
    assert await cache.get("key") == "first"
    assert 59 < (await cache.ttl("key") or 0) <= 60
    assert await cache.add("never", "kept", 0) is True
    assert await cache.get("never") is None


async def test_many_at_once(cache: Cache) -> None:
    assert await cache.set_many({f"k{n}": [n] for n in range(2_500)}, 60) == []
    found = await cache.get_many([*(f"k{n}" for n in range(2_500)), "missing"])
    assert found == {f"k{n}": [n] for n in range(2_500)}
    assert 59 < (await cache.ttl("k2499") or 0) <= 60
    assert await cache.get_many([]) == {}
    assert await cache.set_many({}) == []
    await cache.set_many({"a": None})
    assert await cache.get_many(["a", "b"]) == {"a": None}


async def test_each_key_expires_by_itself_or_never(cache: Cache) -> None:
    await cache.set("soon", "x", 0.5)
    await cache.set("usual", "x")
    await cache.set("never", "x", None)
    await cache.set("gone", "x")
    await cache.set("gone", "x", 0)
    assert 0 < (await cache.ttl("soon") or 0) <= 0.5
    assert 299 < (await cache.ttl("usual") or 0) <= 300
    assert await cache.ttl("never") is None
    assert await cache.ttl("gone") == 0
    assert await cache.get("gone", "nothing") == "nothing"
    await asyncio.sleep(0.55)
    assert await cache.get("soon", "nothing") == "nothing"
    assert await cache.get("never") == "x"


async def test_touch_prolongs_ends_or_keeps_for_ever(cache: Cache) -> None:
    await cache.set("key", "x", 5)
    assert await cache.touch("key", 60) is True
    assert 59 < (await cache.ttl("key") or 0) <= 60
    assert await cache.touch("key", None) is True
    assert await cache.ttl("key") is None
    assert await cache.touch("key", None) is True
    assert await cache.touch("key") is True
    assert 299 < (await cache.ttl("key") or 0) <= 300
    assert await cache.touch("key", 0) is True
    assert await cache.get("key") is None
    assert await cache.touch("key") is False


async def test_numbers_are_counted_without_losing_one(cache: Cache) -> None:
    await cache.set("n", 5, 60)
    assert await cache.incr("n") == 6
    assert await cache.incr("n", -10) == -4
    await asyncio.gather(*(cache.incr("n", 2) for _ in range(10)))
    assert await cache.get("n") == 16
    assert 55 < (await cache.ttl("n") or 0) <= 60
    with pytest.raises(KeyError):
        await cache.incr("missing")
    assert await cache.get("missing", "nothing") == "nothing"
    await cache.set("text", "7")
    with pytest.raises(ValueError, match="no whole number"):
        await cache.incr("text")
    assert await cache.get("text") == "7"


async def test_delete_says_how_many_were_there(cache: Cache) -> None:
    await cache.set_many({"a": 1, "b": 2, "c": 3})
    assert await cache.delete("a", "b", "missing") == 2
    assert await cache.delete() == 0
    assert await cache.get_many(["a", "b", "c"]) == {"c": 3}


async def test_clear_deletes_its_prefix_and_nothing_else(cache: Cache, valkey: Valkey) -> None:
    other = Cache.open(valkey.cache_url, prefix="shop2")
    try:
        await cache.set_many({f"k{n}": n for n in range(1_500)})
        await cache.at(2).set("key", "x")
        await other.set("key", "other's")
        await other.raw.execute("SET", "s:{tag}:session", "sealed")
        assert await cache.clear() == 1_501
        assert await cache.get_many(f"k{n}" for n in range(1_500)) == {}
        assert await cache.at(2).get("key") is None
        assert await other.get("key") == "other's"
        assert await other.raw.execute("GET", "s:{tag}:session") == b"sealed"
        assert await cache.clear() == 0
    finally:
        await other.close()


async def test_keys_carry_prefix_and_version(plain: Cache) -> None:
    await plain.set("key", 1)
    await plain.at(2).set("key", 2)
    assert await plain.get("key") == 1
    assert await plain.at(2).get("key") == 2
    assert sorted(await plain.raw.execute("KEYS", "*")) == [b"shop:1:key", b"shop:2:key"]
    assert await plain.raw.execute("GET", "shop:1:key") == b"1"


@pytest.mark.parametrize("prefix", ["", "*", "a:b", "sho?", "a b"])
def test_a_prefix_that_could_reach_further_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Cache.open("redis://localhost", prefix=prefix)


async def test_the_client_underneath_is_at_hand(valkey: Valkey, clean: None) -> None:
    kinds = []
    for way in WAYS:
        cache = opened(way, valkey.cache_url)
        kinds.append(type(cache.raw))
        await cache.close()
    assert kinds == [RedisClient, Redis, Redis, Redis]


async def test_a_client_that_decodes_replies_is_refused(valkey: Valkey) -> None:
    client = Redis.from_url(valkey.cache_url, decode_responses=True)
    with pytest.raises(ValueError, match="decode_responses"):
        Cache(client)
    await client.aclose()


async def test_json_can_be_read_by_others(valkey: Valkey, clean: None) -> None:
    cache = Cache.open(valkey.cache_url, serializer=Json())
    await cache.set("key", {"名": [1, 2.5, None]})
    assert await cache.get("key") == {"名": [1, 2.5, None]}
    assert await cache.raw.execute("GET", "cache:1:key") == '={"名":[1,2.5,null]}'.encode()
    with pytest.raises(TypeError):
        await cache.set("key", b"bytes")
    await cache.close()


RAN: list[str] = []


class Trap:
    """What runs when its pickle is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return RAN.append, ("code of somebody else",)


async def test_s57_no_pickle_is_read_unless_asked_for_and_then_only_our_own(valkey: Valkey, clean: None) -> None:
    old, new = b"o" * 32, b"n" * 32
    pickling = Cache.open(valkey.cache_url, serializer=SignedPickle([new, old]))
    await pickling.set("when", timedelta(days=2))
    assert await pickling.get("when") == timedelta(days=2)

    earlier = Cache.open(valkey.cache_url, serializer=SignedPickle([old]))
    await earlier.set("early", {1, 2})
    assert await pickling.get("early") == {1, 2}
    assert await earlier.get("when", "cannot be read") == "cannot be read"

    signed = await pickling.raw.execute("GET", "cache:1:when")
    usual = Cache.open(valkey.cache_url)
    for planted in (pickle.dumps(Trap()), b"\x00" * 32 + pickle.dumps(Trap()), signed[1:-1] + b"!", b""):
        for data in (planted, b"=" + planted):
            await pickling.raw.execute("SET", "cache:1:key", data)
            for cache in (pickling, usual):
                assert await cache.get("key", "nothing") == "nothing"
    assert RAN == []
    with pytest.raises(ValueError, match="32 bytes"):
        SignedPickle([b"secret"])
    for cache in (pickling, earlier, usual):
        await cache.close()


@pytest.mark.parametrize(
    "planted", [b"junk", b"", b"=", b"=\xc1", b"=\x92\x01", b"=\xd9\xff", b"1.5", b"=" + b"\x91" * 2000]
)
async def test_what_nobody_wrote_is_nothing_or_an_error_by_setting(
    plain: Cache, valkey: Valkey, planted: bytes
) -> None:
    strict = Cache.open(valkey.cache_url, prefix="shop", ignores_errors=False)
    await plain.raw.execute("SET", "shop:1:key", planted)
    assert await plain.get("key", "nothing") == "nothing"
    assert await plain.get_many(["key"]) == {}
    with pytest.raises(Unreadable):
        await strict.get("key")
    await strict.close()


async def test_another_kind_of_value_in_its_place_is_nothing_or_an_error_by_setting(cache: Cache, plain: Cache) -> None:
    async def make() -> str:
        return "made"

    await plain.raw.execute("RPUSH", "shop:1:key", "x")
    assert await plain.get("key", "nothing") == "nothing"
    assert await plain.get_or_set("key", make) == "made"
    with pytest.raises(ResponseError, match="wrong kind"):
        await cache.get("key")
    with pytest.raises(ResponseError, match="wrong kind"):
        await cache.get_or_set("key", make)
    for each in (plain, cache):
        with pytest.raises(ValueError, match="no whole number"):
            await each.incr("key")
    assert await cache.set("key", "x") is True
    assert await plain.get("key") == "x"


def test_serializers_say_what_they_cannot_write() -> None:
    with pytest.raises(TypeError):
        Msgpack().dumps({1, 2})
    with pytest.raises(OverflowError):
        Msgpack().dumps([2**64])
