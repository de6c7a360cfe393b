"""Where files lie in a cluster that names its files itself: written down in PostgreSQL, for nobody else knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from shop.db import Database
from shop.media.names import Listed

FIND: Final = "SELECT file_id FROM media_locations WHERE cluster = %(cluster)s AND name = %(name)s"
# The first wins: of two who stored the same picture, the other removes its copy again.
NOTE: Final = """
INSERT INTO media_locations (cluster, name, file_id) VALUES (%(cluster)s, %(name)s, %(file_id)s)
ON CONFLICT (cluster, name) DO NOTHING
"""
FORGET: Final = "DELETE FROM media_locations WHERE cluster = %(cluster)s AND name = %(name)s AND file_id = %(file_id)s"
LIST: Final = """
SELECT name, kept_at FROM media_locations WHERE cluster = %(cluster)s AND name > %(after)s ORDER BY name LIMIT 1000
"""
REMEMBERED: Final = 20_000


class Locations:
    """The file ids of one cluster by name; they never change, so those that were asked for are remembered."""

    def __init__(self, db: Database, cluster: str) -> None:
        self._db = db
        self._cluster = cluster
        self._known: dict[str, str] = {}

    async def find(self, name: str) -> str | None:
        """Where a file lies; None when it was never stored."""
        if name in self._known:
            return self._known[name]
        async with self._db.read() as conn:
            file_id: str | None = await conn.fetch_value(FIND, {"cluster": self._cluster, "name": name})
        if file_id is not None:
            self._remember(name, file_id)
        return file_id

    async def note(self, name: str, file_id: str) -> bool:
        """Writes down where a file lies; False when somebody else has stored it meanwhile."""
        async with self._db.transaction() as conn:
            values = {"cluster": self._cluster, "name": name, "file_id": file_id}
            return bool(await conn.execute(NOTE, values))

    async def forget(self, name: str, file_id: str) -> None:
        """The file is gone."""
        self._known.pop(name, None)
        async with self._db.transaction() as conn:
            await conn.execute(FORGET, {"cluster": self._cluster, "name": name, "file_id": file_id})

    def distrust(self, name: str) -> None:
        """Asks again the next time: another process may have moved the file."""
        self._known.pop(name, None)

    async def listing(self) -> AsyncIterator[Listed]:
        """All that was written down."""
        after = ""
        while True:
            async with self._db.read() as conn:
                rows = await conn.fetch_all(LIST, {"cluster": self._cluster, "after": after})
            if not rows:
                return
            for row in rows:
                yield Listed(row.name, row.kept_at)
            after = rows[-1].name

    def _remember(self, name: str, file_id: str) -> None:
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[name] = file_id
