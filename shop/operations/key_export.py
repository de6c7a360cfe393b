"""The keys of a shop in a file of their own, sealed with a passphrase: apart from the backups, which are worth nothing without them."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

KEYS: Final = ("SHOP_SECRET_KEYS", "BACKUP_KEY")
SALT: Final = 16
NONCE: Final = 12


class WrongPassphrase(Exception):
    """The passphrase does not open the file, or the file is another one."""


def export_keys(environ: Mapping[str, str], path: Path, passphrase: str) -> list[str]:
    """Write the keys there are into a new file of mode 0600; their names. Raises FileExistsError."""
    keys = {name: environ[name] for name in KEYS if environ.get(name)}
    salt, nonce = secrets.token_bytes(SALT), secrets.token_bytes(NONCE)
    secret = AESGCM(_derived(passphrase, salt)).encrypt(nonce, json.dumps(keys).encode(), None)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(salt + nonce + secret) + b"\n")
    return sorted(keys)


def import_keys(path: Path, passphrase: str) -> dict[str, str]:
    """The keys of such a file; raises WrongPassphrase."""
    try:
        content = base64.b64decode(path.read_bytes(), validate=False)
        salt, nonce, secret = content[:SALT], content[SALT : SALT + NONCE], content[SALT + NONCE :]
        keys: dict[str, str] = json.loads(AESGCM(_derived(passphrase, salt)).decrypt(nonce, secret, None))
    except (InvalidTag, ValueError):
        raise WrongPassphrase(f"The passphrase does not open {path}.") from None
    return keys


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**16, r=8, p=1).derive(passphrase.encode())
