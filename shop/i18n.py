"""Languages: translated messages, dates, and texts that carry their translations with them.

The source speaks English; every other language is a folder of message catalogues in shop/locale/, one file a feature. What they
say is kept as bytecode is, and read anew when one has changed, so there is no compile step to forget.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_interval as babel_interval
from babel.dates import format_skeleton as babel_skeleton
from babel.dates import format_time as babel_time

from shop import bytecode

LOCALES: Mapping[str, str] = {"en": "en", "zh": "zh_Hans"}
NAMES: Mapping[str, str] = {"en": "English", "zh": "中文"}
SOURCE = "en"
_FOLDER = Path(__file__).parent / "locale"


def locale_of(lang: str) -> Locale:
    """The full locale behind a language code of the address bar."""
    return _locale(LOCALES[lang])


def gettext(lang: str, message: str, **values: object) -> str:
    """The message in that language, `%(name)s` filled in; the English text where a translation is missing."""
    text = _messages(lang).get(message, message)
    if not isinstance(text, str):
        text = text[0]
    return text % values if values else text


def ngettext(lang: str, one: str, many: str, n: int, **values: object) -> str:
    """The singular or plural message for `n`, which is also filled in as `%(num)s`."""
    return plural(lang, one, many, n) % {"num": n, **values}


def plural(lang: str, one: str, many: str, n: int) -> str:
    """The same with its placeholders still open, as Jinja2 wants it."""
    found = _messages(lang).get(one)
    if found is None:
        return one if n == 1 else many
    return found if isinstance(found, str) else found[0 if n == 1 or len(found) == 1 else 1]


def prepare(lang: str) -> None:
    """Reads all that speaking a language needs now, because reading files has no place in the event loop."""
    _messages(lang)
    format_date(lang, date(2000, 1, 1))


def N_(message: str) -> str:
    """Marks a message for the catalogues where it is only mentioned; it is translated where it is shown."""
    return message


def text_in(texts: Mapping[str, str] | None, lang: str) -> str:
    """A text kept per language ({"en": …, "zh": …}): the asked one, else English, else any, else ""."""
    if not texts:
        return ""
    return texts.get(lang) or texts.get(SOURCE) or next(iter(texts.values()))


def format_date(lang: str, day: date) -> str:
    """A day as people write it: "Nov 22, 2026", "2026年11月22日"."""
    return str(babel_date(day, "medium", locale=locale_of(lang)))


def format_datetime(lang: str, moment: datetime, timezone: ZoneInfo) -> str:
    """A moment in the shop's time zone, to the minute."""
    local = moment.astimezone(timezone)
    return f"{format_date(lang, local)} {babel_time(local, 'short', tzinfo=timezone, locale=locale_of(lang))}"


def format_day(lang: str, moment: datetime, timezone: ZoneInfo) -> str:
    """The day of a moment, with its weekday: "Mon, Nov 23", "11月23日周一"."""
    return str(babel_skeleton("MMMEd", moment, timezone, locale=locale_of(lang)))


def format_hours(lang: str, start: datetime, end: datetime, timezone: ZoneInfo) -> str:
    """Some hours of one day, without the day: "09:00 – 12:00"."""
    return str(babel_interval(start, end, "Hm", timezone, locale=locale_of(lang)))


def format_span(lang: str, start: datetime, end: datetime, timezone: ZoneInfo) -> str:
    """Some hours of one day: "Mon, Nov 23, 09:00 – 12:00", "11月23日周一 09:00-12:00"."""
    between = ", " if lang == SOURCE else " "
    return format_day(lang, start, timezone) + between + format_hours(lang, start, end, timezone)


def preferred(accept_language: str, languages: Iterable[str]) -> str | None:
    """The first of our languages that a browser's Accept-Language asks for, best quality first; None when it names none."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language[:200].split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = _quality(parameters)
        if quality > 0:
            ranked.append((-quality, position, tag.lower().split("-")[0]))
    known = set(languages)
    return next((code for _, _, code in sorted(ranked) if code in known), None)


def load(lang: str) -> None:
    """Reads the catalogues of a language now, before a loop serves anybody."""
    _messages(lang)


def catalogue_files(lang: str) -> list[Path]:
    """The message catalogues of a language; none for English, the language of the source."""
    return [] if lang == SOURCE else sorted((_FOLDER / LOCALES[lang]).glob("*.po"))


@lru_cache
def _messages(lang: str) -> Mapping[str, str | tuple[str, ...]]:
    files = {path: path.read_bytes() for path in catalogue_files(lang)}
    if not files:
        return {}
    folder, edition = _FOLDER / LOCALES[lang], b"\0".join(files.values())
    found: dict[str, str | tuple[str, ...]] | None = bytecode.kept(folder, edition)
    if found is None:
        found = {key: text for path in files for key, text in _read(path, lang)}
        bytecode.keep(folder, edition, found)
    return found


def _read(path: Path, lang: str) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    from babel.messages.pofile import read_po  # only for catalogues that have changed

    with path.open("rb") as file:
        for entry in read_po(file, locale=LOCALES[lang], abort_invalid=True):
            plural = isinstance(entry.id, tuple | list)
            key = entry.id[0] if plural else entry.id
            if key and entry.string and not entry.fuzzy:
                yield str(key), tuple(entry.string) if plural else str(entry.string)


@lru_cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
