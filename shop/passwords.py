"""Passwords: hashed with Argon2id beside the event loop, checked at the same cost whoever asks, old hashes taken along.

A stored hash is one of: `$argon2id$…` (ours) · `wrapped$<digest>$<salt>$argon2id$…` (an old fast hash, itself hashed) ·
`pbkdf2_sha256$<iterations>$<salt>$<digest>` (as Django writes it; slow enough to be kept).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Final, ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

P = ParamSpec("P")
R = TypeVar("R")

THREADS: Final = 2
QUEUE: Final = 20
HASHES_ARE_NICE: Final = 5
# OWASP, Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
ARGON2: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
# What an erased account keeps in place of a hash: no password is right.
NO_PASSWORD: Final = "!"  # noqa: S105
BARE: Final = {32: "md5", 40: "sha1", 64: "sha256"}
MAX_ITERATIONS: Final = 2_000_000


class TooBusy(Exception):
    """More passwords wait to be hashed than can be answered in time."""


class UnknownHash(ValueError):
    """An old hash of a kind that cannot be taken over."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password is right, and the plain Argon2id hash to store in place of one of an older kind."""

    is_right: bool
    better_hash: str | None = None


class Passwords:
    """A small thread pool with a short queue: a flood of sign-ins gets an answer and leaves the pages alone."""

    def __init__(self, threads: int = THREADS, queue: int = QUEUE) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_stand_back)
        self._places = threading.BoundedSemaphore(threads + queue)
        self._nobodys = _nobodys_hash()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place for what is done inside; raises TooBusy at once, before anybody else was asked for anything."""
        if not self._places.acquire(blocking=False):
            raise TooBusy
        place = _Place(self._places.release)
        token = _HELD.set(place)
        try:
            yield
        finally:
            _HELD.reset(token)
            place.leave()

    async def hash(self, password: str) -> str:
        """Return an Argon2id hash to store; raises TooBusy."""
        return await self._run(hash_password, password)

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Check against a stored hash, or at the same cost against nobody's; raises TooBusy."""
        verdict = await self._run(verify_password, password, stored or self._nobodys)
        return verdict if stored else Verdict(is_right=False)

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        place = _HELD.get()
        if place is None:
            with self.place():
                return await self._run(work, *args, **kwargs)
        future = self._pool.submit(work, *args, **kwargs)
        place.enter()
        # surprise: the place is free when the thread is done, not when the request is gone: its hash is still made
        future.add_done_callback(lambda _: place.leave())
        return await asyncio.wrap_future(future)


def _stand_back() -> None:
    # surprise: to Linux a thread is a process, with a priority of its own; hashes get the core when no page wants it
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHES_ARE_NICE)


class _Place:
    """A place in the queue, free again when all who use it have left: a request, and the thread that works for it."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._users = 1
        self._lock = threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            is_free = self._users == 0
        if is_free:
            self._release()


_HELD: Final[ContextVar[_Place | None]] = ContextVar("_HELD", default=None)


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """Return the Argon2id hash of the exact bytes of a password (18 ms of one core)."""
    return ARGON2.hash(_bytes(password))


def verify_password(password: str, stored: str) -> Verdict:
    """Check a password against a stored hash of any kind we keep."""
    if stored.startswith("$argon2"):
        return _verdict(password, _argon2_matches(stored, _bytes(password)), outdated=_is_outdated(stored))
    kind, _, rest = stored.partition("$")
    if kind == "wrapped":
        digest, salt, inner = rest.split("$", 2)
        return _verdict(password, _argon2_matches(f"${inner}", _fast(digest, salt, password).encode()))
    if kind == "pbkdf2_sha256":
        return _verdict(password, _pbkdf2_matches(rest, password))
    return _verdict(password, False)


def check_hash(old: str) -> None:
    """Raise UnknownHash for a hash from elsewhere that `adopt_hash` would not take."""
    _fast_parts(old)


def adopt_hash(old: str) -> str:
    """Turn a hash from elsewhere into one that may be stored, wrapping fast ones (18 ms); raises UnknownHash."""
    parts = _fast_parts(old)
    return _wrap(*parts) if parts else old


def _fast_parts(old: str) -> tuple[str, str, str] | None:
    """(digest, salt, value) of a fast hash, None for one that is slow enough to be kept."""
    if re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", old):
        return BARE[len(old)], "", old
    if found := re.fullmatch(r"(md5|sha1)\$([^$]{0,128})\$([0-9a-fA-F]+)", old):
        digest, salt, value = found.groups()
        if len(value) == hashlib.new(digest).digest_size * 2:
            return digest, salt, value
    if (found := re.fullmatch(r"pbkdf2_sha256\$(\d{1,7})\$[^$]{1,128}\$[A-Za-z0-9+/]{43}=", old)) and (
        0 < int(found[1]) <= MAX_ITERATIONS
    ):
        return None
    if re.fullmatch(r"\$argon2id\$v=19\$m=\d{1,6},t=\d,p=\d\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}", old):
        return None
    raise UnknownHash("not a hash of a kind this shop can take over")


def _verdict(password: str, is_right: bool, *, outdated: bool = True) -> Verdict:
    return Verdict(is_right, hash_password(password) if is_right and outdated else None)


def _argon2_matches(stored: str, given: bytes) -> bool:
    try:
        return ARGON2.verify(stored, given)
    except (VerificationError, InvalidHashError):
        return False


def _is_outdated(stored: str) -> bool:
    try:
        return ARGON2.check_needs_rehash(stored)
    except InvalidHashError:
        return True


def _pbkdf2_matches(rest: str, password: str) -> bool:
    iterations, salt, digest = rest.split("$")
    made = hashlib.pbkdf2_hmac("sha256", _bytes(password), salt.encode(), int(iterations))
    return hmac.compare_digest(base64.b64encode(made).decode(), digest)


def _wrap(digest: str, salt: str, value: str) -> str:
    # security: a backup must not hold the fast hash itself, so it is the password of a slow one
    return f"wrapped${digest}${salt}{ARGON2.hash(value.lower().encode())}"


def _fast(digest: str, salt: str, password: str) -> str:
    return hashlib.new(digest, salt.encode() + _bytes(password), usedforsecurity=False).hexdigest()


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
