"""Where a cache may live: TLS, replicas that answer reads, sentinels that know the primary; and what happens when it is away."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from shop.cache.cache import Cache
from shop.cache.errors import RedisAway
from shop.cache.urls import Sentinels, connectors, for_celery
from shop.embedded import Valkey
from shop.settings import Settings, SettingsError
from tests.cache.constellation import NAME, Constellation
from tests.cache.proxy import Proxy


@pytest.fixture
async def sky(tmp_path: Path) -> AsyncIterator[Constellation]:
    sky = Constellation(tmp_path)
    yield sky
    await asyncio.to_thread(sky.stop)


async def put(cache: Cache, key: str, value: object, seconds: float = 20) -> None:
    """Sets it as soon as there is a primary that takes it."""
    end = time.monotonic() + seconds
    while not await cache.set(key, value):
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def comes(cache: Cache, key: str, value: object) -> bool:
    """A replica may lag."""
    end = time.monotonic() + 10
    while await cache.get(key) != value:
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    return True


async def reads_go_there(read: Callable[[], Awaitable[object]], value: object, server: Cache, command: str) -> None:
    """The server counts the command; a replica that a loaded machine connects to late is passed over, so it is asked again."""
    before, end = await calls(server, command), time.monotonic() + 10
    while await calls(server, command) == before:
        assert time.monotonic() < end
        assert await read() == value


async def calls(server: Cache, command: str) -> int:
    found = re.search(rb"cmdstat_%s:calls=(\d+)" % command.encode(), await server.raw.execute("INFO", "commandstats"))
    return int(found[1]) if found else 0


@pytest.mark.parametrize("by", ["shared connection", "redis-py classes"])
async def test_replicas_answer_reads_and_the_primary_stands_in_for_them(sky: Constellation, by: str) -> None:
    primary = await asyncio.to_thread(sky.server)
    replica = await asyncio.to_thread(sky.server, primary)
    options: dict[str, Any] = {"client": Redis} if by == "redis-py classes" else {}
    cache = Cache.open(f"redis://127.0.0.1:{primary}/1,redis://127.0.0.1:{replica}/1", **options)
    direct = Cache.open(f"redis://127.0.0.1:{replica}/1")
    try:
        await put(cache, "key", "value")
        await comes(direct, "key", "value")
        await reads_go_there(lambda: cache.get("key"), "value", direct, "get")
        await reads_go_there(lambda: cache.get_many(["key"]), {"key": "value"}, direct, "mget")

        await asyncio.to_thread(sky.kill, replica)
        for _ in range(7):
            began = time.monotonic()
            assert await cache.get("key") == "value"
            assert time.monotonic() - began < 1
    finally:
        await cache.close()
        await direct.close()


async def test_after_a_failover_the_sentinels_lead_to_the_new_primary(sky: Constellation) -> None:
    primary = await asyncio.to_thread(sky.server)
    replica = await asyncio.to_thread(sky.server, primary)
    sentinel = await asyncio.to_thread(sky.sentinel, primary)
    url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel}/{NAME}/1"  # the first sentinel is not there
    plain, reading = Cache.open(url), Cache.open(f"{url}?reads=replicas")
    asked = Sentinel([("127.0.0.1", sentinel)])
    library = Cache(asked.master_for(NAME, db=1))
    try:
        await put(plain, "key", "before")
        assert await comes(plain, "key", "before")
        assert await comes(reading, "key", "before")
        assert await comes(library, "key", "before")
        await asyncio.to_thread(sky.kill, primary)
        await put(plain, "key", "after")
        assert await comes(plain, "key", "after")
        assert await comes(reading, "key", "after")
        assert (await asyncio.to_thread(sky.info, replica))["role"] == "master"
    finally:
        for cache in (plain, reading, library):
            await cache.close()
        await asked.aclose()


async def test_a_sentinel_that_is_away_costs_no_more_than_connecting(sky: Constellation) -> None:
    cache = Cache.open(f"redis+sentinel://127.0.0.1:1/{NAME}")
    began = time.monotonic()
    assert await cache.get("key", "nothing") == "nothing"
    assert time.monotonic() - began < 1
    await cache.close()


def test_a_sentinel_url_says_everything() -> None:
    asked = Sentinels("redis+sentinel://shop:p%40ss@[::1]:1,b:2,c/name/3?reads=replicas&sentinel_password=x")
    assert asked._hosts == [("::1", 1), ("b", 2), ("c", 26379)]
    assert asked._server == {"username": "shop", "password": "p@ss"}
    assert (asked._name, asked._server_database, asked.reads_from_replicas) == ("name", 3, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "redis+sentinel://a",
        "redis+sentinel:///name",
        "redis+sentinel://a/name/x",
        "redis+sentinel://a/n?x=1",
    ],
)
def test_a_url_that_says_too_little_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"scheme|sentinel URL"):
        connectors(url)


@pytest.mark.parametrize("name", ["cache_url", "redis_url", "broker_url"])
def test_the_shop_may_keep_everything_behind_sentinels(name: str) -> None:
    url = "redis+sentinel://a:26379,b:26379/name/1?reads=replicas"
    assert getattr(Settings.of(development=True, **{name: url}), name) == url
    with pytest.raises(SettingsError, match=f"SHOP_{name.upper()} is malformed"):
        Settings.of(development=True, **{name: "http://a"})


async def test_over_tls_with_a_checked_certificate(valkey: Valkey, tmp_path: Path, clean: None) -> None:
    certificate = await asyncio.to_thread(make_certificate, tmp_path)
    async with behind_tls(valkey, tmp_path) as port:
        trusted = Cache.open(f"rediss://127.0.0.1:{port}/1?ssl_ca_certs={certificate}", ignores_errors=False)
        stranger = Cache.open(f"rediss://127.0.0.1:{port}/1", ignores_errors=False)
        # the first handshake may outlast the budget on a busy machine
        for _ in range(20):
            try:
                await trusted.set("key", "value")
                break
            except RedisAway:
                await asyncio.sleep(0.2)
        assert await trusted.get("key") == "value"
        with pytest.raises(RedisAway):
            await stranger.get("key")
        await trusted.close()
        await stranger.close()


@pytest.mark.parametrize(
    ("fault", "by"),
    [
        ("dead", "shared connection"),
        ("dead", "redis-py classes"),
        ("silent", "shared connection"),
        pytest.param("silent", "redis-py classes", marks=pytest.mark.slow),
    ],
)
async def test_f_r1_f_r3_away_is_nothing_or_an_error_by_setting_and_within_budget(
    valkey: Valkey, tmp_path: Path, clean: None, fault: str, by: str
) -> None:
    options: dict[str, Any] = {"client": Redis} if by == "redis-py classes" else {}
    async with Proxy(valkey.cache_url, tmp_path / "r") as proxy:
        quiet = Cache.open(proxy.url, **options)
        strict = Cache.open(proxy.url, ignores_errors=False, **options)
        await quiet.set("key", 1)
        assert await strict.get("key") == 1
        if fault == "dead":
            proxy.refuse()
        else:
            proxy.silent = True

        async def make() -> str:
            return "made"

        asked = {
            "get": (lambda cache: cache.get("key", "default"), "default"),
            "get_many": (lambda cache: cache.get_many(["key"]), {}),
            "set": (lambda cache: cache.set("key", 2), False),
            "set_many": (lambda cache: cache.set_many({"a": 1, "b": 2}), ["a", "b"]),
            "add": (lambda cache: cache.add("new", 2), False),
            "incr": (lambda cache: cache.incr("key"), None),
            "touch": (lambda cache: cache.touch("key"), False),
            "ttl": (lambda cache: cache.ttl("key"), 0),
            "delete": (lambda cache: cache.delete("key"), 0),
            "clear": (lambda cache: cache.clear(), 0),
            "get_or_set": (lambda cache: cache.get_or_set("key", make), "made"),
        }
        for name, (ask, otherwise) in asked.items():
            began = time.monotonic()
            assert await ask(quiet) == otherwise, name
            with pytest.raises(RedisAway):
                await ask(strict)
            assert time.monotonic() - began < 2.5, name
        await quiet.close()
        await strict.close()


@pytest.mark.parametrize("by", ["shared connection", "redis-py classes"])
@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
)
async def test_r6_f_r4_full_or_read_only_it_reads_and_takes_nothing(
    valkey: Valkey, clean: None, fault: tuple[str, ...], cure: tuple[str, ...], by: str
) -> None:
    options: dict[str, Any] = {"client": Redis} if by == "redis-py classes" else {}
    quiet, strict = (
        Cache.open(valkey.cache_url, **options),
        Cache.open(valkey.cache_url, ignores_errors=False, **options),
    )
    operator = Redis.from_url(valkey.cache_url)

    async def make() -> str:
        return "made"

    await quiet.set("key", "value")
    await operator.execute_command(*fault)
    try:
        for _ in range(8):
            assert await quiet.set("key", "other") is False
            with pytest.raises(RedisAway):
                await strict.set("key", "other")
        assert await quiet.get_or_set("new", make) == "made"
        assert await strict.get("key") == "value"
    finally:
        await operator.execute_command(*cure)
    assert await strict.set("key", "other") is True
    for cache in (quiet, strict):
        await cache.close()
    await operator.aclose()


async def test_f_r3_a_stopped_server_is_used_again_when_it_goes_on(tmp_path: Path) -> None:
    server = await asyncio.to_thread(lambda: Valkey(tmp_path).start())
    cache = Cache.open(server.cache_url)
    try:
        await put(cache, "key", "value")
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        began = time.monotonic()
        assert [await cache.get("key", "nothing") for _ in range(20)] == ["nothing"] * 20
        assert time.monotonic() - began < 4
        os.kill(server.pid, signal.SIGCONT)
        assert await comes(cache, "key", "value")
    finally:
        await cache.close()
        await asyncio.to_thread(server.stop)


async def test_r8_it_needs_no_dangerous_command_and_reaches_no_key_but_its_own(tmp_path: Path) -> None:
    server = await asyncio.to_thread(lambda: Valkey(tmp_path).start())
    operator = Redis.from_url(server.url)
    await operator.execute_command(*"ACL SETUSER pages on >secret +@all -@dangerous -@admin ~pages:*".split())
    await operator.execute_command("ACL", "SETUSER", "default", "off")
    cache = Cache.open(f"unix://pages:secret@{server.socket}?db=1", prefix="pages", ignores_errors=False)
    other = Cache.open(f"unix://pages:secret@{server.socket}?db=1", prefix="other", ignores_errors=False)

    async def make() -> str:
        return "made"

    try:
        assert await cache.get_or_set("key", make, 60, stale_seconds=60) == "made"
        assert await cache.set_many({"a": 1, "b": 2}) == []
        assert await cache.incr("a") == 2
        assert await cache.touch("b", None) is True
        assert await cache.get_many(["a", "b"]) == {"a": 2, "b": 2}
        assert await cache.clear() == 4
        ignoring = Cache(other.raw, prefix="other")
        assert await ignoring.set("key", "x") is False
        assert await ignoring.get("key", "nothing") == "nothing"
        assert await ignoring.incr("key") is None
        assert await ignoring.delete("key") == 0
        assert await ignoring.get_or_set("key", make) == "made"
        with pytest.raises(Exception, match="key"):
            await other.set("key", "x")
        with pytest.raises(Exception, match="permission"):
            await cache.raw.execute("FLUSHALL")
    finally:
        for closing in (cache, other):
            await closing.close()
        await operator.aclose()
        await asyncio.to_thread(server.stop)


def make_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "certificate.pem"


@asynccontextmanager
async def behind_tls(valkey: Valkey, folder: Path) -> AsyncIterator[int]:
    """The port where Valkey, which has no TLS here, answers through TLS."""
    async with Proxy(valkey.cache_url, folder / "plain.sock") as proxy:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0, ssl=context)
        yield server.sockets[0].getsockname()[1]
        server.close()


def test_celery_is_told_of_the_same_sentinels() -> None:
    url, options = for_celery("redis+sentinel://shop:p%40ss@a:26379,b:26380/orders/2?sentinel_password=quiet")
    assert url == "sentinel://shop:p%40ss@a:26379/2;sentinel://shop:p%40ss@b:26380/2"
    assert options == {"master_name": "orders", "sentinel_kwargs": {"password": "quiet"}}
    assert for_celery("redis://broker:6379/2") == ("redis://broker:6379/2", {})
