"""Jinja2 through aiohttp-jinja2: one environment per language, so that macros and cached texts know theirs without being told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from operator import add
from pathlib import Path
from types import CodeType

import aiohttp_jinja2
import jinja2
from aiohttp import web
from jinja2.bccache import Bucket

from shop import i18n
from shop.keys import ASSETS, SETTINGS, URLS
from shop.money import decimal_string, format_money
from shop.settings import Settings

ENVIRONMENTS: Mapping[str, web.AppKey[jinja2.Environment]] = {
    lang: web.AppKey(f"TEMPLATES_{lang}", jinja2.Environment) for lang in i18n.LOCALES
}


class CompiledOnce(jinja2.BytecodeCache):
    """Compiled templates of this process: the languages share them, and so do the many shops of a test run."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the code when the source is still the same."""
        checksum, code = self._code.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code."""
        assert bucket.code is not None
        self._code[bucket.key] = (bucket.checksum, bucket.code)


COMPILED = CompiledOnce()


@cache
def sources(folder: str) -> dict[str, str]:
    """The text of each template by its name, read once: `run.py dev` starts again when one changes."""
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in root.rglob("*.*") if path.is_file()}


def set_up_templates(app: web.Application, folder: str) -> None:
    """Makes an environment for each of the shop's languages; a template that uses an unknown name fails loudly."""
    settings = app[SETTINGS]
    loader = jinja2.DictLoader(sources(folder))
    for lang in settings.languages:
        i18n.prepare(lang)
        environment = aiohttp_jinja2.setup(
            app,
            app_key=ENVIRONMENTS[lang],
            default_helpers=False,
            loader=loader,
            extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
            bytecode_cache=COMPILED,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        del environment.globals["app"]  # security: a template sees what it is given, not the whole application
        _read_ahead(lang, settings)
        _speak(environment, lang)
        _know_the_shop(environment, app, lang)
        for name in environment.list_templates(extensions=["html"]):
            environment.get_template(name)  # now, for reading files has no place in the event loop


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
    environment.globals["lang"] = lang
    environment.globals["locale_tag"] = str(i18n.locale_of(lang)).replace("_", "-")
    environment.filters["text"] = partial(_text, lang)
    environment.filters["date"] = partial(i18n.format_date, lang)


def _know_the_shop(environment: jinja2.Environment, app: web.Application, lang: str) -> None:
    settings, urls, assets = app[SETTINGS], app[URLS], app[ASSETS]
    environment.globals.update(
        url=lambda name, /, query=None, **params: urls.path(name, lang, query, **params),
        absolute=lambda name, /, query=None, **params: urls.absolute(name, lang, query, **params),
        asset=assets.url,
        media=partial(add, urls.path("media.file", urls.languages[0], name="")),
        absolute_media=lambda name: urls.absolute("media.file", urls.languages[0], name=name),
        currency=settings.currency,
        shop_name=settings.name,
        language_names=i18n.NAMES,
        development=settings.development,
    )
    environment.filters["money"] = lambda minor: format_money(minor, settings.currency, lang)
    environment.filters["decimal"] = lambda minor: decimal_string(minor, settings.currency)
    environment.globals["span"] = lambda start, end: i18n.format_span(lang, start, end, settings.timezone)
    environment.filters["moment"] = lambda when: i18n.format_datetime(lang, when, settings.timezone)


def _text(lang: str, texts: Mapping[str, str] | None) -> str:
    return i18n.text_in(texts, lang)
