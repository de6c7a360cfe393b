"""The append-only ledger of goods: every unit that came, was promised, went or came back."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.catalog.models import Sku
from shop.db import Model, column, to_one


class MoveKind(StrEnum):
    """RECEIVED and WRITTEN_OFF change what the shop has, HELD and RELEASED what it has promised, the others what went."""

    RECEIVED = "received"
    HELD = "held"
    RELEASED = "released"
    SOLD = "sold"
    RETURNED = "returned"
    WRITTEN_OFF = "written_off"


class StockMove(Model):
    """So many units of a SKU; the web role can neither change nor delete a row.

    The unique index gives an order's goods back once, whatever the program thinks.
    """

    __tablename__ = "stock_moves"
    __table_args__ = (
        Index("stock_moves_by_sku", "sku_id", "id"),
        Index(
            "stock_moves_once_per_order",
            "order_id",
            "sku_id",
            "kind",
            unique=True,
            postgresql_where=text("order_id IS NOT NULL"),
        ),
    )
    id: int = column(Identity(always=True), primary_key=True)
    sku_id: int = column(ForeignKey("skus.id"))
    sku: Sku = to_one("sku_id")
    order_id: int | None = column(ForeignKey("orders.id"))
    kind: MoveKind = column()
    quantity: int = column()
    note: str = column(server_default="")
    at: datetime = column(server_default=func.now())
