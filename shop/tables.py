"""Tables as CSV files, as spreadsheets write and read them.

What goes out begins with a BOM, which tells a spreadsheet that it is UTF-8, and holds no cell a spreadsheet would take for a
formula (OWASP, CSV Injection). What comes in may be UTF-8 or GB18030, with commas, semicolons or tabs.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from shop.i18n import N_

BOM = "\ufeff"
DELIMITERS = ",;\t"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Cell = str | int | None


class NotATable(ValueError):
    """The file cannot be read as a table; `message` and `values` say why, for gettext."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message % values if values else message)
        self.message = message
        self.values = values


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: its number in the file, counted from 1, and its cells by the names in the first line."""

    number: int
    cells: Mapping[str, str]


def harmless(cell: Cell) -> Cell:
    """A cell as it may be opened in a spreadsheet: an apostrophe in front of what would be calculated; numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return cell


def unharmed(cell: str) -> str:
    """A cell as it was before `harmless`, so that what was exported can be imported."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def written(lines: Iterable[Sequence[Cell]]) -> str:
    """Lines as CSV text, without a BOM."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([harmless(cell) for cell in line] for line in lines)
    return out.getvalue()


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a BOM, or in GB18030; raises NotATable."""
    for encoding in ("utf-8-sig", "gb18030"):
        with suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            if "\0" not in text:
                return text
    raise NotATable(N_("This is not a text file in UTF-8 or GB18030."))


def read_lines(text: str, needed: Sequence[str]) -> Iterator[Line]:
    """The lines of a table, blank ones left out; raises NotATable, before the first line when a needed column is missing."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _check_names(names, needed)
        before = reader.line_num
        for cells in reader:
            number, before = before + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                yield Line(number, dict(zip(names, (unharmed(cell.strip()) for cell in cells), strict=False)))
    except csv.Error:
        raise NotATable(N_("Line %(number)s cannot be read."), number=reader.line_num) from None


def _check_names(names: Sequence[str], needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in names]:
        raise NotATable(N_("The first line has no column %(name)s."), name=", ".join(missing))
    if len(set(names)) < len(names):
        raise NotATable(N_("The first line names a column twice."))


def _delimiter(text: str) -> str:
    """The one that the line of names has most of."""
    first = text.partition("\n")[0]
    return max(DELIMITERS, key=first.count)
