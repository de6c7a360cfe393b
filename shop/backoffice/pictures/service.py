"""What the log says of a picture that was brought."""

from __future__ import annotations

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.db import Connection
from shop.media.service import Stored


async def note(conn: Connection, actor: Actor, picture: Stored) -> None:
    """Who brought it, by its fingerprint, each time somebody does."""
    about = {"width": picture.width, "height": picture.height, "size": picture.size}
    await audit.record(conn, actor, "picture.uploaded", f"picture:{picture.fingerprint}", None, about)
