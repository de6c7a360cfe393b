"""The mapper stays small, and mypy knows what a model's attributes are."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

DB = Path(__file__).parents[2] / "shop" / "db"

SNIPPET = """
from tests.db.cast import Product, Sku, SkuManager
from shop.db import Connection

async def ask(conn: Connection) -> None:
    sku = await Sku.objects.using(conn).get(slug="a")
    reveal_type(sku.price)
    reveal_type(sku.product)
    reveal_type(Sku.objects.using(conn).cheap())
    reveal_type(await Product.objects.using(conn).filter(slug="a").first())
    reveal_type(await Sku.objects.using(conn).values("price"))
    reveal_type((await Product.objects.using(conn).get_or_create(slug="a"))[0])
    reveal_type((await Product.objects.using(conn).page(3)).items)
    sku.prize
"""


def code_lines(source: str) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            told.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and number not in told for number, line in lines)


def test_no_file_is_long_and_group_commit_is_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in DB.glob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 300} == {}
    assert lengths["group_commit.py"] <= 200


def test_the_whole_is_small() -> None:
    """Counted as `cloc` does; what explains it may not hide it either."""
    sources = [path.read_text() for path in DB.glob("*.py")]
    assert sum(map(code_lines, sources)) <= 2000
    assert sum(len(source.splitlines()) for source in sources) <= 2800


@pytest.mark.slow
def test_mypy_knows_the_attributes(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(snippet)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=DB.parents[1])
    told = [
        line.split(": ", 1)[1]
        for line in result.stdout.splitlines()
        if line.startswith(str(snippet)) or "snippet.py" in line
    ]
    assert told == [
        'note: Revealed type is "int"',
        'note: Revealed type is "tests.db.cast.Product | None"',
        'note: Revealed type is "tests.db.cast.SkuManager"',
        'note: Revealed type is "tests.db.cast.Product | None"',
        'note: Revealed type is "list[dict[str, Any]]"',
        'note: Revealed type is "tests.db.cast.Product"',
        'note: Revealed type is "list[tests.db.cast.Product]"',
        'error: "Sku" has no attribute "prize"; maybe "price"?  [attr-defined]',
    ]
