"""The sandbox bank's pages for buyers and its answers to the shop: pay, decline, pay twice, pay later, lose or repeat the notice."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
import orjson
from aiohttp import web

from shop import i18n
from shop.assets import assets_of
from shop.money import format_money
from shop.payments.bank.ledger import PENDING, Bill, Ledger
from shop.payments.bank.messenger import Messenger
from shop.payments.providers.sandbox import MERCHANT
from shop.payments.providers.seals import HEADER, BadSeal, check
from shop.settings import HOME

LEDGER = web.AppKey("LEDGER", Ledger)
MESSENGER = web.AppKey("MESSENGER", Messenger)
SECRET = web.AppKey("SECRET", bytes)
SHOP = web.AppKey("SHOP", str)
PAGES = web.AppKey("PAGES", dict[str, jinja2.Template])
STYLE = web.AppKey("STYLE", bytes)
LATER_SECONDS = web.AppKey("LATER_SECONDS", float)

WISHES: Final = frozenset(
    {"reference", "amount", "currency", "subject", "return_url", "notify_url", "lang", "expires_at"}
)
REPEATED: Final = 50


def create_bank(
    secret: bytes,
    shop_url: str,
    *,
    journal: Path | None = None,
    later_seconds: float = 20,
    pauses: Sequence[float] = (1, 2, 4, 8, 15, 30),
) -> web.Application:
    """The bank of one shop; `journal` is where its ledger is kept, `later_seconds` what "pay later" takes."""
    bank = web.Application()
    bank[LEDGER], bank[MESSENGER] = Ledger(journal), Messenger(secret, pauses)
    bank[SECRET], bank[SHOP], bank[LATER_SECONDS] = secret, shop_url, later_seconds
    bank[PAGES] = {lang: _page_in(lang) for lang in ("en", "zh")}
    bank[STYLE] = assets_of(HOME / "static").read("css/main.css") + Path(__file__).with_name("bank.css").read_bytes()
    bank.router.add_get("/bank.css", _style)
    bank.router.add_get("/pay", visit)
    bank.router.add_post("/pay/{reference}", act)
    bank.router.add_get("/ledger", ledger)
    for verb, answer in {"query": query, "close": close, "refund": refund}.items():
        bank.router.add_post(f"/api/{verb}", answer)
    bank.on_response_prepare.append(_protect)
    bank.cleanup_ctx.append(_closed)
    return bank


async def visit(request: web.Request) -> web.Response:
    """The page a buyer comes to with a wish that the shop has signed."""
    body = request.query.get("wish", "").encode()
    wish = _checked(request, body, request.query.get("seal", ""))
    bill = request.app[LEDGER].open(**{name: wish[name] for name in WISHES})
    # A closed bill that nobody had asked for before has no facts yet.
    for name in WISHES - {"reference"}:
        setattr(bill, name, wish[name])
    await request.app[LEDGER].keep(bill)
    return _show(request, bill)


async def act(request: web.Request) -> web.Response:
    """What the buyer chose."""
    bill = request.app[LEDGER].get(request.match_info["reference"])
    if bill is None:
        raise web.HTTPNotFound
    action = str((await request.post()).get("action", ""))
    if bill.status == PENDING and bill.expires_at > time.time():
        await _do(request.app, bill, action)
    return web.Response(status=303, headers={"Location": bill.return_url})


async def query(request: web.Request) -> web.Response:
    """What became of a bill."""
    wish = await _asked(request)
    bill = request.app[LEDGER].get(wish["reference"])
    return web.json_response({"trades": bill.facts() if bill else []})


async def close(request: web.Request) -> web.Response:
    """Lets a bill be paid no more, also one that nobody has opened yet."""
    wish = await _asked(request)
    bill = request.app[LEDGER].open(wish["reference"])
    bill.is_closed = True
    await request.app[LEDGER].keep(bill)
    return web.json_response(bill.facts()[0])


async def refund(request: web.Request) -> web.Response:
    """Gives money back, once for each key."""
    wish = await _asked(request)
    bill = request.app[LEDGER].get(wish["reference"])
    told = bill.refund(wish["trade_no"], wish["amount"], wish["key"]) if bill else "no such bill"
    if bill:
        await request.app[LEDGER].keep(bill)
    return web.json_response({"status": "refunded"} if told == "refunded" else {"status": "refused", "reason": told})


async def ledger(request: web.Request) -> web.Response:
    """All money the bank has moved."""
    return web.json_response(request.app[LEDGER].trades())


async def _do(bank: web.Application, bill: Bill, action: str) -> None:
    tell = bank[MESSENGER].tell
    if action in {"pay", "repeat"}:
        trade = bill.pay()
        await bank[LEDGER].keep(bill)
        tell(bill, trade, REPEATED if action == "repeat" else 1)
    elif action == "twice":
        trades = [bill.pay(), bill.pay()]
        await bank[LEDGER].keep(bill)
        for trade in trades:
            tell(bill, trade)
    elif action == "lose":
        bill.pay()
        await bank[LEDGER].keep(bill)
    elif action == "decline":
        bill.is_closed = True
        await bank[LEDGER].keep(bill)
        tell(bill, None)
    elif action == "later":
        bank[MESSENGER].later(bank[LATER_SECONDS], _pay_late(bank, bill))


async def _pay_late(bank: web.Application, bill: Bill) -> None:
    if bill.status == PENDING:
        await _do(bank, bill, "pay")


async def _asked(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    return _checked(request, body, request.headers.get(HEADER, ""))


def _checked(request: web.Request, body: bytes, signature: str) -> dict[str, Any]:
    try:
        check(request.app[SECRET], body, signature)
    except BadSeal as problem:
        raise web.HTTPForbidden(text=str(problem)) from None
    wish: dict[str, Any] = orjson.loads(body)
    if wish.get("merchant") != MERCHANT:
        raise web.HTTPForbidden(text="another merchant")
    return wish


def _show(request: web.Request, bill: Bill) -> web.Response:
    lang = bill.lang if bill.lang in request.app[PAGES] else "en"
    amount = format_money(bill.amount, bill.currency, lang)
    page = request.app[PAGES][lang].render(
        bill=bill, amount=amount, lang=lang, is_open=bill.status == PENDING, repeated=REPEATED
    )
    return web.Response(text=page, content_type="text/html")


async def _style(request: web.Request) -> web.Response:
    return web.Response(body=request.app[STYLE], content_type="text/css", charset="utf-8")


async def _protect(request: web.Request, response: web.StreamResponse) -> None:
    parts = urlsplit(request.app[SHOP])
    policy = f"default-src 'none'; style-src 'self'; form-action 'self' {parts.scheme}://{parts.netloc}"
    response.headers["Content-Security-Policy"] = f"{policy}; base-uri 'none'; frame-ancestors 'none'"
    response.headers["Referrer-Policy"] = "no-referrer"


async def _closed(bank: web.Application) -> AsyncIterator[None]:
    yield
    await bank[MESSENGER].close()


def _page_in(lang: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HOME / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    i18n.load(lang)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        partial(i18n.gettext, lang), partial(i18n.plural, lang), newstyle=True
    )
    return environment.get_template("payments/bank.html")
