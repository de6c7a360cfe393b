"""What this process counts, in Prometheus' words."""

from aiohttp import web
from prometheus_client import Counter, Histogram, generate_latest

from shop.web.peers import came_through_proxy

REQUESTS = Counter("shop_requests_total", "Answered requests", ["route", "status"])
SECONDS = Histogram(
    "shop_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 8),
)


def observe(route: str, status: int, seconds: float) -> None:
    """Counts one answer; `route` is a name of shop.urls, never a path, so that the number of series stays bounded."""
    REQUESTS.labels(route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)


async def metrics(request: web.Request) -> web.Response:
    """The counters as text; for the machine's own scraper, so what came through the proxy finds nothing here."""
    if came_through_proxy(request) or "X-Forwarded-For" in request.headers:
        raise web.HTTPNotFound
    return web.Response(body=generate_latest(), content_type="text/plain", charset="utf-8")
