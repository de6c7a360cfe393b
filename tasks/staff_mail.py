"""Mails to the staff: their way in, and what happened to it."""

from __future__ import annotations

from shop.backoffice.staff.models import StaffMember
from shop.backoffice.staff.queries import member_by_id
from shop.backoffice.staff.service import INVITATION_SECONDS, invitation_token
from shop.outbox import Lease
from tasks.runtime import Workshop, promised


@promised("tasks.mail.send_staff_invitation")
async def send_staff_invitation(shop: Workshop, held: Lease, *, staff_id: int) -> None:
    """Send the link that sets a password, the newest there is; nothing to whose access has ended."""
    member = await _member(shop, staff_id)
    if member is not None:
        link = shop.urls.absolute(
            "backoffice.invitation", shop.spoken(member.language), token=invitation_token(shop.tokens, member)
        )
        words = {"link": link, "hours": INVITATION_SECONDS // 3600, "is_new": member.activated_at is None}
        await _send(shop, held, member, "staff_invitation", **words)


@promised("tasks.mail.send_staff_second_factor")
async def send_staff_second_factor(shop: Workshop, held: Lease, *, staff_id: int) -> None:
    """Tell somebody that their second factor was removed."""
    member = await _member(shop, staff_id)
    if member is not None:
        link = shop.urls.absolute("backoffice.login", shop.spoken(member.language))
        await _send(shop, held, member, "staff_second_factor", link=link)


async def _member(shop: Workshop, staff_id: int) -> StaffMember | None:
    async with shop.db.read() as conn:
        member = await member_by_id(conn, staff_id)
    return None if member is None or member.disabled_at else member


async def _send(shop: Workshop, held: Lease, member: StaffMember, mail: str, **words: object) -> None:
    lang = shop.spoken(member.language)
    await shop.mailer.send(mail, to=member.email, name=member.name, lang=lang, reference=held.reference, **words)
