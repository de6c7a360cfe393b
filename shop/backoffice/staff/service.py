"""Inviting staff, changing what they may do, ending their access. Every step stands in the log, in its own transaction."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from shop import outbox
from shop.accounts.models import identity_key
from shop.accounts.security.second_factor.service import Factors
from shop.accounts.sessions import service as sessions
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.roles.service import keep_an_owner
from shop.backoffice.staff.models import SESSIONS, StaffMember, StaffRecoveryCode, StaffSecondFactor
from shop.backoffice.staff.queries import member_by_id
from shop.backoffice.versions import EditConflict
from shop.db import Connection, F, Now, QuerySet, UniqueViolation
from shop.tokens import LinkInvalid, Tokens

INVITATION: Final = "staff-invitation"
INVITATION_SECONDS: Final = 24 * 3600
SECOND_FACTORS: Final = Factors(StaffSecondFactor, StaffRecoveryCode, "staff-recovery")


class EmailTaken(Exception):
    """Somebody of the staff has this address already."""


async def invite(
    conn: Connection, actor: Actor, *, name: str, email: str, role_id: int, language: str, mail: bool = True
) -> StaffMember:
    """Add somebody who may come in once they have chosen a password by the mailed link; raises EmailTaken."""
    values = {"name": name, "email": email, "email_key": identity_key(email), "role_id": role_id, "language": language}
    try:
        async with conn.savepoint():
            made = await StaffMember.objects.using(conn).create(**values)
    except UniqueViolation:
        raise EmailTaken from None
    if mail:
        await outbox.promise(conn, "tasks.mail.send_staff_invitation", staff_id=made.id)
    member = await _again(conn, made.id)
    told = {"name": name, "role": member.role.code, "language": language}
    await audit.record(conn, actor, "staff.invited", f"staff:{made.id}", None, told)
    return member


async def send_link(conn: Connection, actor: Actor, member: StaffMember) -> None:
    """Mail a new link that sets a password, to who never used theirs or forgot the password; links before it are dead."""
    await outbox.promise(conn, "tasks.mail.send_staff_invitation", staff_id=member.id)
    await renew_link(conn, actor, member)


async def renew_link(conn: Connection, actor: Actor, member: StaffMember) -> StaffMember:
    """Let only the next link count; the member as they are then. Raises EditConflict when their access has ended."""
    if not await _enabled(conn, member).update(link_serial=F("link_serial") + 1):
        raise EditConflict
    await audit.record(conn, actor, "staff.invited", f"staff:{member.id}")
    return await _again(conn, member.id)


def invitation_token(tokens: Tokens, member: StaffMember) -> str:
    """What the link carries; worthless after 24 hours, the next link, or its use."""
    return tokens.sign(INVITATION, [member.id, member.link_serial])


async def invited_by(conn: Connection, tokens: Tokens, token: str) -> StaffMember:
    """Whom a link was sent to; raises LinkExpired or LinkInvalid."""
    staff_id, serial = tokens.read(INVITATION, token, INVITATION_SECONDS)
    member = await member_by_id(conn, staff_id)
    if member is None or member.disabled_at is not None or member.link_serial != serial:
        raise LinkInvalid
    return member


async def set_password(conn: Connection, actor: Actor, member: StaffMember, password_hash: str) -> StaffMember:
    """Set the password of whom the link was read for and end all sessions; raises LinkInvalid if it was just used."""
    same = _enabled(conn, member).filter(link_serial=member.link_serial)
    if not await same.update(password_hash=password_hash, link_serial=member.link_serial + 1):
        raise LinkInvalid
    await _enabled(conn, member).filter(activated_at=None).update(activated_at=Now())
    await sessions.revoke_all(conn, member.id, SESSIONS)
    action = "staff.accepted" if member.activated_at is None else "staff.password_reset"
    await audit.record(conn, actor, action, f"staff:{member.id}")
    return await _again(conn, member.id)


async def change_password(
    conn: Connection, actor: Actor, member: StaffMember, password_hash: str, *, keep: bytes
) -> None:
    """Set one's own new password and end all sessions but the one with the id hash `keep`; links that are out are dead."""
    await _enabled(conn, member).update(password_hash=password_hash, link_serial=F("link_serial") + 1)
    await sessions.revoke_others(conn, member.id, keep, SESSIONS)
    await audit.record(conn, actor, "staff.password_changed", f"staff:{member.id}")


async def new_recovery_codes(conn: Connection, actor: Actor, member: StaffMember) -> list[str]:
    """Return ten new recovery codes; those of before are worth nothing any more."""
    codes = await SECOND_FACTORS.make_codes(conn, member.id)
    await audit.record(conn, actor, "staff.recovery_codes_made", f"staff:{member.id}")
    return codes


async def change(
    conn: Connection, actor: Actor, member: StaffMember, *, version: int, name: str, role_id: int, language: str
) -> None:
    """Another name, role or language; raises EditConflict and LastOwner. What a role may do counts from the next page on."""
    values = {"name": name, "role_id": role_id, "language": language}
    same = StaffMember.objects.using(conn).filter(id=member.id, version=version)
    if not await same.update(**values, version=version + 1):
        raise EditConflict
    await keep_an_owner(conn)
    before = {"name": member.name, "role": member.role.code, "language": member.language}
    changed = await _again(conn, member.id)
    after = {"name": changed.name, "role": changed.role.code, "language": changed.language}
    await audit.record(conn, actor, "staff.changed", f"staff:{member.id}", before, after)


async def disable(conn: Connection, actor: Actor, member: StaffMember) -> None:
    """End all access at once: sessions, links, sign-in; raises LastOwner."""
    ended = {"disabled_at": Now(), "link_serial": F("link_serial") + 1, "version": F("version") + 1}
    if not await _enabled(conn, member).update(**ended):
        return
    await keep_an_owner(conn)
    await sessions.revoke_all(conn, member.id, SESSIONS)
    await audit.record(conn, actor, "staff.disabled", f"staff:{member.id}")


async def enable(conn: Connection, actor: Actor, member: StaffMember) -> None:
    """Let somebody in again, with the password and second factor they had."""
    disabled = StaffMember.objects.using(conn).filter(id=member.id, disabled_at__isnull=False)
    if await disabled.update(disabled_at=None, version=F("version") + 1):
        await audit.record(conn, actor, "staff.enabled", f"staff:{member.id}")


async def reset_second_factor(conn: Connection, actor: Actor, member: StaffMember) -> None:
    """Forget a lost second factor and its codes, and end all sessions; the next sign-in sets up another. They are told by mail."""
    if await SECOND_FACTORS.remove(conn, member.id):
        await sessions.revoke_all(conn, member.id, SESSIONS)
        await outbox.promise(conn, "tasks.mail.send_staff_second_factor", staff_id=member.id)
        await audit.record(conn, actor, "staff.second_factor_off", f"staff:{member.id}")


def state_of(member: StaffMember) -> str:
    """A digest that changes with the password, for tickets between the steps of one sign-in."""
    return hashlib.sha256(f"staff\0{member.id}\0{member.password_hash}".encode()).hexdigest()[:32]


def _enabled(conn: Connection, member: StaffMember) -> QuerySet[StaffMember]:
    return StaffMember.objects.using(conn).filter(id=member.id, disabled_at=None)


async def _again(conn: Connection, staff_id: Any) -> StaffMember:
    member = await member_by_id(conn, staff_id)
    assert member is not None
    return member
