"""The way in: a password, then a code. Whoever has no second factor yet sets it up before they see anything else."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop import totp
from shop.accounts.models import identity_key
from shop.accounts.security.models import Origin
from shop.accounts.security.second_factor.service import WrongCode
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.sign_in import service
from shop.backoffice.sign_in.forms import CodeForm, FirstCodeForm, LoginForm
from shop.backoffice.staff.models import StaffMember
from shop.backoffice.staff.queries import member_by_email, member_by_id
from shop.backoffice.staff.service import SECOND_FACTORS, state_of
from shop.db import Database
from shop.i18n import N_
from shop.keys import DB, LIMITS, PASSWORDS, SETTINGS, TOKENS, URLS
from shop.limits import Limit, Try
from shop.sealing import KeyRing
from shop.tokens import LinkInvalid
from shop.web.devices import device_of
from shop.web.form_pages import WRONG, form_page, place_to_hash, too_many
from shop.web.forms import Form
from shop.web.known_devices import STAFF_DEVICE, know_device, known_device
from shop.web.next_page import own_page
from shop.web.peers import address_of, neighbourhood_of, prefix_of
from shop.web.respond import render, see_other, see_other_path
from shop.web.sessions import STAFF_SESSIONS
from shop.web.side import BACKOFFICE
from shop.web.staff import signed_in_staff, staff_of
from shop.web.stated import STATED

TICKET: Final = "staff-ticket"
TICKET_SECONDS: Final = 600
LOGIN: Final = "backoffice/login.html"
CODE: Final = "backoffice/login_code.html"
SETUP: Final = "backoffice/setup.html"


async def login(request: web.Request) -> web.StreamResponse:
    """The sign-in form; for who is signed in already, the same form proves that it is still them."""
    if request.method != "POST":
        staff = await staff_of(request)
        wanted = await _wanted(request, request.query.get("next"))
        if staff is not None and staff.is_fresh:
            return see_other_path(wanted) if wanted else see_other(request, "backoffice.dashboard")
        return await form_page(request, LOGIN, LoginForm.blank(request, data={"next": wanted or ""}))
    with place_to_hash(request):
        return await _sign_in(request)


async def login_code(request: web.Request) -> web.StreamResponse:
    """The second step: a code from the app, or a recovery code, with the ticket that the first step gave out."""
    form = await CodeForm.read(request)
    found = await _ticket_holder(request, form.ticket.data)
    if found is None:
        return see_other(request, "backoffice.login")
    member, wanted = found
    if not form.validate():
        return await form_page(request, CODE, form, status=WRONG)
    attempt = await _take_code(request, member)
    if not attempt.is_allowed:
        return await too_many(request, CODE, form, attempt)
    try:
        async with request.app[DB].transaction() as conn:
            is_recovery = await SECOND_FACTORS.use(conn, seals_of(request), member.id, form.code.data or "")
            if is_recovery:
                await audit.record(conn, _as(request, member), "staff.recovery_code_used", f"staff:{member.id}")
    except WrongCode:
        await _note_failure(request, member)
        form.wrong(form.code, N_("This code is not right, or was used already. Wait for the next one."))
        return await form_page(request, CODE, form, status=WRONG)
    await request.app[LIMITS].give_back(attempt)
    response = see_other_path(wanted) if wanted else see_other(request, "backoffice.dashboard")
    return await complete(request, member, response)


async def setup(request: web.Request) -> web.StreamResponse:
    """The first entry: a right code of the new secret switches it on, and shows the recovery codes, this once."""
    form = await FirstCodeForm.read(request)
    found = await _ticket_holder(request, form.ticket.data)
    if found is None:
        return see_other(request, "backoffice.login")
    member, wanted = found
    if not form.validate():
        return await _setup_page(request, member, form, status=WRONG)
    attempt = await _take_code(request, member)
    if not attempt.is_allowed:
        return await too_many(request, SETUP, form, attempt, **await _secret(request, member))
    try:
        async with request.app[DB].transaction() as conn:
            await SECOND_FACTORS.confirm(conn, seals_of(request), member.id, form.code.data or "")
            codes = await SECOND_FACTORS.make_codes(conn, member.id)
            await audit.record(conn, _as(request, member), "staff.second_factor_on", f"staff:{member.id}")
    except WrongCode:
        form.wrong(form.code, N_("This code is not right. Enter the one your app shows now."))
        return await _setup_page(request, member, form, status=WRONG)
    await request.app[LIMITS].give_back(attempt)
    response = await render(request, "backoffice/recovery_codes.html", codes=codes, wanted=wanted, is_new=True)
    return await complete(request, member, response)


async def logout(request: web.Request) -> web.StreamResponse:
    """The end of the session, in the browser and everywhere."""
    staff = await signed_in_staff(request)
    async with request.app[DB].transaction() as conn:
        actor = Actor(staff.staff_id, staff.name, address_of(request))
        await audit.record(conn, actor, "staff.signed_out", f"staff:{staff.staff_id}")
    response = see_other(request, "backoffice.login")
    await request.app[STAFF_SESSIONS].end(request, response)
    return response


async def second_step(request: web.Request, member: StaffMember, wanted: str | None = None) -> web.StreamResponse:
    """After a right password (or the link of an invitation): the code, or setting one up where there is none yet."""
    async with request.app[DB].read() as conn:
        is_on = await SECOND_FACTORS.is_on(conn, member.id)
    if not is_on and request.app[SETTINGS].staff_second_factor == "relaxed":
        response = see_other_path(wanted) if wanted else see_other(request, "backoffice.dashboard")
        return await complete(request, member, response)
    data = {"ticket": request.app[TOKENS].sign(TICKET, [member.id, state_of(member), wanted])}
    if is_on:
        return await form_page(request, CODE, CodeForm.blank(request, data=data))
    async with request.app[DB].transaction() as conn:
        await SECOND_FACTORS.prepare(conn, seals_of(request), member.id)
    return await _setup_page(request, member, FirstCodeForm.blank(request, data=data))


async def complete(request: web.Request, member: StaffMember, response: web.StreamResponse) -> web.StreamResponse:
    """How every sign-in ends: a new session, whose cookie goes with `response`."""
    before = await staff_of(request)
    origin = Origin(neighbourhood_of(request), device_of(request.headers.get("User-Agent", "")))
    try:
        async with request.app[DB].transaction() as conn:
            replaces = before.session_id_hash if before else None
            started = await service.start(conn, member, _as(request, member), origin, replaces=replaces)
    except service.CredentialsChanged:
        return see_other(request, "backoffice.login")
    await request.app[STAFF_SESSIONS].begin(request, response, started)
    know_device(request, response, member.id, STAFF_DEVICE)
    return response


def seals_of(request: web.Request) -> KeyRing:
    """The ring that seals the secrets of the staff's second factors."""
    return KeyRing(request.app[SETTINGS].secret_keys, "staff-second-factor")


async def _sign_in(request: web.Request) -> web.StreamResponse:
    form = await LoginForm.read(request)
    if not form.validate():
        return await form_page(request, LOGIN, form, status=WRONG)
    async with request.app[DB].read() as conn:
        member = await member_by_email(conn, form.email.data or "")
    attempt = await _take(request, form, member)
    if not attempt.is_allowed:
        return await too_many(request, LOGIN, form, attempt)
    try:
        known = await service.authenticate(request.app[PASSWORDS], member, form.password.data or "")
    except service.WrongCredentials:
        if member is not None:
            await _note_failure(request, member)
        form.wrong(None, N_("E-mail or password is not right. Check them and try again."))
        return await form_page(request, LOGIN, form, status=WRONG)
    await request.app[LIMITS].give_back(attempt)
    return await second_step(request, known, await _wanted(request, form.next.data))


async def _take(request: web.Request, form: LoginForm, member: StaffMember | None) -> Try:
    device = known_device(request, member.id if member else None, STAFF_DEVICE)
    windows: tuple[tuple[Limit, str], ...] = (
        (service.PER_LOGIN, identity_key(form.email.data or "")),
        (service.PER_NETWORK, prefix_of(address_of(request))),
    )
    return await request.app[LIMITS].take(*(((service.PER_DEVICE, device),) if device else windows))


async def _take_code(request: web.Request, member: StaffMember) -> Try:
    return await request.app[LIMITS].take(*((limit, str(member.id)) for limit in service.CODE_LIMITS))


async def _note_failure(request: web.Request, member: StaffMember) -> None:
    nobody = Actor(None, "", address_of(request))
    async with request.app[DB].transaction() as conn:
        await audit.record(conn, nobody, "staff.failed", f"staff:{member.id}")


async def _ticket_holder(request: web.Request, ticket: str | None) -> tuple[StaffMember, str | None] | None:
    try:
        staff_id, state, wanted = request.app[TOKENS].read(TICKET, ticket or "", TICKET_SECONDS)
    except LinkInvalid:
        return None
    member = await _member(request.app[DB], staff_id)
    if member is None or not member.is_active or state_of(member) != state:
        return None
    return member, wanted


async def _member(db: Database, staff_id: int) -> StaffMember | None:
    async with db.read() as conn:
        return await member_by_id(conn, staff_id)


async def _setup_page(
    request: web.Request, member: StaffMember, form: Form, *, status: int = 200
) -> web.StreamResponse:
    return await form_page(request, SETUP, form, status=status, **await _secret(request, member))


async def _secret(request: web.Request, member: StaffMember) -> dict[str, str]:
    """The secret that is being set up: as a picture to scan, and to type; raises 303 to the start when there is none any more."""
    async with request.app[DB].read() as conn:
        factor = await SECOND_FACTORS.of(conn, member.id)
    if factor is None or factor.confirmed_at is not None:
        raise web.HTTPForbidden
    secret = SECOND_FACTORS.secret_of(seals_of(request), factor)
    uri = totp.provisioning_uri(secret, request.app[STATED].profile.name, member.email)
    return {"picture": totp.drawn_inline(uri), "secret": totp.readable(secret)}


async def _wanted(request: web.Request, path: str | None) -> str | None:
    """The page of the back office to go on to, None for any other."""
    own = await own_page(request, path)
    return own if own is not None and request.app[URLS].bare(own)[1].startswith(BACKOFFICE) else None


def _as(request: web.Request, member: StaffMember) -> Actor:
    return Actor(member.id, member.name, address_of(request))
