"""Longer proofs: how long an answer takes tells nothing."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence

import pytest

from shop.accounts.registration import views as registration
from shop.accounts.security.password import views as password
from shop.accounts.sign_in import service
from shop.db import Database
from shop.limits import Limit
from tests.conftest import Visitor
from tests.world import LIN, PASSWORD, customer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("real_hashes")]

PAIRS = 200
ROUNDS = 3
SECONDS = 0.005
NO_LIMIT = Limit("none", 1_000_000, 300)


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is slowed down here."""
    for module in (service, registration, password):
        for name in ("PER_LOGIN", "PER_NETWORK", "PER_ADDRESS", "EVERYBODY"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, NO_LIMIT)


async def timed(visitor: Visitor, path: str, fields: dict[str, str], status: int) -> float:
    began = time.perf_counter()
    answer = await visitor.post(path, data=fields, allow_redirects=False)
    await answer.read()
    assert answer.status == status
    return time.perf_counter() - began


async def compared(visitor: Visitor, path: str, status: int, *sent: Fields, first: int) -> tuple[float, float]:
    """(p of Mann and Whitney, difference of the medians in seconds) of alternating requests."""
    times: tuple[list[float], list[float]] = ([], [])
    for n in range(first, first + PAIRS):
        for which in (n % 2, 1 - n % 2):
            times[which].append(await timed(visitor, path, sent[which](n), status))
    medians = [statistics.median(one) for one in times]
    return mann_whitney(*times), abs(medians[0] - medians[1])


async def take_the_same(visitor: Visitor, path: str, status: int, known: Fields, unknown: Fields, p: float) -> bool:
    """Whether they do in one of three rounds: what is really slower fails in each, chance alone once in 1 / p³ proofs."""
    for first in range(0, ROUNDS * PAIRS, PAIRS):
        likely, difference = await compared(visitor, path, status, known, unknown, first=first)
        if likely > p and difference < SECONDS:
            return True
    return False


Fields = Callable[[int], dict[str, str]]


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided p by the normal approximation, good for samples of this size."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(place for place, (_, which) in enumerate(ranked, 1) if which == 0)
    n, m = len(one), len(other)
    z = (ranks - n * (n + 1) / 2 - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def test_the_measure_sees_a_difference_when_there_is_one() -> None:
    assert mann_whitney([n / 100 for n in range(200)], [n / 100 + 0.5 for n in range(200)]) < 0.001
    assert mann_whitney([n % 50 for n in range(200)], [n % 50 + 0.001 for n in range(200)]) > 0.5


async def test_an_answer_that_is_slower_for_some_is_found(client: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answered(visitor: Visitor, path: str, fields: dict[str, str], status: int) -> float:
        return random.uniform(0.010, 0.012) + (0.0005 if "slow" in fields else 0)

    monkeypatch.setattr(f"{__name__}.timed", answered)
    quick: Fields = lambda n: {}  # noqa: E731
    slow: Fields = lambda n: {"slow": "1"}  # noqa: E731
    assert not await take_the_same(client, "/", 200, quick, slow, p=0.01)
    assert await take_the_same(client, "/", 200, quick, quick, p=0.01)


async def test_s10_signing_in_takes_as_long_for_nobody_as_for_somebody(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    known: Fields = lambda n: {"login": "lin", "password": f"wrong-{n}"}  # noqa: E731
    unknown: Fields = lambda n: {"login": "nil", "password": f"wrong-{n}"}  # noqa: E731
    assert await take_the_same(client, "/login", 422, known, unknown, p=0.01)


async def test_s1_registering_takes_as_long_for_a_known_address(client: Visitor, db: Database) -> None:
    await customer(db, LIN)

    def filled(name: str, email: str) -> dict[str, str]:
        return {"username": name, "email": email, "password": PASSWORD, "consent": "y"}

    assert await take_the_same(
        client,
        "/register",
        303,
        lambda n: filled(f"known{n}", LIN.email),
        lambda n: filled(f"other{n}", f"other{n}@example.com"),
        p=0.01,
    )


async def test_s17_asking_for_a_link_takes_as_long_for_nobody(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    known: Fields = lambda n: {"email": LIN.email}  # noqa: E731
    unknown: Fields = lambda n: {"email": f"nobody{n}@example.com"}  # noqa: E731
    assert await take_the_same(client, "/password-reset", 303, known, unknown, p=0)
