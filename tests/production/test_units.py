"""Every unit as it is written: accepted and hardened in systemd's own eyes, and each program alive in the words of systemd."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop.settings import Settings
from tests.production.host import Host, counted, host
from tests.production.place import Manager, dismiss, manager, started_cheaply
from tests.servers import scratch_folder

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is not installed (on Debian: apt install systemd)"
)
WATCHED = ("shop-web@.service", "shop-worker.service", "shop-relay.service", "shop-beat.service")
# What is read at which number of the host, and when it is all there.
COUNTED = {
    "shop-relay.service": {60: "shop_outbox_oldest_seconds"},
    "shop-worker.service": {50: "shop_loop_lag_seconds_count"},
}


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Host]:
    with scratch_folder() as folder, host(folder, settings) as place:
        yield place


@pytest.fixture
def watching() -> Iterator[Manager]:
    with scratch_folder() as folder, manager(folder) as watching:
        yield watching


@needs_systemd
def test_y1_each_service_is_hardened(place: Host) -> None:
    units = sorted(place.places.units.glob("*.service"))
    assert len(units) == 7
    for unit in units:
        scored = systemd("security", "--offline=true", "--threshold=20", "--no-pager", str(unit))
        assert scored.returncode == 0, scored.stdout


@needs_systemd
def test_systemd_has_nothing_to_say_about_the_units(place: Host) -> None:
    units = [str(unit).replace("@.", "@1.") for unit in sorted(place.places.units.iterdir())]
    verified = systemd("verify", "--man=no", *units)
    ours = [line for line in verified.stderr.splitlines() if "shop" in line]
    assert ours == []


def test_y2_y4_watchdogs_and_restarts(place: Host) -> None:
    for unit in WATCHED:
        assert place.values(unit, "Type") == ["notify"]
        assert int(place.values(unit, "WatchdogSec")[0]) <= 60
        assert (place.values(unit, "Restart"), place.values(unit, "RestartSec")) == (["always"], ["1"])
        assert place.values(unit, "StartLimitIntervalSec") == ["0"]
        assert place.values(unit, "TimeoutStopSec") == ["15"]


@pytest.mark.parametrize(
    "unit",
    [
        "shop-relay.service",
        pytest.param("shop-worker.service", marks=pytest.mark.slow),
        pytest.param("shop-beat.service", marks=pytest.mark.slow),
    ],
)
def test_f_w2_each_program_as_its_unit_starts_it_is_ready_watched_and_starts_again(
    place: Host, watching: Manager, unit: str, clean: None
) -> None:
    """Ready, alive; stopped as a whole silent; killed and started again at little cost; ended within 15 s of being told.

    The web process has a longer story in test_serve.py.
    """
    hung = place.start(unit, **watching.environ)
    watching.wait_for("READY=1")
    watching.wait_for("WATCHDOG=1")
    for number, name in COUNTED.get(unit, {}).items():
        while name not in counted(place, number):
            time.sleep(0.05)
    hung.send_signal(signal.SIGSTOP)
    watching.forget()
    assert watching.is_silent(0.7)
    dismiss(hung)

    began = time.monotonic()
    process = place.start(unit, **watching.environ)
    watching.wait_for("READY=1")
    assert started_cheaply(process, unit, time.monotonic() - began)
    watching.wait_for("WATCHDOG=1")
    process.send_signal(signal.SIGTERM)
    watching.wait_for("STOPPING=1")
    told = time.monotonic()
    assert process.wait(20) == 0
    assert time.monotonic() - told < 15


def test_migrations_run_as_their_unit_says(place: Host) -> None:
    environ = {**place.environ, "SHOP_DATABASE_OWNER_URL": str(place.answers.settings["database_owner_url"])}
    told = subprocess.run(
        place.command("shop-migrate.service"),
        env=environ,
        cwd=Path("/"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (told.returncode, told.stdout) == (0, "nothing to do\n"), told.stderr


def test_the_command_of_the_backup_exists(place: Host) -> None:
    told = subprocess.run(
        [*place.command("shop-backup.service"), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=place.places.code,
    )
    assert told.returncode == 0, told.stderr


def systemd(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE
    return subprocess.run([ANALYZE, verb, *arguments], capture_output=True, text=True, timeout=60)
