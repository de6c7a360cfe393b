"""Features ask their managers. SQL that stands in one says why in a comment right above it: what a manager cannot say, or who measures."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_architecture import SHELF

SHOP = Path(__file__).parents[2] / "shop"
SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+.*\sSET\s|DELETE\s+FROM\s|WITH\s+(RECURSIVE\s+)?\w+\s*(\(|AS\b))",
    re.DOTALL,
)


def unexplained(source: str) -> list[int]:
    """The lines of statements that hold SQL and have no comment above them."""
    lines = source.splitlines()
    return [number for number in sorted(set(speaking(ast.parse(source)))) if not reason(lines, number)]


def speaking(tree: ast.Module) -> Iterator[int]:
    """The first lines of the innermost statements with a text in them that begins like SQL; docstrings are none."""
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.stmt) or is_docstring(statement):
            continue
        texts = (node.value for node in own_parts(statement) if isinstance(node, ast.Constant))
        if any(isinstance(text, str) and SQL.match(text) for text in texts):
            yield statement.lineno


def own_parts(statement: ast.AST) -> Iterator[ast.AST]:
    """What belongs to a statement, without the statements inside it."""
    for node in ast.iter_child_nodes(statement):
        if not isinstance(node, ast.stmt):
            yield node
            yield from own_parts(node)


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def reason(lines: list[str], number: int) -> str:
    """The words of the comment that ends right above a line; directives to tools are none."""
    above = lines[number - 2].strip() if number > 1 else ""
    is_directive = re.match(r"# *(noqa|ruff|mypy|type:)", above) is not None
    return above.removeprefix("#").strip() if above.startswith("#") and not is_directive else ""


def test_sql_in_features_says_why() -> None:
    files = [path for name in SHELF for path in (SHOP / name).rglob("*.py")]
    assert len(files) > 100
    found = {str(path.relative_to(SHOP)): lines for path in files if (lines := unexplained(path.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('NAME = "SELECT name FROM goods"', [1]),
        ('# A walk up the tree.\nNAME = "WITH RECURSIVE up (id) AS (SELECT 1) SELECT 2"', []),
        ('# noqa: S608\nNAME = f"DELETE FROM goods WHERE {x}"', [2]),
        ('NAME = """\nUPDATE goods g\n    SET a = 1\n"""', [1]),
        ('# Counted.\n\nNAME = "INSERT INTO goods DEFAULT VALUES"', [3]),
        ('async def f(conn):\n    """SELECT something."""\n    x = await conn.fetch_all("SELECT 1")', [3]),
        (
            'def f():\n    # The server\'s clock.\n    if g("WITH a AS (SELECT 1) SELECT 2"):\n        h("SELECT 3 ")',
            [4],
        ),
        ('MESSAGE = "Update your address, or select another."', []),
    ],
)
def test_sql_without_a_reason_would_be_found(source: str, lines: list[int]) -> None:
    assert unexplained(source) == lines
