"""Pages kept ready: rendered once per language and version, filled per visitor.

A view behind `@kept(...)` returns a Draft: a template, what it says, the tags it shows and when it ends by itself. It is
rendered with holes, kept as bytes, and forgotten as soon as one of its tags changes in the database
(shop/cache/changes.py), at the latest after a minute. What this process has not rendered, another may have (shop/web/shared_pages.py).
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from shop import metrics
from shop.cache.changes import EVERYTHING, Changes, horizon
from shop.db import Connection, DbError
from shop.keys import DB, LANG, ROUTE
from shop.web import holes
from shop.web.rendering import PARAMETERS, offered, rendered
from shop.web.respond import answer

if TYPE_CHECKING:
    from shop.web.shared_pages import SharedPages

KEPT_SECONDS = 60.0
BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """A page to be kept: `tags` name what it shows, `ends_at` when something on it starts or ends, `viewed` the product it is about."""

    template: str
    context: Mapping[str, Any]
    tags: frozenset[str]
    ends_at: datetime | None = None
    viewed: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A rendered page; `until` is on the monotonic clock, `as_of` the oldest transaction it may have missed."""

    route: str
    lang: str
    pieces: holes.Pieces
    etag: str
    tags: frozenset[str]
    as_of: int
    until: float
    viewed: int | None

    @property
    def size(self) -> int:
        return sum(len(piece) for piece in self.pieces)


Key = tuple[str, ...]
View = Callable[[web.Request], Awaitable[Draft | web.StreamResponse]]


class Pages:
    """The pages of this process, the least recently shown leave first."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Key, Kept] = OrderedDict()
        self.changes: Changes  # both set when the shop starts
        self.shared: SharedPages
        self._by_tag: dict[str, set[Key]] = {}
        self._rendering: dict[Key, asyncio.Future[Kept | web.StreamResponse]] = {}
        self._size = 0
        self._generation = 0  # of pages: all that were begun before everything was forgotten are of an older one
        # What stands in front of the shop (shop/web/ready.py) is told what was shown, with the bytes if to a guest, and what
        # is kept no longer.
        self.shown: Callable[[web.Request, Key, Kept, Any], None] = lambda *_: None
        self.forgotten: Callable[[Key], None] = lambda _: None

    def find(self, key: Key) -> Kept | None:
        """The page if it is still good."""
        kept = self.kept.get(key)
        if kept is None or kept.until <= time.monotonic():
            return None
        self.kept.move_to_end(key)
        return kept

    def keep(self, key: Key, kept: Kept) -> None:
        """Keeps a page, unless it was overtaken by a change while it was rendered."""
        if not self.changes.is_current(kept.tags, kept.as_of):
            return
        self.drop(key)
        self.kept[key] = kept
        self._size += kept.size
        for tag in kept.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self._size > BYTES:
            self.drop(next(iter(self.kept)))

    def drop(self, key: Key) -> None:
        """Forgets a page."""
        kept = self.kept.pop(key, None)
        self.forgotten(key)
        if kept is None:
            return
        self._size -= kept.size
        for tag in kept.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]

    def forget(self, tag: str) -> None:
        """Forgets every page that shows what changed."""
        self._generation += tag == EVERYTHING
        keys = list(self.kept) if tag == EVERYTHING else list(self._by_tag.get(tag, ()))
        for key in keys:
            self.drop(key)

    async def once(
        self, key: Key, render: Callable[[], Awaitable[Kept | web.StreamResponse]]
    ) -> Kept | web.StreamResponse:
        """Renders a page once however many ask for it; those who ask meanwhile get the same.

        Raises what rendering raised, unless the database is away and the page as it was last is still at hand.
        """
        running = self._rendering.get(key)
        if running is None:
            running = asyncio.ensure_future(render())
            self._rendering[key] = running
            generation = self._generation
            running.add_done_callback(lambda done: self._rendered(key, done, generation))
        try:
            # A visitor who leaves must not take the page away from the others who wait for it.
            return await asyncio.shield(running)
        except DbError:
            last = self.kept.get(key)
            if last is None:
                raise
            return last

    def _rendered(self, key: Key, done: asyncio.Future[Kept | web.StreamResponse], generation: int) -> None:
        del self._rendering[key]
        if generation != self._generation:
            return
        if not done.cancelled() and done.exception() is None and isinstance(kept := done.result(), Kept):
            self.keep(key, kept)


PAGES = web.AppKey("PAGES", Pages)


def kept(*parameters: str) -> Callable[[View], Callable[[web.Request], Awaitable[web.StreamResponse]]]:
    """Keeps what the view drafts; of the query only `parameters` choose the page, whatever else is in it changes nothing."""

    def decorated(view: View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        @functools.wraps(view)
        async def show(request: web.Request) -> web.StreamResponse:
            request[PARAMETERS] = parameters
            pages = request.app[PAGES]
            key = key_of(request, parameters)
            found = pages.find(key)
            if found is None:
                result = await pages.once(key, functools.partial(_found_or_rendered, request, view, key))
                if not isinstance(result, Kept):
                    return copied(result)
                found = result
            else:
                metrics.PAGES.labels("kept").inc()
            response = await answer(request, found.pieces, etag=found.etag, viewed=found.viewed)
            is_everybodys = hdrs.ETAG in response.headers and isinstance(response.body, bytes)
            pages.shown(request, key, found, response.body if is_everybodys else None)
            return response

        return show

    return decorated


def key_of(request: web.Request, parameters: tuple[str, ...]) -> Key:
    """What a page depends on: its route and language, its place, the known parameters and the language it offers."""
    query = request.query
    chosen = [f"{name}={query[name]}" for name in parameters if name in query]
    return (request[ROUTE], request[LANG], offered(request) or "", *request.match_info.values(), "?", *chosen)


def copied(response: web.StreamResponse) -> web.StreamResponse:
    """An answer that is no page (a redirect) for one more of those who asked; an answer can be sent only once."""
    assert isinstance(response, web.Response)
    return web.Response(status=response.status, headers=response.headers, body=response.body)


async def kept_parts(
    request: web.Request,
    name: str,
    ids: Sequence[int],
    load: Callable[[Connection, Sequence[int], str], Awaitable[Mapping[int, Draft]]],
) -> bytes:
    """Small pieces of pages, kept one by one under their ids; those missing are loaded in one go."""
    pages, lang = request.app[PAGES], request[LANG]
    found = {number: kept for number in ids if (kept := pages.find((name, lang, str(number)))) is not None}
    missing = [number for number in ids if number not in found]
    if missing:
        async with request.app[DB].read() as conn:
            as_of = await horizon(conn)
            drafts = await load(conn, missing, lang)
        for number, draft in drafts.items():
            found[number] = _kept(request, name, draft, as_of)
            pages.keep((name, lang, str(number)), found[number])
    return holes.fill([piece for number in ids for piece in found[number].pieces], {})


def kept_parts_at_once(request: web.Request, name: str, ids: Sequence[int]) -> bytes | None:
    """The same from memory alone; None when one is missing."""
    find, lang, now = request.app[PAGES].kept.get, request[LANG], time.monotonic()
    parts: list[bytes | str] = []
    for number in ids:
        kept = find((name, lang, str(number)))
        if kept is None or kept.until <= now:
            return None
        parts += kept.pieces
    return holes.fill(parts, {})


async def _found_or_rendered(request: web.Request, view: View, key: Key) -> Kept | web.StreamResponse:
    shared = request.app[PAGES].shared
    found = await shared.find(key)
    metrics.PAGES.labels("rendered" if found is None else "shared").inc()
    if found is not None:
        return found
    result = await _render(request, view)
    if isinstance(result, Kept):
        shared.offer(key, result)
    return result


async def _render(request: web.Request, view: View) -> Kept | web.StreamResponse:
    async with request.app[DB].read() as conn:
        as_of = await horizon(conn)
    draft = await view(request)
    if not isinstance(draft, Draft):
        return draft
    return _kept(request, request[ROUTE], draft, as_of)


def _kept(request: web.Request, name: str, draft: Draft, as_of: int) -> Kept:
    pieces = holes.cut(rendered(request, draft.template, draft.context))
    seconds = KEPT_SECONDS
    if draft.ends_at is not None:
        seconds = min(seconds, max(0.0, (draft.ends_at - datetime.now(UTC)).total_seconds()))
    body = b"".join(piece if isinstance(piece, bytes) else piece.encode() for piece in pieces)
    return Kept(
        route=name,
        lang=request[LANG],
        pieces=pieces,
        etag=f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"',
        tags=draft.tags,
        as_of=as_of,
        until=time.monotonic() + seconds,
        viewed=draft.viewed,
    )
