"""Mails: written from three templates in the reader's language, and handed to the mail server or the mail room."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_FORM
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from uuid import UUID

import aiosmtplib
import jinja2

from shop import i18n
from shop.outbox import Hopeless, NotNow, ServiceAway
from shop.profile import Profile
from shop.settings import HOME, Settings
from shop.urls import Urls

CONNECT_SECONDS: Final = 5.0
REPLY_SECONDS: Final = 30.0
GOODBYE_SECONDS: Final = 1.0
TOO_LARGE: Final = 552
CLOSING: Final = 421
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# An atom (RFC 5322, 3.2.3) before the @: what would need quoting, no form of the shop takes either.
PLAIN_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(\.[\w-]+)*", re.ASCII)
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class MailRefused(Hopeless):
    """The mail server will never take this mail (5xx), or it cannot be written at all."""


class MailDeferred(NotNow):
    """The mail server does not take this mail now (4xx), or fell silent over it."""


class MailServerAway(ServiceAway):
    """No session with the mail server: it is down, silent, closing, or does not accept us."""


class Transport(Protocol):
    """A way for mails to leave the shop."""

    async def deliver(self, sender: str, receiver: str, mail: bytes) -> None:
        """Return when the mail is in other hands; raises MailRefused, MailDeferred or MailServerAway."""


class Mailer:
    """Writes mails and sends them."""

    def __init__(
        self, settings: Settings, transport: Transport, profile: Callable[[], Awaitable[Profile]] | None = None
    ) -> None:
        self._introduced = Profile.of({}, settings)
        self._profile = profile
        self._host = urlsplit(settings.url).hostname or "localhost"
        self._transport = transport
        self._templates = {lang: _environment(settings, lang) for lang in settings.languages}
        self._fallback = settings.languages[0]

    @classmethod
    def of(cls, settings: Settings, profile: Callable[[], Awaitable[Profile]] | None = None) -> Mailer:
        """Return the mailer that SHOP_MAIL_URL asks for; `profile` tells before each mail who sends it, else the settings do."""
        url = urlsplit(settings.mail_url)
        if url.scheme == "mailroom":
            return cls(settings, MailRoom(mail_room(settings)), profile)
        server = MailServer(url, local_hostname=urlsplit(settings.url).hostname or "localhost")
        return cls(settings, server, profile)

    async def send(self, mail: str, *, to: str, name: str, lang: str, reference: UUID, **words: Any) -> None:
        """Send `templates/emails/{mail}` to an address; the same reference always gives the same Message-ID."""
        shop = self._introduced if self._profile is None else await self._profile()
        write = partial(self.write, mail, to=to, name=name, lang=lang, reference=reference, shop=shop, **words)
        message = await asyncio.to_thread(write)
        receiver = message["To"].addresses[0].addr_spec
        await self._transport.deliver(shop.sender_address, receiver, message.as_bytes(policy=SMTP_FORM))

    def write(
        self, mail: str, *, to: str, name: str, lang: str, reference: UUID, shop: Profile | None = None, **words: Any
    ) -> EmailMessage:
        """Write the mail as text and HTML; raises MailRefused for an address or a subject that cannot be one."""
        spoken = lang if lang in self._templates else self._fallback
        shop = shop or self._introduced
        told = {"shop": shop, "shop_name": shop.name, "name": name, **words}
        render = partial(self._render, self._templates[spoken], mail, told)
        message = EmailMessage(policy=SMTP_FORM)
        message["From"] = _address(shop.sender_name, shop.sender_address)
        message["To"] = _address(name, to)
        message["Subject"] = _one_line(render("subject.txt").strip())
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = f"<{reference}@{self._host}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes back
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(render("body.txt").strip() + "\n")
        message.add_alternative(render("body.html"), subtype="html")
        message["Content-Language"] = i18n.LOCALES[spoken].replace("_", "-")
        return message

    @staticmethod
    def _render(environment: jinja2.Environment, mail: str, words: dict[str, Any], part: str) -> str:
        return environment.get_template(f"emails/{mail}/{part}").render(words)


class MailServer:
    """A mail server by SMTP; TLS is never given up for plain text, unless the address says `?starttls=0` or is ours."""

    def __init__(self, url: SplitResult, *, local_hostname: str) -> None:
        self._options: dict[str, Any] = {
            "hostname": url.hostname,
            "port": url.port,
            "username": unquote(url.username) if url.username else None,
            "password": unquote(url.password) if url.password else None,
            "use_tls": url.scheme == "smtps",
            "start_tls": url.scheme == "smtp" and _wants_starttls(url),
            "local_hostname": local_hostname,
            "timeout": REPLY_SECONDS,
        }

    async def deliver(self, sender: str, receiver: str, mail: bytes) -> None:
        """Hand over one mail in a session of its own."""
        session = aiosmtplib.SMTP(**self._options)
        try:
            await self._open(session)
            await self._hand_over(session, sender, receiver, mail)
            with suppress(aiosmtplib.SMTPException, OSError):
                await session.quit(timeout=GOODBYE_SECONDS)
        finally:
            session.close()

    async def greet(self) -> None:
        """Open a session, with TLS and login if they are asked for, and leave again; raises MailServerAway."""
        session = aiosmtplib.SMTP(**self._options)
        try:
            await self._open(session)
        finally:
            session.close()

    async def _open(self, session: aiosmtplib.SMTP) -> None:
        try:
            await session.connect(timeout=CONNECT_SECONDS)
            await session.ehlo()
        except (aiosmtplib.SMTPException, OSError) as problem:
            raise MailServerAway(_reason(problem)) from problem

    async def _hand_over(self, session: aiosmtplib.SMTP, sender: str, receiver: str, mail: bytes) -> None:
        try:
            await session.sendmail(sender, [receiver], mail)
        except aiosmtplib.SMTPRecipientsRefused as problem:
            raise _verdict(problem.recipients[0]) from problem
        except aiosmtplib.SMTPResponseException as problem:
            raise _verdict(problem) from problem
        except (aiosmtplib.SMTPException, OSError) as problem:
            raise MailDeferred(_reason(problem)) from problem


class MailRoom:
    """The development mail room: one file a mail, which `/dev/mail` shows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, sender: str, receiver: str, mail: bytes) -> None:
        """Write the mail; a half-written one is never seen."""
        await asyncio.to_thread(self._write, f"{time.time_ns():019d}", mail)

    def _write(self, name: str, mail: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(mail)
        unfinished.rename(self._folder / f"{name}.eml")


def mail_room(settings: Settings) -> Path:
    """Return the folder of the development mail room."""
    return settings.state / "mailroom"


def _environment(settings: Settings, lang: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HOME / "templates"),
        autoescape=jinja2.select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
        auto_reload=settings.development,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        partial(i18n.gettext, lang), partial(i18n.plural, lang), newstyle=True
    )
    home = Urls(settings.url, settings.languages).absolute("catalog.home", lang)
    tag = i18n.LOCALES[lang].replace("_", "-")
    environment.globals.update(lang=lang, locale_tag=tag, home=home)
    environment.filters["text"] = lambda texts: i18n.text_in(texts, lang)
    return environment


def _wants_starttls(url: SplitResult) -> bool:
    """Another machine is spoken to over TLS unless the address says otherwise; our own is as near as a socket."""
    return parse_qs(url.query).get("starttls", ["0" if url.hostname in LOOPBACK else "1"]) == ["1"]


def _verdict(answer: aiosmtplib.SMTPResponseException) -> Exception:
    reason = _reason(answer)
    if answer.code == CLOSING:
        return MailServerAway(reason)
    if answer.code < 500:
        return MailDeferred(reason)
    # A sender that is refused is our set-up, not this mail: keep all mails until somebody has mended it.
    if isinstance(answer, aiosmtplib.SMTPSenderRefused) and answer.code != TOO_LARGE:
        return MailServerAway(reason)
    return MailRefused(reason)


def _reason(problem: Exception) -> str:
    if isinstance(problem, aiosmtplib.SMTPResponseException):
        return f"{problem.code} {problem.message}"[:500]
    return f"{type(problem).__name__}: {problem}"[:500]


def _address(name: str, address: str) -> Address:
    """Build an address for a header; raises MailRefused for what is none, or would smuggle in a header."""
    local, _, domain = _one_line(address).rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not PLAIN_ADDRESS.fullmatch(f"{local}@{domain}"):
        raise MailRefused("the address is not one that mail can be sent to")
    return Address(_one_line(name), local, domain)


def _one_line(text: str) -> str:
    if CONTROL.search(text):
        raise MailRefused("a line break or control character in a header")
    return text
