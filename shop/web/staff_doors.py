"""Doors of the back office. A route names a permission, or it has no door at all and the shop does not start."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web

from shop.keys import LANG, SETTINGS, URLS
from shop.web import kept_forms
from shop.web.access import LONGEST_NEXT
from shop.web.middlewares import Handler
from shop.web.peers import address_of
from shop.web.respond import render
from shop.web.side import is_backoffice
from shop.web.staff import Permission, last_seen_staff, staff_of

# Set where a staff door has let a request in.
ENTERED = web.RequestKey("ENTERED", bool)


@dataclass(frozen=True, slots=True)
class StaffDoor:
    """Lets in staff whose role has the permission; with `is_fresh` only within ten minutes of their sign-in."""

    permission: Permission
    is_fresh: bool = False

    async def __call__(self, request: web.Request) -> web.StreamResponse | None:
        """None lets in; a guest or customer is sent to sign in, staff without the permission get 403."""
        staff = await staff_of(request)
        if staff is None:
            return await _to_sign_in(request, await last_seen_staff(request) if request.method == "POST" else None)
        if not staff.may(self.permission):
            return await render(request, "backoffice/refused.html", status=403, permission=self.permission)
        if self.is_fresh and not staff.is_fresh:
            return await _to_sign_in(request, staff.staff_id)
        request[ENTERED] = True
        return None


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


@web.middleware
async def used_up(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Forgets a form that was kept once it was sent again and answered; where a dependency was away it can be sent once more."""
    response = await handler(request)
    if ENTERED in request and response.status < 500:
        await kept_forms.forget(request)
    return response


async def _to_sign_in(request: web.Request, staff_id: int | None) -> web.Response:
    """To sign in, and then on; what was typed is kept for whoever was signed in here, and shown to nobody else."""
    come_back = request.rel_url.raw_path_qs
    if request.method == "POST" and staff_id is not None:
        come_back = await kept_forms.keep(request, staff_id) or come_back
    query = {"next": come_back} if 0 < len(come_back) <= LONGEST_NEXT else None
    path = request.app[URLS].path("backoffice.login", request[LANG], query)
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
