"""Pictures of the staff: one from an editor or from a hand that dragged it here, and those that came with a form."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.pictures.service import note
from shop.backoffice.views import actor_of
from shop.media.service import Stored
from shop.web import uploads
from shop.web.staff import signed_in_staff


async def add(request: web.Request) -> web.Response:
    """Takes the picture in the field `file`; JSON, for scripts. It counts towards the quota of whoever is signed in."""
    staff, actor = await signed_in_staff(request), await actor_of(request)
    return await uploads.take_picture(
        request, by=f"staff:{staff.staff_id}", noted=lambda conn, picture: note(conn, actor, picture)
    )


async def brought(request: web.Request, data: bytes) -> Stored:
    """Takes one picture in for whoever is signed in, and says so in the log; raises MediaError."""
    staff, actor = await signed_in_staff(request), await actor_of(request)
    return await uploads.store_picture(
        request, data, by=f"staff:{staff.staff_id}", noted=lambda conn, picture: note(conn, actor, picture)
    )
