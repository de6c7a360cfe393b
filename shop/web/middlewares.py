"""The middlewares, one concern each, in the order in which they run."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from shop.db import BadCursor, Conflict, DbTimeout, DbUnavailable, ReadOnly
from shop.deadline import deadline
from shop.keys import REQUEST_ID, ROUTE, SETTINGS
from shop.media.errors import MediaAway, MediaFull
from shop.urls import PATHS
from shop.web.bodies import posted, takes_files
from shop.web.metrics import observe
from shop.web.next_page import own_page
from shop.web.respond import render_error
from shop.web.routing import DECLARED

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE_SECONDS = 3.0
CHECKOUT_SECONDS = 8.0
BODY_SECONDS = 10.0
RETRY_AFTER = 5  # seconds
ERROR_PAGES = frozenset({400, 403, 404, 405, 408, 413, 415, 429, 500, 503, 507})

log = structlog.get_logger("shop.web")


@web.middleware
async def identified(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives each request an id, measures it, and logs what went wrong in one line."""
    request[REQUEST_ID] = secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request=request[REQUEST_ID])
    began = time.perf_counter()
    try:
        response = await handler(request)
    finally:
        structlog.contextvars.clear_contextvars()
    observe(request.get(ROUTE, "none"), response.status, time.perf_counter() - began)
    return response


@web.middleware
async def errors_as_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error is a page of the shop; a visitor never sees a traceback, a version or a dropped connection."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.status not in ERROR_PAGES:
            raise
        page = _error_page(request, error.status)
        if "Allow" in error.headers:
            page.headers["Allow"] = error.headers["Allow"]
        return page
    except BadCursor:  # the address of a next page that no page of ours has named
        return _error_page(request, 404)
    except MediaFull:
        log.error("no room for pictures", route=request.get(ROUTE))
        return _error_page(request, 507)
    except MediaAway as error:
        log.warning("store of pictures away", error=str(error), route=request.get(ROUTE))
        return _error_page(request, 503)
    except (Conflict, DbTimeout, DbUnavailable, ReadOnly) as error:
        log.warning("dependency away", error=type(error).__name__, route=request.get(ROUTE))
        return _error_page(request, 503, retry_after=error.retry_after)
    except Exception:
        log.exception("unexpected error", route=request.get(ROUTE))
        return _error_page(request, 500)


@web.middleware
async def known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another Host than ours gets 400: links and caches cannot be poisoned by it."""
    if request.host.lower() not in request.app[SETTINGS].hosts:
        raise web.HTTPBadRequest
    return await handler(request)


@web.middleware
async def one_spelling(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page of ours with a slash too many at its end has moved for good to where it is; security: `own_page` decides."""
    path, mark, query = request.raw_path.partition("?")
    if path.endswith("/") and request.method in {"GET", "HEAD"} and request.match_info.http_exception is not None:
        there = await own_page(request, path[:-1] + mark + query)
        if there is not None and path[:-1] not in _machines(request.app):
            # security: a query may hold what opens an order, which no store between keeps
            kept = {"Cache-Control": "no-store"} if mark else {}
            return web.Response(status=301, headers={"Location": there, **kept})
    return await handler(request)


@web.middleware
async def bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The whole page has one budget, which every call to a dependency draws from; a body has to arrive within its own."""
    if "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType
    if request.body_exists and not takes_files(request):
        await _arrived(request)
    with deadline(CHECKOUT_SECONDS if _is_slow(request) else PAGE_SECONDS):
        return await handler(request)


def _machines(app: web.Application) -> set[str]:
    """The addresses that no visitor spells: there is nothing to help with."""
    return {PATHS[route.name] for route in app[DECLARED].values() if not route.localized}


def _error_page(request: web.Request, status: int, retry_after: int = RETRY_AFTER) -> web.Response:
    known = status if status in {400, 403, 404, 413, 429, 500, 503, 507} else 400
    page = render_error(request, known)
    page.set_status(status)
    if status == 408:
        page.force_close()  # the rest of the body may still come, and is nobody's next request
    if status == 503:
        page.headers["Retry-After"] = str(retry_after)
    return page


def _is_slow(request: web.Request) -> bool:
    return request.method == "POST" and (
        request.path.endswith(("/checkout", "/payment", "/settings/demo")) or takes_files(request)
    )


async def _arrived(request: web.Request) -> None:
    """surprise: aiohttp has no time limit on a request body; cancelling this read is safe, no driver is involved."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if request.content_type.startswith("multipart/"):
                await posted(request)
            else:
                await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
