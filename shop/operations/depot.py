"""Where backups lie: sealed files by name, in a folder or in a bucket of S3."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

READ: Final = 1 << 20


class DepotError(Exception):
    """The place of the backups cannot be used; the text is one sentence for a person."""


class Missing(DepotError, FileNotFoundError):
    """There is no such file."""


class Depot(Protocol):
    """Files by name; what was put is there whole or not at all."""

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Keep a file, instead of an older one, and return how many bytes it has."""

    def get(self, name: str) -> Iterator[bytes]:
        """The bytes of a file; raises DepotError."""

    def names(self, prefix: str) -> list[str]:
        """The names that begin so, in order."""

    def age(self, name: str) -> float | None:
        """Seconds since a file was put; None when there is none."""

    def delete(self, name: str) -> None:
        """Forget a file; nothing happens when there is none."""


def open_depot(url: str) -> Depot:
    """The depot behind BACKUP_URL: file:///folder or s3://bucket/prefix?endpoint=…&region=…; raises DepotError."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.startswith("/"):
        return FolderDepot(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return BucketDepot(url)
    raise DepotError("BACKUP_URL has to look like file:///srv/backups or s3://bucket/prefix?endpoint=https://….")


class FolderDepot:
    """A folder, best on another disk or a mounted machine; only its owner can look into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_name(f".{path.name}.new")
        size = 0
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for chunk in chunks:
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        return size

    def get(self, name: str) -> Iterator[bytes]:
        try:
            with (self._folder / name).open("rb") as file:
                while chunk := file.read(READ):
                    yield chunk
        except OSError as problem:
            raise DepotError(f"{name} cannot be read from the backups ({problem.strerror}).") from None

    def names(self, prefix: str) -> list[str]:
        found = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(prefix) and not name.rpartition("/")[2].startswith("."))

    def age(self, name: str) -> float | None:
        try:
            changed = (self._folder / name).stat().st_mtime
        except FileNotFoundError:
            return None
        return max(0.0, datetime.now(UTC).timestamp() - changed)

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class BucketDepot:
    """A bucket of any S3; who may write stands in the address, or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""

    def __init__(self, url: str) -> None:
        from obstore.store import S3Store

        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        endpoint = asked.get("endpoint", "")
        options: dict[str, Any] = {"region": asked.get("region", "us-east-1")}
        if endpoint:
            options |= {"endpoint": endpoint, "client_options": {"allow_http": endpoint.startswith("http:")}}
        if parts.username and parts.password:
            options |= {
                "access_key_id": unquote(parts.username),
                "secret_access_key": unquote(parts.password),
            }
        self._store = S3Store(parts.hostname or "", prefix=parts.path.strip("/") or None, **options)

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        import obstore

        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                size += len(chunk)
                yield chunk

        with _told(name):
            obstore.put(self._store, name, counted())
        return size

    def get(self, name: str) -> Iterator[bytes]:
        import obstore

        with _told(name):
            for chunk in obstore.get(self._store, name).stream(min_chunk_size=READ):
                yield bytes(chunk)

    def names(self, prefix: str) -> list[str]:
        import obstore

        # S3 lists by folders here: what begins with the last part is picked out afterwards
        found = (
            entry["path"] for page in obstore.list(self._store, prefix.rpartition("/")[0] or None) for entry in page
        )
        return sorted(name for name in found if name.startswith(prefix))

    def age(self, name: str) -> float | None:
        import obstore

        try:
            with _told(name):
                changed = obstore.head(self._store, name)["last_modified"]
        except FileNotFoundError:
            return None
        return max(0.0, (datetime.now(UTC) - changed).total_seconds())

    def delete(self, name: str) -> None:
        import obstore

        with _told(name), suppress(FileNotFoundError):
            obstore.delete(self._store, name)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say in our words what S3 said; a missing file stays what it is where it was asked for."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as problem:
        raise Missing(f"{name} is not among the backups.") from problem
    except (BaseError, PermissionError) as problem:
        raise DepotError(
            f"{name}: the bucket does not do it ({type(problem).__name__}); look at its address and keys."
        ) from None
