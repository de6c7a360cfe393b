"""Are the three Redis roles what the shop needs: sessions, a cache that may forget, a broker that never does?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from redis.exceptions import RedisError

from shop.cache.client import RedisAway, RedisClient
from shop.cache.urls import connectors
from shop.operations.findings import Finding, error, fine, warning
from shop.settings import Settings

SESSIONS: Final = "Redis for sessions"
CACHE: Final = "Redis for pages"
BROKER: Final = "Redis as broker"
QUEUE_KEY: Final = "celery:promises"
QUEUE_LENGTH: Final = 450  # the relay puts no more than 500 there
OLDEST: Final = (7, 0)
FULL: Final = 0.9

Facts = Mapping[str, str]


async def check_sessions(settings: Settings) -> list[Finding]:
    """Sessions and history: may be lost, but not by random eviction."""
    facts = await _facts(SESSIONS, settings.redis_url, "SHOP_REDIS_URL")
    if isinstance(facts, Finding):
        return [facts]
    found = [*_server(SESSIONS, facts)]
    if facts["maxmemory_policy"].startswith("allkeys"):
        found.append(warning(SESSIONS, "may evict any session; set maxmemory-policy to volatile-lru or noeviction."))
    return found or [fine(SESSIONS, _version(facts))]


async def check_cache(settings: Settings) -> list[Finding]:
    """Kept pages: anything may be evicted, so it needs a limit."""
    if settings.cache_url == settings.redis_url:
        return []
    facts = await _facts(CACHE, settings.cache_url, "SHOP_CACHE_URL")
    if isinstance(facts, Finding):
        return [facts]
    return [*_server(CACHE, facts)] or [fine(CACHE, _version(facts))]


async def check_broker(settings: Settings) -> list[Finding]:
    """Celery's messages: never evicted, kept on disk, and taken by workers."""
    url = broker_as_redis(settings.broker_url)
    facts = await _facts(BROKER, url, "SHOP_BROKER_URL")
    if isinstance(facts, Finding):
        return [facts]
    found = [*_server(BROKER, facts)]
    if facts["maxmemory_policy"] != "noeviction":
        found.append(error(BROKER, "may evict messages; set maxmemory-policy to noeviction on this server."))
    if facts.get("aof_enabled") != "1":
        found.append(warning(BROKER, "forgets its messages when it restarts; set appendonly to yes."))
    waiting = int(facts["waiting"])
    if waiting > QUEUE_LENGTH:
        found.append(warning(BROKER, f"{waiting} messages wait; start workers, or look why theirs are slow."))
    return found or [fine(BROKER, f"{_version(facts)} {waiting} messages wait.")]


def broker_as_redis(url: str) -> str:
    """Celery's spelling of a Redis address in the shop's: redis+socket:///path?virtual_host=2 is unix:///path?db=2."""
    parts = urlsplit(url)
    if parts.scheme != "redis+socket":
        return url
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{parts.path}?db={database}"


async def _facts(subject: str, url: str, variable: str) -> Facts | Finding:
    connector, _ = connectors(url)
    client = RedisClient(connector)
    try:
        told: Any = await client.execute("INFO")
        waiting = await client.execute("LLEN", QUEUE_KEY)
    except (RedisAway, RedisError) as problem:
        return error(subject, f"does not answer ({str(problem)[:200]}); start it, or correct {variable}.")
    finally:
        await client.close()
    pairs = (line.partition(":") for line in told.decode().splitlines() if ":" in line)
    return {**{name: value for name, _, value in pairs}, "waiting": str(waiting)}


def _server(subject: str, facts: Facts) -> Iterator[Finding]:
    version = facts["redis_version"]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        yield error(subject, f"is {version}, and the shop needs 7.0 or newer; upgrade the server.")
    if facts.get("role") != "master":
        yield error(subject, "is a replica, which takes no writes; name the primary, or its sentinels.")
    used, most = int(facts["used_memory"]), int(facts.get("maxmemory", "0"))
    if most and used > FULL * most and facts["maxmemory_policy"] == "noeviction":
        yield error(subject, f"{used / most:.0%} of its memory is used, and then it refuses; raise maxmemory.")
    if facts.get("aof_last_write_status", "ok") != "ok" or facts.get("rdb_last_bgsave_status", "ok") != "ok":
        yield error(subject, "cannot write to its disk; make room, or correct the rights of its folder.")


def _version(facts: Facts) -> str:
    name = "Valkey" if "valkey_version" in facts else "Redis"
    return f"{name} {facts.get('valkey_version') or facts['redis_version']}, {facts['maxmemory_policy']}."
