"""Hashes: ours, those of other shops, and a pool that says no before it drowns."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import threading

import pytest

from shop import passwords
from shop.passwords import NO_PASSWORD, Passwords, TooBusy, UnknownHash, adopt_hash, hash_password, verify_password

pytestmark = pytest.mark.usefixtures("real_hashes")
WORD = "correct horse 香蕉"


def _django_pbkdf2(word: str, iterations: int = 1000) -> str:
    digest = hashlib.pbkdf2_hmac("sha256", word.encode(), b"salt", iterations)
    return f"pbkdf2_sha256${iterations}$salt${base64.b64encode(digest).decode()}"


OLD = {
    "bare md5": hashlib.md5(WORD.encode()).hexdigest(),
    "bare MD5 in capitals": hashlib.md5(WORD.encode()).hexdigest().upper(),
    "bare sha1": hashlib.sha1(WORD.encode()).hexdigest(),
    "bare sha256": hashlib.sha256(WORD.encode()).hexdigest(),
    "django md5": "md5$pepper$" + hashlib.md5(b"pepper" + WORD.encode()).hexdigest(),
    "django sha1": "sha1$pepper$" + hashlib.sha1(b"pepper" + WORD.encode()).hexdigest(),
    "django unsalted md5": "md5$$" + hashlib.md5(WORD.encode()).hexdigest(),
    "django pbkdf2": _django_pbkdf2(WORD),
}


def test_a_new_hash_is_argon2id_with_the_agreed_cost() -> None:
    assert re.match(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$", hash_password(WORD))


def test_the_right_password_and_only_that_one_passes() -> None:
    stored = hash_password(WORD)
    assert verify_password(WORD, stored) == passwords.Verdict(True, None)
    for wrong in (WORD + " ", WORD.upper(), "", WORD[:-1], WORD + "\x00"):
        assert verify_password(wrong, stored) == passwords.Verdict(False, None)


def test_s4_passwords_differ_after_72_bytes_and_after_nul() -> None:
    long = "x" * 100
    assert not verify_password(long[:-1] + "y", hash_password(long)).is_right
    assert not verify_password("a\x00c", hash_password("a\x00b")).is_right


@pytest.mark.parametrize("kind", OLD)
def test_an_old_hash_is_taken_over_and_becomes_argon2id_at_the_first_sign_in(kind: str) -> None:
    stored = adopt_hash(OLD[kind])
    assert verify_password("wrong", stored) == passwords.Verdict(False, None)
    verdict = verify_password(WORD, stored)
    assert verdict.is_right
    assert verdict.better_hash is not None
    assert verdict.better_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(WORD, verdict.better_hash) == passwords.Verdict(True, None)


@pytest.mark.parametrize("kind", [kind for kind in OLD if "pbkdf2" not in kind])
def test_no_fast_hash_is_ever_stored_bare(kind: str) -> None:
    bare = OLD[kind].rpartition("$")[2].lower()
    stored = adopt_hash(OLD[kind])
    assert bare not in stored.lower()
    assert not verify_password(bare, stored).is_right, "the old hash itself must not open the account"


UNKNOWN = (
    "",
    "hello",
    "!",
    "g" * 32,
    "0" * 33,
    "0" * 32 + "\n",
    "md5$salt$abc",
    "sha1$s$" + "0" * 32,
    "md5$a$b$" + "0" * 32,
    "crypt$$abc",
    "$2b$12$" + "a" * 53,
    "pbkdf2_sha256$1000$salt$short",
    "pbkdf2_sha256$0$salt$" + "A" * 43 + "=",
    "pbkdf2_sha256$99999999$salt$" + "A" * 43 + "=",
)


@pytest.mark.parametrize("old", UNKNOWN)
def test_a_hash_of_an_unknown_kind_is_refused(old: str) -> None:
    with pytest.raises(UnknownHash):
        adopt_hash(old)


def test_nothing_opens_an_account_without_a_password() -> None:
    for word in ("", "!", WORD):
        assert verify_password(word, NO_PASSWORD) == passwords.Verdict(False, None)


def test_a_weaker_argon2_hash_is_made_stronger() -> None:
    weak = passwords.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(WORD)
    assert verify_password(WORD, adopt_hash(weak)).better_hash is not None


async def test_an_unknown_user_costs_a_verification_and_is_always_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, seen = Passwords(), []
    monkeypatch.setattr(
        passwords, "verify_password", lambda word, stored: seen.append(stored) or verify_password(word, stored)
    )
    try:
        assert await pool.verify(WORD, None) == passwords.Verdict(False, None)
    finally:
        pool.close()
    assert len(seen) == 1
    assert seen[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_s11_beyond_two_at_work_and_twenty_waiting_the_answer_is_no_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, pool = threading.Event(), Passwords()
    monkeypatch.setattr(passwords, "hash_password", lambda word: gate.wait(10) and word)
    waiting = [asyncio.create_task(pool.hash(str(n))) for n in range(22)]
    await asyncio.sleep(0.05)
    with pytest.raises(TooBusy):
        await pool.hash("one too many")
    gate.set()
    assert await asyncio.gather(*waiting) == [str(n) for n in range(22)]
    assert await pool.hash("free again") == "free again"
    pool.close()


async def test_s11_a_request_that_went_away_keeps_its_place_until_its_hash_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()
    pool = Passwords(threads=1, queue=0)
    monkeypatch.setattr(passwords, "hash_password", lambda word: gate.wait(10) and word)
    leaving = asyncio.create_task(pool.hash("gone"))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await pool.hash("next")
    gate.set()
    async with asyncio.timeout(10):  # until the thread is done
        while not pool._places._value:
            await asyncio.sleep(0.01)
    assert await pool.hash("next") == "next"
    pool.close()


async def test_s11_a_place_is_kept_for_a_request_and_its_hashes_and_free_afterwards() -> None:
    pool = Passwords(threads=1, queue=0)
    with pool.place():
        stored = await pool.hash(WORD)
        assert (await pool.verify(WORD, stored)).is_right
        with pytest.raises(TooBusy), pool.place():
            pass
    with pool.place():
        pass
    pool.close()
