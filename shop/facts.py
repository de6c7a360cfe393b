"""What the shop remembers about itself, one JSON value a key: whether it is a demonstration, for one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func

from shop.db.models import Model, column


class ShopFact(Model):
    """One fact."""

    __tablename__ = "shop_facts"

    key: str = column(primary_key=True)
    value: dict[str, Any] = column()
    updated_at: datetime = column(server_default=func.now())
