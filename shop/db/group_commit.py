"""Many callers, one transaction: while one batch is being committed, the next one gathers.

A row everybody wants (a flash sale) is locked once a batch instead of once a buyer, and the disk is waited for once. The plain
way, a transaction for each member, means the same and is what the tests compare with.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from shop.deadline import deadline, remaining

from .engine import Connection, Database
from .errors import DbTimeout, DbUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

Work = Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]]


class _Member(NamedTuple, Generic[Item, Result]):
    item: Item
    answer: asyncio.Future[Result]
    until: float


class GroupCommit(Generic[Item, Result]):
    """Runs `work(conn, items) -> results` (as many, in the same order) for batches of what callers submit.

    After an error the members of a batch are tried one by one, each in a transaction of its own, so one bad item harms
    nobody else; not when the server is away or too slow. After CommitUnknown nobody is tried again, for it may all be
    written: every member gets that error.
    """

    def __init__(self, db: Database, work: Work[Item, Result], *, batch: int = 100, seconds: float = 8.0) -> None:
        self._db, self._work, self._batch, self._seconds = db, work, batch, seconds
        self._waiting: collections.deque[_Member[Item, Result]] = collections.deque()
        self._flusher: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, item: Item) -> Result:
        """The result once it is committed; DbTimeout after so many seconds or the caller's deadline, whichever is first.

        A caller who leaves (timeout, cancellation) takes a member out that is still waiting; one whose batch has begun may
        be committed all the same, as with any COMMIT whose answer is lost.
        """
        if self._closed:
            raise DbUnavailable("the group is closed")
        seconds = remaining(self._seconds)
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(item, answer, time.monotonic() + seconds))
        if self._flusher is None:
            # A context of its own: the flusher works for many, so the first caller's deadline must not be everybody's.
            self._flusher = asyncio.get_running_loop().create_task(self._flush(), context=contextvars.Context())
        try:
            await asyncio.wait({answer}, timeout=seconds)
        except asyncio.CancelledError:
            if not answer.cancel():
                answer.exception()  # it came just now, and nobody is left to hear it
            raise
        if answer.cancel():
            raise DbTimeout(f"no turn, or no answer, within {seconds:.2f} s")
        return answer.result()

    async def close(self) -> None:
        """Takes no more and waits for those who are in."""
        self._closed = True
        if self._flusher is not None:
            await asyncio.wait({self._flusher})

    async def _flush(self) -> None:
        members: list[_Member[Item, Result]] = []
        try:
            while members := self._next():
                await self._together(members)
        finally:
            self._flusher = None
            _fail([*members, *self._waiting], DbUnavailable("the group ended"))  # only if the flusher was cancelled
            self._waiting.clear()

    def _next(self) -> list[_Member[Item, Result]]:
        members: list[_Member[Item, Result]] = []
        while self._waiting and len(members) < self._batch:
            member = self._waiting.popleft()
            if not member.answer.done():
                members.append(member)
        return members

    async def _together(self, members: list[_Member[Item, Result]]) -> None:
        try:
            results = await self._committed(members)
        except (DbUnavailable, DbTimeout) as error:  # CommitUnknown among them
            # The server is away or too slow: one by one would only be slower still.
            _fail(members, error)
        except Exception as error:
            if len(members) > 1:
                await self._one_by_one(members)
            else:
                _fail(members, error)
        else:
            for member, result in zip(members, results, strict=True):
                if not member.answer.done():
                    member.answer.set_result(result)

    async def _one_by_one(self, members: list[_Member[Item, Result]]) -> None:
        for member in members:
            if not member.answer.done():
                await self._together([member])

    async def _committed(self, members: list[_Member[Item, Result]]) -> Sequence[Result]:
        latest = max(member.until for member in members)
        with deadline(latest - time.monotonic()):

            async def work(conn: Connection) -> Sequence[Result]:
                results = await self._work(conn, [member.item for member in members])
                if len(results) != len(members):
                    raise RuntimeError(f"{len(members)} items got {len(results)} results")
                return results

            return await self._db.in_transaction(work)


def _fail(members: Sequence[_Member[Item, Result]], error: Exception) -> None:
    for member in members:
        if not member.answer.done():
            member.answer.set_exception(error)
