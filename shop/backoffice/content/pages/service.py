"""Content pages written and put in order; the shop forgets the kept ones by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.content.service import completed
from shop.backoffice.goods.editor.service import PictureUnknown
from shop.backoffice.versions import EditConflict
from shop.content.models import ContentPage
from shop.db import Connection, Now
from shop.media.queries import unknown_pictures
from shop.richtext import pictures_in

# The shop's own pages lead to these.
LINKED: Final = frozenset({"about", "contact", "delivery", "privacy", "returns", "terms"})


class SlugIsLinked(Exception):
    """The shop's own pages lead to this address: it stays where it is."""


async def every_page(conn: Connection) -> list[ContentPage]:
    """All of them, in their order."""
    return await ContentPage.objects.using(conn).order_by("position", "id")


async def create(conn: Connection, actor: Actor, slug: str, values: Mapping[str, Any]) -> int:
    """A page behind all others; its id. Raises UniqueViolation for a taken address and PictureUnknown."""
    await _check_pictures(conn, values)
    last = max((page.position for page in await every_page(conn)), default=-1)
    made = await ContentPage.objects.using(conn).create(slug=slug, position=last + 1, **values)
    await audit.record(conn, actor, "page.created", f"page:{made.id}", None, {"slug": slug, **values})
    return made.id


async def change(
    conn: Connection, actor: Actor, page: ContentPage, version: int, slug: str, values: Mapping[str, Any]
) -> None:
    """Another text or address; raises EditConflict, SlugIsLinked, UniqueViolation and PictureUnknown."""
    if slug != page.slug and page.slug in LINKED:
        raise SlugIsLinked
    await _check_pictures(conn, values)
    same = ContentPage.objects.using(conn).filter(id=page.id, version=version)
    after = {"slug": slug, **values}
    if not await same.update(**after, version=version + 1, updated_at=Now()):
        raise EditConflict
    before = {name: getattr(page, name) for name in after}
    await audit.record(conn, actor, "page.changed", f"page:{page.id}", before, after)


async def arrange(conn: Connection, actor: Actor, order: Sequence[int]) -> None:
    """All pages in this order, that of the footer."""
    pages = await ContentPage.objects.using(conn).order_by("position", "id").select_for_update(no_key=True)
    before = [page.id for page in pages]
    after = completed(order, before)
    for position, page_id in enumerate(after):
        await ContentPage.objects.using(conn).filter(id=page_id).exclude(position=position).update(position=position)
    if after != before:
        await audit.record(conn, actor, "page.moved", "page:order", {"order": before}, {"order": after})


async def _check_pictures(conn: Connection, values: Mapping[str, Any]) -> None:
    for lang, html in values["body"].items():
        if await unknown_pictures(conn, pictures_in(html)):
            raise PictureUnknown(lang)
