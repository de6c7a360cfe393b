"""Tables as spreadsheets write and read them, and what a spreadsheet must not be made to calculate."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.tables import BOM, NotATable, decoded, harmless, read_lines, written

FORMULAS = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("//evil")']


@pytest.mark.parametrize("formula", FORMULAS)
def test_s26_a_formula_is_only_text(formula: str) -> None:
    (row,) = csv.reader(io.StringIO(written([[formula, 5]]), newline=""))
    assert row == [f"'{formula}", "5"]


def test_a_number_stays_a_number() -> None:
    assert written([[-5, None, "plain"]]) == "-5,,plain\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_whatever_a_spreadsheet_saves_is_read(encoding: str, delimiter: str) -> None:
    text = f'Code{delimiter} name_zh\r\nA1{delimiter}苹果\r\n\r\n,;\t\r\nB2{delimiter}"两行\n名字"\r\nC3\r\n'
    lines = list(read_lines(decoded(text.replace(",;\t\r\n", "").encode(encoding)), ["code"]))
    assert [(line.number, dict(line.cells)) for line in lines] == [
        (2, {"code": "A1", "name_zh": "苹果"}),
        (4, {"code": "B2", "name_zh": "两行\n名字"}),
        (6, {"code": "C3"}),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no column code"),
        (b"name\nx\n", "no column code"),
        (b"code,code\n1,2\n", "a column twice"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        (b"\xff\xff\xff", "not a text file"),
        (b'code\n"' + b"x" * 200_000, "Line 2 cannot be read"),
    ],
)
def test_what_is_no_table_says_why(data: bytes, why: str) -> None:
    with pytest.raises(NotATable, match=why):
        list(read_lines(decoded(data), ["code"]))


@given(st.lists(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_what_is_exported_can_be_imported(cells: list[str]) -> None:
    kept = [cell.strip() for cell in cells if cell.strip() and not cell.strip().startswith("'")]
    file = (BOM + written([["code"], *([cell] for cell in kept)])).encode()
    assert [line.cells["code"] for line in read_lines(decoded(file), ["code"])] == kept


def test_nothing_else_is_changed() -> None:
    assert [harmless(cell) for cell in ("a=1", "", 0, None, "'quoted'")] == ["a=1", "", 0, None, "'quoted'"]
