"""C1: a worker that has gone deaf is noticed by the queue that nobody empties."""

from __future__ import annotations

import asyncio

import pytest

from tasks.watch import Watch
from tests.tasks.conftest import until
from tests.tasks.crew import Crew, MortalBroker


def watch(*queued: int | Exception) -> Watch:
    answers = iter(queued)

    def count() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Watch(count, patience=0.05)


async def looks(watch: Watch, times: int) -> list[bool]:
    seen = []
    for _ in range(times):
        seen.append(watch.is_deaf())
        await asyncio.sleep(0.03)
    return seen


async def test_c1_messages_that_nobody_takes_are_noticed() -> None:
    assert await looks(watch(1, 2, 3, 4), 4) == [False, False, True, True]


async def test_an_empty_queue_and_a_broker_that_is_away_are_no_fault() -> None:
    assert await looks(watch(1, 1, 0, 1, OSError("away"), 1, 1), 7) == [False] * 7


async def test_a_worker_that_takes_messages_is_not_deaf() -> None:
    busy = watch(*[5] * 6)
    for _ in range(6):
        assert busy.is_deaf() is False
        busy.received()
        await asyncio.sleep(0.03)


@pytest.mark.slow
async def test_f_c5_a_worker_that_hears_nothing_ends_within_seventy_seconds(crew: Crew, broker: MortalBroker) -> None:
    deaf = crew.worker("-P", "prefork", "-c", "1", "-Q", "another")
    await until(lambda: "ready" in crew.told(), 20)
    broker.redis.rpush("celery:promises", "{}")
    took = await until(lambda: deaf.poll() is not None, 75)
    assert took > 55
    assert deaf.returncode == 70
