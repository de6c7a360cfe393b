"""Every file of a host, filled in from the answers: units, nginx, Redis, environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shop.operations.answers import Answers
from shop.operations.host_secrets import as_lines
from shop.operations.places import Places
from shop.settings import HOME

CONFIG: Final = HOME / "config"
WORD: Final = re.compile(r"@([a-z_]+)@")
WEB_UNITS: Final = ("shop-web@.socket", "shop-web@.service")
UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "web": WEB_UNITS,
    "worker": ("shop-worker.service",),
    "relay": ("shop-relay.service",),
    "beat": ("shop-beat.service",),
}
OWNER_UNITS: Final = ("shop-migrate.service", "shop-backup.service", "shop-backup.timer", "shop-archive.service")

USERS: Final = """\
u bayberry - "The shop" @data@ -
m www-data bayberry
@redis_member@"""
FOLDERS: Final = """\
d @run@ 0755 root root -
d @data@ 0755 bayberry bayberry -
d @data@/static 0755 root root -
d @data@/pages 0755 root root -
d @data@/acme 0755 root root -
d @media@ 0750 bayberry bayberry -
d @cache@ 0700 www-data root -
d @cache@/pages 0700 www-data root -
d @cache@/pictures 0700 www-data root -
"""


@dataclass(frozen=True)
class HostFile:
    """A file of the host; `is_secret` ones are for root only and never shown."""

    path: Path
    content: str
    is_secret: bool = False

    @property
    def mode(self) -> int:
        return 0o600 if self.is_secret else 0o644


def host_files(places: Places, answers: Answers, made: Mapping[str, str], roles: Collection[str]) -> Iterator[HostFile]:
    """All files that these roles need."""
    words = words_of(places, answers)
    yield HostFile(places.prefix / "etc/sysusers.d/bayberry.conf", _filled(USERS, words))
    yield HostFile(places.prefix / "etc/tmpfiles.d/bayberry.conf", _filled(FOLDERS, words))
    yield HostFile(places.environment, _lines(environment(places, answers, made)), is_secret=True)
    yield HostFile(places.etc / "secrets", as_lines(made), is_secret=True)
    if owner := answers.settings.get("database_owner_url"):
        yield HostFile(places.etc / "owner", _lines({"SHOP_DATABASE_OWNER_URL": str(owner)}), is_secret=True)
    for unit in ("shop.target", *units_of(roles, has_owner=bool(owner))):
        yield HostFile(places.units / unit, _from("systemd/" + unit, words))
    if "proxy" in roles:
        yield HostFile(places.nginx / "sites-available/bayberry.conf", _from("nginx/bayberry.conf", words))
        yield HostFile(places.nginx / "bayberry/shop.conf", _from("nginx/shop.conf", words))
    if answers.has_own_redis:
        for part in ("broker", "cache"):
            yield HostFile(places.redis / f"redis-bayberry-{part}.conf", _from(f"redis/{part}.conf", words))


def units_of(roles: Collection[str], *, has_owner: bool) -> list[str]:
    """The units of these roles; what needs the owner of the database only where its address is known."""
    units = [unit for role in UNITS if role in roles for unit in UNITS[role]]
    return [*units, *(OWNER_UNITS if has_owner else ())]


def enabled_units(answers: Answers, roles: Collection[str]) -> list[str]:
    """What starts with the host."""
    has_owner = bool(answers.settings.get("database_owner_url"))
    singles = [
        unit for unit in units_of(roles, has_owner=has_owner) if "@" not in unit and unit != "shop-backup.service"
    ]
    numbers = range(1, answers.host.processes + 1) if "web" in roles else ()
    webs = [f"shop-web@{number}.{kind}" for number in numbers for kind in ("socket", "service")]
    redis = ["redis-server@bayberry-broker", "redis-server@bayberry-cache"] if _runs_redis(answers, roles) else []
    return [*redis, *webs, *singles, "shop.target"]


def environment(places: Places, answers: Answers, made: Mapping[str, str]) -> dict[str, str]:
    """The settings of the shop on this host; the owner of the database is in none of them."""
    broker, cache = (places.prefix / f"run/redis-bayberry-{part}/redis.sock" for part in ("broker", "cache"))
    usual = {
        "media_url": f"file://{places.media}",
        "redis_url": f"unix://{cache}?db=0",
        "cache_url": f"unix://{cache}?db=1",
        "broker_url": f"redis+socket://{broker}?virtual_host=0",
        "metrics_listen": answers.host.metrics,
    }
    if answers.settings.get("redis_url"):
        usual.pop("cache_url")
    chosen = {**usual, **answers.settings}
    chosen.pop("database_owner_url", None)
    return {f"SHOP_{name.upper()}": str(value) for name, value in chosen.items()} | dict(made)


def words_of(places: Places, answers: Answers) -> dict[str, str]:
    """What stands for the words between at signs."""
    host = answers.host
    pair = places.etc / "tls" / answers.hostname
    return {
        "authority": answers.authority,
        "burst": str(5 * host.requests_per_second),
        "cache": str(places.cache),
        "certificate": host.certificate or f"{pair}.pem",
        "certificate_key": host.certificate_key or f"{pair}.key",
        "code": str(places.code),
        "concurrency": str(host.concurrency),
        "connections": str(host.connections),
        "data": str(places.data),
        "etc": str(places.etc),
        "etc_nginx": str(places.nginx),
        "hardening": (CONFIG / "systemd/hardening.conf").read_text("utf-8").strip(),
        "host": answers.hostname,
        "http": host.http,
        "https": host.https,
        "listen": f"{host.listen}:800%i" if host.listen else f"{places.run}/web-%i.sock",
        "logs": str(places.logs),
        "media": str(places.media),
        "patience": str(host.patience),
        "python": str(places.python),
        "rate": str(host.requests_per_second),
        "redis_data": str(places.prefix / "var/lib/redis"),
        "redis_member": "m bayberry redis\n" if answers.has_own_redis else "",
        "redis_run": str(places.prefix / "run/redis-bayberry"),
        "run": str(places.run),
        "static_burst": str(20 * host.requests_per_second),
        "upstreams": "\n".join(f"    server {where} max_fails=0;" for where in _upstreams(places, answers)),
        "url": answers.url,
    }


def _upstreams(places: Places, answers: Answers) -> list[str]:
    host = answers.host
    if host.web:
        return list(host.web)
    numbers = range(1, host.processes + 1)
    if host.listen:
        return [f"{host.listen}:{8000 + number}" for number in numbers]
    return [f"unix:{places.run}/web-{number}.sock" for number in numbers]


def _runs_redis(answers: Answers, roles: Collection[str]) -> bool:
    return answers.has_own_redis and "redis" in roles


def _from(name: str, words: Mapping[str, str]) -> str:
    return _filled((CONFIG / name).read_text("utf-8"), words)


def _filled(text: str, words: Mapping[str, str]) -> str:
    return WORD.sub(lambda found: words[found[1]], text)


def _lines(values: Mapping[str, str]) -> str:
    """NAME=value lines as systemd reads them."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in sorted(values.items()) if value)


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w@%+=:,./?&-]*", value, re.ASCII):
        return value
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
