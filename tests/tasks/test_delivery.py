"""From a registration to the mail in somebody's hands, through real servers and processes that get killed."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
from pathlib import Path

import pytest

from shop.db import Database
from tests.tasks.conftest import Registered, outbox_rows, until
from tests.tasks.crew import Crew, MailServer, MortalBroker, accept

PREFORK = ("-P", "prefork", "-c", "2")


def children(member: subprocess.Popen[bytes]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{member.pid}/task/{member.pid}/children").read_text().split()]


async def nothing_open(db: Database, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while await outbox_rows(db):
            await asyncio.sleep(0.1)


async def test_a_registration_becomes_a_mail_also_when_the_broker_was_dead(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer, broker: MortalBroker
) -> None:
    worker, relay = crew.worker(), crew.relay()
    await registered("mei")
    await until(lambda: mail_server.to("mei@example.com"), 20)
    broker.kill()
    await registered("lin", language="zh")
    await asyncio.sleep(0.5)
    broker.start()
    await until(lambda: mail_server.to("lin@example.com"), 20)
    await nothing_open(db)
    assert [len(mail_server.to(f"{name}@example.com")) for name in ("mei", "lin")] == [1, 1]
    assert (worker.poll(), relay.poll()) == (None, None)
    worker.send_signal(signal.SIGTERM)
    relay.send_signal(signal.SIGTERM)
    await until(lambda: (worker.poll(), relay.poll()) == (0, 0), 5)
    text = mail_server.to("lin@example.com")[0].get_body(("plain",)).get_content()
    token = re.search(r"/zh/activation/(\S+)", text)[1]
    assert "promise kept" in crew.told()
    assert [secret for secret in (token, "lin@example.com") if secret in crew.told()] == []  # I15


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "seconds"), [("worker", 30), ("child", 30), ("silent child", 120)])
async def test_f_c1_a_worker_killed_mid_task_costs_half_a_minute(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer, fault: str, seconds: float
) -> None:
    """F-C5: a child that only falls silent holds its mail until Celery's time limit ends it."""
    crew.relay()
    worker = crew.worker("-P", "prefork", "-c", "1")
    await registered("mei")
    await until(lambda: mail_server.mails, 20)
    mail_server.began.clear()
    mail_server.goes_on.clear()
    await registered("lin")
    await until(mail_server.began.is_set)
    (child,) = children(worker)
    mail_server.answer = lambda receiver: "451 not heard by anybody"
    if fault == "worker":
        crew.kill(worker)
        crew.worker(*PREFORK)
    else:
        os.kill(child, signal.SIGKILL if fault == "child" else signal.SIGSTOP)
    mail_server.goes_on.set()
    await asyncio.sleep(1)
    mail_server.answer = accept
    await until(lambda: mail_server.to("lin@example.com"), seconds)
    await nothing_open(db)
    assert len(mail_server.to("lin@example.com")) == 1


@pytest.mark.slow
async def test_c7_a_worker_told_to_stop_finishes_its_mail(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer
) -> None:
    crew.relay()
    worker = crew.worker(*PREFORK)
    mail_server.goes_on.clear()
    await registered("lin")
    await until(mail_server.began.is_set, 20)
    worker.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.5)
    mail_server.goes_on.set()
    await until(lambda: worker.poll() is not None, 15)
    assert len(mail_server.mails) == 1
    await nothing_open(db)


@pytest.mark.slow
async def test_f_r2_a_flushed_broker_delivers_within_half_a_minute(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer, broker: MortalBroker
) -> None:
    crew.relay()
    for number in range(20):
        await registered(f"shopper{number}")
    await until(lambda: broker.length == 20, 10)
    broker.redis.flushall()
    crew.worker()
    await until(lambda: len(mail_server.mails) == 20, 40)
    await nothing_open(db)


@pytest.mark.slow
async def test_f_c4_a_broker_restarted_twenty_times_loses_nothing(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer, broker: MortalBroker
) -> None:
    crew.relay()
    crew.worker()
    for number in range(20):
        await registered(f"shopper{number}")
        broker.kill()
        await asyncio.sleep(0.1)
        broker.start()
        await asyncio.sleep(0.3)
    await until(lambda: len({mail["To"] for mail in mail_server.mails}) == 20, 60)
    await nothing_open(db)
    assert len(mail_server.mails) <= 25


@pytest.mark.slow
async def test_c2_a_broker_silent_for_half_a_minute_delivers_within_a_minute(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer, broker: MortalBroker
) -> None:
    crew.relay()
    crew.worker()
    await registered("mei")
    await until(lambda: mail_server.mails, 20)
    with broker.silent():
        await registered("lin")
        await asyncio.sleep(30)
    await until(lambda: mail_server.to("lin@example.com"), 60)
    await nothing_open(db)


@pytest.mark.slow
async def test_c4_killed_at_random_moments_nobody_is_forgotten(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer
) -> None:
    chance = random.Random(4)
    crew.relay()
    worker = crew.worker(*PREFORK)
    for kills in range(8):
        for number in range(25):
            await registered(f"shopper{kills}-{number}")
        await asyncio.sleep(chance.uniform(0.5, 3))
        crew.kill(worker)
        worker = crew.worker(*PREFORK)
    await until(lambda: len({mail["To"] for mail in mail_server.mails}) == 200, 60)
    await nothing_open(db, 60)
    assert len(mail_server.mails) <= 200 + 2 * 8
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM outbox WHERE buried_at IS NOT NULL") == 0


@pytest.mark.slow
async def test_f_m1_after_an_outage_the_backlog_goes_out_at_once(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer
) -> None:
    mail_server.shut()
    crew.relay()
    crew.worker(*PREFORK)
    for number in range(400):
        await registered(f"shopper{number}")
    await until(lambda: "service away" in crew.told(), 20)
    mail_server.open()
    await until(lambda: mail_server.mails, 40)
    took = await until(lambda: len(mail_server.mails) == 400, 60)
    assert 400 / took > 10  # 50 on a machine that does nothing else
    await nothing_open(db)
    assert len(mail_server.mails) == 400
