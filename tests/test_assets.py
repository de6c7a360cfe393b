"""Static files: one style sheet made of many, under an address that changes with its content."""

import re
from pathlib import Path

import pytest

from shop.assets import Assets

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "css").mkdir()
    (tmp_path / "css/main.css").write_text(
        '@layer a, b;\n\n@import "base.css" layer(a);\n/* words\nto the reader */\n@import "card.css" layer(b);\n'
    )
    (tmp_path / "css/base.css").write_text("body { color: red; }\n")
    (tmp_path / "css/card.css").write_text("/* small */\n.card { color: blue; }\n")
    return tmp_path


def test_a_sheet_is_joined_with_what_it_imports(folder: Path) -> None:
    assert Assets(folder).read("css/main.css").decode() == (
        "@layer a, b;\n@layer a {\nbody { color: red; }\n}\n@layer b {\n.card { color: blue; }\n}\n"
    )


def test_a_script_is_joined_with_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.js").write_text('// All of it.\nimport "./parts/one.js";\nimport "./two.js";\n')
    (tmp_path / "parts/one.js").write_text('import { draw } from "../draw.js";\nconst mine = 1;\ndraw(mine);\n')
    (tmp_path / "two.js").write_text('import { draw } from "./draw.js";\nconst mine = 2;\ndraw(mine);\n')
    (tmp_path / "draw.js").write_text("export function draw(what) {\n  console.log(what);\n}\n")
    assert Assets(tmp_path).read("main.js").decode() == (
        "function draw(what) {\n  console.log(what);\n}\n"
        "{\nconst mine = 1;\ndraw(mine);\n}\n"
        "{\nconst mine = 2;\ndraw(mine);\n}\n"
        "{\n// All of it.\n}\n"
    )


@pytest.mark.parametrize("entry", ["main.js", "backoffice.js"])
def test_the_shop_has_one_complete_script(entry: str) -> None:
    script = Assets(ROOT / "static").read(f"js/{entry}").decode()
    assert re.findall(r"^\s*(?:import|export)\b.*", script, re.MULTILINE) == []
    assert script.count("function iconButton(") == 1


def test_the_version_follows_names_and_contents(folder: Path) -> None:
    before = Assets(folder)
    assert before.url("css/main.css") == f"/static/{before.version}/css/main.css"
    assert Assets(folder).version == before.version
    (folder / "css/card.css").write_text(".card { color: green; }\n")
    changed = Assets(folder)
    assert changed.version != before.version
    (folder / "css/card.css").rename(folder / "css/kard.css")
    assert Assets(folder).version not in {before.version, changed.version}


def test_a_page_cannot_ask_for_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(KeyError):
        Assets(folder).url("css/none.css")


@pytest.mark.parametrize("path", ["../secret", "css/../../secret", "css", "", "css/none.css"])
def test_nothing_outside_the_folder_is_read(folder: Path, path: str) -> None:
    (folder.parent / "secret").write_text("secret")
    with pytest.raises(FileNotFoundError):
        Assets(folder).read(path)


def test_prepared_files_are_what_is_sent(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assets = Assets(folder)
    out = assets.prepare(tmp_path_factory.mktemp("assets"))
    assert out.name == assets.version
    assert sorted(str(file.relative_to(out)) for file in out.rglob("*.css")) == [
        "css/base.css",
        "css/card.css",
        "css/main.css",
    ]
    assert (out / "css/main.css").read_bytes() == assets.read("css/main.css")


def test_the_shop_has_one_complete_sheet() -> None:
    """Every file is imported, nothing is left to a second request, every token that is used exists."""
    css = ROOT / "static/css"
    for entry, folder in (("main.css", css), ("backoffice.css", css / "backoffice")):
        imported = re.findall(r'@import "([^"]+)"', (css / entry).read_text())
        there = {str(path.relative_to(css)) for path in folder.rglob("*.css")} - {
            "main.css",
            "backoffice.css",
            "editor.css",
        }
        wanted = {path for path in there if not path.startswith("backoffice/")} if folder == css else there
        assert wanted <= set(imported)
        sheet = Assets(ROOT / "static").read(f"css/{entry}").decode()
        assert "@import" not in sheet
        assert "url(" not in sheet
        assert set(re.findall(r"var\((--[\w-]+)", sheet)) <= set(re.findall(r"(--[\w-]+):", sheet))


def test_colours_stand_in_the_tokens_only() -> None:
    for path in (ROOT / "static/css").rglob("*.css"):
        if path.name != "tokens.css":
            assert re.findall(r":[^;{]*#[0-9a-f]{3,6}\b", path.read_text()) == [], path


def test_a_component_is_styled_in_one_file() -> None:
    """Two components of one name would dress each other; the back office has a sheet of its own."""
    sheets = list((ROOT / "static/css").rglob("*.css"))
    for is_staffs in (False, True):
        owners: dict[str, set[str]] = {}
        for path in [path for path in sheets if (path.parent.name == "backoffice") == is_staffs]:
            for name in re.findall(r"^\.([\w-]+) \{", path.read_text(), re.MULTILINE):
                owners.setdefault(name, set()).add(path.name)
        assert {name: files for name, files in owners.items() if len(files) > 1} == {}


def test_every_drawing_that_is_asked_for_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/images/icons.svg").read_text()))
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    scripts = "".join(path.read_text() for path in (ROOT / "static/js").glob("*.js"))
    asked = set(re.findall(r'icon\("([\w-]+)"', templates + scripts)) | set(
        re.findall(r'drawing = "([\w-]+)"', templates)
    )
    assert asked <= drawn


def test_no_page_carries_script_or_style_inside() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        if "emails" in path.parts:
            continue
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        assert all("src=" in tag or "application/ld+json" in tag for tag in re.findall(r"<script[^>]*>", text)), path
