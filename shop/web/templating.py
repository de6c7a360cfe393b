"""Jinja2 through aiohttp-jinja2: one environment per language, so that macros and cached texts know theirs without being told."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from itertools import groupby
from operator import add
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from shop import i18n
from shop.assets import Assets
from shop.keys import ASSETS, SETTINGS
from shop.money import decimal_string, format_money
from shop.profile import Profile
from shop.settings import Settings
from shop.urls import Urls
from shop.web.compiling import OPTIONS, CompiledOnce, prepare, shown

ENVIRONMENTS: Mapping[str, web.AppKey[jinja2.Environment]] = {
    lang: web.AppKey(f"TEMPLATES_{lang}", jinja2.Environment) for lang in i18n.LOCALES
}


@cache
def sources(folder: str) -> dict[str, str]:
    """The text of each template by its name, read once: `run.py dev` starts again when one changes."""
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in root.rglob("*.*") if path.is_file()}


@cache
def compiled(folder: str) -> CompiledOnce:
    """What the templates of a folder were compiled to, by this process or one before."""
    return CompiledOnce(Path(folder))


def set_up_templates(app: web.Application, folder: str) -> None:
    """Gives the shop an environment for each of its languages; a template that uses an unknown name fails loudly."""
    settings = app[SETTINGS]
    for lang in settings.languages:
        environment = _made(folder, lang, settings, app[ASSETS]).overlay(cache_size=-1)
        environment.globals = dict(environment.globals)
        app[ENVIRONMENTS[lang]] = environment
    introduce(app, Profile.of({}, settings))


@lru_cache(8)
def _made(folder: str, lang: str, settings: Settings, assets: Assets) -> jinja2.Environment:
    """What is the same in every shop with these settings, compiled once: a test run has many."""
    i18n.prepare(lang)
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.DictLoader(sources(folder)),
        auto_reload=False,
        bytecode_cache=compiled(folder),
        cache_size=0,
        **OPTIONS,
    )
    prepare(environment)
    _read_ahead(lang, settings)
    _speak(environment, lang)
    _know_the_shop(environment, settings, assets, lang)
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)  # compiled now, for a visitor should not wait for it
    environment.cache = {}  # each shop loads its own from what is compiled
    compiled(folder).keep()
    return environment


def _read_ahead(lang: str, settings: Settings) -> None:
    # Babel and the message catalogues read their files at the first use, which must not be a visitor's.
    i18n.plural(lang, "", "", 1)
    i18n.format_datetime(lang, datetime.now(UTC), settings.timezone)
    format_money(0, settings.currency, lang)


def environment_of(app: web.Application, lang: str) -> jinja2.Environment:
    """The template environment of a language."""
    return aiohttp_jinja2.get_env(app, app_key=ENVIRONMENTS[lang])


def _speak(environment: jinja2.Environment, lang: str) -> None:
    i18n.load(lang)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        partial(i18n.gettext, lang),
        partial(i18n.plural, lang),
        newstyle=True,
    )
    environment.globals["_"] = environment.globals["gettext"] = translator(lang)
    environment.globals["ngettext"] = counter(lang)
    environment.globals["lang"] = lang
    environment.globals["locale_tag"] = str(i18n.locale_of(lang)).replace("_", "-")
    environment.filters["text"] = partial(_text, lang)
    environment.filters["date"] = partial(i18n.format_date, lang)


def _know_the_shop(environment: jinja2.Environment, settings: Settings, assets: Assets, lang: str) -> None:
    urls = Urls(settings.url, settings.languages)
    environment.globals.update(
        url=linker(urls, lang),
        absolute=lambda name, /, query=None, **params: urls.absolute(name, lang, query, **params),
        asset=cache(lambda path: Markup(assets.url(path))),  # noqa: S704  (names of our own files)
        borrowed=assets.borrowed,
        memoized=lru_cache(2048)(_called),
        media=partial(add, urls.path("media.file", urls.languages[0], name="")),
        absolute_media=lambda name: urls.absolute("media.file", urls.languages[0], name=name),
        currency=settings.currency,
        language_names=i18n.NAMES,
        development=settings.development,
    )
    environment.filters["money"] = lambda minor: format_money(minor, settings.currency, lang)
    environment.filters["decimal"] = lambda minor: decimal_string(minor, settings.currency)
    environment.globals["span"] = lambda start, end: i18n.format_span(lang, start, end, settings.timezone)
    environment.globals["hours"] = lambda start, end: i18n.format_hours(lang, start, end, settings.timezone)
    environment.filters["by_day"] = partial(_by_day, lambda start: i18n.format_day(lang, start, settings.timezone))
    environment.filters["moment"] = lambda when: i18n.format_datetime(lang, when, settings.timezone)


def introduce(app: web.Application, profile: Profile) -> None:
    """From now on templates call the shop what the profile calls it.

    surprise: only templates see it; a macro imported without context keeps the globals of its first use.
    """
    for lang in app[SETTINGS].languages:
        environment_of(app, lang).globals.update(shop_name=profile.name, shop=profile)


def _called(macro: Callable[..., Markup], *values: Hashable) -> Markup:
    """`memoized()` of templates: a macro that reads nothing but its arguments says the same of equal ones, so nothing can be stale."""
    return macro(*values)


def translator(lang: str) -> Callable[..., Markup]:
    """`_()` of templates: messages are ours and may hold markup; what is filled in is escaped."""

    @lru_cache(4096)
    def plain(message: str) -> Markup:
        return Markup(i18n.gettext(lang, message)) % {}  # noqa: S704

    def translate(message: str, /, **values: object) -> Markup:
        return filled(i18n.gettext(lang, message), values) if values else plain(message)

    return translate


def counter(lang: str) -> Callable[..., Markup]:
    """`ngettext()` of templates; the number is also filled in as `%(num)s`."""

    def count(one: str, many: str, n: int, /, **values: object) -> Markup:
        return filled(i18n.plural(lang, one, many, n), {"num": n, **values})

    return count


def filled(message: str, values: Mapping[str, object]) -> Markup:
    """A message with its values, escaped; a number stays one for `%(num)d`."""
    return Markup(message % {name: value if type(value) is int else shown(value) for name, value in values.items()})  # noqa: S704


def linker(urls: Urls, lang: str) -> Callable[..., str]:
    """`url()` of templates; without a query it is remembered, and holds nothing that would have to be escaped."""

    @lru_cache(8192)
    def plain(name: str, params: tuple[tuple[str, object], ...]) -> Markup:
        return Markup(urls.path(name, lang, None, **dict(params)))  # noqa: S704

    def url(name: str, /, query: Mapping[str, object] | None = None, **params: object) -> str:
        return urls.path(name, lang, query, **params) if query else plain(name, tuple(params.items()))

    return url


def _text(lang: str, texts: Mapping[str, str] | None) -> str:
    return i18n.text_in(texts, lang)


def _by_day(day: Callable[[datetime], str], spans: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    """`|by_day` of templates: what has a `starts_at`, in its order, under the day it starts on."""
    return [(name, list(those)) for name, those in groupby(spans, lambda span: day(span.starts_at))]
