"""A table that somebody brought: looked at line by line first, then taken over, by a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.db import Model, column, to_one

LARGEST = 10 * 1024 * 1024
MOST_LINES = 50_000
NEEDED: Mapping[str, tuple[str, ...]] = {"products": ("code",), "stock": ("code", "stock")}


class ImportKind(StrEnum):
    """What the lines are about."""

    PRODUCTS = "products"
    STOCK = "stock"


class ImportState(StrEnum):
    """CHECKING and APPLYING are a worker's; CHECKED waits for somebody to say go."""

    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    DONE = "done"
    FAILED = "failed"


WORKING = frozenset({ImportState.CHECKING, ImportState.APPLYING})


class TableImport(Model):
    """One file: `lines` in all, `seen` of them so far, of which `refused` say why in refused_lines."""

    __tablename__ = "table_imports"
    id: int = column(Identity(always=True), primary_key=True)
    kind: ImportKind = column()
    state: ImportState = column(server_default="checking")
    data: bytes = column()
    lines: int = column(server_default=text("0"))
    seen: int = column(server_default=text("0"))
    refused: int = column(server_default=text("0"))
    problem: dict[str, Any] = column(server_default="{}")
    by: dict[str, Any] = column()
    created_at: datetime = column(server_default=func.now())
    ended_at: datetime | None = column()

    @property
    def is_at_work(self) -> bool:
        return self.state in WORKING

    @property
    def good(self) -> int:
        """Lines that can be, or were, taken over."""
        return self.seen - self.refused


class RefusedLine(Model):
    """Why a line cannot be taken over: the name of its cell, and a message for gettext with its values."""

    __tablename__ = "refused_lines"
    __table_args__ = (Index("refused_lines_by_line", "import_id", "line"),)
    id: int = column(Identity(always=True), primary_key=True)
    import_id: int = column(ForeignKey("table_imports.id", ondelete="CASCADE"))
    brought: TableImport = to_one("import_id")
    line: int = column()
    cell: str = column()
    message: str = column()
    values: dict[str, Any] = column(server_default="{}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the shop says about tables; `tax_classes` are those that goods may have."""

    currency: str
    languages: tuple[str, ...]
    tax_classes: tuple[str, ...]


class LineRefused(Exception):
    """A line cannot be taken over: the name of the cell, and why, for gettext."""

    def __init__(self, cell: str, message: str, **values: object) -> None:
        super().__init__(f"{cell}: {message % values if values else message}")
        self.cell = cell
        self.message = message
        self.values = values
