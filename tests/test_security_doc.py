"""docs/security.md promises a test for each row; here each is looked up by its id."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.M)
ID = re.compile(r"^(?:[A-Z]-)?[A-Z]\d+$")


def rows() -> list[tuple[str, list[Path]]]:
    found = []
    for ids, shown_by in ROW.findall((ROOT / "docs/security.md").read_text("utf-8")):
        paths = [ROOT / path.strip() for path in shown_by.split(",")]
        found += [(number.strip(), paths) for number in ids.split(",") if ID.match(number.strip())]
    return found


def names_in(path: Path) -> str:
    files = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return "\n".join(re.findall(r"def (test_\w+)", "\n".join(file.read_text("utf-8") for file in files)))


def test_the_table_is_read() -> None:
    assert len(rows()) > 80


@pytest.mark.parametrize(("number", "paths"), rows(), ids=[number for number, _ in rows()])
def test_each_row_has_a_test_that_carries_its_id(number: str, paths: list[Path]) -> None:
    token = number.lower().replace("-", "_")
    named = re.compile(rf"^test_(?:\w+_)?{token}(?:_|$)", re.M)

    assert any(named.search(names_in(path)) for path in paths), f"no test in {paths} carries {token}"
