"""Each installed package stands in docs/licences.md with its licence."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_locked_package_is_named_with_its_licence() -> None:
    listed = {
        row[0]
        for row in re.findall(r"^\| (\S+)[^|]*\| ([^|]+) \|$", (ROOT / "docs/licences.md").read_text("utf-8"), re.M)
    }
    pinned = {
        name.lower()
        for path in (ROOT / "config/locks").glob("*.txt")
        for name in re.findall(r"^([A-Za-z0-9_.-]+)==", path.read_text("utf-8"), re.M)
    }
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    pinned |= {path.removeprefix("node_modules/") for path in packages if path}

    assert pinned - listed == set()


def test_locks_carry_hashes_and_no_addresses() -> None:
    for path in (ROOT / "config/locks").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        assert text.count("==") <= text.count("--hash=sha256:")
    assert "resolved" not in (ROOT / "package-lock.json").read_text("utf-8")
