"""One release after another on a host: a link is turned, processes restart one by one, and turn back when one does not come up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from shop.operations.places import Places
from shop.operations.placing import link

# The order in which they restart: visitors first, for they must find nothing missing; who serves them later follows.
KINDS: Final = ("shop-web@", "shop-worker", "shop-relay", "shop-beat")
UNIT_SECONDS: Final = 90


class UpgradeFailed(Exception):
    """The upgrade stopped, and what runs is what ran before; the text is one sentence for a person."""


class Units(Protocol):
    """The processes of a host."""

    def running(self) -> list[str]:
        """The units of the shop that run now."""

    def restart(self, unit: str) -> None:
        """Restart one and wait until it is ready; raises UpgradeFailed."""


class Systemd:
    """The host's own manager; a unit of Type=notify is back when it says so itself."""

    def running(self) -> list[str]:
        command = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", "shop-*.service"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
        return [line.split()[0] for line in told.splitlines() if line.startswith(KINDS)]

    def restart(self, unit: str) -> None:
        done = subprocess.run(  # noqa: S603
            ["systemctl", "restart", unit],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=UNIT_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise UpgradeFailed(f"{unit} does not start: {done.stderr.strip()[-300:]}")


def previous_of(places: Places) -> Path:
    """The link to the release that ran before."""
    return places.code.with_name("previous")


def turn_to(places: Places, release: Path, units: Units) -> Iterator[str]:
    """Make a release the one that runs, process by process; raises UpgradeFailed when it does not, and all is as before."""
    before = places.code.resolve()
    if before == release.resolve():
        raise UpgradeFailed(f"{release} runs already.")
    yield link(places.code, release, dry=False)
    turned: list[str] = []
    for unit in in_order(units.running()):
        turned.append(unit)
        try:
            units.restart(unit)
        except (UpgradeFailed, subprocess.TimeoutExpired) as problem:
            yield from _turn_back(places, before, units, turned)
            raise UpgradeFailed(f"{problem} Everything runs {before.name} again.") from None
        yield f"restarted  {unit}"
    yield link(previous_of(places), before, dry=False)


def _turn_back(places: Places, before: Path, units: Units, turned: list[str]) -> Iterator[str]:
    yield link(places.code, before, dry=False)
    for unit in turned:
        units.restart(unit)
        yield f"turned back  {unit}"


def in_order(units: list[str]) -> list[str]:
    """Web processes by number, then who works for them."""
    return sorted(units, key=lambda unit: ([unit.startswith(kind) for kind in KINDS].index(True), len(unit), unit))


def compile_all(release: Path) -> None:
    """Let a release make what its units may not write beside the source; raises UpgradeFailed."""
    done = subprocess.run(  # noqa: S603
        [str(release / ".venv/bin/python"), str(release / "run.py"), "compile"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UpgradeFailed(f"{release} does not compile: {done.stderr.strip()[-300:]}")
