"""Who may import whom (docs/architecture.md), kept by reading the source; planted violations show that this test can fail."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHELF = [
    "accounts",
    "catalog",
    "search",
    "history",
    "content",
    "delivery",
    "coupons",
    "cart",
    "orders",
    "payments",
    "reviews",
    "mailroom",
    "backoffice",
]
DOMAIN = {"models", "queries", "service"}
WEB = {"forms", "views", "routes"}
CORE_FOLDERS = {"db", "cache", "media", "operations", "web", "locale", "common_passwords"}
TOP_LEVEL = {"shop", "templates", "static", "tasks", "config", "run.py", "tests", "docs"}
ROOT_FILES = {
    "README.md",
    "README.zh.md",
    "CHANGELOG.md",
    "LICENSE",
    "SECURITY.md",
    "Makefile",
    "pyproject.toml",
    "package.json",
    "package-lock.json",
}


def complaints(module: str, source: str) -> list[str]:
    """What a module (dotted name) imports and must not, one sentence each."""
    return [sentence for name in imports(source) if (sentence := verdict(module, name))]


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def verdict(module: str, name: str) -> str | None:
    here, there = module.split("."), name.split(".")
    if here[0] == "shop" and there[0] in {"tasks", "celery", "kombu"}:
        return f"{module} speaks to the queue ({name}); only tasks/ does"
    if here[0] == "tasks":
        return _of_a_task(module, name, there)
    if here[0] != "shop" or there[0] != "shop" or len(there) < 2:
        return None
    if here[1] in {"app", "commands"}:
        return None
    if here[1] in SHELF:
        return _of_a_feature(module, name, here, there)
    if there[1] in SHELF:
        return f"{module} is core and imports the feature {name}"
    if here[1] not in {"web", "keys"} and there[1] in {"web", "keys", "app", "commands"}:
        return f"{module} is core below the web and imports {name}"
    return f"{module} imports {name}" if there[1] in {"app", "commands"} else None


def _of_a_task(module: str, name: str, there: list[str]) -> str | None:
    if there[0] != "shop" or len(there) < 2:
        return None
    if there[1] in {"app", "keys", "web", "commands"} or kind_of(there) == "web":
        return f"{module} is a task and imports {name}"
    return None


def _of_a_feature(module: str, name: str, here: list[str], there: list[str]) -> str | None:
    if there[1] in {"app", "commands"}:
        return f"{module} imports {name}"
    mine = kind_of(here)
    if there[1] not in SHELF:
        outside = mine == "domain" and there[1] in {"web", "keys"}
        return f"{module} is a domain file and imports {name}" if outside else None
    if there[1] == here[1]:
        return f"{module} is a domain file and imports {name}" if mine == "domain" and kind_of(there) == "web" else None
    left = SHELF.index(there[1]) < SHELF.index(here[1])
    theirs = kind_of(there)
    if mine == "domain":
        return None if left and theirs == "domain" else f"{module} may not reach {name}"
    if theirs == "domain" or (left and "forms" in there):
        return None
    return f"{module} is a web file and imports {name}"


def kind_of(parts: list[str]) -> str:
    """Domain or web, by the file's name; a sub-feature's folder name does not matter, other files are domain helpers."""
    return "web" if WEB & set(parts) else "domain"


def modules() -> Iterator[tuple[str, Path]]:
    for folder in ("shop", "tasks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def test_the_import_rule_holds() -> None:
    found = [sentence for module, path in modules() for sentence in complaints(module, path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shop.catalog.service", "from shop.orders.models import Order"),
        ("shop.catalog.service", "from shop.web.respond import render"),
        ("shop.catalog.queries", "from shop.keys import DB"),
        ("shop.catalog.views", "from shop.accounts.views import login"),
        ("shop.catalog.forms", "from shop.orders.forms import CheckoutForm"),
        ("shop.db.engine", "from shop.accounts.models import Account"),
        ("shop.web.access", "import shop.accounts.queries"),
        ("shop.mail", "from shop.web.templating import environment_of"),
        ("shop.accounts.service", "from tasks.mail import send_activation"),
        ("shop.web.respond", "import celery"),
        ("shop.accounts.views", "from shop.app import create_app"),
        ("tasks.mail", "from shop.keys import SETTINGS"),
        ("tasks.mail", "from shop.accounts.views import register"),
    ],
)
def test_a_planted_violation_is_found(module: str, line: str) -> None:
    assert len(complaints(module, line)) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shop.orders.service", "from shop.catalog.models import Sku"),
        ("shop.orders.forms", "from shop.accounts.forms import AddressForm"),
        ("shop.catalog.views", "from shop.history.service import remember"),
        ("shop.app", "import shop.accounts.routes"),
        ("tasks.mail", "from shop.accounts.queries import account_by_id"),
        ("shop.web.respond", "from shop.keys import LANG"),
    ],
)
def test_what_is_allowed_passes(module: str, line: str) -> None:
    assert complaints(module, line) == []


def test_every_folder_of_the_shop_is_on_the_shelf_or_core() -> None:
    folders = {path.name for path in (ROOT / "shop").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - set(SHELF) - CORE_FOLDERS - {"commands"} == set()


def test_the_top_level_is_what_it_is() -> None:
    committed = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    made = {"node_modules", "var", "uv.lock", "__pycache__"}
    assert committed - made - TOP_LEVEL - ROOT_FILES == set()


def test_no_file_is_a_god_file() -> None:
    long = {module: n for module, path in modules() if (n := len(path.read_text("utf-8").splitlines())) > 300}
    assert long == {}
