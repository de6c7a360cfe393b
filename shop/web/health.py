"""Whether this process lives, and whether it should get visitors."""

from aiohttp import web

from shop.cache.client import RedisAway
from shop.db import DbError
from shop.keys import DB, DRAINING, REDIS
from shop.web.access import anyone
from shop.web.routing import endpoint


async def healthz(request: web.Request) -> web.Response:
    """The process lives and its loop turns; it asks no dependency, so that a dead database never restarts a healthy shop."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """200 unless the process is starting or draining; dead dependencies are named as degraded."""
    if request.app[DRAINING]:
        return web.json_response({"status": "draining"}, status=503, headers={"Retry-After": "5"})
    degraded = [
        name
        for name, alive in (("postgresql", await _database(request)), ("redis", await _redis(request)))
        if not alive
    ]
    return web.json_response({"status": "degraded" if degraded else "ok", "degraded": degraded})


async def _database(request: web.Request) -> bool:
    try:
        async with request.app[DB].read() as conn:
            await conn.fetch_value("SELECT 1")
    except DbError:
        return False
    return True


async def _redis(request: web.Request) -> bool:
    try:
        await request.app[REDIS].execute("PING")
    except RedisAway:
        return False
    return True


ROUTES = [endpoint("health.healthz", healthz, anyone), endpoint("health.readyz", readyz, anyone)]
