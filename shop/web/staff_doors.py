"""Doors of the back office. A route names a permission, or it has no door at all and the shop does not start."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web

from shop.keys import LANG, SETTINGS, URLS
from shop.web.access import LONGEST_NEXT
from shop.web.middlewares import Handler
from shop.web.peers import address_of
from shop.web.respond import render
from shop.web.side import is_backoffice
from shop.web.staff import Permission, staff_of


@dataclass(frozen=True, slots=True)
class StaffDoor:
    """Lets in staff whose role has the permission; with `is_fresh` only within ten minutes of their sign-in."""

    permission: Permission
    is_fresh: bool = False

    async def __call__(self, request: web.Request) -> web.StreamResponse | None:
        """None lets in; a guest or customer is sent to sign in, staff without the permission get 403."""
        staff = await staff_of(request)
        if staff is None:
            return _to_sign_in(request)
        if not staff.may(self.permission):
            return await render(request, "backoffice/refused.html", status=403, permission=self.permission)
        return None if staff.is_fresh or not self.is_fresh else _to_sign_in(request)


def staff_only(permission: Permission, *, fresh: bool = False) -> StaffDoor:
    """The door for staff with this permission; `fresh` asks for both factors again after ten minutes."""
    return StaffDoor(Permission(permission), fresh)


async def gate(request: web.Request) -> web.StreamResponse | None:
    """The few pages before the door: signing in, and what a mailed link opens."""
    return None


@web.middleware
async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where SHOP_STAFF_NETWORKS is set, the back office is a 404 to everybody outside them."""
    networks = request.app[SETTINGS].staff_networks
    if networks and is_backoffice(request):
        address = ip_address(address_of(request))
        if not any(address in network for network in networks):
            raise web.HTTPNotFound
    return await handler(request)


def _to_sign_in(request: web.Request) -> web.Response:
    come_back = request.rel_url.raw_path_qs if request.method in {"GET", "HEAD"} else ""
    query = {"next": come_back} if 0 < len(come_back) <= LONGEST_NEXT else None
    path = request.app[URLS].path("backoffice.login", request[LANG], query)
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
