"""Setting a checkout up: pinned, from wheels, and clear about what a machine lacks."""

from __future__ import annotations

import json
import re
import shutil
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


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose Python packages are there, and whose npm notes how often it was called."""
    home, npm = tmp_path / "home", tmp_path / "npm"
    (home / ".venv").mkdir(parents=True)
    (home / "config/locks").mkdir(parents=True)
    (home / "config/locks/run.txt").touch()
    (home / "package-lock.json").write_text(json.dumps({"packages": {"": {}, "node_modules/axe": {"integrity": "1"}}}))
    npm.write_text(
        f"#!/bin/sh\necho x >> {tmp_path}/calls\n[ -e {tmp_path}/away ] && echo 'npm error away' >&2 && exit 1\n"
        "mkdir -p node_modules/axe && cp package-lock.json node_modules/.package-lock.json && echo {} > node_modules/axe/package.json\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    places = {
        "HOME": home,
        "VENV": home / ".venv",
        "LOCKS": home / "config/locks",
        "NODE_MODULES": home / "node_modules",
    }
    for name, place in places.items():
        monkeypatch.setattr(installation, name, place)
    installation._put_stamp(installation._stamp("run"), installation._python_print("run"))
    return home


def test_front_end_packages_that_somebody_emptied_are_fetched_again(checkout: Path) -> None:
    calls = checkout.parent / "calls"
    installation.prepare("run")
    installation.prepare("run", again=True)
    assert calls.read_text() == "x\n"
    shutil.rmtree(checkout / "node_modules")
    (checkout / "node_modules").mkdir()
    installation.prepare("run")
    assert calls.read_text() == "x\n" * 2
    (checkout / "node_modules/axe/package.json").unlink()
    installation.prepare("run")
    assert calls.read_text() == "x\n" * 3
    assert (checkout / "node_modules/axe/package.json").exists()


def test_without_pictures_the_shop_starts_and_says_so_and_tries_again_when_asked(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = checkout.parent / "calls"
    (checkout.parent / "away").touch()
    installation.prepare("run")
    installation.prepare("run")
    assert calls.read_text() == "x\n"
    installation.prepare("run", again=True)
    assert calls.read_text() == "x\n" * 2
    told = "so the shop draws its pictures itself (npm could not install them: npm error away)\n"
    assert capsys.readouterr().out.count(told) == 2


def test_front_end_packages_of_another_checkout_are_left_alone(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    another = checkout.parent / "another"
    another.mkdir()
    (another / "precious").touch()
    (checkout / "node_modules").symlink_to(another)
    installation.prepare("run", again=True)
    assert "(node_modules is a link, and where it leads is not ours to change.)" in capsys.readouterr().out
    assert [file.name for file in another.iterdir()] == ["precious"]
    assert not (checkout.parent / "calls").exists()


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
