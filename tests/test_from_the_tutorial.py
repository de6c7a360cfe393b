"""docs/from-the-tutorial.md names only what exists, in both languages the same, and leaves no chapter out."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = ("docs/from-the-tutorial.md", "docs/from-the-tutorial.zh.md")
NAMED = re.compile(r"`((?:(?:shop|tasks|config|docs|templates|static|tests)/[\w./-]+|run\.py)(?::[\w.]+)?)`")
LINKED = re.compile(r"\]\(([^)#]+)\)")
CHAPTERS = {
    "en": (
        "activation mail", "managers", "Authenticate, login, logout", "login_required", "next", "Session expiry",
        "Redis sessions and the Redis cache", "address book", "history list", "Hashing and fingerprints", "FastDFS",
        "Rich text", "WSGI server", "nginx", "page cache", "The admin",
    ),
    "zh": (
        "激活邮件", "管理器", "authenticate、login、logout", "login_required", "next", "会话过期",
        "Redis 会话与 Redis 缓存", "收货地址", "浏览记录", "哈希与指纹", "FastDFS",
        "富文本", "WSGI 服务器", "nginx", "页面缓存", "admin",
    ),
}  # fmt: skip


def named(guide: str) -> list[str]:
    return NAMED.findall((ROOT / guide).read_text("utf-8"))


def exists(name: str) -> bool:
    path, _, inside = name.partition(":")
    file = ROOT / path
    return file.exists() and (not inside or inside in defined(ast.parse(file.read_text("utf-8")).body))


def defined(body: list[ast.stmt], within: str = "") -> set[str]:
    """Functions, classes, their methods and constants of a module."""
    names = set()
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(within + statement.name)
            if isinstance(statement, ast.ClassDef):
                names |= defined(statement.body, f"{statement.name}.")
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {within + target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_and_function_that_is_named_exists(guide: str) -> None:
    names = named(guide)
    assert len(names) > 70
    assert [name for name in names if not exists(name)] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_leads_somewhere(guide: str) -> None:
    links = LINKED.findall((ROOT / guide).read_text("utf-8"))
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_both_languages_name_the_same() -> None:
    assert sorted(named(GUIDES[0])) == sorted(named(GUIDES[1]))


@pytest.mark.parametrize(("guide", "chapters"), list(zip(GUIDES, CHAPTERS.values(), strict=True)))
def test_no_chapter_of_the_tutorial_is_left_out(guide: str, chapters: tuple[str, ...]) -> None:
    text = (ROOT / guide).read_text("utf-8")
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert [chapter for chapter in chapters if not any(chapter in heading for heading in headings)] == []


@pytest.mark.parametrize(
    "name",
    [
        "shop/nowhere.py",
        "shop/app.py:nobody",
        "shop/web/sessions.py:Session.nothing",
        "shop/web/sessions.py:set_expiry",
    ],
)
def test_a_name_that_does_not_exist_is_found(name: str) -> None:
    assert NAMED.fullmatch(f"`{name}`")
    assert not exists(name)
