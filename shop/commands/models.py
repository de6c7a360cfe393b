"""Every model of every feature, imported, so that one metadata knows all tables."""

from __future__ import annotations

import importlib
from pathlib import Path

from sqlalchemy import MetaData

from shop.db import metadata


def import_models() -> MetaData:
    """Imports each `shop/**/models.py` (the core's own tables are imported above); the metadata that then holds every table."""
    shop = Path(__file__).resolve().parents[1]
    for path in sorted(shop.rglob("models.py")):
        parts = path.relative_to(shop.parent).with_suffix("").parts
        if parts[1] not in {"commands", "db"}:
            importlib.import_module(".".join(parts))
    return metadata
