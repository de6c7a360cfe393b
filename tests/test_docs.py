"""What the handbooks say exists: commands, files and links; and every command stands in one of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from run import COMMANDS, constants

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMED = {command.stem for command in COMMANDS.glob("*.py") if "HELP" in constants(command)}
# Behind a word of make, or looked up by who reads the source; not for who runs a shop.
INNER = {"dev", "clean", "prepare", "bank", "local", "shell", "models", "prove"}
COMMAND = re.compile(r"run\.py ([a-z]+)\b")
FILE = re.compile(
    r"\b((?:shop|tasks|tests|templates|static|config|docs)/[\w./-]+\.(?:py|md|html|css|js|toml|yml|conf|example))\b"
)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_files_and_links_of_a_page_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    assert {command for command in COMMAND.findall(text) if command not in NAMED} == set()
    assert {file for file in FILE.findall(text) if not (ROOT / file).exists()} == set()
    assert {link for link in LINK.findall(text) if not (page.parent / link).exists()} == set()


def test_every_command_of_an_operator_is_explained() -> None:
    handbooks = "".join(
        (ROOT / page).read_text("utf-8")
        for page in ("README.md", "docs/operations.md", "docs/media.md", "docs/performance.md")
    )
    assert NAMED - set(COMMAND.findall(handbooks)) - INNER == set()
