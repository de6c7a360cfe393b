"""Taking tables over: line by line, so many in a transaction, each at most once. A dry run writes nothing but what it found."""

from collections.abc import Mapping, Sequence
from typing import Any

from shop import outbox
from shop.backoffice.audit.models import Actor
from shop.backoffice.audit.service import record
from shop.backoffice.tables.cells import ProductLine, StockLine, read_product, read_stock
from shop.backoffice.tables.models import (
    MOST_LINES,
    NEEDED,
    ImportKind,
    ImportState,
    LineRefused,
    RefusedLine,
    Rules,
    TableImport,
)
from shop.catalog.categories.models import CategorySlug
from shop.catalog.models import Product, ProductSlug, Sku
from shop.catalog.service import NewProduct, NewSku, SlugTaken, add_product, add_sku, change_product, change_sku
from shop.db import Connection, F, Now, UniqueViolation
from shop.i18n import N_
from shop.orders.stock.service import receive, write_off
from shop.tables import Line, NotATable, decoded, read_lines
from shop.words import reading, readings_at_hand

# An entry of the audit log: action, object, the values before and after.
Step = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]
TASK = "tasks.tables.work_on_import"
NOTE = "table"


async def bring(conn: Connection, kind: ImportKind, data: bytes, actor: Actor) -> int:
    """Keep a file and promise to look at every line; its id."""
    by = {"staff_id": actor.staff_id, "name": actor.name, "address": actor.address}
    made = await TableImport.objects.using(conn).create(kind=kind, data=data, by=by)
    await outbox.promise(conn, TASK, import_id=made.id)
    return made.id


async def take_over(conn: Connection, import_id: int) -> bool:
    """Say go to a table that was looked at; False when that is not its state."""
    checked = TableImport.objects.using(conn).filter(id=import_id, state=ImportState.CHECKED)
    if not await checked.update(state=ImportState.APPLYING, seen=0, refused=0):
        return False
    await RefusedLine.objects.using(conn).filter(import_id=import_id).delete()
    await outbox.promise(conn, TASK, import_id=import_id)
    return True


def lines_of(kind: ImportKind, data: bytes) -> Sequence[Line]:
    """Every line of a file; raises NotATable."""
    lines: list[Line] = []
    for line in read_lines(decoded(data), NEEDED[kind]):
        if len(lines) == MOST_LINES:
            raise NotATable(N_("The file has more than %(most)d lines; cut it into several."), most=MOST_LINES)
        lines.append(line)
    return lines


async def give_up(conn: Connection, import_id: int, problem: NotATable) -> None:
    """Note why the file cannot be read."""
    why = {"message": problem.message, "values": problem.values}
    await (
        TableImport.objects.using(conn)
        .filter(id=import_id)
        .update(state=ImportState.FAILED, problem=why, ended_at=Now())
    )


async def work_on(conn: Connection, import_id: int, lines: Sequence[Line], at_once: int, rules: Rules) -> bool:
    """Look at the next lines, or take them over; False when nothing is left to do. Needs a transaction.

    What is done and how far it got are one commit: a worker that dies leaves nothing undone or done twice.
    """
    table = await TableImport.objects.using(conn).filter(id=import_id).select_for_update().first()
    if table is None or not table.is_at_work:
        return False
    coming = _coming(lines, rules) if table.state is ImportState.CHECKING else {}
    await readings_at_hand()
    steps = [await _look_at(conn, table, line, rules, coming) for line in lines[table.seen : table.seen + at_once]]
    for step in filter(None, steps):
        await record(conn, Actor(**table.by), *step)
    seen = min(table.seen + at_once, len(lines))
    is_over = seen == len(lines)
    values: dict[str, Any] = {"seen": seen, "lines": len(lines)}
    if is_over:
        is_check = table.state is ImportState.CHECKING
        values |= {"state": ImportState.CHECKED if is_check else ImportState.DONE, "ended_at": Now()}
    await TableImport.objects.using(conn).filter(id=import_id).update(**values)
    return not is_over


def _coming(lines: Sequence[Line], rules: Rules) -> Mapping[str, int]:
    """The addresses of products that lines of this table will make, and the first line of each."""
    coming: dict[str, int] = {}
    for line in lines:
        if line.cells.get("category") and any(line.cells.get(f"name_{lang}") for lang in rules.languages):
            coming.setdefault(line.cells.get("product", ""), line.number)
    return coming


async def _look_at(
    conn: Connection, table: TableImport, line: Line, rules: Rules, coming: Mapping[str, int]
) -> Step | None:
    try:
        async with conn.savepoint():
            if await _waits(conn, line, coming):
                _new_sku_of(read_product(line.cells, rules))
                return None
            step = await WORK[table.kind](conn, line.cells, rules)
            if table.state is ImportState.CHECKING:
                raise _OnlyLooking
            return step
    except _OnlyLooking:
        return None
    except LineRefused as problem:
        await _refuse(conn, table.id, line.number, problem)
        return None


async def _waits(conn: Connection, line: Line, coming: Mapping[str, int]) -> bool:
    """Whether a dry run cannot find the product of a new size, because an earlier line makes it."""
    if coming.get(line.cells.get("product", ""), line.number) >= line.number:
        return False
    return not await Sku.objects.using(conn).filter(code=line.cells.get("code", "")).exists()


class _OnlyLooking(Exception):
    """The line is good; undo it."""


async def _refuse(conn: Connection, import_id: int, number: int, problem: LineRefused) -> None:
    refused = RefusedLine.objects.using(conn)
    values = {"cell": problem.cell, "message": problem.message, "values": problem.values}
    await refused.create(import_id=import_id, line=number, **values)
    await TableImport.objects.using(conn).filter(id=import_id).update(refused=F("refused") + 1)


async def _take_stock(conn: Connection, cells: Mapping[str, str], rules: Rules) -> Step | None:
    line: StockLine = read_stock(cells, rules)
    sku = await Sku.objects.using(conn).filter(code=line.code).select_for_update(no_key=True).first()
    if sku is None:
        raise LineRefused("code", N_("There are no goods with this code."))
    if line.counted > sku.stock:
        await receive(conn, sku.id, line.counted - sku.stock, NOTE)
    elif line.counted < sku.stock:
        await write_off(conn, sku.id, sku.stock - line.counted, NOTE)
    else:
        return None
    return "stock.changed", f"sku:{sku.id}", {"stock": sku.stock}, {"stock": line.counted}


async def _take_product(conn: Connection, cells: Mapping[str, str], rules: Rules) -> Step | None:
    line = read_product(cells, rules)
    category_id = await _category(conn, line)
    sku = await Sku.objects.using(conn).filter(code=line.code).first()
    product_id = sku.product_id if sku else await _product(conn, line)
    if product_id is None:
        product_id = await _new_product(conn, line, category_id)
    else:
        await _change_product(conn, product_id, line, category_id)
    before = {} if sku is None else {name: getattr(sku, name) for name in line.sku_values}
    if sku is None:
        sku_id = await _new_sku(conn, product_id, line)
    else:
        sku_id = sku.id
        await change_sku(conn, sku_id, **line.sku_values, **_merged(sku, line.sku_texts))
    return "sku.changed" if sku else "sku.created", f"sku:{sku_id}", before, dict(line.sku_values)


async def _category(conn: Connection, line: ProductLine) -> int | None:
    if line.category is None:
        return None
    found = await CategorySlug.objects.using(conn).filter(slug=line.category).order_by("-is_current", "lang").first()
    if found is None:
        raise LineRefused("category", N_("There is no category with this address."))
    return found.category_id


async def _product(conn: Connection, line: ProductLine) -> int | None:
    """The product a new size belongs to, if there is one at that address."""
    if line.product is None:
        raise LineRefused("product", N_("A new code needs the address of its product here."))
    found = await ProductSlug.objects.using(conn).filter(slug=line.product).order_by("-is_current", "lang").first()
    return found.product_id if found else None


async def _new_product(conn: Connection, line: ProductLine, category_id: int | None) -> int:
    name = line.texts.get("name", {})
    if category_id is None:
        raise LineRefused("category", N_("New goods need a category."))
    if not name:
        raise LineRefused("name_en", N_("New goods need a name."))
    assert line.product is not None
    subtitle = line.texts.get("subtitle", {})
    values: dict[str, Any] = {"status": "draft", **line.product_values}
    product = NewProduct(
        category_id=category_id, name=name, subtitle=subtitle, slugs=_slugs(line.product, name), **values
    )
    try:
        async with conn.savepoint():
            return await add_product(conn, product)
    except SlugTaken:
        raise LineRefused("product", N_("Another product has this address.")) from None


async def _change_product(conn: Connection, product_id: int, line: ProductLine, category_id: int | None) -> None:
    product = await Product.objects.using(conn).get(id=product_id)
    values: dict[str, Any] = {**line.product_values, **_merged(product, line.texts)}
    if category_id is not None:
        values["category_id"] = category_id
    if values:
        await change_product(conn, product_id, **values)


async def _new_sku(conn: Connection, product_id: int, line: ProductLine) -> int:
    try:
        async with conn.savepoint():
            return await add_sku(conn, product_id, _new_sku_of(line))
    except UniqueViolation:
        raise LineRefused("code", N_("Other goods have this code.")) from None


def _new_sku_of(line: ProductLine) -> NewSku:
    unit = line.sku_texts.get("unit", {})
    missing = next((name for name in ("price", "weight") if name not in line.sku_values), None if unit else "unit_en")
    if missing:
        raise LineRefused(missing, N_("A new code needs a price, a weight and a unit."))
    name = line.sku_texts.get("name", {})
    return NewSku(code=line.code, unit=unit, name=name, **line.sku_values)


def _merged(row: Product | Sku, texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Texts per language with those of the line put in."""
    return {field: {**getattr(row, field), **given} for field, given in texts.items()}


def _slugs(address: str, name: Mapping[str, str]) -> dict[str, str]:
    """The address in each language: as it was given, in Chinese by the reading of the name."""
    chinese = "-".join(reading(name.get("zh", "")))
    return {"en": address, "zh": chinese or address}


WORK = {ImportKind.PRODUCTS: _take_product, ImportKind.STOCK: _take_stock}
