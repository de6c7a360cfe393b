"""Ready bytes: a kept page, status line to last byte, in one go.

This stands before routing and middlewares and answers only what needs neither: GET or HEAD by HTTP/1.1 on a live
connection, our Host, a page that is kept; for a guest without any cookie the bytes of the last guest, for a member the
page with its holes filled. Everything else goes the long way, which answers the same (tests/web/test_ready.py compares).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import lru_cache

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_request import BaseRequest
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

from shop import i18n
from shop.keys import DRAINING, LANG, ROUTE, SETTINGS, URLS
from shop.metrics import PAGES as PAGES_ASKED
from shop.web.cookies import SESSION, cookie_name, cookies_of
from shop.web.csrf import token_for
from shop.web.flash import COOKIE
from shop.web.headers import SERVER, protection, public
from shop.web.metrics import ANSWERS
from shop.web.pages import PAGES, Kept, Key
from shop.web.partials import PARTIALS
from shop.web.rendering import PARAMETERS
from shop.web.sessions import SESSIONS


class Ready:
    """The head and body of one kept page, of the short answer to those who have it, and the head for a member."""

    __slots__ = ("body", "head", "kept", "match", "member_head", "not_modified", "observed")

    def __init__(self, kept: Kept, body: bytes | None, front: Front, match: UrlMappingMatchInfo) -> None:
        self.kept = kept
        self.body = None if body is None else shared(kept, body)  # None until a guest has seen the page
        self.match = match
        common = front.always + front.public + f"ETag: {kept.etag}\r\n".encode()
        self.member_head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
            + front.always
            + b"Cache-Control: no-store\r\nContent-Length: "
        )
        self.head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
            + f"Content-Length: {len(body or b'')}\r\n".encode()
            + common
        )
        self.not_modified = b"HTTP/1.1 304 Not Modified\r\n" + common
        self.observed = ANSWERS.of(kept.route)


class ReadyAnswer(web.StreamResponse):
    """An answer that is bytes already; aiohttp asks it to prepare and to end, and it writes once; nothing is copied together for that."""

    def __init__(self, data: tuple[bytes, ...], status: int) -> None:
        self._data = data
        self._ready_status = status

    @property
    def status(self) -> int:
        return self._ready_status

    @property
    def keep_alive(self) -> bool:
        return True

    @property
    def prepared(self) -> bool:
        return True

    async def prepare(self, request: BaseRequest) -> None:
        """Writes everything; a reader who is too slow is waited for before the connection's next request is read."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the visitor is gone")
        transport.writelines(self._data)
        await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""


class Front:
    """The shop's handler with the ready pages in front of it."""

    def __init__(self, app: web.Application, handle: Callable[[BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        settings = app[SETTINGS]
        self._app = app
        self._handle = handle
        self._pages = app[PAGES]
        self._hosts = settings.hosts
        self._compresses = settings.development  # the long way does
        self._ready: dict[tuple[str, str], tuple[Key, Ready]] = {}
        self._places: dict[Key, dict[str, str]] = {}
        self._wanted = lru_cache(1024)(lambda accept: i18n.preferred(accept, app[URLS].languages) or "")
        self._partials = app[PARTIALS]
        self._sessions = app[SESSIONS]
        self._session = cookie_name(app, SESSION)
        self.always = lines(protection(tls=settings.is_secure) | {"Server": SERVER})
        self.public = lines(public(settings))
        self._date = (0, b"")
        self._draining = app[DRAINING]
        self._pages.shown, self._pages.forgotten = self.remember, self.forget

    async def __call__(self, request: BaseRequest) -> web.StreamResponse:
        """Answers at once, or the long way."""
        began = time.perf_counter()
        ready = self._find(request)
        if ready is None:
            return await self._handle(request)
        if hdrs.COOKIE in request.headers:
            answer = await self._to_member(request, ready)
        else:
            answer = self._to_guest(request, ready)
        if answer is None:
            return await self._handle(request)
        ready.observed(answer.status, time.perf_counter() - began)
        _READY.inc()
        return answer

    def remember(self, request: web.Request, key: Key, kept: Kept, body: bytes | None) -> None:
        """This page was shown the long way (`body` to a guest, None to a member); the next one at the same address gets it ready."""
        if self._pages.kept.get(key) is not kept or not _is_plain(request):
            return
        wanted = self._wanted(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
        known = self._ready.get((request.raw_path, wanted))
        if body is None and known is not None and known[1].kept is kept:
            return
        places = self._places.setdefault(key, {})
        if (before := places.get(wanted)) is not None:
            self._ready.pop((before, wanted), None)
        places[wanted] = request.raw_path
        self._ready[request.raw_path, wanted] = (key, Ready(kept, body, self, request.match_info))

    def forget(self, key: Key) -> None:
        """The page is not kept any longer."""
        for wanted, path in self._places.pop(key, {}).items():
            self._ready.pop((path, wanted), None)

    def _find(self, request: BaseRequest) -> Ready | None:
        headers = request.headers
        if (
            request.method not in _READING
            or request.version != HttpVersion11
            or not request.keep_alive
            or request.body_exists
            or (self._compresses and "gzip" in headers.get(hdrs.ACCEPT_ENCODING, ""))
            or hdrs.UPGRADE in headers
            or headers.get(hdrs.HOST, "").lower() not in self._hosts
        ):
            return None
        found = self._ready.get((request.raw_path, self._wanted(headers.get(hdrs.ACCEPT_LANGUAGE, ""))))
        if found is None or self._draining or self._pages.find(found[0]) is not found[1].kept:
            return None
        return found[1]

    def _to_guest(self, request: BaseRequest, ready: Ready) -> ReadyAnswer | None:
        if ready.body is None:
            return None
        if ready.kept.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return ReadyAnswer((ready.not_modified, self._dated()), 304)
        if request.method == hdrs.METH_HEAD:
            return ReadyAnswer((ready.head, self._dated()), 200)
        return ReadyAnswer((ready.head, self._dated(), *ready.body), 200)

    async def _to_member(self, request: BaseRequest, ready: Ready) -> ReadyAnswer | None:
        """The page for whoever is signed in; None where the long way has more to do: a message to tell, a cookie to prolong, a doubt."""
        assert isinstance(request, web.Request)
        cookies = cookies_of(request)
        if request.method != hdrs.METH_GET or self._session not in cookies or COOKIE in cookies:
            return None
        cookie = cookies[self._session]
        visitor = await self._sessions.glance(request, cookie, ready.kept.viewed)
        if visitor is None:
            return None
        # surprise: nothing was resolved, and what fills the holes asks the request for its application
        request._match_info = ready.match
        request[LANG], request[ROUTE] = ready.kept.lang, ready.kept.route
        body = await self._partials.filled(request, ready.kept.pieces, visitor, token_for(cookie))
        head = b"%b%d\r\n%b" % (ready.member_head, sum(map(len, body)), self._dated())
        return ReadyAnswer((head, *body), 200)

    def _dated(self) -> bytes:
        """The end of the head: the date, made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n\r\n".encode())
        return self._date[1]


def shared(kept: Kept, body: bytes) -> tuple[bytes, ...]:
    """The body in parts, of which the large ones are those of the kept page itself, so that they are in memory once."""
    parts, at = list[bytes](), 0
    for piece in kept.pieces:
        if isinstance(piece, bytes):
            begins = body.index(piece, at)
            parts += (body[at:begins], piece)
            at = begins + len(piece)
    return tuple(part for part in (*parts, body[at:]) if part)


def lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they go over the wire."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()


_READY = PAGES_ASKED.labels("ready")
_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def _is_plain(request: web.Request) -> bool:
    """Whether the address holds nothing but what chooses the page, so that nobody can fill our memory with addresses."""
    return request.method == hdrs.METH_GET and all(name in request[PARAMETERS] for name in request.query)
