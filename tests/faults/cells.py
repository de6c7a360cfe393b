"""The faults, one a row of the matrix: what is done to the shop, for how long, and how soon it has to be well again."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg2

from shop.db.migrations.roles import WEB
from tests.faults.place import Place, Program, fill
from tests.faults.shoppers import Crowd, Shopper

Inject = Callable[[Place, Crowd, random.Random], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Cell:
    """One row: `budget` seconds until pages are well after the fault ended, `mail` until no promise is left."""

    id: str
    fault: str
    inject: Inject
    hold: float = 2.0
    budget: float = 5.0
    mail: float = 60.0
    crashes: int = 1  # how many extra mails it may cost
    is_short: bool = True
    slow: float = 0.0  # seconds an answer may take where the fault itself holds up whoever is there
    failures: int = 50  # requests that may be cut off: those that were under way


@asynccontextmanager
async def backend_killed(place: Place, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    with suppress(ProcessLookupError):
        os.kill(chance.choice(_web_backends(place)), signal.SIGKILL)
    yield


def _web_backends(place: Place) -> list[int]:
    with place.superuser() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", (WEB,))
        return [row[0] for row in cursor.fetchall()]


@asynccontextmanager
async def postgres_killed(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(place.signal_postgres, signal.SIGKILL)
    yield
    await asyncio.to_thread(_start_postgres, place)


@asynccontextmanager
async def postgres_restarted(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(place.postgres.stop)
    yield
    await asyncio.to_thread(_start_postgres, place)


def _start_postgres(place: Place) -> None:
    place.postgres._launch(60)  # in a thread the signal for its parent's death would be that of the thread


@asynccontextmanager
async def postgres_silent(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.signal_postgres(signal.SIGSTOP)
    try:
        yield
    finally:
        place.signal_postgres(signal.SIGCONT)


@asynccontextmanager
async def postgres_full_of_connections(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Everybody but us holds all connections, and those of the shop are cut."""
    held: list[Any] = []

    def hold() -> None:
        with place.superuser() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (WEB,))
        with suppress(psycopg2.OperationalError):
            for _ in range(200):
                held.append(psycopg2.connect(place.postgres.owner_url))

    await asyncio.to_thread(hold)
    yield
    for connection in held:
        connection.close()


@asynccontextmanager
async def postgres_read_only(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    def let(word: str) -> None:
        with place.superuser() as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(f"ALTER ROLE {WEB} {word}")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (WEB,))

    await asyncio.to_thread(let, "SET default_transaction_read_only = on")
    yield
    await asyncio.to_thread(let, "RESET default_transaction_read_only")


@asynccontextmanager
async def table_locked(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Somebody's ALTER TABLE holds the orders."""
    connection = psycopg2.connect(place.postgres.owner_url)
    await asyncio.to_thread(lambda: connection.cursor().execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"))
    yield
    connection.close()


@asynccontextmanager
async def keys_rotated(place: Place, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """New rings, process by process: first a new key in front of the old one, then without the old."""

    old = place.of("web")[0].environ["SHOP_SECRET_KEYS"]
    new = base64.b64encode(chance.randbytes(32)).decode()
    for ring in (f"{new},{old}", new):
        for program in place.programs:
            program.environ = {**program.environ, "SHOP_SECRET_KEYS": ring}
        async with rolling_restart(1)(place, crowd, chance):
            pass
    yield


@asynccontextmanager
async def nothing(_place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Only the load: baskets in either order at once, which is where deadlocks come from."""
    yield


@asynccontextmanager
async def redis_killed(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.redis.kill()
    yield
    await asyncio.to_thread(place.redis.start)


@asynccontextmanager
async def redis_flushed(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.redis.redis.flushall()
    place.broker.redis.flushall()
    yield


@asynccontextmanager
async def redis_silent(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.redis.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        place.redis.signal(signal.SIGCONT)


@asynccontextmanager
async def redis_slow(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.redis.redis.execute_command("CLIENT", "PAUSE", "5000", "ALL")
    yield


@asynccontextmanager
async def redis_out_of_memory(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.redis.redis.config_set("maxmemory", "1mb")
    yield
    place.redis.redis.config_set("maxmemory", "0")


@asynccontextmanager
async def redis_read_only(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.redis.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    place.redis.redis.execute_command("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def redis_with_its_old_file(place: Place, crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """A copy of the file from before somebody signed out comes back."""
    old = place.folder / "old-aof"
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(place.redis.home / "appendonlydir", old)
    yield
    place.redis.kill()
    shutil.rmtree(place.redis.home / "appendonlydir")
    shutil.copytree(old, place.redis.home / "appendonlydir")
    await asyncio.to_thread(place.redis.start)


@asynccontextmanager
async def worker_killed(place: Place, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """At a mail that is being sent, if one is within a second."""
    place.mail.began.clear()
    await asyncio.to_thread(place.mail.began.wait, 1)
    chance.choice(place.of("worker")).signal(signal.SIGKILL)
    yield


@asynccontextmanager
async def relays_killed(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Between the commit and the queue: nobody is left who would hand a promise over."""
    for relay in place.of("relay"):
        relay.signal(signal.SIGKILL)
    yield


@asynccontextmanager
async def workers_killed_after_250(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Both workers die as soon as the mail server has said 250 to one of them."""
    killed: list[int] = []

    def take(_receiver: str) -> str:
        if not killed:
            killed.append(1)
            for worker in place.of("worker"):
                worker.signal(signal.SIGKILL)
        return "250 OK"

    place.mail.answer = take
    yield
    place.mail.answer = lambda _receiver: "250 OK"


def broker_restarted(times: int) -> Inject:
    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        for _ in range(times):
            place.broker.kill()
            await asyncio.to_thread(place.broker.start)
            await asyncio.sleep(0.3)
        yield

    return inject


@asynccontextmanager
async def worker_stopped(place: Place, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Alive, but takes nothing and finishes nothing."""
    stopped = chance.choice(place.of("worker"))
    stopped.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stopped.signal(signal.SIGCONT)


@asynccontextmanager
async def mail_server_down(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(place.mail.shut)
    yield
    await asyncio.to_thread(place.mail.open)


def mail_server_says(answer: str) -> Inject:
    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        place.mail.answer = lambda _receiver: answer
        yield
        place.mail.answer = lambda _receiver: "250 OK"
        if answer.startswith("5"):
            await asyncio.to_thread(_resend, place)
        elif answer.startswith("4"):
            await asyncio.to_thread(_due_now, place)

    return inject


def _resend(place: Place) -> None:
    """What an operator does once the mail server is mended (`run.py letters --resend`)."""
    with place.superuser() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE outbox SET buried_at = NULL, attempts = 0, due_at = now() WHERE buried_at IS NOT NULL")


def _due_now(place: Place) -> None:
    """A mail that was put off waits ten seconds and more; the clock of the cell does not."""
    with place.superuser() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE outbox SET due_at = now() WHERE buried_at IS NULL")


@asynccontextmanager
async def mail_server_slow(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    place.mail.goes_on.clear()
    yield
    place.mail.goes_on.set()


@asynccontextmanager
async def web_killed(place: Place, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Three times in the middle of somebody's checkout, most likely."""
    for _ in range(3):
        chance.choice(place.of("web")).signal(signal.SIGKILL)
        await asyncio.sleep(chance.uniform(1.5, 2.5))
    yield
    await place.ready()


@asynccontextmanager
async def web_hangs(place: Place, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Its loop stands still until the watchdog has had enough."""
    hung = chance.choice(place.of("web"))
    deaths = hung.deaths
    hung.signal(signal.SIGSTOP)
    end = time.monotonic() + 20
    while hung.deaths == deaths and time.monotonic() < end:
        await asyncio.sleep(0.1)
    yield


def rolling_restart(times: int) -> Inject:
    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        for _ in range(times):
            for web in place.of("web"):
                await _replaced(web)
        yield

    return inject


def leavers(count: int) -> Inject:
    """People who send half a form, or a whole one, and are gone before the answer."""

    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
        def leave() -> None:
            body = f"sku={place.skus[0]}&quantity=1"
            head = f"POST /cart/lines HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            whole = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
            for _ in range(count):
                with suppress(OSError), socket.create_connection(("127.0.0.1", place.port), 5) as line:
                    line.sendall(whole[: chance.randint(len(head) // 2, len(whole))])

        await asyncio.to_thread(leave)
        yield

    return inject


def idle_lines(count: int) -> Inject:
    """Connections that say nothing."""

    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        lines: list[socket.socket] = []

        def connect() -> None:
            with suppress(OSError):
                for _ in range(count):
                    lines.append(socket.create_connection(("127.0.0.1", place.port), 5))

        await asyncio.to_thread(connect)
        yield
        for line in lines:
            line.close()

    return inject


def slow_people(count: int) -> Inject:
    """Half of them read a byte now and then, half of them write one."""

    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        head = f"Host: 127.0.0.1:{place.port}\r\n"
        ask = f"GET / HTTP/1.1\r\n{head}\r\n".encode()
        say = f"POST /login HTTP/1.1\r\n{head}Content-Length: 1000\r\n\r\n".encode()
        lines: list[socket.socket] = []

        def connect() -> None:
            with suppress(OSError):
                for number in range(count):
                    line = socket.socket()
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
                    line.settimeout(5)
                    line.connect(("127.0.0.1", place.port))
                    line.sendall(ask if number % 2 else say)
                    lines.append(line)

        await asyncio.to_thread(connect)
        yield
        for line in lines:
            line.close()

    return inject


@asynccontextmanager
async def flash_sale(place: Place, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Sixty guests want the last six of something, at once."""
    sku = await place.market.sku(6)
    buyers = [Shopper(place, crowd.journal, 1000 + n, random.Random(chance.random()), member=False) for n in range(60)]
    kept, place.skus = place.skus, [sku, place.skus[0]]
    for buyer in buyers:
        await buyer.arrive()
    await asyncio.gather(*(buyer.buy() for buyer in buyers))
    for buyer in buyers:
        await buyer.leave()
    place.skus = kept
    yield


@asynccontextmanager
async def flood(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """As many requests as one tool can ask on 48 lines, of the page that costs most; the proxy, which would refuse them, is not here."""
    command = ["wrk", "-t1", "-c48", "-d5s", f"{place.url}/search?q=apple"]
    await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    yield


@asynccontextmanager
async def everything_killed(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """The power is cut, and comes back."""
    for program in place.programs:
        program.signal(signal.SIGKILL)
    await asyncio.to_thread(place.signal_postgres, signal.SIGKILL)
    place.redis.kill()
    place.broker.kill()
    await asyncio.to_thread(_start_postgres, place)
    await asyncio.to_thread(place.redis.start)
    await asyncio.to_thread(place.broker.start)
    yield
    await place.ready()


@asynccontextmanager
async def database_disk_full(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Not a byte is left for tables or log; a server that went down over it is started again once there is room."""
    filler = await asyncio.to_thread(fill, place.folder / "pg")
    yield
    filler.unlink()
    if place.postgres.pid is None:
        await asyncio.to_thread(_start_postgres, place)


@asynccontextmanager
async def log_disk_full(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Neither logs nor temporary files can be written."""
    filler = await asyncio.to_thread(fill, place.folder / "logs")
    yield
    filler.unlink()


def wrong_clock(seconds: int) -> Inject:
    """One of two web processes is so many seconds ahead."""

    @asynccontextmanager
    async def inject(place: Place, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        web = place.of("web")[1]
        right = web.command
        lie = f"import time, runpy, sys; now = time.time; time.time = lambda: now() + {seconds}; sys.argv = ['run.py', 'serve']; "
        web.command = [right[0], "-c", f"{lie}sys.path.insert(0, '.'); runpy.run_path('run.py', run_name='__main__')"]
        await _replaced(web)
        yield
        web.command = right
        await _replaced(web)

    return inject


async def _replaced(web: Program) -> None:
    deaths = web.deaths
    web.signal(signal.SIGTERM)
    end = time.monotonic() + 120
    while time.monotonic() < end and (web.deaths == deaths or not web.is_ready):
        await asyncio.sleep(0.05)


def both(first: Inject, second: Inject) -> Inject:
    """Two faults at once."""

    @asynccontextmanager
    async def inject(place: Place, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
        async with first(place, crowd, chance), second(place, crowd, chance):
            yield

    return inject


CELLS: Final = (
    Cell("F-P8", "baskets bought in either order, no fault", nothing, hold=4, budget=0.5, failures=0, crashes=0),
    Cell("F-P1", "one PostgreSQL backend killed -9", backend_killed, hold=1),
    Cell("F-P2", "PostgreSQL killed -9, started after 2 s", postgres_killed),
    Cell("F-P3", "PostgreSQL restarted", postgres_restarted, hold=0.1),
    Cell("F-P4", "PostgreSQL silent for 5 s", postgres_silent, hold=5),
    Cell("F-P5", "PostgreSQL silent for 60 s", postgres_silent, hold=60, is_short=False),
    Cell("F-P4b", "the orders locked by somebody for 5 s", table_locked, hold=5),
    Cell("F-P6", "all connections taken for 4 s", postgres_full_of_connections, hold=4),
    Cell("F-P7", "PostgreSQL read-only for 4 s", postgres_read_only, hold=4),
    Cell("F-R1", "Redis killed -9, started after 3 s", redis_killed, hold=3, budget=3),
    Cell("F-R2", "Redis and broker flushed", redis_flushed, hold=0.5, budget=1),
    Cell("F-R3", "Redis silent for 5 s", redis_silent, hold=5, budget=3),
    Cell("F-R3b", "Redis paused for 5 s", redis_slow, hold=5, budget=3),
    Cell("F-R4", "Redis out of memory for 3 s", redis_out_of_memory, hold=3, budget=3),
    Cell("F-R4b", "Redis a read-only replica for 3 s", redis_read_only, hold=3, budget=3),
    Cell("F-R5", "Redis back with an old file", redis_with_its_old_file, hold=2, budget=3),
    Cell("F-C1", "a worker killed -9 at a mail", worker_killed, hold=1, budget=1),
    Cell("F-C2", "both relays killed -9", relays_killed, hold=1, budget=1),
    Cell("F-C3", "both workers killed after the 250", workers_killed_after_250, hold=3, budget=1, crashes=2),
    Cell("F-C4", "the broker restarted 5 times", broker_restarted(5), hold=0.1, budget=1, crashes=2),
    Cell("F-C4b", "the broker restarted 20 times", broker_restarted(20), hold=0.1, budget=1, crashes=2, is_short=False),
    Cell("F-C5", "a worker that takes nothing for 20 s", worker_stopped, hold=20, budget=1, is_short=False),
    Cell("F-M1", "mail server down for 8 s", mail_server_down, hold=8, budget=1),
    Cell("F-M1b", "mail server down for two minutes", mail_server_down, hold=120, budget=1, is_short=False),
    Cell("F-M2", "mail server says 451 for 4 s", mail_server_says("451 later"), hold=4, budget=1),
    Cell("F-M2b", "mail server says 550, letters resent", mail_server_says("550 nobody"), hold=4, budget=1),
    Cell("F-M2c", "mail server takes 6 s a mail", mail_server_slow, hold=6, budget=1, crashes=2),
    Cell("F-W1", "web processes killed -9, three times", web_killed, hold=0.1, budget=2),
    Cell("F-W2", "a web process hangs until its watchdog", web_hangs, hold=0.1, budget=12, slow=15),
    Cell(
        "F-W4",
        "rolling restart of all web processes, twice",
        rolling_restart(2),
        hold=0.1,
        budget=0.5,
        failures=0,
        crashes=0,
    ),
    Cell(
        "F-W4b",
        "rolling restart, ten times",
        rolling_restart(10),
        hold=0.1,
        budget=0.5,
        failures=0,
        is_short=False,
        crashes=0,
    ),
    Cell(
        "S58", "all secret keys rotated, process by process", keys_rotated, hold=0.1, budget=0.5, failures=0, crashes=0
    ),
    Cell("F-P9", "PostgreSQL's disk full for 5 s", database_disk_full, hold=5, budget=10),
    Cell("F-D1", "the disk of logs and temporary files full for 4 s", log_disk_full, hold=4, budget=1),
    Cell("F-K1", "a web process a day ahead", wrong_clock(86_400), hold=4, budget=1, crashes=0),
    Cell("F-K1b", "a web process an hour behind", wrong_clock(-3_600), hold=4, budget=1, crashes=0, is_short=False),
    Cell("F-N1", "200 people gone in mid-form", leavers(200), hold=0.5, budget=1, crashes=0),
    Cell("F-N2", "1,000 idle lines", idle_lines(1000), hold=4, budget=1, crashes=0),
    Cell("F-N3", "300 slow readers and writers", slow_people(300), hold=6, budget=1, crashes=0),
    Cell("F-N3b", "2,000 slow readers and writers", slow_people(2000), hold=15, budget=1, is_short=False, crashes=0),
    Cell("F-N4", "60 guests for the last 6, with something else", flash_sale, hold=0.1, budget=2, crashes=0),
    Cell("F-N5", "a flood of searches", flood, hold=0.1, budget=5, crashes=0),
    Cell("F-X1", "Redis and a worker killed at once", both(redis_killed, worker_killed), hold=2),
    Cell("F-X1b", "PostgreSQL silent, and a rolling restart", both(postgres_silent, rolling_restart(1)), hold=3),
    Cell("F-X1c", "PostgreSQL restarted, a web process killed", both(postgres_restarted, web_killed), hold=0.1),
    Cell("F-X2", "everything killed -9 at once", everything_killed, hold=0.1, budget=30, slow=40, crashes=4),
)
