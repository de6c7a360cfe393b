"""Is there room on this machine, are secrets closed, do certificates last, is the mail server there?"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cryptography import x509

from shop.mail import MailServer, MailServerAway
from shop.media.fastdfs.store import read_url
from shop.operations.findings import Finding, error, fine, warning
from shop.settings import Settings

MAIL: Final = "mail server"
MEDIA: Final = "pictures"
DISK: Final = "disk"
SECRETS: Final = "secrets"
CERTIFICATE: Final = "certificate"
ROOM: Final = (0.10, 0.03)  # of the disk: warn, fail
LASTS_DAYS: Final = (21.0, 5.0)  # warn, fail: renewal is tried from the thirtieth day on
MAIL_SECONDS: Final = 6.0
CERTIFICATES: Final = ("/etc/letsencrypt/live/{host}/fullchain.pem", "/etc/bayberry/tls/{host}.pem")


async def check_mail(settings: Settings) -> list[Finding]:
    """A session with the mail server, TLS and login included; nothing is sent."""
    url = urlsplit(settings.mail_url)
    if url.scheme == "mailroom":
        return [fine(MAIL, "is the mail room of development.")]
    server = MailServer(url, local_hostname=urlsplit(settings.url).hostname or "localhost")
    asking = asyncio.ensure_future(server.greet())
    done, _ = await asyncio.wait({asking}, timeout=MAIL_SECONDS)
    try:
        if not done:
            asking.cancel()
            raise MailServerAway(f"silent for {MAIL_SECONDS:.0f} s")
        asking.result()
    except MailServerAway as problem:
        return [error(MAIL, f"takes no mail ({str(problem)[:200]}); start it, or correct SHOP_MAIL_URL.")]
    return [fine(MAIL, f"{url.hostname} answers.")]


async def check_media(settings: Settings) -> list[Finding]:
    """The store of the pictures; what knows no password has to be out of everybody's reach."""
    url = urlsplit(settings.media_url)
    if url.scheme == "fastdfs":
        return await _trackers(settings.media_url)
    if url.scheme != "file":
        return []
    folder = Path(unquote(url.path))
    return await asyncio.to_thread(lambda: [*_folder(folder)] or [fine(MEDIA, f"{folder} can be written.")])


async def _trackers(url: str) -> list[Finding]:
    """security: whoever reaches a port of FastDFS may read, write and delete anything, so an address of the internet is an error."""
    loop = asyncio.get_running_loop()
    found: list[Finding] = []
    for host, port in read_url(url)[0]:
        try:
            told = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            found.append(error(MEDIA, f"the tracker {host} has no address; correct SHOP_MEDIA_URL."))
            continue
        public = sorted({str(address[0]) for *_, address in told if ip_address(address[0]).is_global})
        if public:
            said = f"the tracker {host} is reached at {public[0]}, which is public, and FastDFS knows no password"
            found.append(error(MEDIA, f"{said}; move it to a network of its own (docs/media.md)."))
    return found or [fine(MEDIA, "trackers are on networks of their own.")]


def _folder(folder: Path) -> Iterator[Finding]:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-"):
            pass
    except FileNotFoundError:
        yield error(MEDIA, f"{folder} is missing; make it, or correct SHOP_MEDIA_URL.")
    except OSError as problem:
        yield error(MEDIA, f"{folder} cannot be written ({problem.strerror}); give it to the shop's user.")


async def check_disk(settings: Settings) -> list[Finding]:
    """Room below everything the shop writes to."""
    folders = {settings.state, Path(tempfile.gettempdir())}
    if settings.media_url.startswith("file:"):
        folders.add(Path(unquote(urlsplit(settings.media_url).path)))
    found = await asyncio.to_thread(lambda: [one for folder in sorted(folders) for one in _room(folder)])
    return found or [fine(DISK, "has room.")]


def _room(folder: Path) -> Iterator[Finding]:
    if not folder.exists():
        return
    usage, files = shutil.disk_usage(folder), os.statvfs(folder)
    free = usage.free / usage.total
    if files.f_files:
        free = min(free, files.f_favail / files.f_files)
    warn, fail = ROOM
    if free < warn:
        say = error if free < fail else warning
        yield say(DISK, f"{free:.1%} of the disk below {folder} is free; make room, or enlarge it.")


def check_secrets(files: list[Path]) -> list[Finding]:
    """Whether nobody but their owner and group can read the files that hold secrets."""
    found = [one for path in files for one in _closed(path)]
    return found or [fine(SECRETS, "are closed.")]


def _closed(path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as problem:
        yield error(SECRETS, f"{path} cannot be looked at ({problem.strerror}); make it, or run as root.")
        return
    if mode & 0o007:
        yield error(SECRETS, f"everybody on this machine may open {path} (mode {mode:o}); chmod 640 {path}.")
    elif mode & 0o020:
        yield error(SECRETS, f"the group may change {path} (mode {mode:o}); chmod 640 {path}.")


def certificates_of(settings: Settings) -> list[Path]:
    """The certificate files of the shop's host, where they are usually kept."""
    host = urlsplit(settings.url).hostname or ""
    return [path for place in CERTIFICATES if (path := Path(place.format(host=host))).exists()]


def check_certificates(settings: Settings, files: list[Path]) -> list[Finding]:
    """How long the certificates last, and whether they are the shop's."""
    if not settings.is_secure:
        return [warning(CERTIFICATE, "SHOP_URL is not https, so passwords travel in the open; get a certificate.")]
    host = urlsplit(settings.url).hostname or ""
    return [finding for path in files for finding in _lasting(path, host)]


def _lasting(path: Path, host: str) -> Iterator[Finding]:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as problem:
        yield error(CERTIFICATE, f"{path} cannot be read ({problem}); renew it.")
        return
    days = (certificate.not_valid_after_utc - datetime.fromtimestamp(time.time(), UTC)).total_seconds() / 86_400
    warn, fail = LASTS_DAYS
    if not _is_for(certificate, host):
        yield error(CERTIFICATE, f"{path} is not for {host}; get one that is.")
    elif days < warn:
        say = error if days < fail else warning
        yield say(CERTIFICATE, f"{path} ends in {days:.0f} days; renew it (certbot renew) and reload nginx.")
    else:
        yield fine(CERTIFICATE, f"{path} lasts {days:.0f} days.")


def _is_for(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wild = f"*.{host.partition('.')[2]}"
    return bool({host, wild} & set(names.get_values_for_type(x509.DNSName)))
