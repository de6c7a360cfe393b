"""The place where development happens: embedded servers for what the environment does not name, and keys of its own."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shop.embedded import AlreadyRunning, Postgres, Valkey, lock
from shop.operations.environment import read_environment
from shop.settings import DEVELOPMENT_MARK, HOME, Settings, SettingsError


class Local:
    """Servers, keys and environment of one state folder (SHOP_STATE, else var/)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        Settings.load(environ, development=True)
        self._given = environ
        self.state = Path(environ.get("SHOP_STATE") or HOME / "var").resolve()
        self.postgres = None if environ.get("SHOP_DATABASE_URL") else Postgres(self.state)
        needs_redis = not (environ.get("SHOP_REDIS_URL") and environ.get("SHOP_BROKER_URL"))
        self.valkey = Valkey(self.state) if needs_redis else None
        if self.postgres is None and not environ.get("SHOP_DATABASE_OWNER_URL"):
            raise SettingsError(
                "SHOP_DATABASE_OWNER_URL is missing; with SHOP_DATABASE_URL of yours, migrations need it."
            )

    def start(self) -> None:
        """Start what is not running, or has ended; raises EmbeddedError."""
        for server in (self.postgres, self.valkey):
            if server and server.pid is None:
                server.start()

    def stop(self) -> None:
        """Stop what was started."""
        for server in (self.valkey, self.postgres):
            if server:
                server.stop()

    def migrate(self) -> None:
        """Bring the database to the newest schema; one of ours that has seen all migrations is not asked again."""
        versions = sorted((HOME / "shop" / "db" / "migrations" / "versions").glob("*.py"))
        newest = hashlib.sha256(b"".join(path.read_bytes() for path in versions)).hexdigest()
        stamp = self.postgres.home / "migrated" if self.postgres else None
        if stamp and stamp.exists() and stamp.read_text() == newest:
            return
        from shop.db.migrations import migrate  # a second that most starts need not spend

        migrate(self.settings().database_owner_url)
        if stamp:
            stamp.write_text(newest)

    def environ(self) -> dict[str, str]:
        """Return the environment of every process of development."""
        ours = {"SHOP_STATE": str(self.state), "SHOP_SECRET_KEYS": keys_in(self.state)}
        if self.postgres:
            ours |= {"SHOP_DATABASE_URL": self.postgres.web_url, "SHOP_DATABASE_OWNER_URL": self.postgres.owner_url}
        if self.valkey:
            ours |= {"SHOP_REDIS_URL": self.valkey.url, "SHOP_CACHE_URL": self.valkey.cache_url}
            ours |= {"SHOP_BROKER_URL": self.valkey.broker_url}
        chosen = {name: value for name, value in self._given.items() if value or not name.startswith("SHOP_")}
        return {**ours, **chosen, DEVELOPMENT_MARK: "1"}

    def settings(self) -> Settings:
        """Return the settings of every process of development."""
        return Settings.inherit(self.environ())


@contextmanager
def at_hand(environ: Mapping[str, str]) -> Iterator[Local]:
    """Lend the servers of `make run`, or run them for as long as it takes when it does not."""
    local = Local(environ)
    try:
        held = lock(local.state)
    except AlreadyRunning:
        yield local
        return
    with held:
        local.start()
        try:
            yield local
        finally:
            local.stop()


@contextmanager
def settings_at_hand(environment: Path | None) -> Iterator[Settings]:
    """Those of a host's file or of its variables around us, else of the shop of `make run`.

    Raises SettingsError, EmbeddedError or OSError.
    """
    given = {**os.environ, **(read_environment(environment) if environment else {})}
    if given.get("SHOP_DATABASE_URL") and not given.get("SHOP_DATABASE_OWNER_URL"):
        yield Settings.inherit(given)  # a host: nobody there runs as the owner
    else:
        with at_hand(given) as local:
            yield local.settings()


def keys_in(state: Path) -> str:
    """Return the key ring of this place, made at the first start; only its owner may read it."""
    path = state / "secret-keys"
    if not path.exists():
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode())
        new.rename(path)
    return path.read_text()
