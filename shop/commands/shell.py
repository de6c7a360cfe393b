"""`run.py shell`: a Python prompt that awaits, with the database, the settings and every model by name."""

from __future__ import annotations

import argparse
import ast
import asyncio
import code
import inspect
import sys
import types
from pathlib import Path
from typing import Any

from shop.commands.local import settings_at_hand
from shop.commands.models import import_models
from shop.db import Database, Model
from shop.placement import EmbeddedError
from shop.settings import Settings, SettingsError

HELP = "a Python prompt that awaits and knows the models (`conn`, `db`, `settings`)"
BANNER = "await works here: conn, db, settings and {count} models are at hand, as in\n>>> await {model}.objects.using(conn).count()"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which shop, if not the one of `make run`."""
    parser.add_argument("--environment", type=Path, help="the environment file of the shop's units")


def main(arguments: argparse.Namespace) -> int:
    """Talk until the end of input, on the shop of the environment or else the one of `make run`."""
    try:
        with settings_at_hand(arguments.environment) as settings, asyncio.Runner() as runner:
            _talk(runner, settings)
    except (EmbeddedError, SettingsError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _talk(runner: asyncio.Runner, settings: Settings) -> None:
    models = _models()
    db = runner.run(Database.open(url=settings.database_url, min_size=0, max_size=2))
    reading = db.read()
    conn = runner.run(reading.__aenter__())
    names = {"asyncio": asyncio, "conn": conn, "db": db, "settings": settings, **models}
    try:
        prompt = AwaitingConsole(runner, names)
        prompt.interact(BANNER.format(count=len(models), model=next(iter(models), "Model")), exitmsg="")
    finally:
        runner.run(reading.__aexit__(None, None, None))
        runner.run(db.close())


def _models() -> dict[str, type[Model]]:
    import_models()
    waiting, found = [Model], {}
    while waiting:
        for model in waiting.pop().__subclasses__():
            found[model.__name__] = model
            waiting.append(model)
    return dict(sorted(found.items()))


class AwaitingConsole(code.InteractiveConsole):
    """Python's own prompt, where a line may await."""

    def __init__(self, runner: asyncio.Runner, names: dict[str, Any]) -> None:
        super().__init__(names)
        self._runner = runner
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def runcode(self, line: types.CodeType) -> None:
        """Run one line; what it leaves to await is awaited."""
        try:
            result = types.FunctionType(line, self.locals)()
            if inspect.iscoroutine(result):
                self._runner.run(result)
        except SystemExit:
            raise
        except BaseException:
            self.showtraceback()
