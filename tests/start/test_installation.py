"""Setting a checkout up: pinned, from wheels, and clear about what a machine lacks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shop import installation
from shop.installation import InstallationError
from shop.settings import HOME

LOCKS = ("serve", "run", "test", "node", "uv")


def pinned(lock: str) -> set[str]:
    """The names of a lock, with their versions."""
    return set(re.findall(r"^[a-zA-Z0-9._-]+==\S+", (HOME / f"config/locks/{lock}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_a_hash_and_no_address(lock: str) -> None:
    text = (HOME / f"config/locks/{lock}.txt").read_text()
    packages = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    assert len(packages) == len(pinned(lock))
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text


def test_a_bigger_lock_holds_the_smaller_one_unchanged() -> None:
    assert pinned("serve") <= pinned("run") <= pinned("test")


def test_the_front_end_lock_has_hashes_and_no_address() -> None:
    text = (HOME / "package-lock.json").read_text()
    assert "://" not in text
    assert "resolved" not in text
    packages = {name: facts for name, facts in json.loads(text)["packages"].items() if name}
    assert set(packages) >= {"node_modules/tinymce", "node_modules/@lobehub/fluent-emoji-3d"}
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())


def test_the_packages_are_dealt_out_without_loss() -> None:
    parts = installation._parts("run")
    assert 2 <= len(parts) <= 4
    dealt = {name for part in parts for name in re.findall(r"^[a-zA-Z0-9._-]+==\S+", part, re.MULTILINE)}
    assert dealt == pinned("run")


def test_an_old_pip_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 'pip 20.3.4 from /somewhere (python 3.11)'\n")
    old.chmod(0o755)
    with pytest.raises(InstallationError, match=r"^The shop needs pip 22\.3 or newer, but .* has pip 20\.3\.$"):
        installation._pip_of((str(old),))


def test_a_missing_pip_is_named(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(
        InstallationError, match=r"^pip is missing for .*; install it \(on Debian: apt install python3-pip\)\.$"
    ):
        installation._pip_of((str(bare),))


def test_a_pip_that_fails_says_why_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "VENV", tmp_path)
    failing = ["/bin/sh", "-c", "echo noise >&2; echo 'ERROR: hashes do not match' >&2; exit 1"]
    with pytest.raises(InstallationError, match=r"^pip could not install the packages: ERROR: hashes do not match$"):
        installation._install_with_pip(failing, "nothing==1\n")


def test_without_pictures_the_shop_starts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network is away' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(installation, "VENV", tmp_path / "venv")
    (tmp_path / "venv").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    installation._install("run", python_is_due=False, front_end_is_due=True)
    said = capsys.readouterr().out
    assert "the shop draws its pictures itself (npm could not install them: npm error network is away)" in said
    assert (tmp_path / "venv" / ".front-end-tried").exists()


def test_the_help_lists_every_command_without_any_package() -> None:
    told = subprocess.run(
        [sys.executable, "-S", str(HOME / "run.py"), "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    listed = re.findall(r"^    ([a-z]+) +\S", told.stdout, re.MULTILINE)
    assert {"clean", "demo", "dev", "migrate", "prepare", "relay", "serve", "shell", "worker"} <= set(listed)


def test_what_runs_before_the_installation_needs_only_the_standard_library() -> None:
    bare = (
        "import sys; sys.path.insert(0, sys.argv[1]); import run, shop.installation, shop.embedded, shop.commands.clean"
    )
    done = subprocess.run([sys.executable, "-S", "-c", bare, str(HOME)], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("target", ["run", "test", "check", "clean", "prove"])
def test_make_help_lists_the_targets(target: str) -> None:
    told = subprocess.run(["make", "help"], cwd=HOME, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\S", told, re.MULTILINE)
