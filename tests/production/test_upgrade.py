"""From one release to the next and back: in which order, what stops it, and that old code sells on the new schema."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop.commands.compile import main as compile_release
from shop.commands.upgrade import go_back, upgrade
from shop.operations.places import Places
from shop.operations.releases import UpgradeFailed, turn_to
from shop.settings import HOME, Settings
from tests.production.host import Host, host
from tests.servers import scratch_folder

UNITS = ["shop-relay.service", "shop-web@10.service", "shop-worker.service", "shop-web@2.service", "shop-beat.service"]
ORDERED = [
    "shop-web@2.service",
    "shop-web@10.service",
    "shop-worker.service",
    "shop-relay.service",
    "shop-beat.service",
]
VERSIONS = "shop/db/migrations/versions"
GIT = shutil.which("git") or "git"


class Recorded:
    """Units that note what is done to them; `bad` does not come up with that release."""

    def __init__(self, places: Places, bad: tuple[str, str] = ("", "")) -> None:
        self.places, self.bad = places, bad
        self.done: list[tuple[str, str]] = []

    def running(self) -> list[str]:
        return list(UNITS)

    def restart(self, unit: str) -> None:
        release = self.places.code.resolve().name
        if (unit, release) == self.bad:
            raise UpgradeFailed(f"{unit} does not start.")
        self.done.append((unit, release))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A host that runs release one; two lies beside it."""
    places = Places(tmp_path)
    for name in ("one", "two"):
        (tmp_path / "opt/bayberry/releases" / name / "shop").mkdir(parents=True)
    places.code.symlink_to(tmp_path / "opt/bayberry/releases/one")
    return places


def release(places: Places, name: str) -> Path:
    return places.code.with_name("releases") / name


def test_processes_restart_one_by_one_visitors_first(places: Places) -> None:
    units = Recorded(places)
    list(turn_to(places, release(places, "two"), units))
    assert units.done == [(unit, "two") for unit in ORDERED]
    list(go_back(places, units))
    assert units.done[5:] == [(unit, "one") for unit in ORDERED]
    assert places.code.resolve().name == "one"
    with pytest.raises(UpgradeFailed, match="runs already"):
        list(turn_to(places, release(places, "one"), units))


def test_a_release_that_does_not_come_up_is_turned_back_by_itself(places: Places) -> None:
    units = Recorded(places, bad=("shop-worker.service", "two"))
    with pytest.raises(UpgradeFailed, match="Everything runs one again"):
        list(turn_to(places, release(places, "two"), units))
    assert places.code.resolve().name == "one"
    turned = ["shop-web@2.service", "shop-web@10.service", "shop-worker.service"]
    assert units.done == [(unit, "two") for unit in ORDERED[:2]] + [(unit, "one") for unit in turned]


@pytest.fixture
def installed(settings: Settings, clean: None) -> Iterator[Host]:
    with scratch_folder() as folder, host(folder, settings) as place:
        yield place


def test_an_upgrade_without_a_backup_does_not_begin(installed: Host) -> None:
    units = Recorded(installed.places)
    asked = argparse.Namespace(force=True, without_backup=False)
    before = installed.places.code.resolve()
    with pytest.raises(UpgradeFailed, match=r"config/backup\.example"):
        list(upgrade(installed.places, units, before, asked))
    asked = argparse.Namespace(force=False, without_backup=True)
    with pytest.raises(UpgradeFailed, match="The doctor found errors before the upgrade"):
        list(upgrade(installed.places, units, before, asked))
    assert units.done == []
    assert installed.places.code.resolve() == before


def test_an_upgrade_migrates_publishes_turns_and_tells_each_step(installed: Host, tmp_path: Path) -> None:
    python = tmp_path / "two/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "two/run.py").write_text("import sys; open(__file__ + '.told', 'w').write(' '.join(sys.argv[1:]))")
    units = Recorded(installed.places)
    asked = argparse.Namespace(force=True, without_backup=True)
    said = list(upgrade(installed.places, units, tmp_path / "two", asked))
    assert (tmp_path / "two/run.py.told").read_text() == "compile"
    steps = [line.split()[0] for line in said if line.split()[0] not in ("warning", "error")]
    assert steps[:3] == ["migrated", "published", "linked"]
    assert steps[3:8] == ["restarted"] * 5
    assert units.done == [(unit, "two") for unit in ORDERED]
    # the mail server of this host is not there: that is told, with the way back
    assert said[-1].endswith("`run.py upgrade --back` returns to the release before.")


def test_a_release_compiles_its_packages_and_code_and_makes_the_shop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    monkeypatch.setattr("compileall.compile_dir", lambda folder, **_: folders.append(folder))
    assert compile_release(argparse.Namespace()) == 0
    assert folders == [Path(sysconfig.get_path("purelib")), HOME / "shop", HOME / "tasks"]


def before_the_last_migration() -> str:
    """The commit before the newest one that changed the schema; skips where the history does not reach so far."""
    told = subprocess.run(
        [GIT, "-C", str(HOME), "log", "-1", "--format=%H", "--diff-filter=A", "--", VERSIONS],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    newest = told.stdout.strip()
    if not newest:
        pytest.skip("there is no history here, so there is no release before")
    before = subprocess.run(
        [GIT, "-C", str(HOME), "rev-parse", "--verify", "--quiet", f"{newest}^"],
        capture_output=True,
        text=True,
        check=False,
    )
    if before.returncode:
        pytest.skip("the history of this clone ends at the last migration (git fetch --unshallow)")
    return before.stdout.strip()


@pytest.mark.slow
def test_b3_f_w5_the_code_from_before_the_last_migration_sells_on_the_new_schema() -> None:
    """Expand, then contract: processes of both releases work on one schema, during an upgrade and after going back."""
    commit = before_the_last_migration()
    with scratch_folder() as folder:
        packed = subprocess.run([GIT, "-C", str(HOME), "archive", commit], capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
        smoke = [sys.executable, "-m", "tests.faults.smoke", str(folder)]
        sold = subprocess.run(smoke, cwd=HOME, capture_output=True, text=True, check=False, timeout=300)
    assert sold.stdout == "sold\n", sold.stderr[-3000:]
