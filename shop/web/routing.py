"""One route table for the whole shop: each page under its name, with its door, once per language."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from shop.keys import LANG, ROUTE, URLS
from shop.urls import PATHS
from shop.web.bodies import TAKING_FILES, UPLOADED
from shop.web.csrf import has_token
from shop.web.forms import UNUSABLE
from shop.web.uploads import read

View = Callable[[web.Request], Awaitable[web.StreamResponse]]
# A door looks at a request before its view does: None lets it in, an answer turns it away.
Door = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass(frozen=True, slots=True)
class Route:
    """A named page: the view that answers, the methods it takes and the door in front of it."""

    name: str
    view: View
    door: Door
    methods: tuple[str, ...]
    localized: bool = True
    takes_files: bool = False


DECLARED = web.AppKey("DECLARED", dict[str, Route])


def page(name: str, view: View, door: Door) -> Route:
    """A page to look at: GET (and HEAD)."""
    return Route(name, view, door, ("GET",))


def form(name: str, view: View, door: Door) -> Route:
    """A page with a form that posts to itself: GET shows it, POST takes it."""
    return Route(name, view, door, ("GET", "POST"))


def action(name: str, view: View, door: Door) -> Route:
    """Something that happens: POST only."""
    return Route(name, view, door, ("POST",))


def upload(name: str, view: View, door: Door, *, localized: bool = True) -> Route:
    """A form with files: POST only; the files are read behind the door, and stand in request[UPLOADED]."""
    return Route(name, view, door, ("POST",), localized=localized, takes_files=True)


def endpoint(name: str, view: View, door: Door, *methods: str) -> Route:
    """An address for machines: the same in every language."""
    return Route(name, view, door, methods or ("GET",), localized=False)


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Registers each route under its path of shop.urls, once per language unless it is for machines."""
    urls = app[URLS]
    declared = app[DECLARED]
    for route in routes:
        if route.name in declared:
            raise ValueError(f"two routes are named {route.name}")
        declared[route.name] = route
        for lang in urls.languages if route.localized else urls.languages[:1]:
            resource = _answering(route, urls.localized(PATHS[route.name], lang), lang)
            app.router.register_resource(resource)
            if route.takes_files:
                app[TAKING_FILES].add(resource.canonical)


@lru_cache(4096)
def _answering(route: Route, path: str, lang: str) -> web.Resource:
    """What answers at a path; it knows nothing of its application, so the many shops of a test run share it."""
    resource = web.DynamicResource(path) if "{" in path else web.PlainResource(path)
    handler = _entered(route, lang)
    for method in route.methods:
        resource.add_route(method, handler)
        if method == "GET":
            resource.add_route("HEAD", handler)
    return resource


def _entered(route: Route, lang: str) -> View:
    """The view behind its door, in one language."""

    async def handler(request: web.Request) -> web.StreamResponse:
        request[LANG] = lang
        request[ROUTE] = route.name
        if any(UNUSABLE.search(part) for part in request.match_info.values()):
            raise web.HTTPNotFound
        refusal = await route.door(request)
        if refusal is not None:
            return refusal
        if route.takes_files:
            request[UPLOADED] = await read(request)
            if not await has_token(request):
                raise web.HTTPForbidden
        return await route.view(request)

    return handler
