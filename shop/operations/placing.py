"""Puts the files of a host where they belong, and says what it did; what is there already is not touched."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shop.media.local import write_whole
from shop.operations.host_files import HostFile
from shop.operations.places import Places

PLACEHOLDER_DAYS = 30


def place(files: Iterable[HostFile], *, dry: bool) -> Iterator[str]:
    """Write what is new or different; one line a file. A dry run shows the whole content of what it would write, secrets masked."""
    for file in files:
        if _is_there(file):
            yield f"unchanged  {file.path}"
            continue
        yield f"{'would write' if dry else 'written'}  {file.path} ({file.mode:04o})"
        if dry:
            yield from (f"    {line}" for line in _shown(file))
        else:
            _write(file)


def make_folders(places: Places) -> None:
    """The folders below another prefix; on a real host systemd-tmpfiles makes them, with their owners."""
    for folder in (places.run, places.data / "static", places.data / "pages", places.data / "acme", places.media):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (places.cache, places.logs, places.nginx / "sites-enabled"):
        folder.mkdir(parents=True, exist_ok=True)


def link(path: Path, target: Path, *, dry: bool) -> str:
    """A symbolic link; another one in its place is replaced in one step."""
    if path.is_symlink() and path.readlink() == target:
        return f"unchanged  {path}"
    if not dry:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)
    return f"{'would link' if dry else 'linked'}  {path} -> {target}"


def make_certificate(certificate: Path, key: Path, host: str) -> None:
    """A certificate nobody trusts, with which nginx can start and answer the challenge for a real one; valid for 30 days."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=PLACEHOLDER_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(private, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    _write(HostFile(key, private.private_bytes(encoding, *plain).decode(), is_secret=True))
    _write(HostFile(certificate, made.public_bytes(encoding).decode()))


def run_commands(commands: Iterable[Sequence[str]], *, dry: bool) -> Iterator[str]:
    """Run the commands of a real host; raises CalledProcessError."""
    for command in commands:
        yield f"{'would run' if dry else 'run'}  {' '.join(command)}"
        if not dry:
            subprocess.run(command, check=True)  # noqa: S603 - made of our own words and checked answers


def _is_there(file: HostFile) -> bool:
    try:
        is_same = file.path.read_text("utf-8") == file.content
    except FileNotFoundError:
        return False
    return is_same and stat.S_IMODE(file.path.stat().st_mode) == file.mode


def _write(file: HostFile) -> None:
    write_whole(file.path, file.content.encode())
    os.chmod(file.path, file.mode)


def _shown(file: HostFile) -> list[str]:
    if not file.is_secret:
        return file.content.splitlines()
    return [
        line if line.startswith("#") else f"{line.partition('=')[0]}=[masked]" for line in file.content.splitlines()
    ]
