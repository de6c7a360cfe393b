"""From a backup to a PostgreSQL that can be started: as it was at a moment, or at the last one that was archived."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from shop.children import Account
from shop.operations.base_backup import BASE, MEDIA, WAL, Label, labels, manifest_of
from shop.operations.depot import Depot
from shop.operations.postgres_programs import ProgramFailed
from shop.operations.sealed_files import BackupDamaged, fingerprint, unsealed
from shop.operations.wal_archive import PARTIAL, SEGMENT

ARCHIVE: Final = "bayberry_wal"  # below the data folder, so that whoever owns that can read it


class NoBackup(Exception):
    """Nothing that could be restored; the text is one sentence for a person."""


def chosen(depot: Depot, key: bytes, at: datetime | None, name: str | None = None) -> Label:
    """The backup to begin with: the one named, else the newest that was whole at that moment; raises NoBackup."""
    whole = labels(depot)
    if name is not None:
        whole = [label for label in whole if label.name == name]
    if at is not None:
        whole = [label for label in whole if datetime.fromisoformat(label.finished_at) <= at]
    if not whole:
        raise NoBackup("There is no whole backup from before that moment.")
    if whole[-1].key != fingerprint(key):
        raise NoBackup(f"The backup was sealed with the key {whole[-1].key}, and BACKUP_KEY is {fingerprint(key)}.")
    return whole[-1]


def lay_out(
    depot: Depot, key: bytes, label: Label, data: Path, *, at: datetime | None = None, account: Account | None = None
) -> int:
    """Fill an empty folder with the data and the log up to that moment; how many segments of log there are.

    Raises NoBackup, BackupDamaged, DepotError or ProgramFailed.
    """
    _empty(data, account)
    name = f"{BASE}{label.name}/postgres.tar"
    _untar(unsealed(depot.get(name), key, name), data, account)
    archive = data / ARCHIVE
    archive.mkdir(mode=0o700)
    count = _fetch_wal(depot, key, label, archive)
    (data / "recovery.signal").touch()
    with (data / "postgresql.auto.conf").open("a") as conf:
        conf.write(_recovery(archive, at))
    _give_all(data, account)
    return count


def _empty(data: Path, account: Account | None) -> None:
    if data.exists() and any(data.iterdir()):
        raise NoBackup(f"{data} is not empty; move it away first, so that nothing is overwritten.")
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    if account:
        os.chown(data, account.uid, account.gid)


def _untar(chunks: Iterable[bytes], data: Path, account: Account | None) -> None:
    command = ["tar", "--extract", "--file=-", f"--directory={data}", "--no-same-owner"]
    who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", **who)  # type: ignore[call-overload]  # noqa: S603
    try:
        for chunk in chunks:
            child.stdin.write(chunk)
    except BrokenPipeError:
        pass  # tar says why
    except BackupDamaged:
        child.kill()
        raise
    finally:
        words = child.communicate()[1].decode(errors="replace").strip()
    if child.returncode:
        raise ProgramFailed(f"tar could not write into {data}: {words[-300:]}")


def _fetch_wal(depot: Depot, key: bytes, label: Label, archive: Path) -> int:
    """Unseal the segments from the first that is needed; an unfinished one stands in for its finished self."""
    names = [name.removeprefix(WAL) for name in depot.names(WAL)]
    finished = {name for name in names if not name.endswith(PARTIAL)}
    count = 0
    for name in names:
        segment = name.removesuffix(PARTIAL)
        is_old = len(segment) == SEGMENT and segment[8:] < label.first_segment[8:]
        if is_old or (name != segment and segment in finished):
            continue
        with (archive / segment).open("wb") as file:
            for chunk in unsealed(depot.get(WAL + name), key, WAL + name):
                file.write(chunk)
        count += 1
    return count


def _recovery(archive: Path, at: datetime | None) -> str:
    copy = f'cp "{archive}/%f" "%p"'
    until = f"recovery_target_time = '{at.isoformat()}'\n" if at else ""
    return f"\nrestore_command = '{copy}'\n{until}recovery_target_action = 'promote'\nrecovery_target_timeline = 'latest'\n"


def _give_all(data: Path, account: Account | None) -> None:
    if account is None:
        return
    for folder, _, files in os.walk(data):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def bring_back_pictures(depot: Depot, key: bytes, label: Label, folder: Path) -> int:
    """Write the pictures of a backup that are not in the folder yet; how many."""
    count = 0
    for name in manifest_of(depot, label, key):
        path = folder / name[:2] / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".new-{name}")
        with unfinished.open("wb") as file:
            for chunk in unsealed(depot.get(MEDIA + name), key, MEDIA + name):
                file.write(chunk)
        unfinished.replace(path)
        count += 1
    return count


def free_enough(folder: Path, label: Label) -> bool:
    """Whether a backup will fit: unpacked it is several times as large as sealed."""
    return shutil.disk_usage(folder).free > 6 * label.size
