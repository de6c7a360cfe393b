"""Every message a visitor can see has a Chinese translation; placeholders agree."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shop import i18n

ROOT = Path(__file__).parent.parent
KEYWORDS = {
    "_": None,
    "gettext": (2,),
    "ngettext": (2, 3),
    "N_": None,
}
TEMPLATE_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
PLACEHOLDER = re.compile(r"%\((\w+)\)")


def messages() -> Iterator[tuple[str, str]]:
    """(where, message) of every text marked for translation in the source and the templates."""
    for folder in ("shop", "tasks"):
        for file, line, message, _, _ in extract_from_dir(str(ROOT / folder), [("**.py", "python")], keywords=KEYWORDS):
            yield f"{folder}/{file}:{line}", _first(message)
    methods = [("**.html", "jinja2"), ("**.txt", "jinja2")]
    options = {"**": {"extensions": "jinja2.ext.i18n,jinja2.ext.loopcontrols", "trimmed": "false"}}
    found = extract_from_dir(str(ROOT / "templates"), methods, options, keywords=TEMPLATE_KEYWORDS)
    for file, line, message, _, _ in found:
        yield f"templates/{file}:{line}", _first(message)


def _first(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


def catalogue(lang: str) -> dict[str, str | tuple[str, ...]]:
    found = {}
    for path in i18n.catalogue_files(lang):
        with path.open("rb") as file:
            for entry in read_po(file, locale=i18n.LOCALES[lang], abort_invalid=True):
                if entry.id:
                    found[_first(entry.id)] = entry.string
    return found


def test_the_extractor_sees_messages() -> None:
    assert len(list(messages())) > 50


def test_every_message_is_translated() -> None:
    chinese = catalogue("zh")
    missing = sorted({f"{where}: {message}" for where, message in messages() if not chinese.get(message)})
    assert missing == []


def test_placeholders_agree() -> None:
    for message, translation in catalogue("zh").items():
        for text in [translation] if isinstance(translation, str) else translation:
            # surprise: Chinese has one plural form and may leave the number out, never invent another name
            assert set(PLACEHOLDER.findall(text)) <= set(PLACEHOLDER.findall(message)) | {"num", "n"}, message


def test_everything_that_is_said_can_be_filled_in() -> None:
    for message, translation in catalogue("zh").items():
        for text in [message, *([translation] if isinstance(translation, str) else translation)]:
            # surprise: a lone percent sign in a text stops the page that shows it
            assert text % dict.fromkeys(PLACEHOLDER.findall(text), 1), message


def test_no_catalogue_says_two_things_for_one_message() -> None:
    seen: dict[str, object] = {}
    for path in i18n.catalogue_files("zh"):
        with path.open("rb") as file:
            for entry in read_po(file, locale="zh_Hans", abort_invalid=True):
                if entry.id:
                    assert seen.setdefault(_first(entry.id), entry.string) == entry.string, entry.id
