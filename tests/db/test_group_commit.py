"""Many callers share one transaction, and get what each would have got alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.db import CheckViolation, CommitUnknown, Connection, Database, DbTimeout, DbUnavailable, F
from shop.db.group_commit import GroupCommit
from shop.deadline import deadline
from tests.db.cast import Sku

Wish = tuple[str, int]


async def take(conn: Connection, wishes: Sequence[Wish]) -> list[int]:
    """Takes from the stock; how much is left for each, in the order of the wishes. Too much is a CheckViolation."""
    left = []
    for slug, number in wishes:
        skus = Sku.objects.using(conn).filter(slug=slug)
        await skus.update(price=F("price") - number)
        left.append((await skus.get()).price)
    return left


async def alone(own: Database, wish: Wish) -> int:
    """The plain way: a transaction for each."""
    async with own.transaction() as conn:
        (left,) = await take(conn, [wish])
        return left


async def stocked(own: Database) -> None:
    async with own.transaction() as conn:
        await Sku.objects.using(conn).all().delete()
        await Sku.objects.using(conn).bulk_create([Sku(slug="a", price=5), Sku(slug="b", price=3)])


async def stock(own: Database) -> dict[str, int]:
    async with own.read() as conn:
        return dict(await Sku.objects.using(conn).values_list("slug", "price"))


@pytest.fixture
async def group(own: Database) -> AsyncIterator[GroupCommit[Wish, int]]:
    await stocked(own)
    group = GroupCommit(own, take, batch=4)
    yield group
    await group.close()


def kind(answer: object) -> object:
    return type(answer) if isinstance(answer, BaseException) else answer


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 4)), max_size=9), batch=st.integers(1, 5))
async def test_a_group_answers_as_the_plain_way_does(own: Database, wishes: list[Wish], batch: int) -> None:
    await stocked(own)
    plain = [
        kind(answer) for answer in [await asyncio.gather(alone(own, wish), return_exceptions=True) for wish in wishes]
    ]
    expected = ([kind(answer) for (answer,) in plain], await stock(own))  # type: ignore[misc]
    await stocked(own)
    group = GroupCommit(own, take, batch=batch)
    answers = await asyncio.gather(*[group.submit(wish) for wish in wishes], return_exceptions=True)
    await group.close()
    assert ([kind(answer) for answer in answers], await stock(own)) == expected


async def test_waiting_members_share_a_transaction(own: Database) -> None:
    await stocked(own)
    batches: list[int] = []

    async def counted(conn: Connection, wishes: Sequence[Wish]) -> list[int]:
        batches.append(len(wishes))
        return await take(conn, wishes)

    group = GroupCommit(own, counted, batch=4)
    assert await asyncio.gather(*[group.submit(("a", 0)) for _ in range(9)]) == [5] * 9
    assert batches == [4, 4, 1]
    assert await group.submit(("a", 1)) == 4
    assert batches == [4, 4, 1, 1]
    await group.close()
    with pytest.raises(DbUnavailable, match="closed"):
        await group.submit(("a", 1))


async def test_one_bad_item_harms_nobody_else(own: Database, group: GroupCommit[Wish, int]) -> None:
    wishes = [("a", 1), ("b", 9), ("a", 1)]
    answers = await asyncio.gather(*[group.submit(wish) for wish in wishes], return_exceptions=True)
    assert [kind(answer) for answer in answers] == [4, CheckViolation, 3]
    assert await stock(own) == {"a": 3, "b": 3}


async def test_who_leaves_before_the_turn_takes_nothing(own: Database, group: GroupCommit[Wish, int]) -> None:
    async with own.transaction() as conn:
        await Sku.objects.using(conn).select_for_update().get(slug="a")
        first = asyncio.create_task(group.submit(("a", 1)))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(group.submit(("b", 1)))
        with deadline(0.1), pytest.raises(DbTimeout, match="no turn, or no answer"):
            await group.submit(("b", 2))
        gone.cancel()
        await asyncio.wait({gone})
    assert await first == 4
    assert await stock(own) == {"a": 4, "b": 3}


async def test_an_unknown_commit_is_never_tried_again(own: Database) -> None:
    await stocked(own)
    tries = 0

    async def lost(conn: Connection, wishes: Sequence[Wish]) -> list[int]:
        nonlocal tries
        tries += 1
        raise CommitUnknown("who knows")

    group = GroupCommit(own, lost)
    answers = await asyncio.gather(group.submit(("a", 1)), group.submit(("a", 1)), return_exceptions=True)
    assert ([kind(answer) for answer in answers], tries) == ([CommitUnknown, CommitUnknown], 1)
    await group.close()


async def test_as_many_results_as_items(own: Database) -> None:
    async def short(conn: Connection, wishes: Sequence[Wish]) -> list[int]:
        return []

    group = GroupCommit(own, short)
    with pytest.raises(RuntimeError, match="1 items got 0 results"):
        await group.submit(("a", 1))
    await group.close()
