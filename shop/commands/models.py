"""Every model of the shop, imported, so that one metadata knows all tables."""

from __future__ import annotations

import importlib
from pathlib import Path

from sqlalchemy import MetaData

from shop.db import metadata

SHOP = Path(__file__).resolve().parents[1]


def import_models() -> MetaData:
    """Imports each file of shop/ that declares a table; the metadata that then holds every one."""
    for path in sorted(SHOP.rglob("*.py")):
        if "\n    __tablename__ = " in path.read_text():
            importlib.import_module(".".join(path.relative_to(SHOP.parent).with_suffix("").parts))
    return metadata
