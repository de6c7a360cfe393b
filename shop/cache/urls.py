"""Where a cache lives, as one URL says it.

redis://, rediss://, unix://    one server
redis://a/1,redis://b/1         a primary and, after commas, replicas that answer reads
redis+sentinel://[user:password@]host:port,host:port/name/1    whichever server the sentinels call the primary of `name`;
    ?reads=replicas             reads go to a replica of it
    ?sentinel_password=…        what the sentinels themselves ask for
rediss+sentinel://              the same over TLS
"""

from __future__ import annotations

import re
from typing import Any, Final, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from shop.cache.link import CONNECT_SECONDS, Connector, budgeted

_NEXT_SERVER: Final = re.compile(r",(?=(?:redis|rediss|unix)://)")


def servers(url: str) -> list[str]:
    """The URLs of a primary and its replicas, one by one."""
    return _NEXT_SERVER.split(url)


def is_sentinels(url: str) -> bool:
    """Whether sentinels are asked where the servers are."""
    return urlsplit(url).scheme.endswith("+sentinel")


def connectors(url: str) -> tuple[Connector, list[Connector]]:
    """What connects to the primary, and to each replica; raises ValueError for a URL that is none of the above."""
    if not is_sentinels(url):
        primary, *replicas = (Connector(server) for server in servers(url))
        return primary, replicas
    asked = Sentinels(url)
    return asked.connector("primary"), [asked.connector("replica")] if asked.reads_from_replicas else []


def for_celery(url: str) -> tuple[str, dict[str, Any]]:
    """A broker's URL in kombu's spelling, and the transport options that go with it."""
    if not is_sentinels(url):
        return url, {}
    asked = Sentinels(url)
    return asked.for_celery()


class Sentinels:
    """A sentinel URL in its parts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        user, _, hosts = parts.netloc.rpartition("@")
        name, _, database = parts.path.strip("/").partition("/")
        self._hosts = [_address(host) for host in hosts.split(",") if host]
        if not self._hosts or not name or not (database or "0").isdigit():
            raise ValueError("a sentinel URL is redis+sentinel://host:port,host:port/name-of-the-primary/database")
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if set(asked) - {"reads", "sentinel_password"} or asked.get("reads", "replicas") != "replicas":
            raise ValueError("a sentinel URL may say ?reads=replicas and ?sentinel_password=… and nothing else")
        self.reads_from_replicas = "reads" in asked
        self._name = name
        self._own_password = asked.get("sentinel_password")
        self._ssl = {"ssl": True} if parts.scheme == "rediss+sentinel" else {}
        username, _, password = user.partition(":")
        self._server = {"username": unquote(username) or None, "password": unquote(password) or None}
        self._server_database = int(database or 0)

    def for_celery(self) -> tuple[str, dict[str, Any]]:
        """What kombu needs to ask the same sentinels."""
        name, password = (quote(self._server[part] or "", safe="") for part in ("username", "password"))
        who = f"{name}:{password}@" if password else ""
        urls = [f"sentinel://{who}{host}:{port}/{self._server_database}" for host, port in self._hosts]
        own = {"password": self._own_password} if self._own_password else {}
        return ";".join(urls), {"master_name": self._name, "sentinel_kwargs": {**own, **self._ssl}, **self._ssl}

    def connector(self, role: str) -> Connector:
        """What connects to the primary or to a replica, wherever it is at that moment."""
        # However many sentinels are silent, the last one is still asked within the budget of connecting.
        own = {**budgeted(CONNECT_SECONDS / (len(self._hosts) + 1)), **self._ssl}
        sentinel = Sentinel(self._hosts, sentinel_kwargs={**own, "password": self._own_password})  # type: ignore[no-untyped-call]
        options = {**budgeted(CONNECT_SECONDS), **self._ssl, **self._server, "db": self._server_database}
        pool = SentinelConnectionPool(self._name, sentinel, is_master=role == "primary", **options)  # type: ignore[no-untyped-call]
        return SentinelConnector(sentinel, pool)


class SentinelConnector(Connector):
    """Asks the sentinels anew for each connection, so that the one after a failover goes to the new primary."""

    def __init__(self, sentinel: Sentinel, pool: SentinelConnectionPool) -> None:
        self._sentinel = sentinel
        self._pool = pool

    def connection(self) -> AbstractConnection:
        return cast(AbstractConnection, self._pool.make_connection())  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._sentinel.aclose()


def _address(host: str) -> tuple[str, Any]:
    parts = urlsplit(f"//{host}")
    return parts.hostname or "", parts.port or 26379
