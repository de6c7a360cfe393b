"""The one entry: `python run.py <command>`; each command is a file in shop/commands/. Needs only the standard library."""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from shop.installation import VENV, InstallationError, prepare, python_of_checkout

COMMANDS = Path(__file__).resolve().parent / "shop" / "commands"


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    commands = asked_for(arguments)
    parser = argparse.ArgumentParser(prog="run.py", description="Bayberry, an online shop for fresh groceries.")
    choices = parser.add_subparsers(dest="command", required=True, metavar="command")
    for command, facts in commands.items():
        choice = choices.add_parser(command, help=str(facts["HELP"]), description=str(facts["HELP"]))
        if command in arguments[:1]:
            enter_environment(facts)
            imported(command).add_arguments(choice)
    parsed = parser.parse_args(arguments)
    status: int = imported(parsed.command).main(parsed)
    return status


def asked_for(arguments: list[str]) -> dict[str, dict[str, object]]:
    """Return the command that is asked for, with its constants; all of them where they have to be listed."""
    files = sorted(COMMANDS.glob("*.py"))
    asked = [path for path in files if path.stem in arguments[:1]]
    read = {path.stem: constants(path) for path in asked}
    if not any("HELP" in facts for facts in read.values()):
        read = {path.stem: constants(path) for path in files}
    return {command: facts for command, facts in read.items() if "HELP" in facts}


def imported(command: str) -> ModuleType:
    """Import a command, with no look for garbage meanwhile: there is none, and it would take a tenth of the time."""
    gc.disable()
    module = importlib.import_module(f"shop.commands.{command}")
    gc.enable()
    return module


def constants(path: Path) -> dict[str, object]:
    """Read a command's constants without importing it, for its packages may not be there yet."""
    return {
        statement.targets[0].id: statement.value.value
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Constant)
    }


def enter_environment(facts: dict[str, object]) -> None:
    """Install the packages of a command that says so (LOCK), and go on in .venv unless somebody chose an environment."""
    if facts.get("BARE"):
        return
    if lock := facts.get("LOCK"):
        prepare(str(lock))
    python = python_of_checkout()
    if sys.prefix == sys.base_prefix and python.exists():
        os.execve(python, [str(python), *sys.argv], environment())  # noqa: S606


def environment() -> dict[str, str]:
    """Return our environment; who wants no bytecode beside the source gets it elsewhere, or every start would compile all."""
    ours = dict(os.environ)
    if ours.pop("PYTHONDONTWRITEBYTECODE", ""):
        ours.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "bytecode"))
    return ours


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except InstallationError as problem:
        sys.exit(str(problem))
    except ModuleNotFoundError as problem:
        sys.exit(f"The package {problem.name} is missing; `make run` installs all, or install config/locks/serve.txt.")
