"""Longer proofs: how long an answer takes tells nothing."""

from __future__ import annotations

import math
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

pytestmark = pytest.mark.slow

PAIRS = 200
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


async def compared(visitor: Visitor, path: str, status: int, known: Fields, unknown: Fields) -> tuple[float, float]:
    """(p of Mann and Whitney, difference of the medians in seconds) of alternating requests."""
    times: tuple[list[float], list[float]] = ([], [])
    for n in range(PAIRS):
        for which in (n % 2, 1 - n % 2):
            times[which].append(await timed(visitor, path, (known, unknown)[which](n), status))
    medians = [statistics.median(one) for one in times]
    return mann_whitney(*times), abs(medians[0] - medians[1])


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


async def test_s10_signing_in_takes_as_long_for_nobody_as_for_somebody(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    known: Fields = lambda n: {"login": "lin", "password": f"wrong-{n}"}  # noqa: E731
    unknown: Fields = lambda n: {"login": "nil", "password": f"wrong-{n}"}  # noqa: E731
    p, difference = await compared(client, "/login", 422, known, unknown)
    assert p > 0.01
    assert difference < 0.005


async def test_s1_registering_takes_as_long_for_a_known_address(client: Visitor, db: Database) -> None:
    await customer(db, LIN)

    def filled(name: str, email: str) -> dict[str, str]:
        return {"username": name, "email": email, "password": PASSWORD, "consent": "y"}

    p, difference = await compared(
        client,
        "/register",
        303,
        lambda n: filled(f"known{n}", LIN.email),
        lambda n: filled(f"other{n}", f"other{n}@example.com"),
    )
    assert p > 0.01
    assert difference < 0.005


async def test_s17_asking_for_a_link_takes_as_long_for_nobody(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    _, difference = await compared(
        client, "/password-reset", 303, lambda n: {"email": LIN.email}, lambda n: {"email": f"nobody{n}@example.com"}
    )
    assert difference < 0.005
