"""One picture from an editor or from a hand that dragged it here."""

from __future__ import annotations

from aiohttp import web

from shop.web import uploads
from shop.web.staff import signed_in_staff


async def add(request: web.Request) -> web.Response:
    """Takes the picture in the field `file`; JSON, for scripts. It counts towards the quota of whoever is signed in."""
    staff = await signed_in_staff(request)
    return await uploads.take_picture(request, by=f"staff:{staff.staff_id}")
