"""Signing in and out: the password, the second factor, and the one way in which every sign-in ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from shop.accounts.models import Account, PendingRegistration, identity_key
from shop.accounts.queries import account_by_id, account_by_login, pending_by_login
from shop.accounts.security.models import Kind
from shop.accounts.security.second_factor.service import CODE_LIMITS, CUSTOMERS, WrongCode, use_code
from shop.accounts.security.service import record
from shop.accounts.sign_in import service
from shop.accounts.sign_in.forms import CodeForm, LoginForm
from shop.accounts.views import origin_of, seals_of
from shop.db import Connection
from shop.i18n import N_
from shop.keys import DB, LIMITS, PASSWORDS, TOKENS
from shop.limits import Limit, Try
from shop.session_record import NewSession
from shop.tokens import LinkInvalid
from shop.web.access import visitor_of
from shop.web.flash import flash_waiting
from shop.web.form_pages import WRONG, form_page, place_to_hash, too_many
from shop.web.known_devices import know_device, known_device
from shop.web.next_page import own_page
from shop.web.peers import address_of, prefix_of
from shop.web.respond import see_other, see_other_path
from shop.web.sessions import SESSIONS

TICKET: Final = "second-factor"
TICKET_SECONDS: Final = 300
VIEWED_AT_MOST: Final = 20
UNTIL_THE_BROWSER_CLOSES: Final = 0


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who has just signed in, and the products this browser says a guest looked at (ids not checked, newest first)."""

    account_id: int
    tag: str
    viewed: tuple[int, ...]


# What other features do about it inside the transaction that begins the session: a basket is merged there, a history taken over
# (what goes to Redis waits for `conn.on_commit`). app.py hands them over; one that raises prevents the sign-in.
AtSignIn = Callable[[Connection, web.Request, SignIn], Awaitable[None]]
AT_SIGN_IN = web.AppKey("AT_SIGN_IN", tuple[AtSignIn, ...])


async def login(request: web.Request) -> web.StreamResponse:
    """The sign-in form; for who is signed in already, the same form proves that it is still them."""
    if request.method != "POST":
        visitor = await visitor_of(request)
        wanted = await own_page(request, request.query.get("next"))
        if visitor.is_fresh:
            return see_other_path(wanted) if wanted else see_other(request, "accounts.account")
        data = {"next": wanted or "", "login": visitor.name}
        return await form_page(request, "accounts/login.html", LoginForm.blank(request, data=data))
    with place_to_hash(request):
        return await _sign_in(request)


async def _sign_in(request: web.Request) -> web.StreamResponse:
    form = await LoginForm.read(request)
    if not form.validate():
        return await form_page(request, "accounts/login.html", form, status=WRONG)
    async with request.app[DB].read() as conn:
        account = await account_by_login(conn, form.login.data or "")
        waiting = await pending_by_login(conn, form.login.data or "")
    attempt = await _take(request, form, account)
    if not attempt.is_allowed:
        return await too_many(request, "accounts/login.html", form, attempt)
    return await _checked(request, form, account, waiting, attempt)


async def login_code(request: web.Request) -> web.StreamResponse:
    """The second step: a code from the app, or a recovery code, with the ticket that the first step gave out."""
    form = await CodeForm.read(request)
    ticket = await _read_ticket(request, form)
    if ticket is None:
        return see_other(request, "accounts.login")
    account, remember, wanted = ticket
    if not form.validate():
        return await form_page(request, "accounts/login_code.html", form, status=WRONG)
    attempt = await request.app[LIMITS].take(*((limit, str(account.id)) for limit in CODE_LIMITS))
    if not attempt.is_allowed:
        return await too_many(request, "accounts/login_code.html", form, attempt)
    try:
        async with request.app[DB].transaction() as conn:
            await use_code(conn, seals_of(request), account.id, form.code.data or "", origin_of(request))
    except WrongCode:
        await _note_failure(request, account.id, "code")
        form.wrong(form.code, N_("This code is not right, or was used already. Wait for the next one."))
        return await form_page(request, "accounts/login_code.html", form, status=WRONG)
    await request.app[LIMITS].give_back(attempt)
    return await complete_sign_in(request, account, remember=remember, wanted=wanted, viewed=form.viewed.data)


async def logout(request: web.Request) -> web.StreamResponse:
    """The end of the session, in the browser and everywhere."""
    visitor = await visitor_of(request)
    response = see_other(request, "catalog.home")
    await request.app[SESSIONS].end(request, response)
    if visitor.is_signed_in:
        async with request.app[DB].transaction() as conn:
            await record(conn, visitor.account_id, Kind.SIGNED_OUT, origin_of(request))
    return response


async def complete_sign_in(
    request: web.Request, account: Account, *, remember: bool, wanted: str | None = None, viewed: str | None = None
) -> web.StreamResponse:
    """How every sign-in ends, after a password, a second factor or an activation: a new session, the guest's things taken over.

    A `wanted` path is looked at again, for it has been through the browser.
    """
    before = await visitor_of(request)
    sign_in = SignIn(account.id, account.tag, _ids(viewed))
    expiry = None if remember else UNTIL_THE_BROWSER_CLOSES
    try:
        async with request.app[DB].transaction() as conn:
            started = await service.login(
                conn, account, origin_of(request), expiry=expiry, replaces=before.session_id_hash
            )
            for take_part in request.app.get(AT_SIGN_IN, ()):
                await take_part(conn, request, sign_in)
    except service.CredentialsChanged:
        return see_other(request, "accounts.login")
    there = await own_page(request, wanted)
    response = see_other_path(there) if there else see_other(request, "accounts.account")
    await request.app[SESSIONS].begin(request, response, started)
    flash_waiting(request, response)
    know_device(request, response, account.id)
    return response


async def renewed_session(request: web.Request, conn: Connection, account: Account) -> NewSession:
    """End all sessions of the visitor's account and begin one of the same kind for this browser; hand it to `SESSIONS.begin`."""
    visitor = await visitor_of(request)
    return await service.renew_session(conn, account, origin_of(request), visitor.session_id_hash)


async def _checked(
    request: web.Request, form: LoginForm, account: Account | None, waiting: PendingRegistration | None, attempt: Try
) -> web.StreamResponse:
    """The password against the account: wrong, right but not activated, right but not enough, or right."""
    template = "accounts/login.html"
    try:
        better = await service.authenticate(request.app[PASSWORDS], account, waiting, form.password.data or "")
    except service.WrongCredentials:
        await _note_failure(request, account.id if account else None, "password")
        form.wrong(None, N_("User name, e-mail or password is not right. Check them and try again."))
        return await form_page(request, template, form, status=WRONG)
    except service.NotActivated:
        await request.app[LIMITS].give_back(attempt)
        return await form_page(request, template, form, status=WRONG, not_activated=True)
    assert account is not None
    await request.app[LIMITS].give_back(attempt)
    async with request.app[DB].transaction() as conn:
        if better is not None:
            account = await service.keep_better_hash(conn, account, better)
        needs_code = await CUSTOMERS.is_on(conn, account.id)
    remember, wanted = bool(form.remember.data), form.next.data
    if not needs_code:
        return await complete_sign_in(request, account, remember=remember, wanted=wanted, viewed=form.viewed.data)
    ticket = [account.id, service.state_of(account), remember, await own_page(request, wanted)]
    data = {"ticket": request.app[TOKENS].sign(TICKET, ticket), "viewed": form.viewed.data}
    return await form_page(request, "accounts/login_code.html", CodeForm.blank(request, data=data))


async def _take(request: web.Request, form: LoginForm, account: Account | None) -> Try:
    """Count the try; a browser the account signed in with before has a window of its own, out of reach for others.

    security: windows go by what was typed, not by account, or a full one would tell that a name and an e-mail belong together.
    """
    device = known_device(request, account.id if account else None)
    windows: tuple[tuple[Limit, str], ...] = (
        (service.PER_LOGIN, identity_key(form.login.data or "")),
        (service.PER_NETWORK, prefix_of(address_of(request))),
        (service.EVERYBODY, ""),
    )
    return await request.app[LIMITS].take(*(((service.PER_DEVICE, device),) if device else windows))


async def _note_failure(request: web.Request, account_id: int | None, factor: str) -> None:
    async with request.app[DB].transaction() as conn:
        await record(conn, account_id, Kind.SIGN_IN_FAILED, origin_of(request), factor=factor)


async def _read_ticket(request: web.Request, form: CodeForm) -> tuple[Account, bool, str | None] | None:
    try:
        account_id, state, remember, wanted = request.app[TOKENS].read(TICKET, form.ticket.data or "", TICKET_SECONDS)
    except LinkInvalid:
        return None
    async with request.app[DB].read() as conn:
        account = await account_by_id(conn, account_id)
    if account is None or service.state_of(account) != state:
        return None
    return account, remember, wanted


def _ids(viewed: str | None) -> tuple[int, ...]:
    """The product ids a browser sent, at most twenty; what is not a number is dropped."""
    texts = (viewed or "")[:400].split(",")[:VIEWED_AT_MOST]
    return tuple(dict.fromkeys(int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 16))
