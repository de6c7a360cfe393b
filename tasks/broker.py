"""The way to the broker: publish and count, each with a deadline, in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from tasks.app import QUEUE

SOCKET_SECONDS: Final = 1.0
CALL_SECONDS: Final = 4.0

T = TypeVar("T")
Connection = Any  # kombu is not typed


class BrokerAway(Exception):
    """The broker did not answer in time, or not at all."""


class Broker:
    """Celery's broker for the relay alone: one connection, opened again once when it turns out dead."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._connection: Connection | None = None

    async def queued(self) -> int:
        """Count the messages that no worker has taken; raises BrokerAway."""
        return await self._call(count)

    async def publish(self, rows: Sequence[tuple[int, str]]) -> None:
        """Hand over rows (id, task); raises BrokerAway, then some may have arrived all the same."""
        waiting = list(rows)

        def hand_over(connection: Connection) -> None:
            producer = self._celery.amqp.Producer(connection.default_channel)
            while waiting:
                row_id, task = waiting[0]
                self._celery.send_task(task, (row_id,), producer=producer, retry=False, ignore_result=True)
                waiting.pop(0)

        await self._call(hand_over)

    async def _call(self, action: Callable[[Connection], T]) -> T:
        kept, self._connection = self._connection, None
        if kept is not None:
            try:
                return await self._on(kept, action)
            except BrokerAway:
                pass  # it may have been restarted since; a new connection will tell
        return await self._on(connect(self._celery), action)

    async def _on(self, connection: Connection, action: Callable[[Connection], T]) -> T:
        future = _in_thread(lambda: _answered(connection, action))
        await asyncio.wait({future}, timeout=CALL_SECONDS)
        if not future.done():
            future.add_done_callback(_forget)
            raise BrokerAway("no answer from the broker")
        result = future.result()
        self._connection = connection
        return result


def connect(celery: Celery) -> Connection:
    """Prepare a connection whose every step has a deadline; it opens at its first use."""
    once = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    deadlines = {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
    return celery.connection_for_write(transport_options=once | deadlines)


def count(connection: Connection) -> int:
    """Count the messages that no worker has taken."""
    return int(connection.default_channel.queue_declare(QUEUE).message_count)


def _answered(connection: Connection, action: Callable[[Connection], T]) -> T:
    try:
        return action(connection)
    except (KombuError, RedisError, OSError) as problem:
        connection.close()
        raise BrokerAway(f"{type(problem).__name__}: {problem}") from problem


def _in_thread(action: Callable[[], T]) -> asyncio.Future[T]:
    """Run it in a thread that does not keep the process from ending, unlike those of an executor."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, problem: BaseException | None) -> None:
        if future.cancelled():
            return
        future.set_exception(problem) if problem else future.set_result(result)

    def run() -> None:
        result, problem = None, None
        try:
            result = action()
        except BaseException as caught:
            problem = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="broker", daemon=True).start()
    return future


def _forget(late: asyncio.Future[Any]) -> None:
    """Take note of what came too late, or asyncio would complain about it."""
    if not late.cancelled():
        late.exception()
