"""The relay hands over what is due; a dead, forgetful or silent broker delays, and nothing else."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator

import pytest
from celery import Celery
from structlog.testing import capture_logs
from structlog.typing import EventDict

import tasks.relay
from shop import outbox
from shop.db import Database
from shop.settings import HOME, Settings
from tasks.app import KEY_PREFIX, QUEUE, configuration
from tasks.broker import Broker, BrokerAway
from tasks.relay import Relay
from tests.tasks.conftest import leases_run_out, until
from tests.tasks.crew import Crew, MortalBroker, environment

TASK = "tasks.mail.send_activation"


@pytest.fixture
def celery(mail_settings: Settings) -> Celery:
    celery = Celery("relay", set_as_current=False)
    celery.conf.update(configuration(mail_settings))
    return celery


async def promise(db: Database, count: int) -> None:
    async with db.transaction() as conn:
        for number in range(count):
            await outbox.promise(conn, TASK, account_id=number)


@pytest.fixture
async def stop() -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    yield stop
    stop.set()


async def test_a_message_names_the_row_and_nothing_else(db: Database, celery: Celery, broker: MortalBroker) -> None:
    await promise(db, 1)
    assert await Relay(db, Broker(celery)).sweep() == 1
    (message,) = broker.redis.lrange(KEY_PREFIX + QUEUE, 0, -1)
    assert b'"task": "tasks.mail.send_activation"' in message
    assert b'"content-type": "application/json"' in message
    assert b"account_id" not in message


async def test_two_relays_send_each_message_once(db: Database, celery: Celery, broker: MortalBroker) -> None:
    await promise(db, 60)
    relays = [Relay(db, Broker(celery)), Relay(db, Broker(celery))]
    handed_over = await asyncio.gather(*(relay.sweep() for relay in relays))
    assert sum(handed_over) == 60
    assert broker.length == 60


async def test_c5_a_flushed_broker_gets_its_messages_again(db: Database, celery: Celery, broker: MortalBroker) -> None:
    await promise(db, 5)
    relay = Relay(db, Broker(celery), queued_seconds=60)
    assert await relay.sweep() == 5
    broker.redis.flushall()
    assert await relay.sweep() == 0
    await leases_run_out(db)
    assert await relay.sweep() == 5
    assert broker.length == 5


async def test_f_c2_a_relay_killed_before_it_published_loses_nothing(
    db: Database, celery: Celery, broker: MortalBroker
) -> None:
    await promise(db, 5)
    async with db.read() as conn:
        assert len(await outbox.claim(conn, 10, 60)) == 5
    await leases_run_out(db)
    assert await Relay(db, Broker(celery)).sweep() == 5
    assert broker.length == 5


async def test_a_sleeping_worker_is_not_flooded(
    db: Database, celery: Celery, broker: MortalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.relay, "QUEUE_LIMIT", 40)
    monkeypatch.setattr(tasks.relay, "BATCH", 15)
    await promise(db, 60)
    relay = Relay(db, Broker(celery), queued_seconds=0)
    assert [await relay.sweep() for _ in range(4)] == [15, 15, 10, 0]
    assert broker.length == 40
    broker.redis.lpop("celery:promises", 30)
    assert [await relay.sweep() for _ in range(3)] == [15, 15, 0]
    assert broker.length == 40


def told(logs: list[EventDict]) -> list[tuple[str, str]]:
    return [(log["event"], log["server"]) for log in logs if "server" in log]


async def test_f_c4_a_dead_broker_delays_and_is_told_once(
    db: Database, celery: Celery, broker: MortalBroker, stop: asyncio.Event
) -> None:
    relay = Relay(db, Broker(celery))
    with capture_logs() as logs:
        running = asyncio.create_task(relay.run(stop))
        await asyncio.sleep(0.1)
        broker.kill()
        await promise(db, 3)
        for _ in range(3):
            relay.wake.set()
            await asyncio.sleep(0.15)
        async with db.read() as conn:
            assert await conn.fetch_value("SELECT count(*) FROM outbox WHERE held_until IS NULL") == 3
        broker.start()
        await until(lambda: ("back", "broker") in told(logs))
        await until(lambda: broker.length == 3)
    assert told(logs) == [("away; promises wait", "broker"), ("back", "broker")]
    stop.set()
    await running


async def test_a_broker_restarted_between_two_sweeps_costs_nothing(
    db: Database, celery: Celery, broker: MortalBroker
) -> None:
    relay = Relay(db, Broker(celery))
    assert await relay.sweep() == 0
    broker.kill()
    broker.start()
    await promise(db, 1)
    assert await relay.sweep() == 1


async def test_c2_a_silent_broker_costs_seconds_and_no_more(celery: Celery, broker: MortalBroker) -> None:
    asking = Broker(celery)
    assert await asking.queued() == 0
    with broker.silent():
        began = time.monotonic()
        with pytest.raises(BrokerAway):
            await asking.queued()
        assert time.monotonic() - began < 5
    assert await asking.queued() == 0


async def test_a_relay_ends_within_two_seconds_also_when_the_broker_is_silent(crew: Crew, broker: MortalBroker) -> None:
    # The quickest of three tells, for the machine may be busy with something else.
    for _ in range(3):
        if (taken := await seconds_to_end(crew, broker)) < 2:
            break
    assert taken < 2
    assert "Traceback" not in crew.told()


async def seconds_to_end(crew: Crew, broker: MortalBroker) -> float:
    """How long a new relay takes to end by itself, its broker having fallen silent a second ago."""
    told = crew.told().count("relay started")
    relay = crew.relay()
    await until(lambda: crew.told().count("relay started") > told)
    with broker.silent():
        await asyncio.sleep(1.1)
        began = time.monotonic()
        relay.send_signal(signal.SIGTERM)
        await until(lambda: relay.poll() is not None)
        taken = time.monotonic() - began
    assert relay.returncode == 0
    return taken


def test_every_promised_name_is_a_task(mail_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(mail_settings).items():
        monkeypatch.setenv(name, value)
    from tasks.app import app

    app.loader.import_default_modules()
    promised = {
        name
        for path in sorted((HOME / "shop").rglob("*.py"))
        for name in re.findall(r'"(tasks\.[a-z_]+\.[a-z_]+)"', path.read_text("utf-8"))
    }
    assert TASK in promised
    assert promised - set(app.tasks) == set()


def test_c8_workers_take_json_and_keep_no_results(mail_settings: Settings) -> None:
    chosen = configuration(mail_settings)
    assert chosen["accept_content"] == ["json"]
    assert chosen["task_ignore_result"] is True
    assert "result_backend" not in chosen


def test_c4_all_that_brings_a_message_back_is_switched_on(mail_settings: Settings) -> None:
    chosen = configuration(mail_settings)
    transport = chosen["broker_transport_options"]
    assert (chosen["task_acks_late"], chosen["task_reject_on_worker_lost"]) == (True, True)
    assert transport["visibility_timeout"] > chosen["task_time_limit"]
    assert (transport["unacked_restore_interval"], transport["unacked_restore_throttle"]) == (10, 1)
    assert transport["socket_timeout"] is not None
