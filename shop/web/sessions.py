"""Sessions of people who signed in (customers, and staff in the back office), through aiohttp-session with a storage of our own.

The cookie is `<tag of the account>.<256 random bits>`; guests have none. A row in PostgreSQL, found by the SHA-256 of the
secret, is the authority: private pages and every POST ask it. Other pages believe a sealed copy in Redis for minutes,
unless the authority has heard of its revocation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol, Self

import aiohttp_session
import orjson
from aiohttp import web

from shop.db import DbError
from shop.session_record import NewSession, SessionRecord
from shop.web.cookies import SESSION, cookie_of, give_cookie, take_cookie
from shop.web.session_copies import Page, SessionCopies
from shop.web.side import is_backoffice
from shop.web.visitor import GUEST, Visitor

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
STRANGERS: Final = 10_000
LONGEST: Final = 76  # a tag, a dot and 43 characters
_COOKIE: Final = re.compile(r"([0-9a-zA-Z_-]{16,32})\.([0-9a-zA-Z_-]{43})")


class SessionAuthority(Protocol):
    """Who decides whether a session lives; every method raises DbError while PostgreSQL is away."""

    async def look_up(self, id_hash: bytes) -> SessionRecord | None:
        """The live session, noted as used just now; None when there is none (any more)."""

    async def owner(self, id_hash: bytes) -> int | None:
        """Whose session it is or was, though it may have ended."""

    async def change(
        self, id_hash: bytes, changed: Mapping[str, Any], removed: Collection[str]
    ) -> SessionRecord | None:
        """Set and remove single fields, leaving the others to whoever changes them at the same time."""

    async def set_expiry(self, id_hash: bytes, value: int | None) -> SessionRecord | None:
        """From now on: n idle seconds, 0 until the browser closes, None the shop's default."""

    async def revoke(self, id_hash: bytes) -> None:
        """End it for ever."""

    def believes(self, id_hash: bytes) -> bool:
        """Whether a copy may be believed: nothing was heard against this session, and we would have heard."""


class Presented(NamedTuple):
    """A session cookie as it came: well formed, but proof of nothing yet."""

    tag: str
    id_hash: bytes

    @classmethod
    def of(cls, request: web.Request, cookie: str) -> Self | None:
        """None when no cookie of this name came, or one that we could not have given."""
        value = cookie_of(request, cookie)
        return cls.by(value) if len(value) <= LONGEST else None

    @classmethod
    @lru_cache(4096)  # a member's next page comes with the same cookie
    def by(cls, cookie: str) -> Self | None:
        """The same of the cookie's text."""
        match = _COOKIE.fullmatch(cookie)
        return cls(match[1], hashlib.sha256(match[2].encode()).digest()) if match else None


_NOTHING: Final = Page()


class _Known(NamedTuple):
    record: SessionRecord | None
    is_certain: bool
    beside: Page = _NOTHING


# What Redis said when it did not settle the matter, so that nobody asks it twice for one page.
_GLANCE = web.RequestKey("_GLANCE", Page)


class Session(aiohttp_session.Session):
    """The values of a signed-in session, saved field by field; a guest has none to write to."""

    def __init__(self, record: SessionRecord | None) -> None:
        fields = dict(record.fields) if record else {}
        super().__init__(record.id_hash if record else None, data={"session": fields}, new=record is None)
        self._before = {name: orjson.dumps(value) for name, value in fields.items()}
        self.expiry: tuple[int | None] | None = None
        self.is_ended = False

    def set_expiry(self, value: int | None) -> None:
        """`value` idle seconds; 0 until the browser closes; None the shop's default of thirty days."""
        if value is not None and (isinstance(value, bool) or value < 0):
            raise ValueError("an expiry is None or a number of seconds")
        self.expiry = (value,)
        self.changed()

    def invalidate(self) -> None:
        """End the session: all in it is gone, and its id never opens anything again."""
        super().invalidate()
        self.is_ended = True

    def changes(self) -> tuple[dict[str, Any], list[str]]:
        """The fields that were set since loading, and the names of those removed."""
        changed = {name: value for name, value in self.items() if self._before.get(name) != orjson.dumps(value)}
        return changed, [name for name in self._before if name not in self]


class SessionStorage(aiohttp_session.AbstractStorage):
    """Finds out who stands behind a request, and keeps what changes."""

    def __init__(self, authority: SessionAuthority, copies: SessionCopies, cookie: str = SESSION) -> None:
        super().__init__(cookie_name=cookie)
        self._cookie = cookie
        self._known_here = web.RequestKey(f"known_{cookie}", _Known)
        self._authority = authority
        self._copies = copies
        # An id that was refused once is refused for ever: old cookies need not be asked about on every page.
        self._strangers: dict[bytes, None] = {}
        self.saving = aiohttp_session.session_middleware(self)

    async def visitor(self, request: web.Request, *, viewed: int | None = None, certain: bool = False) -> Visitor:
        """The visitor; `certain` asks the row itself, as every POST does. Raises DbError only then."""
        known = await self._known(request, viewed, certain)
        return _visitor(known.record, known.beside) if known.record is not None else GUEST

    async def glance(self, request: web.Request, cookie: str, viewed: int | None) -> Visitor | None:
        """The member whose copy is believed, in one trip; None when `visitor` has to find out more. Asks no row, raises nothing."""
        presented = Presented.by(cookie) if len(cookie) <= LONGEST else None
        if presented is None or not self._authority.believes(presented.id_hash):
            return None
        page = await self._copies.page(presented.tag, presented.id_hash, viewed)
        if page.record is not None:
            return _visitor(page.record, page)
        request[_GLANCE] = page
        return None

    async def record(self, request: web.Request, *, certain: bool = True) -> SessionRecord | None:
        """The session behind the request as it is; `certain` asks the row itself, and only then raises DbError."""
        return (await self._known(request, None, certain)).record

    async def owner(self, request: web.Request) -> int | None:
        """Whose session the cookie was, though it may have ended: proof of nothing that is still to come. Raises DbError."""
        presented = Presented.of(request, self._cookie)
        return None if presented is None else await self._authority.owner(presented.id_hash)

    async def load_session(self, request: web.Request) -> Session:
        """The session for `aiohttp_session.get_session`; an id we do not know is never adopted."""
        return Session((await self._known(request, None, False)).record)

    async def new_session(self) -> Session:
        """A guest's session; signing in begins a real one with `begin`."""
        return Session(None)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        """Save the changed fields in the row, then in the copy if that is still there."""
        assert isinstance(session, Session)
        if session.is_ended:
            return await self.end(request, response)
        if session.identity is None:
            raise RuntimeError("guests have no session to write to")
        record = await self._authority.change(session.identity, *session.changes())
        if record is not None and session.expiry is not None:
            record = await self._authority.set_expiry(session.identity, session.expiry[0])
        if record is None:  # it ended while this request was under way
            return None
        await self._copies.save(record)
        if session.expiry is not None:
            give_cookie(request, response, self._cookie, cookie_of(request, self._cookie), record.cookie_seconds)
        return None

    async def begin(self, request: web.Request, response: web.StreamResponse, started: NewSession) -> None:
        """After the sign-in was committed: its cookie on the answer, and nothing left of the session it replaced."""
        give_cookie(request, response, self._cookie, started.cookie, started.record.cookie_seconds)
        request[self._known_here] = _Known(started.record, is_certain=True)
        await self._bury(Presented.of(request, self._cookie))

    async def end(self, request: web.Request, response: web.StreamResponse) -> None:
        """Sign out: the row first, then everything that merely repeats it. Raises DbError when the row could not be reached."""
        presented = Presented.of(request, self._cookie)
        if presented is not None:
            await self._authority.revoke(presented.id_hash)
        await self._bury(presented)
        request[self._known_here] = _Known(None, is_certain=True)
        take_cookie(request, response, self._cookie)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        response.headers["Cache-Control"] = "no-store"

    def is_renewed(self, request: web.Request) -> bool:
        """Whether this request has prolonged the session, so that its cookie has to be sent again."""
        known = request.get(self._known_here)
        return known is not None and known.record is not None and known.record.is_renewed

    def renew_cookie(self, request: web.Request, response: web.StreamResponse) -> None:
        """Send the cookie again when this request has prolonged the session."""
        known = request.get(self._known_here)
        if known is None or known.record is None or not known.record.is_renewed:
            return
        if not any(name.endswith(self._cookie) for name in response.cookies):
            give_cookie(request, response, self._cookie, cookie_of(request, self._cookie), known.record.cookie_seconds)

    async def _known(self, request: web.Request, viewed: int | None, certain: bool) -> _Known:
        certain = certain or request.method not in SAFE
        known = request.get(self._known_here)
        if known is None or (certain and not known.is_certain) or (viewed is not None and known.record is not None):
            known = await self._found(request, viewed, certain)
            request[self._known_here] = known
        return known

    async def _found(self, request: web.Request, viewed: int | None, certain: bool) -> _Known:
        presented = Presented.of(request, self._cookie)
        if presented is None or presented.id_hash in self._strangers:
            return _Known(None, is_certain=True)
        if not certain and self._authority.believes(presented.id_hash):
            page = request.get(_GLANCE) or await self._copies.page(presented.tag, presented.id_hash, viewed)
            if page.record is not None or page.is_buried:
                return _Known(page.record, is_certain=False, beside=page)
        try:
            record = await self._asked(presented)
        except DbError:
            if certain:
                raise
            return _Known(None, is_certain=False)  # the page is shown as to a guest; the cookie stays
        if record is None:
            return _Known(None, is_certain=True)
        kept = Page(record) if request.method not in SAFE else await self._copies.keep(record, viewed)
        return _Known(record, is_certain=True, beside=kept)

    async def _asked(self, presented: Presented) -> SessionRecord | None:
        record = await self._authority.look_up(presented.id_hash)
        # security: a real secret under another account's tag would write into that account's history.
        if record is None or record.tag != presented.tag:
            self._turn_away(presented.id_hash if record is None else None)
            return None
        return record

    def _turn_away(self, id_hash: bytes | None) -> None:
        if id_hash is None:
            return
        if len(self._strangers) >= STRANGERS:
            self._strangers.pop(next(iter(self._strangers)))
        self._strangers[id_hash] = None

    async def _bury(self, presented: Presented | None) -> None:
        if presented is not None:
            self._turn_away(presented.id_hash)
            await self._copies.bury(presented.tag, presented.id_hash)


def _visitor(record: SessionRecord, beside: Page) -> Visitor:
    return Visitor(
        account_id=record.account_id,
        name=record.name,
        tag=record.tag,
        session_id_hash=record.id_hash,
        signed_in_at=record.signed_in_at,
        basket_count=beside.basket_count,
        recent=beside.recent,
    )


SESSIONS = web.AppKey("SESSIONS", SessionStorage)
STAFF_SESSIONS = web.AppKey("STAFF_SESSIONS", SessionStorage)


@web.middleware
async def saved(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Saves what a view changed in its session, and prolongs the cookie of a session that was prolonged."""
    storage = request.app[STAFF_SESSIONS if is_backoffice(request) else SESSIONS]
    response = await storage.saving(request, handler)
    if not response.prepared:
        storage.renew_cookie(request, response)
    return response
