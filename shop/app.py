"""The whole shop on one screen: what it opens, what every request passes, and where it goes."""

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from aiohttp import web

import shop.accounts.personal_data.service
import shop.accounts.routes
import shop.backoffice.routes
import shop.cart.personal_data
import shop.cart.routes
import shop.catalog.routes
import shop.content.routes
import shop.history.routes
import shop.history.service
import shop.mailroom.routes
import shop.orders.personal_data
import shop.orders.routes
import shop.payments.routes
import shop.reviews.queries
import shop.reviews.routes
import shop.search.routes
from shop import common_passwords, logs
from shop.accounts.personal_data.views import PERSONAL_DATA
from shop.accounts.security.email.views import AT_NEW_EMAIL
from shop.accounts.sessions.authority import Authority
from shop.accounts.sessions.models import CUSTOMERS as CUSTOMERS_REALM
from shop.accounts.sign_in.views import AT_SIGN_IN
from shop.assets import assets_of
from shop.backoffice.audit.fields.views import tell_differences
from shop.backoffice.staff.models import SESSIONS as STAFF_REALM
from shop.cache.cache import Cache
from shop.cache.changes import Changes
from shop.cache.client import RedisClient
from shop.cache.urls import connectors
from shop.cart.views import basket_hole
from shop.db import Database
from shop.db.group_commit import GroupCommit
from shop.history.views import recent_hole
from shop.keys import ASSETS, CACHE, DB, DRAINING, LIMITS, MEDIA, PASSWORDS, REDIS, SETTINGS, TOKENS, URLS
from shop.limits import Limits
from shop.media.decoding import Decoder
from shop.media.service import Media, Quota
from shop.media.store import open_store
from shop.metrics import serve_metrics
from shop.orders.checkout.views import TILL, WAYS
from shop.orders.live import LiveOrders
from shop.orders.methods import METHODS
from shop.orders.placing.models import Terms
from shop.orders.placing.service import place_orders
from shop.orders.views import PAYMENT_PART
from shop.passwords import Passwords
from shop.payments.alarms import Alarms
from shop.payments.providers.registry import Providers
from shop.payments.views import FORGERIES, NOTICE_DESK, NOTICES_AT_ONCE, OWN_ORDER, PROVIDERS
from shop.sealing import KeyRing
from shop.settings import Settings
from shop.start_checks import check_database
from shop.tokens import Tokens
from shop.urls import Urls
from shop.web import csrf, headers, health, media, metrics, middlewares, session_copies, sessions, staff_doors, static
from shop.web.bodies import TAKING_FILES
from shop.web.cookies import STAFF
from shop.web.pages import PAGES, Pages
from shop.web.partials import PARTIALS, Filler, Partials, flashes_hole, visitor_hole
from shop.web.respond import ERRORS
from shop.web.routing import DECLARED, Route, add_routes
from shop.web.server import LEAVING, Runner
from shop.web.session_copies import SessionCopies
from shop.web.sessions import SESSIONS, STAFF_SESSIONS
from shop.web.shared_pages import SharedPages, edition_of
from shop.web.stated import STATED, Stated
from shop.web.streams import LIVE
from shop.web.templating import set_up_templates

ROOT = Path(__file__).parent.parent

MIDDLEWARES = (
    middlewares.identified,
    middlewares.errors_as_pages,
    middlewares.known_host,
    staff_doors.admitted,
    staff_doors.used_up,
    middlewares.one_spelling,
    middlewares.bounded,
    csrf.checked,
    sessions.saved,
)

FEATURES: tuple[list[Route], ...] = (
    shop.accounts.routes.ROUTES,
    shop.backoffice.routes.ROUTES,
    shop.cart.routes.ROUTES,
    shop.catalog.routes.ROUTES,
    shop.content.routes.ROUTES,
    shop.history.routes.ROUTES,
    shop.reviews.routes.ROUTES,
    shop.search.routes.ROUTES,
    shop.orders.routes.ROUTES,
    shop.payments.routes.ROUTES,
)

# What fills the holes of a kept page (templates/partials/{name}.html) for its visitor.
HOLES: dict[str, Filler] = {
    "basket": basket_hole,
    "flashes": flashes_hole,
    "recent": recent_hole,
    "visitor": visitor_hole,
}


def create_app(settings: Settings) -> web.Application:
    """An application ready to be served; it opens nothing until it starts."""
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=1024**2, client_max_fields=200)
    _give_state(app, settings)
    _introduce_features(app)
    set_up_templates(app, str(ROOT / "templates"))
    tell_differences(app)
    _add_pages(app)
    app.cleanup_ctx.extend(OPENED)
    app.on_response_prepare.append(headers.protect)
    app.on_shutdown.append(_drain)
    return app


def _give_state(app: web.Application, settings: Settings) -> None:
    """What every request may ask for and nothing has to be opened for."""
    app[SETTINGS] = settings
    app[URLS] = Urls(settings.url, settings.languages)
    app[TOKENS] = Tokens(settings.secret_keys)
    app[ASSETS] = assets_of(ROOT / "static")
    app[DECLARED], app[ERRORS] = {}, {}
    app[DRAINING] = []
    app[TAKING_FILES] = set[str]()
    app[PARTIALS] = Partials(HOLES)
    app[PAGES] = Pages()
    app[STATED] = Stated(app, METHODS)
    app[PROVIDERS] = Providers.of(settings)
    app[NOTICE_DESK] = asyncio.Semaphore(NOTICES_AT_ONCE)
    app[FORGERIES] = Alarms()


def _introduce_features(app: web.Application) -> None:
    """What features to the right do when something happens in one that cannot know them."""
    app[AT_SIGN_IN] = (
        shop.cart.views.merge,
        shop.orders.views.adopt,
        shop.history.views.take_over,
        shop.mailroom.views.mention_undelivered,
    )
    app[AT_NEW_EMAIL] = (shop.orders.views.adopt,)
    app[WAYS] = app[PROVIDERS].labels
    app[OWN_ORDER], app[PAYMENT_PART] = shop.orders.views.by_link, shop.payments.views.payment_part


def _add_pages(app: web.Application) -> None:
    for routes in (*FEATURES, media.ROUTES, health.ROUTES, metrics.ROUTES):
        add_routes(app, routes)
    if app[SETTINGS].development:
        add_routes(app, static.ROUTES)
        add_routes(app, shop.mailroom.routes.ROUTES)


async def database(app: web.Application) -> AsyncIterator[None]:
    """PostgreSQL: lazily connected, so that the shop starts (and says so) while the server is away."""
    settings = app[SETTINGS]
    app[DB] = await Database.open(
        url=settings.database_url, listen_url=settings.database_listen_url, replica_url=settings.replica_url
    )
    yield
    await app[DB].close()


async def redis(app: web.Application) -> AsyncIterator[None]:
    """Redis for sessions and history; expendable."""
    app[REDIS] = RedisClient(connectors(app[SETTINGS].redis_url)[0])
    yield
    await app[REDIS].close()


async def pictures(app: web.Application) -> AsyncIterator[None]:
    """Where pictures are kept, and the processes that read them."""
    settings = app[SETTINGS]
    store = open_store(settings.media_url, app[DB])
    app[MEDIA] = Media(store, Decoder(), Quota(settings.media_user_quota << 20, settings.media_quota << 20))
    yield
    await store.close()


async def signed_in_sessions(app: web.Application) -> AsyncIterator[None]:
    """Who is signed in: rows in PostgreSQL decide, sealed copies in Redis repeat."""
    authority = Authority(app[DB])
    copies = SessionCopies(app[REDIS], app[SETTINGS].secret_keys)
    app[SESSIONS] = sessions.SessionStorage(authority, copies)
    staff_authority = Authority(app[DB], STAFF_REALM)
    staff_copies = SessionCopies(app[REDIS], app[SETTINGS].secret_keys, session_copies.STAFF)
    app[STAFF_SESSIONS] = sessions.SessionStorage(staff_authority, staff_copies, STAFF)
    authority.start()
    staff_authority.start()
    yield
    await staff_authority.stop()
    await authority.stop()


async def passwords(app: web.Application) -> AsyncIterator[None]:
    """Where passwords are hashed, and how often they may be guessed."""
    app[PASSWORDS] = Passwords()
    await asyncio.to_thread(common_passwords.words)
    app[LIMITS] = Limits(app[REDIS], app[SETTINGS].secret_keys[0])
    yield
    app[PASSWORDS].close()


async def personal_data(app: web.Application) -> AsyncIterator[None]:
    """What each feature knows about a person, told and forgotten when they ask for it."""
    app[PERSONAL_DATA] = (
        shop.history.service.personal_chapter(app[REDIS]),
        shop.cart.personal_data.CHAPTER,
        shop.orders.personal_data.CHAPTER,
        shop.reviews.queries.CHAPTER,
        *shop.accounts.personal_data.service.CHAPTERS,
    )
    yield


async def kept_pages(app: web.Application) -> AsyncIterator[None]:
    """What is kept of pages, forgotten as the database says."""
    pages, stated, settings = app[PAGES], app[STATED], app[SETTINGS]
    app[CACHE] = Cache.open(settings.cache_url, prefix="pages")

    def forget(tag: str) -> None:
        pages.forget(tag)
        stated.heard(tag)

    pages.changes = Changes(app[DB], forget)
    edition = await asyncio.to_thread(edition_of, ROOT, settings)
    pages.shared = SharedPages(app[CACHE], KeyRing(settings.secret_keys, "pages"), pages.changes, edition)
    pages.changes.start()
    await stated.start()
    yield
    await stated.stop()
    await pages.changes.stop()
    await pages.shared.close()
    await app[CACHE].close()


async def providers(app: web.Application) -> AsyncIterator[None]:
    """Connections to providers of payment, opened at the first call."""
    yield
    await app[PROVIDERS].close()


async def till(app: web.Application) -> AsyncIterator[None]:
    """Where orders are placed: all who come together share one transaction."""
    app[TILL] = GroupCommit(app[DB], partial(place_orders, terms=Terms.of(app[SETTINGS])))
    yield
    await app[TILL].close()


async def live_orders(app: web.Application) -> AsyncIterator[None]:
    """News of orders for the pages that are open."""
    ends = (CUSTOMERS_REALM.channel, STAFF_REALM.channel)
    app[LIVE] = live = LiveOrders(app[SETTINGS].database_listen_url, ends)
    live.start()
    yield
    await live.stop()


async def _drain(app: web.Application) -> None:
    app[DRAINING].append(True)
    app[LIVE].close()


# Opened in this order when the shop starts, closed in the other.
OPENED = (
    database, metrics.measured, redis, pictures, providers, signed_in_sessions, passwords, personal_data, kept_pages,
    till, live_orders,
)  # fmt: skip


async def application() -> Runner:
    """The shop for servers that make their own processes (`gunicorn -k aiohttp.GunicornUVLoopWebWorker shop.app:application`).

    Raises SettingsError or WrongDatabase; importing this module reads no setting and opens nothing.
    """
    settings = Settings.load(os.environ, development=False)
    await check_database(settings)
    logs.configure(development=False, service="web")
    serve_metrics(settings.metrics_listen)
    return Runner(await asyncio.to_thread(create_app, settings), **LEAVING)
