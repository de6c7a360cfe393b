"""A PostgreSQL of a restored folder, alone on a socket of its own, for a drill or a look."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg2

from shop.children import Account, start_child, stop_child
from shop.operations.postgres_programs import ProgramFailed, folder_of
from shop.placement import give

PATIENCE: Final = 3600.0  # seconds: a long log takes its time
SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "hot_standby": "off",
    "archive_mode": "off",
    "shared_preload_libraries": "",
    "ssl": "off",
    "fsync": "off",
}


@contextmanager
def running(data: Path, major: int, account: Account | None, patience: float = PATIENCE) -> Iterator[str]:
    """The superuser's URL (without a database) once recovery has ended; raises ProgramFailed with the end of the log."""
    home = data.parent
    sockets = home / "s"
    sockets.mkdir(mode=0o700)
    give(sockets, account)
    log = home / "postgres.log"
    child = start_child(_command(data, major, sockets), log=log, dies_by=signal.SIGINT, account=account)
    url = f"postgresql://postgres@/{{database}}?host={quote(str(sockets), safe='')}"
    try:
        _await_end_of_recovery(url.format(database="postgres"), child, log, patience)
        yield url
    finally:
        stop_child(child, signal.SIGINT, signal.SIGQUIT)


def _command(data: Path, major: int, sockets: Path) -> list[str]:
    # Debian keeps these files in /etc, so a backup has none; a drill trusts whoever reaches its socket, which is only us
    for name, text in (("drill.conf", ""), ("drill_hba.conf", "local all all trust\n"), ("drill_ident.conf", "")):
        (data / name).write_text(text)
        (data / name).chmod(0o644)
    files = {"config_file": "drill.conf", "hba_file": "drill_hba.conf", "ident_file": "drill_ident.conf"}
    options = SETTINGS | {name: str(data / file) for name, file in files.items()}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [str(folder_of(major) / "postgres"), "-D", str(data), "-k", str(sockets), *settings]


def _await_end_of_recovery(url: str, child: subprocess.Popen[bytes], log: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            connection = psycopg2.connect(url)
        except psycopg2.OperationalError:
            if child.poll() is not None or time.monotonic() > end:
                told = log.read_text(errors="replace")[-800:]
                raise ProgramFailed(f"the restored PostgreSQL does not start: {told}") from None
            time.sleep(0.1)
            continue
        connection.close()
        return
